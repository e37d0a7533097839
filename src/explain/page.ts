/**
 * The page: the built template with a picture.
 * @module
 */
import { type PageTemplate, pageFile } from '../report/page-file.ts';
import type { PageContent } from './picture.ts';

/** In the package it is beside this file; when run from source it is in the build directory. */
const TEMPLATE: PageTemplate = {
  places: ['./page.html.br', '../../dist/explain/page.html.br'].map((path) => new URL(path, import.meta.url)),
  slot: 'picture',
  of: 'explain',
};

/**
 * The whole page as one HTML text. A live page gets its events from the server.
 * @throws {Error} when the page has not been built
 */
export async function pageHtml(content: PageContent): Promise<string> {
  return pageFile(TEMPLATE, content, 'live' in content);
}
