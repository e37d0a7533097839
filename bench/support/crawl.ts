/** What the bench of crawls and its processes send to each other. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { SCPQuorumSet } from '../../src/protocol/wire/messages.ts';

/** The rival’s packages in bench/rivals/crawler. */
export const CRAWLER = '@stellarbeat/js-stellar-node-crawler';
export const SHARED = '@stellarbeat/js-stellarbeat-shared';

/** What a crawler has to do. */
export interface CrawlQuestion {
  readonly range: string;
  readonly seeds: readonly string[];
  /** Addresses of validators. */
  readonly topTier: readonly string[];
  readonly quorumSet: SCPQuorumSet;
  readonly concurrency: number;
}

/** A network that is waiting to be crawled. */
export interface CrawledNetwork {
  readonly question: Omit<CrawlQuestion, 'concurrency'>;
  /** All addresses, with the outcome that a crawl must have. A crawler does not get them. */
  readonly nodes: readonly { readonly address: string; readonly outcome: string; readonly kind: string }[];
  readonly validating: readonly string[];
}

/** The cost of a crawl, for the whole process from its start, and its results. */
export interface CrawlReading {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakMiB: number;
  /** The longest time that the event loop of the crawler was late, in milliseconds. */
  readonly lateMs: number;
  readonly outcomes: readonly (readonly [address: string, outcome: string])[];
  readonly validating: readonly string[];
  readonly quorumSets: number;
}

/** The observations of a network. */
export interface NetworkReading {
  readonly open: number;
  readonly toOneAddress: number;
  /** The longest time that the event loop of the network was late, in milliseconds: its answers were late by as much. */
  readonly lateMs: number;
}

/** Starts to measure how late the event loop of this process is. */
export function watchLoop(): IntervalHistogram {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  return delay;
}

/** The longest time that it was late, in milliseconds. */
export function lateMs(delay: IntervalHistogram): number {
  return Math.round(delay.max / 1e6);
}

/** Wall time since a moment; CPU and memory of the whole process. */
export function usedSince(
  startMs: number,
  delay: IntervalHistogram,
): Omit<CrawlReading, 'outcomes' | 'validating' | 'quorumSets'> {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return {
    wallMs: performance.now() - startMs,
    cpuMs: (userCPUTime + systemCPUTime) / 1_000,
    peakMiB: maxRSS / 1_024,
    lateMs: lateMs(delay),
  };
}
