/**
 * What the page of a crawl shows, made small: nodes are meant by their place in the list. Free of Node, because the page
 * takes it, too.
 * @module
 */
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';
import type { CrawlCounts, ValidatorLine } from './validator-line.ts';

/** One address. */
export interface PageNode {
  readonly address: string;
  readonly outcome: string;
  readonly peerID?: string;
  readonly version?: string;
  /** Newest overlay version. */
  readonly overlay?: number;
  readonly ledgerVersion?: number;
  /** Time of the handshake, in milliseconds. */
  readonly ms?: number;
  /** What went wrong, and what to do, by their place in `texts`. */
  readonly message?: number;
  readonly advice?: number;
  /** Places of the nodes it names. */
  readonly names?: readonly number[];
  /** How many nodes name it. */
  readonly namedBy: number;
  readonly at?: string;
}

/** Everything the page shows. */
export interface CrawlPageData {
  readonly version: 1;
  readonly network: string;
  readonly seeds: readonly string[];
  readonly startedAt: string;
  readonly finished: boolean;
  readonly seconds?: number;
  readonly ledgerSeq?: number;
  readonly counts?: CrawlCounts;
  readonly nodes: readonly PageNode[];
  readonly texts: readonly string[];
  readonly validators: readonly ValidatorLine[];
  readonly quorumSets: readonly { readonly hash: string; readonly quorumSet: SCPQuorumSet }[];
  /** The quorum set that was given. */
  readonly own?: {
    readonly quorumSet: SCPQuorumSet;
    readonly met: boolean;
    readonly nodes: readonly string[];
    readonly missing: readonly string[];
    readonly blockedBy: readonly string[];
  };
}
