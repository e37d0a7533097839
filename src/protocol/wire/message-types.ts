/**
 * The structures inside messages (Stellar-overlay.x and Stellar-SCP.x, protocol.md sections 2.5 to 2.8). Only types; their
 * codecs are in messages.ts.
 * @module
 */

/** Certificate over an ECDH key, signed by the node's identity (protocol.md section 3.4). */
export interface AuthCert {
  /** X25519 public key, 32 bytes. */
  readonly pubkey: Uint8Array;
  /** Unix time in seconds after which it is refused. */
  readonly expiration: bigint;
  /** ed25519 signature. A valid one has 64 bytes; the decoder accepts 0 to 64. */
  readonly sig: Uint8Array;
}

/** First message of each side (protocol.md section 2.5). */
export interface Hello {
  /** Newest ledger protocol version of the node; informational. */
  readonly ledgerVersion: number;
  /** Newest overlay version supported. */
  readonly overlayVersion: number;
  /** Oldest overlay version supported. */
  readonly overlayMinVersion: number;
  /** SHA-256 of the network passphrase, 32 bytes. */
  readonly networkID: Uint8Array;
  /** Free text, at most 100 bytes; informational. */
  readonly versionStr: string;
  /** TCP port the node listens on: 1 to 65535, signed on the wire. */
  readonly listeningPort: number;
  /** The node's identity, `G…`. */
  readonly peerID: string;
  readonly cert: AuthCert;
  /** 32 random bytes of this connection. */
  readonly nonce: Uint8Array;
}

/** An address in PEERS. */
export interface PeerAddress {
  /** IPv4 or IPv6 address as text. */
  readonly ip: string;
  readonly port: number;
  /** stellar-core always sends 0 and ignores it. */
  readonly numFailures: number;
}

/** Quorum slices: `threshold` of the validators and inner sets together. */
export interface SCPQuorumSet {
  readonly threshold: number;
  /** Node IDs, `G…`. */
  readonly validators: readonly string[];
  readonly innerSets: readonly SCPQuorumSet[];
}

/** A ballot of SCP. `value` is XDR of a StellarValue. */
export interface SCPBallot {
  readonly counter: number;
  readonly value: Uint8Array;
}

/** The content of a statement about a slot. Hashes are 32 bytes. */
export type SCPPledges =
  | {
      readonly type: 'SCP_ST_PREPARE';
      readonly quorumSetHash: Uint8Array;
      readonly ballot: SCPBallot;
      readonly prepared: SCPBallot | null;
      readonly preparedPrime: SCPBallot | null;
      readonly nC: number;
      readonly nH: number;
    }
  | {
      readonly type: 'SCP_ST_CONFIRM';
      readonly ballot: SCPBallot;
      readonly nPrepared: number;
      readonly nCommit: number;
      readonly nH: number;
      readonly quorumSetHash: Uint8Array;
    }
  | {
      readonly type: 'SCP_ST_EXTERNALIZE';
      readonly commit: SCPBallot;
      readonly nH: number;
      readonly commitQuorumSetHash: Uint8Array;
    }
  | {
      readonly type: 'SCP_ST_NOMINATE';
      readonly quorumSetHash: Uint8Array;
      readonly votes: readonly Uint8Array[];
      readonly accepted: readonly Uint8Array[];
    };

/** A statement of a node about a slot (a ledger). */
export interface SCPStatement {
  /** The node that made the statement, `G…`. */
  readonly nodeID: string;
  /** Ledger sequence. */
  readonly slotIndex: bigint;
  readonly pledges: SCPPledges;
}

/** A signed statement. The signature is ed25519 over networkID, ENVELOPE_TYPE_SCP and the statement, unhashed. */
export interface SCPEnvelope {
  readonly statement: SCPStatement;
  readonly signature: Uint8Array;
}

/** Start or stop of a survey's collecting phase (protocol.md section 2.8). */
export interface TimeSlicedSurveyCollecting {
  /** ed25519 by the surveyor over the XDR of all fields that follow. */
  readonly signature: Uint8Array;
  readonly surveyorID: string;
  readonly nonce: number;
  readonly ledgerNum: number;
}

/** Request of a survey to one node. */
export interface TimeSlicedSurveyRequest {
  /** ed25519 by the surveyor over the XDR of all fields that follow. */
  readonly signature: Uint8Array;
  readonly surveyorPeerID: string;
  readonly surveyedPeerID: string;
  readonly ledgerNum: number;
  /** Key with which the answer is encrypted, 32 bytes. */
  readonly encryptionKey: Uint8Array;
  readonly commandType: 'TIME_SLICED_SURVEY_TOPOLOGY';
  readonly nonce: number;
  readonly inboundPeersIndex: number;
  readonly outboundPeersIndex: number;
}

/** Answer of one node to a survey. */
export interface TimeSlicedSurveyResponse {
  /** ed25519 by the surveyed node over the XDR of all fields that follow. */
  readonly signature: Uint8Array;
  readonly surveyorPeerID: string;
  readonly surveyedPeerID: string;
  readonly ledgerNum: number;
  readonly commandType: 'TIME_SLICED_SURVEY_TOPOLOGY';
  /** Sealed box that contains the XDR of a SurveyResponseBody, at most 64,000 bytes. */
  readonly encryptedBody: Uint8Array;
  readonly nonce: number;
}
