/**
 * The data of the page of a crawl, in a short form in which nodes have an index. This file needs no Node API, because the page
 * uses it too.
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
  /** Message and advice of its error, as indexes of `texts`. */
  readonly message?: number;
  readonly advice?: number;
  /** Indexes of the nodes that it names. */
  readonly names?: readonly number[];
  /** Number of nodes that name it. */
  readonly namedBy: number;
  readonly at?: string;
}

/** The data of the page. */
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
  /** Number of weighed validators. */
  readonly weighed: number;
  /** Weighed validators first. Not all of them when there are very many. */
  readonly validators: readonly ValidatorLine[];
  /** Those of the weighed validators that are listed. */
  readonly quorumSets: readonly { readonly hash: string; readonly quorumSet: SCPQuorumSet }[];
  /** The quorum set of the user. */
  readonly own?: {
    readonly quorumSet: SCPQuorumSet;
    readonly met: boolean;
    readonly nodes: readonly string[];
    readonly missing: readonly string[];
    readonly blockedBy: readonly string[];
  };
}
