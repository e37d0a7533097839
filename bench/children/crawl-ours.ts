/** Crawls with this package. */
import { crawl } from '../../src/crawl/index.ts';
import { networks } from '../../src/protocol/networks.ts';
import { endWithBench, serve } from '../support/child.ts';
import { type CrawlQuestion, type CrawlReading, usedSince, watchLoop } from '../support/crawl.ts';

endWithBench();
serve(async ({ range, seeds, concurrency }: CrawlQuestion) => {
  const start = performance.now();
  const delay = watchLoop();
  /** Address, outcome, address, … */
  const outcomes: string[] = [];
  const validating = new Set<string>();
  const quorumSets = new Set<string>();
  const running = crawl({ network: networks.standalone, seeds, allow: [range], concurrency, rate: 100_000 });
  for await (const event of running) {
    if (event.type === 'node') outcomes.push(event.address, event.outcome);
    else if (event.type === 'quorumSet') quorumSets.add(event.hash);
    else if (event.type === 'validator' && event.validating && event.weighed) validating.add(event.peerID);
  }
  return {
    ...usedSince(start, delay),
    outcomes: Array.from({ length: outcomes.length / 2 }, (_, i) => outcomes.slice(2 * i, 2 * i + 2) as [string, string]),
    validating: [...validating],
    quorumSets: quorumSets.size,
  } satisfies CrawlReading;
});
