/** What the bench of crawls and its processes say to each other. */
import type { SCPQuorumSet } from '../../src/protocol/wire/messages.ts';

/** The rival’s packages in bench/rivals/crawler. */
export const CRAWLER = '@stellarbeat/js-stellar-node-crawler';
export const SHARED = '@stellarbeat/js-stellarbeat-shared';

/** A network that is waiting to be crawled. */
export interface CrawledNetwork {
  readonly range: string;
  readonly seeds: readonly string[];
  /** Everybody, with what is to be found of him. */
  readonly nodes: readonly { readonly address: string; readonly outcome: string }[];
  /** Addresses of validators. */
  readonly topTier: readonly string[];
  readonly quorumSet: SCPQuorumSet;
  readonly validating: readonly string[];
}

/** What a crawler is asked for. */
export interface CrawlQuestion {
  readonly network: CrawledNetwork;
  readonly concurrency: number;
}

/** What a crawl took, the whole process from its start, and what it found. */
export interface CrawlReading {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakMiB: number;
  readonly outcomes: readonly (readonly [address: string, outcome: string])[];
  readonly validating: readonly string[];
  readonly quorumSets: number;
}

/** What a network has seen. */
export interface NetworkReading {
  readonly open: number;
  readonly toOneAddress: number;
}

/** Wall time since a moment; CPU and memory of the whole process. */
export function usedSince(startMs: number): Pick<CrawlReading, 'wallMs' | 'cpuMs' | 'peakMiB'> {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { wallMs: performance.now() - startMs, cpuMs: (userCPUTime + systemCPUTime) / 1_000, peakMiB: maxRSS / 1_024 };
}
