/**
 * The page of a crawl of 5,000 nodes in Chromium: from the request for the file until its table is shown, then sorted by a column
 * and filtered by a text. Times are those of the page's own clock, and include those of the driver.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBrowser, Viewer } from '../test/page/support/browser.ts';
import { crawlFile, crawlOf } from '../test/page/support/crawls.ts';
import type { BenchOptions } from './support/options.ts';
import { type Case, median, type Report, ratio } from './support/report.ts';

const NODES = 5_000;
/** The goal for a table that is shown, sorted and filtered, in milliseconds. */
const USABLE_MS = 1_000;

/** When the page had done each step, in milliseconds from the request. */
interface Steps {
  readonly shown: number;
  readonly sorted: number;
  readonly filtered: number;
}

export async function run({ rounds }: BenchOptions): Promise<Report> {
  const cases: Case[] = [];
  const notes: string[] = [];
  if (findBrowser() === undefined) notes.push('no Chromium on this machine: nothing was measured');
  else {
    const folder = mkdtempSync(join(tmpdir(), 'bench-page-'));
    await using viewer = await Viewer.start();
    try {
      const url = await crawlFile(folder, crawlOf(NODES));
      const all: Steps[] = [];
      for (let round = 0; round < rounds; round++) all.push(await load(viewer, url));
      const figures = Object.fromEntries(
        (['shown', 'sorted', 'filtered'] as const).map((step) => [step, median(all.map((steps) => steps[step]))]),
      );
      const until = all.map(({ filtered }) => filtered);
      const goal = until.map(() => USABLE_MS);
      cases.push({ name: `crawl of ${NODES} nodes`, figures, ratios: { 'sorted and filtered / 1 s': ratio(until, goal, 1) } });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  return { name: 'page', what: 'the page of a crawl in Chromium, from the request for its file', unit: 'ms', cases, notes };
}

async function load(viewer: Viewer, url: string): Promise<Steps> {
  const page = await viewer.open(url);
  const now = (): Promise<number> => page.evaluate(() => performance.now());
  const address = page.locator('tr[data-index="0"] button').first();
  await address.waitFor();
  const shown = await now();
  // Descending by address: the last of them comes first.
  const title = page.getByRole('button', { name: 'Address', exact: true });
  await title.click();
  await title.click();
  await page.locator('tr[data-index="0"]', { hasText: `10.0.${(NODES - 1) >> 8}.${(NODES - 1) & 255}:` }).waitFor();
  const sorted = await now();
  await page.getByLabel('Find').fill('10.0.1.4 ok');
  await page.getByText(new RegExp(` of ${NODES} nodes`)).waitFor();
  const filtered = await now();
  await page.close();
  return { shown, sorted, filtered };
}
