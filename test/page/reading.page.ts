/** Help for the reader: a narrow screen shows all of the page, lines connect the boxes, and words are explained. */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Picture } from '../../src/explain/picture.ts';
import { findBrowser, Viewer, WIDTHS } from './support/browser.ts';
import { demoPicture } from './support/demo.ts';
import { pictureOf } from './support/pictures.ts';

describe.runIf(findBrowser())('the text of the page', () => {
  let viewer: Viewer;

  beforeAll(async () => {
    viewer = await Viewer.start();
  });
  afterAll(() => viewer[Symbol.asyncDispose]());

  it('fits into 390 pixels, even with long words in a failure and with slow phases', async () => {
    const long = 'a'.repeat(100);
    const picture: Picture = {
      ...pictureOf('reject-wrong-network-passphrase'),
      source: 'live',
      timings: { dnsMs: 12_345, tcpMs: 12_345, helloMs: 12_345, authMs: 12_345, totalMs: 49_380 },
      error: {
        ...{
          code: 'OVERLAY_PEER_ERROR',
          stage: 'hello',
          cause: 'peer-error',
          told: { code: 'ERR_CONF', message: long },
          ms: 49_380,
        },
        ...{ message: `The peer ended the connection: ${long}.`, advice: `Ask whoever operates ${long}.` },
      },
    };
    const page = await viewer.show(picture, { viewport: { width: 390, height: 900 } });
    await page.locator('.verdict-bad').waitFor();
    expect(await page.locator('.phases li').count()).toBe(4);
    expect(await sticksOut(page)).toEqual([]);
    await viewer.leave(page);
  });

  it.each(WIDTHS)('is not crossed by lines of the key graph, at %i pixels', async (width) => {
    const page = await viewer.show(await demoPicture(), { viewport: { width, height: 900 } });
    expect(await page.locator('.edges path').count()).toBeGreaterThan(20);
    const hidden = await page.evaluate(() => {
      const boxes = Array.from(document.querySelectorAll('.node'), (node) => ({
        text: node.textContent,
        box: node.getBoundingClientRect(),
      }));
      return Array.from(document.querySelectorAll<SVGPathElement>('.edges path')).flatMap((path) => {
        const toScreen = path.getScreenCTM() as DOMMatrix;
        const length = path.getTotalLength();
        return Array.from({ length: 201 }, (_, i) => path.getPointAtLength((length * i) / 200).matrixTransform(toScreen)).flatMap(
          ({ x, y }) =>
            boxes
              .filter(({ box }) => x > box.left + 1.5 && x < box.right - 1.5 && y > box.top + 1.5 && y < box.bottom - 1.5)
              .map(({ text }) => `${path.getAttribute('d')} behind ${text}`),
        );
      });
    });
    expect([...new Set(hidden)]).toEqual([]);
    await viewer.leave(page);
  });

  it('links every word and rule to a section of the protocol document, and the link opens the section', async () => {
    const page = await viewer.show(await demoPicture());
    const document_ = await readFile(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
    const headings = Array.from(document_.matchAll(/^#{2,3} (.+)$/gm), ([, heading]) => heading);
    expect(await page.locator('#protocol summary').allTextContents()).toEqual(headings);
    const words = (await page.locator('#glossary dt').allTextContents()).join();
    for (const word of ['MAC', 'ECDH', 'HKDF']) expect(words).toContain(word);
    const dead = await page.evaluate(() =>
      Array.from(document.querySelectorAll('a[href^="#"]'), (link) => link.getAttribute('href') ?? '').filter(
        (href) => document.getElementById(href.slice(1)) === null,
      ),
    );
    expect(dead).toEqual([]);
    const section = page.locator('#protocol-mac-and-sequence');
    expect(await section.locator('pre').isVisible()).toBe(false);
    await page.locator('#glossary').getByRole('link', { name: 'MAC and sequence' }).first().click();
    expect(await section.locator('pre').isVisible()).toBe(true);
    expect(await section.locator('pre').textContent()).toContain('HMAC-SHA256');
    expect(await sticksOut(page)).toEqual([]);
    expect(await viewer.violations(page)).toEqual([]);
    expect(viewer.complaints).toEqual([]);
    await viewer.leave(page);
  });
});

/** Elements that are wider than the page or their box. */
function sticksOut(page: Page): Promise<readonly string[]> {
  return page.evaluate(() =>
    Array.from(document.querySelectorAll('body *'))
      .filter((element) => {
        const { right, width } = element.getBoundingClientRect();
        return width > 1 && right > document.documentElement.clientWidth + 0.5;
      })
      .map((element) => `${element.tagName} ${element.className} ${element.textContent?.slice(0, 60)}`),
  );
}
