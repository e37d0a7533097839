/** The page at both widths and in both themes: nothing overflows, nothing moves, and axe reports nothing. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Picture } from '../../src/explain/picture.ts';
import { findBrowser, Viewer, WIDTHS } from './support/browser.ts';
import { demoPicture } from './support/demo.ts';
import { pictureOf } from './support/pictures.ts';

const PICTURES: Readonly<Record<string, () => Promise<Picture>>> = {
  'the demo': demoPicture,
  'a session of stellar-core without our keys': async () => pictureOf('dial-core', false),
  'a refusal': async () => pictureOf('reject-wrong-network-passphrase'),
  'a silent drop': async () => pictureOf('reject-silent-expired-cert'),
};
const CASES = Object.keys(PICTURES).flatMap((name) =>
  WIDTHS.flatMap((width) => (['light', 'dark'] as const).map((theme) => ({ name, width, theme }))),
);

describe.runIf(findBrowser())('the layout of the page', () => {
  let viewer: Viewer;

  beforeAll(async () => {
    viewer = await Viewer.start();
  });
  afterAll(() => viewer[Symbol.asyncDispose]());

  it.concurrent.each(CASES)('fits into $width pixels, $theme, for $name', async ({ name, width, theme }) => {
    const picture = await PICTURES[name]?.();
    const page = await viewer.show(picture as Picture, { viewport: { width, height: 900 }, colorScheme: theme });
    await watchShifts(page);
    expect(await overflow(page)).toBe(0);
    expect(await viewer.violations(page)).toEqual([]);
    // Highlight some fields, and open the other parts of the page.
    for (const index of [0, 7, 13, 18]) await page.locator('#record .field').nth(index).hover();
    await page.locator('.node').nth(3).click();
    await page.getByRole('button', { name: 'Change field' }).click();
    await page.locator('.outcome-panel .sentence').waitFor();
    await page.getByRole('button', { name: /^Change every field/ }).click();
    await page.locator('.every tbody tr').first().waitFor();
    expect(await overflow(page)).toBe(0);
    expect(await viewer.violations(page)).toEqual([]);
    expect(await shiftsOf(page)).toEqual([]);
    expect(viewer.complaints).toEqual([]);
    await viewer.leave(page);
  });

  it('has no motion for users who want reduced motion', async () => {
    const page = await viewer.show(await demoPicture(), { reducedMotion: 'reduce' });
    const moving = await page.evaluate(() =>
      Array.from(document.querySelectorAll('*'), (element) => {
        const { transitionDuration, animationName } = getComputedStyle(element);
        return transitionDuration !== '0s' || animationName !== 'none' ? element.className : '';
      }).filter((name) => name !== ''),
    );
    expect(moving).toEqual([]);
  });
});

function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Of the Layout Instability API, which TypeScript’s library does not have. */
interface LayoutShift extends PerformanceEntry {
  readonly hadRecentInput: boolean;
  readonly sources: readonly { readonly node?: Node }[];
}

interface Shifted {
  shifts: string[];
}

/** Records layout shifts, except those that a click causes. */
async function watchShifts(page: Page): Promise<void> {
  await page.evaluate(() => {
    const shifts: string[] = [];
    (globalThis as unknown as Shifted).shifts = shifts;
    new PerformanceObserver((list) => {
      for (const { hadRecentInput, sources } of list.getEntries() as LayoutShift[]) {
        if (hadRecentInput) continue;
        for (const { node } of sources) {
          const element = node instanceof Element ? node : node?.parentElement;
          // Text of another length is not a movement: its box stays in place.
          if (!element?.closest('.readout')) shifts.push(element?.outerHTML.slice(0, 80) ?? '');
        }
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
}

async function shiftsOf(page: Page): Promise<readonly string[]> {
  return page.evaluate(
    () =>
      new Promise<string[]>((resolve) =>
        requestAnimationFrame(() => requestAnimationFrame(() => resolve((globalThis as unknown as Shifted).shifts))),
      ),
  );
}
