/**
 * A closed ledger, its proof as one JSON value, and the events besides ledgers.
 * @module
 */
import type { OverlayErrorJson } from '../protocol/errors.ts';
import type { SCPEnvelope, SCPQuorumSet } from '../protocol/wire/messages.ts';
import type { LedgerErrorCode, LedgerErrorJson } from './ledger-error.ts';

/**
 * The proof of a ledger, as JSON. `verifyLedger` needs it and the nodes you trust, nothing else. All XDR in it is base64.
 */
export interface LedgerProof {
  /** XDR of each SCPEnvelope, all of them EXTERNALIZE for the same slot and value. */
  readonly statements: readonly string[];
  /** The quorum set of the follower, for information: the verifier uses its own. */
  readonly quorumSet: SCPQuorumSet;
  /** XDR of the GeneralizedTransactionSet; before ledger protocol 20, of the TransactionSet. */
  readonly txSet: string;
}

/** The verified content of a proof. */
export interface VerifiedLedger {
  readonly ledgerSeq: number;
  /** Unix time in seconds. */
  readonly closeTime: number;
  /** SHA-256 of the transaction set, 32 bytes as hex; all zero when the network dropped the set that was nominated (CAP-83). */
  readonly txSetHash: string;
  /** Hash of the header of the previous ledger, from this ledger's transaction set: 32 bytes as hex. */
  readonly previousLedgerHash: string;
  /** XDR of each LedgerUpgrade. */
  readonly upgrades: readonly Uint8Array[];
  /**
   * XDR of the GeneralizedTransactionSet; before ledger protocol 20, of the TransactionSet. Its hash has been checked. If the
   * network dropped the set of the ledger, this is the empty set in its place.
   */
  readonly txSet: Uint8Array;
  /** The signed statements that satisfied the quorum set, each for this slot and value. */
  readonly statements: readonly SCPEnvelope[];
}

/** A ledger of a follower. */
export interface Ledger extends VerifiedLedger {
  /** From the first statement about the ledger until the quorum set was satisfied, in milliseconds. */
  readonly quorumMs: number;
  /** Made on first access. */
  readonly proof: LedgerProof;
}

/** Events that are not ledgers. */
export type FollowEvent =
  | {
      /** Ledgers that no peer had, or that failed a check. They are skipped. */
      readonly type: 'gap';
      readonly from: number;
      readonly to: number;
    }
  | {
      readonly type: 'alarm';
      /**
       * `equivocation`: one node has signed two values for a slot. `fork`: two values of a slot have a quorum each.
       * `chain`: two ledgers name the same one as their predecessor.
       */
      readonly kind: 'equivocation' | 'fork' | 'chain';
      readonly ledgerSeq: number;
      /** Base64 XDR: the SCPEnvelopes, of `chain` the two transaction sets. */
      readonly evidence: readonly string[];
    }
  | {
      /** No ledger has had a quorum for some time. Reported again when other nodes are missing. */
      readonly type: 'unmet';
      /** Nodes of the quorum set that have not closed the next ledger, `G…`. */
      readonly missing: readonly string[];
      /** When the last ledger had its quorum, or following began; ISO 8601. */
      readonly since: string;
    }
  | {
      /** A ledger has a quorum, but no peer has sent its transaction set. */
      readonly type: 'unavailable';
      readonly ledgerSeq: number;
      readonly txSetHash: string;
      /** When it had its quorum; ISO 8601. */
      readonly since: string;
    }
  | {
      /** Something failed a check. The first failure is reported at once, later ones of its kind together. */
      readonly type: 'refused';
      readonly code: LedgerErrorCode;
      /** Number of failures since the last report. */
      readonly count: number;
      /** The error of the latest. */
      readonly message: string;
      readonly ledgerSeq?: number | undefined;
      /** The node that it names as its signer, `G…`. */
      readonly nodeID?: string | undefined;
      /** The peer that sent it, `HOST:PORT`. */
      readonly address?: string | undefined;
    }
  | {
      /** A peer has connected, or its connection has failed or ended. */
      readonly type: 'peer';
      readonly address: string;
      /** Its peerID, `G…`, if it has connected. */
      readonly peerID?: string | undefined;
      readonly versionStr?: string | undefined;
      readonly error?: OverlayErrorJson | LedgerErrorJson | undefined;
    };
