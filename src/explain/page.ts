/**
 * The page: the built template with a picture in it.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { escaped, printableJson } from '../protocol/printable.ts';
import type { PageContent } from './picture.ts';

/** Beside this file in the package; where the package was built when it runs from source. */
const TEMPLATES = ['./page.html', '../../dist/explain/page.html'];
const SLOT = '<script type="application/json" id="picture">null</script>';
/** Of the template’s policy: nothing is ever fetched. A live page has its events. */
const NO_FETCH = "default-src 'none';";

/**
 * The whole page as one HTML text.
 * @throws {Error} when the page has not been built
 */
export async function pageHtml(content: PageContent): Promise<string> {
  const template = await readTemplate();
  const page = 'live' in content ? template.replace(NO_FETCH, `${NO_FETCH} connect-src 'self';`) : template;
  const json = safeJson(content);
  // Subtle: a function, because what a peer said may hold `$&`.
  return page.replace(SLOT, () => SLOT.replace('null', () => json));
}

async function readTemplate(): Promise<string> {
  for (const path of TEMPLATES) {
    const text = await readFile(new URL(path, import.meta.url), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    if (!text.includes(SLOT) || !text.includes(NO_FETCH)) break;
    return text;
  }
  throw new Error('the page of explain has not been built: npm run build');
}

/** JSON that is nothing else to an HTML parser, whatever a peer has said. */
function safeJson(value: PageContent): string {
  return printableJson(value).replace(/[<>&]/g, escaped);
}
