/**
 * A closed ledger, its proof as one JSON value, and what is told besides ledgers.
 * @module
 */
import type { OverlayErrorJson } from '../protocol/errors.ts';
import type { SCPEnvelope, SCPQuorumSet } from '../protocol/wire/messages.ts';
import type { LedgerErrorCode, LedgerErrorJson } from './ledger-error.ts';

/**
 * What proves a ledger, as JSON: `verifyLedger` needs nothing else but whom one trusts. All XDR in it is base64.
 */
export interface LedgerProof {
  /** XDR of each SCPEnvelope, all of them EXTERNALIZE for the same slot and value. */
  readonly statements: readonly string[];
  /** The quorum set they were collected under: for the record, who verifies has his own. */
  readonly quorumSet: SCPQuorumSet;
  /** XDR of the GeneralizedTransactionSet, of a TransactionSet before ledger protocol 20. */
  readonly txSet: string;
}

/** What a proof proves. */
export interface VerifiedLedger {
  readonly ledgerSeq: number;
  /** Unix time in seconds. */
  readonly closeTime: number;
  /** SHA-256 of the transaction set, 32 bytes as hex; all zero when the network dropped the set that was nominated (CAP-83). */
  readonly txSetHash: string;
  /** Hash of the header of the ledger before, 32 bytes as hex: what this ledger's transaction set says of it. */
  readonly previousLedgerHash: string;
  /** XDR of each LedgerUpgrade. */
  readonly upgrades: readonly Uint8Array[];
  /**
   * XDR of the GeneralizedTransactionSet, of a TransactionSet before ledger protocol 20; its hash has been checked. Of a ledger
   * whose set was dropped it is the empty set that takes its place.
   */
  readonly txSet: Uint8Array;
  /** The signed statements that satisfied the quorum set, each for this slot and value. */
  readonly statements: readonly SCPEnvelope[];
}

/** A ledger as it was followed. */
export interface Ledger extends VerifiedLedger {
  /** From the first statement about the ledger until the quorum set was satisfied, in milliseconds. */
  readonly quorumMs: number;
  /** Made when it is looked at. */
  readonly proof: LedgerProof;
}

/** What is not a ledger. */
export type FollowEvent =
  | {
      /** Ledgers that nobody could give, or that were refused: they are skipped. */
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
      /** No ledger has had a quorum for some time. Told again when other nodes are missing. */
      readonly type: 'unmet';
      /** Nodes of the quorum set that have not closed the ledger that is awaited, `G…`. */
      readonly missing: readonly string[];
      /** When the last ledger had its quorum, or following began; ISO 8601. */
      readonly since: string;
    }
  | {
      /** A ledger has a quorum, and no peer gives its transaction set. */
      readonly type: 'unavailable';
      readonly ledgerSeq: number;
      readonly txSetHash: string;
      /** When it had its quorum; ISO 8601. */
      readonly since: string;
    }
  | {
      /** Something failed a check. The first is told at once, further ones of the kind are told together. */
      readonly type: 'refused';
      readonly code: LedgerErrorCode;
      /** How many since the last time it was told. */
      readonly count: number;
      /** What was wrong with the latest. */
      readonly message: string;
      readonly ledgerSeq?: number | undefined;
      /** The node that is said to have signed it, `G…`. */
      readonly nodeID?: string | undefined;
      /** The peer that sent it, `HOST:PORT`. */
      readonly address?: string | undefined;
    }
  | {
      /** A peer is connected, or its connection has failed or ended. */
      readonly type: 'peer';
      readonly address: string;
      /** Who it is, `G…`, once it is connected. */
      readonly peerID?: string | undefined;
      readonly versionStr?: string | undefined;
      readonly error?: OverlayErrorJson | LedgerErrorJson | undefined;
    };
