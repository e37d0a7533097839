/** A byte highlights its field and a field its bytes, by mouse and by keyboard. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findBrowser, Viewer } from './support/browser.ts';
import { pictureOf } from './support/pictures.ts';

const FIELDS = [
  'record header',
  'v',
  'sequence',
  'type',
  'ledgerVersion',
  'overlayVersion',
  'overlayMinVersion',
  'networkID',
  'versionStr.length',
  'versionStr',
  'listeningPort',
  'peerID.type',
  'peerID',
  'cert.pubkey',
  'cert.expiration',
  'cert.sig.length',
  'cert.sig',
  'nonce',
  'mac',
];

describe.runIf(findBrowser())('the fields and bytes of a record', () => {
  let viewer: Viewer;
  let page: Page;

  beforeAll(async () => {
    viewer = await Viewer.start();
  });
  afterAll(() => viewer[Symbol.asyncDispose]());
  beforeEach(async () => {
    page = await viewer.show(pictureOf('dial-core'));
    return () => viewer.leave(page);
  });

  const row = (name: string) => page.locator('#record .fields tr', { has: page.getByRole('button', { name, exact: true }) });
  const lit = async () => ({
    row: await page.locator('#record .fields tr.lit th').textContent(),
    bytes: await page.locator('#record .field.lit .unseen').textContent(),
    readout: await page.locator('#record .readout-name b').textContent(),
  });

  it('match: every byte is in exactly one named field', async () => {
    expect(await page.locator('#record .fields tbody th').allTextContents()).toEqual(FIELDS);
    const bytes = (await page.locator('#record .field i').allTextContents()).join('');
    const [first] = pictureOf('dial-core').events;
    expect(first?.kind === 'record' && first.hex).toBe(bytes);
  });

  it('are linked: the pointer over a byte highlights its field', async () => {
    await page.locator('#record .field').nth(13).hover();
    expect(await lit()).toMatchObject({ row: 'cert.pubkey', readout: 'cert.pubkey' });
    await page.locator('#record .field').nth(17).hover();
    expect(await lit()).toMatchObject({ row: 'nonce', readout: 'nonce' });
  });

  it('are linked: the pointer over a field highlights its bytes', async () => {
    await row('networkID').hover();
    expect(await lit()).toEqual({ row: 'networkID', bytes: 'networkID, bytes 32 to 63', readout: 'networkID' });
  });

  it('can be walked with the arrow keys, field by field; the bytes are one stop of the Tab key', async () => {
    await page.locator('#record .field[tabindex="0"]').focus();
    const seen: (string | null)[] = [];
    for (const _ of FIELDS) {
      seen.push((await lit()).row);
      await page.keyboard.press('ArrowRight');
    }
    expect(seen).toEqual(FIELDS);
    await page.keyboard.press('Home');
    expect((await lit()).row).toBe('record header');
    await page.keyboard.press('End');
    expect((await lit()).row).toBe('mac');
    await page.keyboard.press('Tab');
    expect(await page.locator(':focus').textContent()).toBe('record header');
    expect((await lit()).bytes).toBe('record header, bytes 0 to 3');
  });

  it('can be walked with the Tab key, one field of the table after the other', async () => {
    await row('record header').getByRole('button').focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    expect(await lit()).toEqual({ row: 'sequence', bytes: 'sequence, bytes 8 to 15', readout: 'sequence' });
  });

  it('are shown for an arrow that is chosen by keyboard', async () => {
    await page.locator('#sequence .arrow').nth(2).focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('#record h2').textContent()).toBe('AUTH');
    expect(await page.locator('#record .fields tbody th').allTextContents()).toEqual([
      'record header',
      'v',
      'sequence',
      'type',
      'flags',
      'mac',
    ]);
  });

  it('have a rule, a verdict and a section of the protocol document', async () => {
    for (const text of await page.locator('#record .fields tbody tr').allTextContents())
      expect(text).toMatch(/(passes|not checked)$/);
    expect(await row('listeningPort').textContent()).toContain('A signed integer from 1 to 65535.');
    expect(await row('cert.expiration').textContent()).toContain('2026-11-24 07:53:03Z');
    expect(await row('networkID').locator('.section-name').textContent()).toBe('On HELLO');
  });
});
