/**
 * What is said of validators, and what a crawl comes to in numbers. Free of Node, because the page takes it, too.
 * @module
 */

/** What a validator is doing, in the words of stellar-core's `quorum` command. */
export type ValidatorState = 'validating' | 'delayed' | 'disagrees' | 'missing';

/** A key whose signed SCP statement was verified, or which a weighed quorum set names and nobody has heard. */
export interface ValidatorLine {
  readonly type: 'validator';
  /** `G…`. */
  readonly peerID: string;
  readonly state: ValidatorState;
  /** Whether `state` is `validating`. */
  readonly validating: boolean;
  /** 64 hex digits. */
  readonly quorumSetHash?: string;
  /** The latest ledger it has said something about. */
  readonly ledgerSeq?: number;
  readonly statement?: 'NOMINATE' | 'PREPARE' | 'CONFIRM' | 'EXTERNALIZE';
  /** Addresses of nodes that passed its statement on, twenty at most. */
  readonly heardFrom: readonly string[];
  /** Whether it is in the transitive closure of the quorum set that was given, or of what the reached nodes use. */
  readonly weighed: boolean;
}

/** What a crawl comes to, in numbers. */
export interface CrawlCounts {
  /** Addresses by outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Addresses altogether. */
  readonly addresses: number;
  /** Addresses that are known and were not asked, because the crawl was ended before. */
  readonly left: number;
  /** Different keys that were proved. */
  readonly keys: number;
  /** Weighed validators by state. */
  readonly validators: Readonly<Record<ValidatorState, number>>;
  /** Validators that are not weighed: anybody can make keys. */
  readonly unweighed: number;
  readonly quorumSets: number;
}
