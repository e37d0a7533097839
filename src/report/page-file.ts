/**
 * A page as one HTML file: the built template with its content.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { brotliDecompressSync } from 'node:zlib';
import { escaped, printableJson } from '../protocol/printable.ts';

/** Directive in the template's policy: nothing is ever fetched. */
const NO_FETCH = "default-src 'none';";

/** A template that has been built. */
export interface PageTemplate {
  /** Possible locations of the file, which is compressed with Brotli; the first that exists is used. */
  readonly places: readonly URL[];
  /** Id of the element that receives the content. */
  readonly slot: string;
  /** Name of the verb, for the error. */
  readonly of: string;
}

/**
 * The whole page as one HTML text.
 * @param isLive whether the page may send requests to the server it came from
 * @throws {Error} when the page has not been built
 */
export async function pageFile({ places, slot, of }: PageTemplate, content: unknown, isLive = false): Promise<string> {
  const empty = `<script type="application/json" id="${slot}">null</script>`;
  for (const place of places) {
    const file = await readFile(place).catch(() => undefined);
    if (file === undefined) continue;
    const template = brotliDecompressSync(file).toString();
    if (!template.includes(empty) || !template.includes(NO_FETCH)) break;
    const page = isLive ? template.replace(NO_FETCH, `${NO_FETCH} connect-src 'self';`) : template;
    const json = safeJson(content);
    // Subtle: a function, because data from a peer may contain `$&`.
    return page.replace(empty, () => empty.replace('null', () => json));
  }
  throw new Error(`the page of ${of} has not been built: npm run build`);
}

/** JSON that an HTML parser cannot take as anything else, whatever a peer has sent. */
function safeJson(value: unknown): string {
  return printableJson(value).replace(/[<>&]/g, escaped);
}
