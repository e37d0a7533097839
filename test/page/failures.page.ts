/** Each thing that can go wrong in a handshake, as `explain --html` shows it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen, networks } from '../../src/index.ts';
import { mockNode } from '../../src/testing/index.ts';
import { callCli, type Finished, runCli } from '../support/cli.ts';
import { FAILURES } from '../support/failures.ts';
import { findBrowser, Viewer } from './support/browser.ts';

describe.runIf(findBrowser())('the page of a handshake that fails', () => {
  const folder = mkdtempSync(join(tmpdir(), 'page-failures-'));
  let viewer: Viewer;
  let files = 0;

  beforeAll(async () => {
    viewer = await Viewer.start();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  /** @param explain runs the command line in this process, or as one */
  async function pageOf(
    target: string,
    args: readonly string[],
    explain = callCli,
  ): Promise<{ readonly run: Finished; readonly page: Page }> {
    const file = join(folder, `${++files}.html`);
    const run = await explain(['explain', target, '--network', 'standalone', '--html', file, ...args]);
    return { run, page: await viewer.open(pathToFileURL(file).href) };
  }

  it.concurrent.each(Object.entries(FAILURES))(
    'shows the failure, its advice and its code: %s',
    async (_name, { code, exit, node, args = [] }) => {
      await using mock = await mockNode({ network: networks.standalone }, node);
      const { run, page } = await pageOf(`127.0.0.1:${mock.port}`, args);
      expect(run.code).toBe(exit);
      const [sentence = '', advice = ''] = run.stdout.split('\n').map((line) => line.replace(/^[✗ ]+/, ''));
      const failed = page.getByRole('region', { name: 'What failed' });
      expect(await failed.locator('article').count()).toBe(1);
      expect(await failed.locator('.sentence').textContent()).toBe(sentence);
      expect(advice.length).toBeGreaterThan(20);
      expect(await failed.textContent()).toContain(advice);
      expect(await failed.textContent()).toContain(code);
      expect(await page.locator('.row-end').count()).toBeGreaterThan(0);
      // The first thing on the page: nothing but the title is above it.
      expect(await failed.evaluate((element) => element.previousElementSibling?.tagName)).toBe('H1');
      expect(viewer.complaints).toEqual([]);
      await viewer.leave(page);
    },
  );

  it('shows a port where nothing listens', async () => {
    const { run, page } = await pageOf('127.0.0.1:1', [], runCli);
    expect(run.code).toBe(3);
    const text = await page.getByRole('region', { name: 'What failed' }).textContent();
    expect(text).toContain('127.0.0.1:1 refused the connection: nothing listens there.');
    expect(text).toContain('Check that the node runs');
    expect(await page.locator('.arrow').count()).toBe(0);
    expect(await viewer.violations(page)).toEqual([]);
  });

  it('shows that a node of another network refuses our certificate', async () => {
    await using listener = await listen({ host: '127.0.0.1', port: 0, network: networks.testnet });
    const { run, page } = await pageOf(`127.0.0.1:${listener.port}`, []);
    expect(run.stdout).toContain('The node is on testnet, not on standalone.');
    const text = await page.getByRole('region', { name: 'What failed' }).textContent();
    expect(text).toContain('The node is on testnet, not on standalone.');
    expect(text).toContain('Check that fails: certificate signed by the peerID for our network.');
    expect(await page.locator('.readout-name b').textContent()).toBe('cert.sig');
    await page.locator('#sequence').getByText('B closes the connection and sends no reason').waitFor();
    expect(await page.locator('.row-end').count()).toBe(1);
  });

  it('shows received bytes that are no record', async () => {
    await using mock = await mockNode({ network: networks.standalone }, async (peer) => {
      peer.sendRaw(Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'));
      await peer.expectEnd();
    });
    const { page } = await pageOf(`127.0.0.1:${mock.port}`, []);
    await page.getByText('B sends 21 bytes that are no complete record').click();
    expect(await page.locator('.marker details .hex').textContent()).toContain('5353482d 322e302d');
    expect(await viewer.violations(page)).toEqual([]);
  });

  it('shows the expected peerID when another peer answers', async () => {
    await using mock = await mockNode({ network: networks.standalone }, async (peer) => {
      await peer.expect('HELLO');
      peer.hello();
      await peer.expectEnd();
    });
    const pin = 'GAAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQDZ7H';
    const { page } = await pageOf(`127.0.0.1:${mock.port}`, ['--expect', pin]);
    expect(await page.getByRole('region', { name: 'What failed' }).textContent()).toContain(pin);
    const checks = page.locator('.checks .check-failed');
    expect(await checks.textContent()).toContain('peerID as expected');
    expect(await page.locator('.checks .check-skipped').count()).toBeGreaterThan(3);
  });
});
