/** Text from a peer stays text. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explain } from '../../src/explain/explain.ts';
import type { Picture } from '../../src/explain/picture.ts';
import { PictureMaker } from '../../src/explain/picture-maker.ts';
import { networks } from '../../src/protocol/networks.ts';
import { printable } from '../../src/protocol/printable.ts';
import { mockNode } from '../../src/testing/index.ts';
import { findBrowser, Viewer } from './support/browser.ts';

const TEXTS = [
  '</script><script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '--><svg/onload=alert(1)>',
  "$&$'$`$1<!--<script>",
  '\u2028\u2029\u202e\u0000\u001b[31m\u009b31m',
  'null</title><base href=https://example.org>',
];

describe.runIf(findBrowser())('text from a peer', () => {
  let viewer: Viewer;

  beforeAll(async () => {
    viewer = await Viewer.start();
  });
  afterAll(() => viewer[Symbol.asyncDispose]());

  it.each(TEXTS)('%j is shown as text and has no other effect', async (text) => {
    const network = networks.standalone;
    await using mock = await mockNode({ network }, async (peer) => {
      await peer.expect('HELLO');
      peer.hello({ versionStr: text });
      peer.error('ERR_CONF', text);
      await peer.expectEnd();
    });
    const target = { host: mock.host, port: mock.port };
    const frame = { source: 'live', target: text, own: 'A', network } as const;
    const maker = new PictureMaker(frame, false, Date.now(), () => performance.now());
    const { error } = await explain(target, { network }, maker);
    maker.end(undefined, error);
    const picture: Picture = {
      ...maker.picture,
      error: { ...(maker.picture.error as NonNullable<Picture['error']>), message: text },
    };
    const page = await viewer.show(picture);
    // Invisible characters, and those that reverse the line, are shown.
    const shown = printable(text);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain(shown);
    expect(await page.getByRole('region', { name: 'What failed' }).locator('.sentence').textContent()).toBe(shown);
    expect(await page.locator('img, base, svg:not(.edges), script:not([type])').count()).toBe(0);
    await page.locator('#sequence .arrow').nth(1).click();
    expect(await page.locator('.fields').textContent()).toContain(shown);
    expect(viewer.complaints).toEqual([]);
    await viewer.leave(page);
  });
});
