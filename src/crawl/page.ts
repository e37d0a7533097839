/**
 * A crawl as a page: one self-contained HTML file.
 * @module
 */
import { type PageTemplate, pageFile } from '../report/page-file.ts';
import { quorumHealth } from './health.ts';
import { namesIn } from './names.ts';
import type { CrawlPageData, PageNode } from './page-data.ts';
import type { CrawlResult } from './result.ts';

/** The page is beside this file in the package; when this file runs from source, it is in `dist`. */
const TEMPLATE: PageTemplate = {
  places: ['./page.html.br', '../../dist/crawl/page.html.br'].map((path) => new URL(path, import.meta.url)),
  slot: 'crawl',
  of: 'crawl',
};
/**
 * The largest numbers of validators that are shown, weighed ones and others. Real networks have some hundred; anyone can make
 * thousands of keys.
 */
const MAX_WEIGHED = 500;
const MAX_UNWEIGHED = 200;

/**
 * The whole page as one HTML text.
 * @throws {Error} when the page has not been built
 */
export async function crawlPageHtml(result: CrawlResult): Promise<string> {
  return pageFile(TEMPLATE, pageData(result));
}

/** The data of the page. */
export function pageData(result: CrawlResult): CrawlPageData {
  const { start, end } = result;
  const { nodes: lines, namedBy } = namesIn(result);
  const places = new Map(lines.map(({ line }, at) => [line.address, at]));
  const texts = new Map<string, number>();
  const textAt = (text: string): number => {
    const at = texts.get(text) ?? texts.size;
    texts.set(text, at);
    return at;
  };
  const nodes = lines.map(({ line, names }): PageNode => {
    const { address, outcome, peerID, remote, timings, error, at } = line;
    return {
      address,
      outcome,
      namedBy: namedBy.get(address) ?? 0,
      ...(peerID !== undefined && { peerID }),
      ...(remote && { version: remote.versionStr, overlay: remote.overlayVersion, ledgerVersion: remote.ledgerVersion }),
      ...(timings?.totalMs !== undefined && { ms: Math.round(timings.totalMs) }),
      ...(error && { message: textAt(error.message.replaceAll(address, 'it')), advice: textAt(error.advice) }),
      ...(names.length > 0 && { names: names.map((name) => places.get(name) as number) }),
      ...(at !== undefined && { at }),
    };
  });
  const all = [...result.validators.values()];
  const weighed = all.filter((line) => line.weighed);
  const shown = weighed.slice(0, MAX_WEIGHED);
  const hashes = new Set(shown.map(({ quorumSetHash }) => quorumSetHash));
  const own = start?.options.quorumSet;
  return {
    version: 1,
    network: start?.network ?? '',
    seeds: start?.seeds ?? [],
    startedAt: start?.startedAt ?? '',
    finished: end?.finished ?? false,
    ...(end && { seconds: end.seconds, counts: end.counts }),
    ...(end?.ledgerSeq !== undefined && { ledgerSeq: end.ledgerSeq }),
    nodes,
    texts: [...texts.keys()],
    weighed: weighed.length,
    validators: [...shown, ...all.filter((line) => !line.weighed).slice(0, MAX_UNWEIGHED)],
    quorumSets: [...result.quorumSets].flatMap(([hash, quorumSet]) => (hashes.has(hash) ? { hash, quorumSet } : [])),
    ...(own && { own: { quorumSet: own, ...quorumHealth(own, result.validating()) } }),
  };
}
