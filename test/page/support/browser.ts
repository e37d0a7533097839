/** A browser for the page. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
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

/** A browser, and the list of forbidden things that its pages did. */
export class Viewer implements AsyncDisposable {
  /** Requests for anything but the page itself, errors, and what the policy of the page has refused. */
  readonly complaints: string[] = [];
  readonly #browser: Browser;
  readonly #folder: string;
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
  async show(picture: Picture, options: BrowserContextOptions = {}): Promise<Page> {
    const file = join(this.#folder, `page-${++this.#files}.html`);
    await writeFile(file, await pageHtml(picture));
    return this.open(pathToFileURL(file).href, options);
  }

  /** Opens an address. */
  async open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => this.complaints.push(`error: ${error.message}`));
    page.on('console', (message) => this.complaints.push(`console: ${message.text()}`));
    page.on('dialog', (dialog) => {
      this.complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      const asked = request.url();
      if (asked !== url && !asked.startsWith('data:') && asked !== `${url}events`) this.complaints.push(`request: ${asked}`);
    });
    await page.goto(url);
    return page;
  }

  /** The findings of axe. */
  async violations(page: Page): Promise<readonly string[]> {
    await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
    return page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        readonly axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> };
      };
      const { violations } = await axe.run();
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
