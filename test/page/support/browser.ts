/** A browser for the page. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { pageHtml } from '../../../src/explain/page.ts';
import type { Picture } from '../../../src/explain/picture.ts';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Path of a Chromium of this machine. */
export function findBrowser(): string | undefined {
  return [process.env.CHROMIUM ?? '', ...PLACES].find((path) => path !== '' && existsSync(path));
}

/** A desktop and a phone. */
export const WIDTHS = [1280, 390] as const;

/** How a page is looked at. Default: a desktop, light, with motion. */
export interface Look {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: 'light' | 'dark';
  readonly reducedMotion?: 'reduce';
}

/** A browser, and the list of forbidden things that its pages did. */
export class Viewer implements AsyncDisposable {
  /** Requests for anything but the page itself, errors, and what the policy of the page has refused. */
  readonly complaints: string[] = [];
  readonly #browser: Browser;
  readonly #folder: string;
  /** What each page may request. */
  readonly #asked = new WeakMap<Page, string>();
  /** Pages that tests have left: opening one takes as long as showing something in it. */
  readonly #left: Page[] = [];
  #files = 0;

  private constructor(browser: Browser, folder: string) {
    this.#browser = browser;
    this.#folder = folder;
  }

  static async start(): Promise<Viewer> {
    const args = ['--disable-gpu', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];
    const browser = await chromium.launch({ executablePath: findBrowser() as string, args });
    return new Viewer(browser, await mkdtemp(join(tmpdir(), 'page-test-')));
  }

  /** Opens a page with a picture in it, as a file. */
  async show(picture: Picture, look?: Look): Promise<Page> {
    const file = join(this.#folder, `page-${++this.#files}.html`);
    await writeFile(file, await pageHtml(picture));
    return this.open(pathToFileURL(file).href, look);
  }

  /** Opens an address. */
  async open(url: string, look: Look = {}): Promise<Page> {
    const { viewport = { width: 1280, height: 900 }, colorScheme = 'light', reducedMotion = 'no-preference' } = look;
    const page = this.#left.pop() ?? (await this.#newPage());
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme, reducedMotion });
    this.#asked.set(page, url);
    await page.goto(url);
    return page;
  }

  /** Takes a page back, so that `open` shows something else in it. */
  async leave(page: Page): Promise<void> {
    // The pointer stays where it is when another page comes.
    await page.mouse.move(0, 0);
    this.#asked.set(page, 'about:blank');
    await page.goto('about:blank');
    this.#left.push(page);
  }

  async #newPage(): Promise<Page> {
    const page = await this.#browser.newPage();
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => this.complaints.push(`error: ${error.message}`));
    page.on('console', (message) => this.complaints.push(`console: ${message.text()}`));
    page.on('dialog', (dialog) => {
      this.complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      const [url, asked] = [this.#asked.get(page), request.url()];
      if (asked !== url && !asked.startsWith('data:') && asked !== `${url}events`) this.complaints.push(`request: ${asked}`);
    });
    return page;
  }

  /** The findings of axe. */
  async violations(page: Page): Promise<readonly string[]> {
    await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
    return page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        readonly axe: {
          run(options: object): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
        };
      };
      // All rules on all elements. What is left out is a description of each element that passes.
      const { violations } = await axe.run({ resultTypes: ['violations'], selectors: false });
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
