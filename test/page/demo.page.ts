/** The page of a handshake with the embedded peer, opened from its file. */
import { statSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Picture } from '../../src/explain/picture.ts';
import { findBrowser, Viewer } from './support/browser.ts';
import { demoPicture } from './support/demo.ts';

describe.runIf(findBrowser())('the page of the demo', () => {
  let viewer: Viewer;
  let picture: Picture;
  let page: Page;

  beforeAll(async () => {
    viewer = await Viewer.start();
    picture = await demoPicture();
    page = await viewer.show(picture);
  });
  afterAll(() => viewer[Symbol.asyncDispose]());

  it('is one file of less than 250 kB, makes no request and keeps to its content security policy', async () => {
    expect(statSync(new URL('../../dist/explain/page.html', import.meta.url)).size).toBeLessThan(250_000);
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(viewer.complaints).toEqual([]);
  });

  it('shows the result first', async () => {
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Two nodes connect and prove who they are');
    expect(await page.getByRole('region', { name: 'Result' }).textContent()).toContain('Every check passes');
  });

  it('draws each record as an arrow from its sender, in order, with its time', async () => {
    const arrows = page.locator('#sequence .arrow');
    const expected = picture.events.map((event) => event.kind === 'record' && `from ${event.from}`);
    expect(expected.length).toBeGreaterThanOrEqual(8);
    const texts = await arrows.allTextContents();
    expect(texts.map((text) => /from [AB]/.exec(text)?.[0])).toEqual(expected);
    expect(texts.every((text) => /\d ms/.test(text))).toBe(true);
    expect(texts.slice(0, 4).map((text) => /HELLO|AUTH/.exec(text)?.[0])).toEqual(['HELLO', 'HELLO', 'AUTH', 'AUTH']);
  });

  it('shows both identities, the phases, and the start of authentication', async () => {
    const ids = await page.locator('#sequence .peer-id').allTextContents();
    expect(ids.every((id) => /^G[A-Z2-7]{55}$/.test(id))).toBe(true);
    const phases = await page.locator('.phases li').allTextContents();
    expect(phases.map((text) => text.split(' ')[0])).toEqual(['HELLO', 'AUTH']);
    const rows = await page.locator('#sequence .row').allTextContents();
    const begins = rows.findIndex((text) => text.includes('Authentication begins'));
    expect(rows[begins + 1]).toContain('AUTH');
    expect(rows[begins - 1]).toContain('HELLO');
  });

  it('shows the record of the arrow that is clicked', async () => {
    await page.locator('#sequence .arrow', { hasText: 'PEERS' }).click();
    expect(await page.locator('#record h2').textContent()).toBe('PEERS');
    expect(await page.locator('#record .fields tbody tr').count()).toBe(14);
    expect(await page.locator('#record .mark-failed').count()).toBe(0);
  });

  it('shows every value of the demo, and the inputs of the value that is clicked', async () => {
    const node = (name: string) => page.locator('.node', { hasText: name }).first();
    await node('shared key').click();
    expect(await page.locator('.node.in').count()).toBe(6);
    expect(await page.locator('.detail-panel .formula').textContent()).toContain('HMAC-SHA256(32 zero bytes, q || pubA || pubB)');
    await page.locator('.detail-panel').getByRole('button', { name: 'pubA' }).click();
    expect(await page.locator('.detail-panel h3').textContent()).toBe('pubA');
    await page.locator('.detail-panel').getByRole('button', { name: 'ECDH secret A' }).click();
    const value = (await page.locator('.detail-panel .value-box code').first().textContent())?.replaceAll(' ', '');
    expect(value).toBe(picture.secrets.A?.ecdhSecret);
    expect(await page.locator('.node.unknown').count()).toBe(0);
  });

  it('lists the formulas from the view of both sides', async () => {
    const rows = await page.locator('.mirror tbody tr').allTextContents();
    expect(rows).toContain('shared key inputqown keypeer’s keyqpeer’s keyown key');
    expect(rows).toContain('K_AB input00own noncepeer’s nonce0100peer’s nonceown nonce01');
    expect(rows).toContain('sends withK_ABK_BA');
  });
});
