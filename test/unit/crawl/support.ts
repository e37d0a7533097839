/** A crawl and its results. */
import {
  type CrawlEnd,
  type CrawlEvent,
  type CrawlOptions,
  crawl,
  type NodeLine,
  type ValidatorLine,
} from '../../../src/crawl/index.ts';
import type { MockNetwork } from '../../../src/testing/index.ts';

/** The last of the lines about each address and key. */
export interface Found {
  readonly events: readonly CrawlEvent[];
  readonly nodes: ReadonlyMap<string, NodeLine>;
  readonly validators: ReadonlyMap<string, ValidatorLine>;
  readonly end: CrawlEnd;
}

/** Quick, and patient enough for the slow nodes of `QUICK`. */
export const TIMEOUT_MS = 4_000;
/** A mock network that does not keep a test waiting. */
export const QUICK = { slowMs: 1_000, ledgerMs: 1_000, inventions: 500 } as const;

/** Crawls a mock network from its first node. */
export async function crawlMock(mock: MockNetwork, options: Partial<CrawlOptions> = {}): Promise<Found> {
  const [first] = mock.nodes;
  const seeds = [first?.address as string];
  return collect(crawl({ network: mock.network, seeds, allow: [mock.range], timeoutMs: TIMEOUT_MS, rate: 100_000, ...options }));
}

/** All lines of a crawl. */
export async function collect(events: AsyncIterable<CrawlEvent>): Promise<Found> {
  const all: CrawlEvent[] = [];
  for await (const event of events) all.push(event);
  return found(all);
}

/** The last of the lines about each address and key. */
export function found(events: readonly CrawlEvent[]): Found {
  const nodes = new Map<string, NodeLine>();
  const validators = new Map<string, ValidatorLine>();
  for (const event of events) {
    if (event.type === 'node') nodes.set(event.address, event);
    else if (event.type === 'validator') validators.set(event.peerID, event);
  }
  return { events, nodes, validators, end: events.at(-1) as CrawlEnd };
}
