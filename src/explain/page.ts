/**
 * The page: the built template with a picture in it.
 * @module
 */
import { type PageTemplate, pageFile } from '../report/page-file.ts';
import type { PageContent } from './picture.ts';

/** Beside this file in the package; where the package was built when it runs from source. */
const TEMPLATE: PageTemplate = {
  places: ['./page.html.br', '../../dist/explain/page.html.br'].map((path) => new URL(path, import.meta.url)),
  slot: 'picture',
  of: 'explain',
};

/**
 * The whole page as one HTML text. A live page has its events.
 * @throws {Error} when the page has not been built
 */
export async function pageHtml(content: PageContent): Promise<string> {
  return pageFile(TEMPLATE, content, 'live' in content);
}
