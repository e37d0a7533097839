/** The page of a crawl: the table, by mouse and keyboard, at both widths and in both themes, with thousands of nodes and with hostile ones. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { crawlPageHtml } from '../../src/crawl/index.ts';
import { encodePublicKey } from '../../src/protocol/strkey.ts';
import { findBrowser, type Look, Viewer, WIDTHS } from './support/browser.ts';
import { crawlFile, crawlOf } from './support/crawls.ts';

/** Of the page without data, in bytes. */
const MAX_BYTES = 400_000;
const CASES = WIDTHS.flatMap((width) => (['light', 'dark'] as const).map((theme) => ({ width, theme })));

describe.runIf(findBrowser())('the page of a crawl', () => {
  const folder = mkdtempSync(join(tmpdir(), 'crawl-page-'));
  let viewer: Viewer;
  const opened: Page[] = [];

  async function show(count: number, versionStr?: string, look?: Look): Promise<Page> {
    const page = await viewer.open(await crawlFile(folder, crawlOf(count, versionStr)), look);
    opened.push(page);
    await page.locator('tbody tr[data-index] button').first().waitFor();
    return page;
  }

  beforeAll(async () => {
    viewer = await Viewer.start();
  });
  afterEach(async () => {
    expect(viewer.complaints.splice(0)).toEqual([]);
    await Promise.all(opened.splice(0).map((page) => viewer.leave(page)));
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  it.each(CASES)('fits into $width pixels, $theme, and axe finds no violation', async ({ width, theme }) => {
    const page = await show(300, undefined, { viewport: { width, height: 900 }, colorScheme: theme });
    expect(await overflow(page)).toBe(0);
    expect(await viewer.violations(page)).toEqual([]);
    await page.getByRole('combobox').selectOption('ok');
    await addresses(page).nth(1).click();
    await page.getByText(/^Names \d+/).click();
    await page.getByText('Your quorum set is met').waitFor();
    await page.getByText(/3 of 4, used by/).click();
    expect(await overflow(page)).toBe(0);
    expect(await viewer.violations(page)).toEqual([]);
  });

  it('sorts by any column in both directions, numbers and addresses by value', async () => {
    const page = await show(300);
    const first = async (title: string): Promise<string | null> => {
      await page.getByRole('button', { name: title }).click();
      return addresses(page).first().textContent();
    };
    expect(await first('Address')).toBe('10.0.0.0:11625');
    expect(await page.locator('th[aria-sort="ascending"]').textContent()).toMatch(/^Address/);
    expect(await first('Address')).toBe('10.0.1.43:11625');
    await page.getByRole('button', { name: 'Handshake, ms' }).click();
    expect(await page.locator('tr[data-index="0"] td.number').nth(1).textContent()).toBe('298');
  });

  it('filters by text and by outcome', async () => {
    const page = await show(300);
    await page.getByLabel('Find').fill('10.0.1.4 ok');
    await page.getByText('2 of 300 nodes').waitFor();
    await page.getByLabel('Find').fill('');
    await page.getByRole('combobox').selectOption('connection-refused');
    await page.getByText('100 of 300 nodes').waitFor();
    await addresses(page).first().click();
    const panel = page.locator('.panel');
    await panel.getByText('it refused the connection: nothing listens there.').waitFor();
    await panel.getByText('Check that the node runs.').waitFor();
  });

  it('can be used by keyboard alone, down to the last of 5,000 rows', async () => {
    const page = await show(5_000);
    expect(await page.locator('table').first().getAttribute('aria-rowcount')).toBe('5001');
    expect(await page.locator('tr[data-index]').count()).toBeLessThan(80);
    await page.getByRole('button', { name: 'Address' }).click();
    await addresses(page).first().focus();
    const focused = (): Promise<string | undefined> => page.evaluate(() => document.activeElement?.textContent ?? undefined);
    await page.keyboard.press('ArrowDown');
    await expect.poll(focused).toBe('10.0.0.1:11625');
    await page.keyboard.press('End');
    await expect.poll(focused).toBe('10.0.19.135:11625');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: '10.0.19.135:11625' }).waitFor();
    await page.keyboard.press('Home');
    await expect.poll(focused).toBe('10.0.0.0:11625');
    expect(await page.locator('tr[data-index]').count()).toBeLessThan(80);
  });

  it('draws the graph when it becomes visible, and a click selects a node', async () => {
    const page = await show(300);
    const canvas = page.locator('canvas.graph');
    await canvas.scrollIntoViewIfNeeded();
    // The size of the screenshot: a canvas in one colour gives a small image.
    const inked = async (): Promise<number> => (await canvas.screenshot()).length;
    const box = (await canvas.boundingBox()) as { readonly width: number; readonly height: number };
    await expect.poll(inked).toBeGreaterThan(12_000);
    await canvas.click({ position: { x: box.width / 2, y: box.height / 2 } });
    await page.locator('.panel h3').waitFor();
  });

  it('shows the version text of a hostile node as plain text', async () => {
    const page = await show(30, '<img src=x onerror=alert(1)></script><script>alert(2)</script>\u202e$&');
    await page.locator('td', { hasText: '<img src=x' }).first().waitFor();
    expect(await page.locator('img').count()).toBe(0);
  });

  it('stays small when thousands of keys are weighed, and draws a quorum set when it is opened', async () => {
    const result = crawlOf(300);
    const keys = Array.from({ length: 3_000 }, (_, i) => encodePublicKey(new Uint8Array(32).fill(i & 255).fill(i >> 8, 0, 16)));
    for (const [at, peerID] of keys.entries()) {
      const quorumSetHash = (at % 3).toString(16).padStart(64, '0');
      const told = { type: 'validator', state: 'validating', validating: true, heardFrom: [], weighed: true } as const;
      result.add({ ...told, peerID, quorumSetHash });
    }
    for (let set = 0; set < 3; set++) {
      const validators = keys.slice(set * 1_000, (set + 1) * 1_000);
      const quorumSet = { threshold: 501, validators, innerSets: [] };
      result.add({ type: 'quorumSet', hash: set.toString(16).padStart(64, '0'), quorumSet });
    }
    const page = await viewer.open(await crawlFile(folder, result));
    opened.push(page);
    await page.getByText('3005 are weighed').waitFor();
    await page.getByText('500 of them are listed; the file of the crawl has all.').waitFor();
    const elements = (): Promise<number> => page.evaluate(() => document.querySelectorAll('*').length);
    expect(await elements()).toBeLessThan(8_000);
    await page
      .getByText(/501 of 1000, used by/)
      .first()
      .click();
    await page.locator('.tree code').nth(999).waitFor({ state: 'attached' });
    expect(await page.locator('.tree code').count()).toBe(1_000);
    await page
      .getByText(/501 of 1000, used by/)
      .first()
      .click();
    await expect.poll(() => page.locator('.tree code').count()).toBe(0);
  });

  it('reports that there is no crawl in the file', async () => {
    const page = await viewer.open(new URL('../../dist/crawl/page.html', import.meta.url).href);
    opened.push(page);
    await page.getByText('There is no crawl in this file.').waitFor();
  });

  it('stays below its limits of size', async () => {
    expect(statSync(new URL('../../dist/crawl/page.html', import.meta.url)).size).toBeLessThan(MAX_BYTES);
    // 5,000 nodes that name thirty each.
    expect((await crawlPageHtml(crawlOf(5_000))).length).toBeLessThan(3_000_000);
  });
});

/** The addresses in the rows that are drawn. */
function addresses(page: Page) {
  return page.locator('tr[data-index] th button');
}

function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
