/**
 * Lines about validators, and the numbers of a crawl. This file needs no Node API, because the page uses it too.
 * @module
 */

/** State of a validator, in the words of stellar-core's `quorum` command. */
export type ValidatorState = 'validating' | 'delayed' | 'disagrees' | 'missing';

/** A key whose signed SCP statement was verified, or a key that a weighed quorum set names and that was not heard. */
export interface ValidatorLine {
  readonly type: 'validator';
  /** `G…`. */
  readonly peerID: string;
  readonly state: ValidatorState;
  /** Whether `state` is `validating`. */
  readonly validating: boolean;
  /** 64 hex digits. */
  readonly quorumSetHash?: string;
  /** The ledger of its latest statement. */
  readonly ledgerSeq?: number;
  readonly statement?: 'NOMINATE' | 'PREPARE' | 'CONFIRM' | 'EXTERNALIZE';
  /** Addresses of nodes that passed on its statement, at most twenty. */
  readonly heardFrom: readonly string[];
  /** Whether it is in the transitive closure of the user's quorum set, or else of the quorum sets of the reached nodes. */
  readonly weighed: boolean;
}

/** The numbers of a crawl. */
export interface CrawlCounts {
  /** Number of addresses by outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Number of all known addresses. */
  readonly addresses: number;
  /** Number of known addresses without a result, because the crawl was interrupted. */
  readonly left: number;
  /** Number of different keys that nodes have proved. */
  readonly keys: number;
  /** Number of weighed validators by state. */
  readonly validators: Readonly<Record<ValidatorState, number>>;
  /** Number of keys that are not weighed: anyone can make keys. */
  readonly unweighed: number;
  /** Number of different quorum sets of weighed validators. */
  readonly quorumSets: number;
}
