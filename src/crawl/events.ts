/**
 * What a crawl says: one object after the other, each a line of its file.
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

/** How a crawl was asked for, as far as it is needed to go on with it. */
export interface CrawlSettings {
  /** Ranges of addresses that may be dialled; none: whatever is globally routable. */
  readonly allow: readonly string[];
  /** Only addresses of this IP version are dialled; absent: both. */
  readonly family?: 4 | 6;
  /** Connections open at the same moment at most. */
  readonly concurrency: number;
  /** Connections begun in a second at most. */
  readonly rate: number;
  /** Time for a whole handshake, in milliseconds. */
  readonly timeoutMs: number;
  /** Addresses that are dialled at most. */
  readonly maxNodes?: number;
  /** Whether validators are looked for. */
  readonly validators: boolean;
  /** Whether a node that closes without a word is dialled again to find out why. */
  readonly secondLook: boolean;
  /** The quorum set that decides which validators are weighed. */
  readonly quorumSet?: SCPQuorumSet;
  readonly versionStr?: string;
  readonly overlayVersion?: number;
  readonly overlayMinVersion?: number;
  readonly ledgerVersion?: number;
  readonly listeningPort?: number;
}

/** The first line: what is crawled. One more is written when a crawl is gone on with. */
export interface CrawlStart {
  readonly type: 'crawl';
  readonly version: typeof CRAWL_VERSION;
  /** Short name of a well-known network, else its passphrase. */
  readonly network: NetworkName | (string & {});
  /** 64 hex digits. */
  readonly networkID: string;
  /** As they were named. */
  readonly seeds: readonly string[];
  /** ISO 8601. */
  readonly startedAt: string;
  /** ISO 8601, when it is gone on with. */
  readonly resumedAt?: string;
  /** Our own key, `G…`. */
  readonly peerID: string;
  readonly options: CrawlSettings;
}

/** What became of an address. */
export interface NodeLine {
  readonly type: 'node';
  /** `HOST:PORT`, the host an IP address unless it could not be resolved. */
  readonly address: string;
  /**
   * `ok`; a cause of docs/errors.md; `not-allowed`; `not-dialled` when --max-nodes had been reached. `peer-full` is a node that
   * completed the handshake, named others and had no slot.
   */
  readonly outcome: string;
  /** `G…`, whenever its certificate was good. */
  readonly peerID?: string;
  readonly remote?: RemoteJson;
  readonly timings?: ProbeTimings;
  readonly clockSkew?: ClockSkew;
  /** The addresses in its PEERS: names in its address book, not connections. */
  readonly peers?: readonly string[];
  readonly error?: OverlayErrorJson;
  readonly warnings?: readonly string[];
  /** How many nodes have named an address that was not dialled. */
  readonly namedBy?: number;
  /** The seed it was named by, when that is a host name. */
  readonly seed?: string;
  /** ISO 8601: when it was over. */
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
  /** How long this run took. */
  readonly seconds: number;
  /** The latest ledger that the weighed validators have closed. */
  readonly ledgerSeq?: number;
}

/** One line. Of several about one address, key or hash the last counts. */
export type CrawlEvent = CrawlStart | NodeLine | ValidatorLine | QuorumSetLine | CrawlEnd;
