/**
 * The page of a crawl. It shows the data that the file contains.
 * @module
 */
import { render } from 'preact';
import type { CrawlPageData } from '../../src/crawl/page-data.ts';
import { shown } from '../printable-text.ts';
import { CrawlPage } from './views/page.tsx';

const root = document.getElementById('page') as HTMLElement;
const data = JSON.parse(document.getElementById('crawl')?.textContent ?? 'null') as CrawlPageData | null;

if (data === null) {
  render(
    <main class="waiting">
      <h1>There is no crawl in this file.</h1>
    </main>,
    root,
  );
} else {
  document.title = shown(`Crawl of ${data.network}, ${data.startedAt.slice(0, 16).replace('T', ' ')}`);
  render(<CrawlPage data={data} />, root);
}
