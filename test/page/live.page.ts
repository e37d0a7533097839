/** `explain --open`: the handshake in the browser as it happens. */

import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { networks } from '../../src/protocol/networks.ts';
import { mockNode } from '../../src/testing/index.ts';
import { finished, startCli } from '../support/cli.ts';
import { findBrowser, Viewer } from './support/browser.ts';

/** A PATH without browsers, so that only the browser of the test is used. */
const NOWHERE = { PATH: '/nonexistent' };

describe.runIf(findBrowser())('explain --open', () => {
  let viewer: Viewer;
  let running: ChildProcessWithoutNullStreams | undefined;

  afterEach(() => {
    running?.kill('SIGKILL');
  });
  beforeAll(async () => {
    viewer = await Viewer.start();
  });
  afterAll(() => viewer[Symbol.asyncDispose]());

  async function start(
    args: readonly string[],
  ): Promise<{ readonly child: ChildProcessWithoutNullStreams; readonly url: string }> {
    const child = startCli(['explain', ...args, '--open'], NOWHERE);
    running = child;
    const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/);
    return { child, url };
  }

  it('waits for the page, shows the handshake while it happens, and ends when the page is closed', async () => {
    let goOn = (): void => {};
    const may = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let dialled = false;
    await using mock = await mockNode({ network: networks.standalone }, async (peer) => {
      dialled = true;
      await peer.expect('HELLO');
      await may;
      peer.hello();
      await peer.expect('AUTH');
      peer.auth();
      peer.grant();
      peer.send({ type: 'GET_SCP_STATE', ledgerSeq: 0 });
      await peer.expectEnd();
    });
    const { child, url } = await start([`127.0.0.1:${mock.port}`, '--network', 'standalone']);
    expect(dialled).toBe(false);
    const page = await viewer.open(url);
    await page.getByText('The handshake is going on.').waitFor();
    await page.locator('#sequence .arrow').first().waitFor();
    expect(await page.locator('#sequence .arrow').count()).toBe(1);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('A handshake with 127.0.0.1');
    goOn();
    await page.getByText('Both sides are authenticated', { exact: true }).waitFor();
    await page.getByText('The handshake is over').waitFor();
    expect(await page.locator('#sequence .arrow', { hasText: 'GET_SCP_STATE' }).count()).toBeGreaterThan(0);
    expect(await page.locator('.node.unknown').count()).toBe(8);
    const phases = await page.locator('.phases .phase-name').allTextContents();
    expect(phases.filter((name) => name !== 'DNS')).toEqual(['TCP', 'HELLO', 'AUTH']);
    expect(viewer.complaints).toEqual([]);
    await page.close();
    expect(await finished(child)).toMatchObject({ code: 0 });
  });

  it('shows the same after the page is reloaded, and ends on Ctrl-C', async () => {
    const { child, url } = await start([]);
    const page = await viewer.open(url);
    await page.getByText('The handshake is over').waitFor();
    const ids = await page.locator('.peer-id').allTextContents();
    await page.reload();
    await page.getByText('The handshake is over').waitFor();
    expect(await page.locator('.peer-id').allTextContents()).toEqual(ids);
    child.kill('SIGINT');
    const { code } = await finished(child);
    expect(code).toBe(0);
    await page.getByText('The program has ended. This page still works.').waitFor();
    await page.locator('.node', { hasText: 'shared key' }).click();
    await page.close();
  });

  it('refuses requests without the token, for another host, or from another page', async () => {
    const { child, url } = await start([]);
    const { origin, pathname } = new URL(url);
    const ask = async (path: string, headers: Record<string, string> = {}): Promise<number> => {
      const { request } = await import('node:http');
      const { hostname, port } = new URL(url);
      const response = await new Promise<number>((resolve, reject) => {
        request({ hostname, port, path, headers }, (answer) => {
          answer.destroy();
          resolve(answer.statusCode ?? 0);
        })
          .on('error', reject)
          .end();
      });
      return response;
    };
    expect(await ask('/')).toBe(404);
    expect(await ask(`/${'A'.repeat(32)}/`)).toBe(404);
    expect(await ask(`/${'A'.repeat(32)}/events`)).toBe(404);
    expect(await ask(`${pathname}events`, { Host: 'evil.example' })).toBe(403);
    expect(await ask(pathname, { Host: `localhost:${new URL(url).port}` })).toBe(403);
    expect(await ask(`${pathname}events`, { Origin: 'https://evil.example' })).toBe(403);
    expect(await ask(`${pathname}events`, { Origin: 'null' })).toBe(403);
    expect(await ask(`${pathname}events`, { 'Sec-Fetch-Site': 'cross-site' })).toBe(403);
    expect(await ask(pathname, { Origin: origin })).toBe(200);
    // None of them was a page: the handshake has not begun.
    child.kill('SIGINT');
    expect((await finished(child)).code).toBe(130);
  });
});
