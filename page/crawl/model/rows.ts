/**
 * The nodes as rows of a table: search, order, and reverse look-up.
 * @module
 */
import type { CrawlPageData, PageNode } from '../../../src/crawl/page-data.ts';

/** A node and its index in the data. */
export interface Row {
  readonly at: number;
  readonly node: PageNode;
  /** The text that is searched, in lower case. */
  readonly text: string;
}

/** The columns that rows can be sorted by. */
export type Column = 'address' | 'outcome' | 'peerID' | 'version' | 'overlay' | 'ms' | 'names' | 'namedBy';

/** An order of rows. */
export interface Order {
  readonly column: Column;
  readonly descending: boolean;
}

/** All rows. */
export function rowsOf({ nodes }: CrawlPageData): readonly Row[] {
  return nodes.map((node, at) => ({
    at,
    node,
    text: `${node.address} ${node.outcome} ${node.peerID ?? ''} ${node.version ?? ''}`.toLowerCase(),
  }));
}

/** The value of a cell; undefined is last in either direction. */
export function cellOf(node: PageNode, column: Column): string | number | undefined {
  return column === 'names' ? (node.names?.length ?? 0) : node[column];
}

/** The rows that contain the text and have the outcome, in the given order. */
export function select(rows: readonly Row[], search: string, outcome: string, { column, descending }: Order): readonly Row[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = rows.filter(
    ({ node, text }) => (outcome === '' || node.outcome === outcome) && words.every((word) => text.includes(word)),
  );
  const sign = descending ? -1 : 1;
  return [...found].sort((a, b) => {
    const [x, y] = [cellOf(a.node, column), cellOf(b.node, column)];
    if (x === y) return a.at - b.at;
    if (x === undefined) return 1;
    if (y === undefined) return -1;
    if (typeof x === 'number' && typeof y === 'number') return sign * (x - y);
    return sign * collator.compare(String(x), String(y));
  });
}

/** Sorts 127.0.0.10 after 127.0.0.9. */
const collator = new Intl.Collator('en', { numeric: true });

/** Number of nodes with each value, the largest first. */
export function countBy(
  nodes: readonly PageNode[],
  of: (node: PageNode) => string | undefined,
): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const key = of(node);
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
}

/** For each node the indexes of the nodes that name it. */
export function namersOf({ nodes }: CrawlPageData): readonly (readonly number[])[] {
  const namers: number[][] = nodes.map(() => []);
  for (const [at, { names = [] }] of nodes.entries()) for (const name of names) namers[name]?.push(at);
  return namers;
}

/** The kind of an outcome, which decides its colour. */
export type Tone = 'ok' | 'full' | 'silent' | 'wrong' | 'unasked';

const TONES: Readonly<Record<string, Tone>> = {
  ok: 'ok',
  'peer-full': 'full',
  'not-allowed': 'unasked',
  'not-dialled': 'unasked',
  'connection-refused': 'silent',
  'connect-timeout': 'silent',
  'handshake-timeout': 'silent',
  unreachable: 'silent',
  'name-not-found': 'silent',
};

/** The tone of an outcome. */
export function toneOf(outcome: string): Tone {
  return TONES[outcome] ?? 'wrong';
}

/** The meaning of each tone. */
export const TONE_NAMES: Readonly<Record<Tone, string>> = {
  ok: 'lets us in',
  full: 'is full',
  silent: 'does not answer',
  wrong: 'answers otherwise',
  unasked: 'not asked',
};
