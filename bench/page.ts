/**
 * The page of a crawl of 5,000 nodes in Chromium: from the request for the file until its table is shown, then sorted by a column
 * and filtered by a text, by the page's own clock.
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
/** The bench ends with an error when a step takes longer, in milliseconds. */
const MAX_MS = 20_000;

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

/**
 * Runs in the page, so that the driver's time is not in it: sorts by address in descending order, then filters by a text. Each step is
 * over when its result has been painted. A promise of the time when each was over.
 */
const USE = `(async () => {
  const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const until = async (isDone) => {
    do await painted();
    while (!isDone() && performance.now() < ${MAX_MS});
    if (!isDone()) throw new Error('the page did not do it in ${MAX_MS} ms');
    return performance.now();
  };
  const title = [...document.querySelectorAll('th button')].find((button) => button.textContent.startsWith('Address'));
  title.click();
  await painted();
  title.click();
  const first = () => document.querySelector('tr[data-index="0"]')?.textContent ?? '';
  const sorted = await until(() => first().startsWith('10.0.${(NODES - 1) >> 8}.${(NODES - 1) & 255}:'));
  const field = document.querySelector('input[type="search"]');
  field.value = '10.0.1.4 ok';
  field.dispatchEvent(new Event('input', { bubbles: true }));
  const shown = () => document.querySelector('[role="status"]').textContent;
  const filtered = await until(() => shown().endsWith(' of ${NODES} nodes'));
  return { sorted, filtered };
})()`;

async function load(viewer: Viewer, url: string): Promise<Steps> {
  const page = await viewer.open(url);
  await page.locator('tr[data-index="0"] button').first().waitFor();
  const shown = await page.evaluate(() => performance.now());
  const { sorted, filtered } = (await page.evaluate(USE)) as Omit<Steps, 'shown'>;
  await page.close();
  return { shown, sorted, filtered };
}
