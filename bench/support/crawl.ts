/** The messages between the bench of crawls and its processes. */
import type { SCPQuorumSet } from '../../src/protocol/wire/messages.ts';

/** The rival’s packages in bench/rivals/crawler. */
export const CRAWLER = '@stellarbeat/js-stellar-node-crawler';
export const SHARED = '@stellarbeat/js-stellarbeat-shared';

/** A network that is waiting to be crawled. */
export interface CrawledNetwork {
  readonly range: string;
  readonly seeds: readonly string[];
  /** All nodes, with the expected result of each. */
  readonly nodes: readonly { readonly address: string; readonly outcome: string }[];
  /** Addresses of validators. */
  readonly topTier: readonly string[];
  readonly quorumSet: SCPQuorumSet;
  readonly validating: readonly string[];
}

/** The task of a crawler. */
export interface CrawlQuestion {
  readonly network: CrawledNetwork;
  readonly concurrency: number;
}

/** The cost of a crawl, of the whole process from its start, and its results. */
export interface CrawlReading {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakMiB: number;
  readonly outcomes: readonly (readonly [address: string, outcome: string])[];
  readonly validating: readonly string[];
  readonly quorumSets: number;
}

/** The observations of a network. */
export interface NetworkReading {
  readonly open: number;
  readonly toOneAddress: number;
}

/** Wall time since a moment; CPU and memory of the whole process. */
export function usedSince(startMs: number): Pick<CrawlReading, 'wallMs' | 'cpuMs' | 'peakMiB'> {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { wallMs: performance.now() - startMs, cpuMs: (userCPUTime + systemCPUTime) / 1_000, peakMiB: maxRSS / 1_024 };
}
