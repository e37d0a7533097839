/**
 * The events of a crawl. Each is a line of its file.
 * @module
 */
import type { ProbeTimings } from '../probe/probe.ts';
import type { OverlayErrorJson } from '../protocol/errors.ts';
import type { NetworkName } from '../protocol/networks.ts';
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';
import type { ClockSkew, RemoteJson } from '../report/json.ts';
import type { CrawlCounts, ValidatorLine } from './validator-line.ts';

/** The version of the lines. */
export const CRAWL_VERSION = 1;

/** The settings of a crawl that a resumed crawl needs. */
export interface CrawlSettings {
  /** Ranges of addresses that may be dialled. Empty: all globally routable addresses. */
  readonly allow: readonly string[];
  /** Only addresses of this IP version are dialled; absent: both. */
  readonly family?: 4 | 6;
  /** The largest number of open connections. */
  readonly concurrency: number;
  /** The largest number of new connections in a second. */
  readonly rate: number;
  /** Time for a whole handshake, in milliseconds. */
  readonly timeoutMs: number;
  /** The largest number of addresses that are dialled. */
  readonly maxNodes?: number;
  /** Whether the crawl looks for validators. */
  readonly validators: boolean;
  /** Whether it takes a second look at a node that closes without a message. */
  readonly secondLook: boolean;
  /** The quorum set that decides which validators are weighed. */
  readonly quorumSet?: SCPQuorumSet;
  readonly versionStr?: string;
  readonly overlayVersion?: number;
  readonly overlayMinVersion?: number;
  readonly ledgerVersion?: number;
  readonly listeningPort?: number;
}

/** The first line: what is crawled. A resumed crawl adds another one. */
export interface CrawlStart {
  readonly type: 'crawl';
  readonly version: typeof CRAWL_VERSION;
  /** Short name of a well-known network, else its passphrase. */
  readonly network: NetworkName | (string & {});
  /** 64 hex digits. */
  readonly networkID: string;
  /** As the user has named them. */
  readonly seeds: readonly string[];
  /** ISO 8601. */
  readonly startedAt: string;
  /** ISO 8601; only of a resumed crawl. */
  readonly resumedAt?: string;
  /** Our own key, `G…`. */
  readonly peerID: string;
  readonly options: CrawlSettings;
}

/** The result for an address. */
export interface NodeLine {
  readonly type: 'node';
  /** `HOST:PORT`, the host an IP address unless it could not be resolved. */
  readonly address: string;
  /**
   * `ok`; a cause of docs/errors.md; `not-allowed`; `not-dialled` beyond --max-nodes. `peer-full` is a node that completed the
   * handshake, named others and had no free slot.
   */
  readonly outcome: string;
  /** `G…`, whenever its certificate was valid. */
  readonly peerID?: string;
  readonly remote?: RemoteJson;
  readonly timings?: ProbeTimings;
  readonly clockSkew?: ClockSkew;
  /** The addresses in its PEERS: names in its address book, not connections. */
  readonly peers?: readonly string[];
  readonly error?: OverlayErrorJson;
  readonly warnings?: readonly string[];
  /** Number of nodes that have named an address that was not dialled. */
  readonly namedBy?: number;
  /** The seed that stands for this address, when it is a host name. */
  readonly seed?: string;
  /** The time of the result, ISO 8601. */
  readonly at?: string;
}

/** A quorum set whose hash was verified. */
export interface QuorumSetLine {
  readonly type: 'quorumSet';
  /** 64 hex digits. */
  readonly hash: string;
  readonly quorumSet: SCPQuorumSet;
}

/** The last line. */
export interface CrawlEnd {
  readonly type: 'end';
  /** False when it was interrupted. */
  readonly finished: boolean;
  readonly counts: CrawlCounts;
  /** Duration of this run. */
  readonly seconds: number;
  /** The latest ledger that the weighed validators have closed. */
  readonly ledgerSeq?: number;
}

/** One line. If several lines are about the same address, key or hash, the last one is valid. */
export type CrawlEvent = CrawlStart | NodeLine | ValidatorLine | QuorumSetLine | CrawlEnd;
