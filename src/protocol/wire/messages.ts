/**
 * Every StellarMessage (Stellar-overlay.x, protocol.md section 2): its type and its codec. Ledger payloads stay bytes,
 * so that an upgrade of the ledger protocol never breaks a connection. One long file, as Stellar-overlay.x is.
 * @module
 */
import {
  MAX_PEERS,
  MAX_QUORUM_SET_DEPTH,
  MAX_STRING_BYTES,
  MAX_SURVEY_BODY_BYTES,
  MAX_TX_HASHES,
  SIGNATURE_BYTES,
} from '../constants.ts';
import { ERROR_CODES, type ErrorCodeName } from '../error-table.ts';
import {
  array,
  type Codec,
  enumeration,
  int32,
  nodeID,
  opaque,
  optional,
  recursive,
  remainder,
  string,
  struct,
  uint32,
  uint64,
  union,
  varOpaque,
} from '../xdr/codec.ts';
import { formatIP, parseIP } from './ip.ts';

/** Discriminants of StellarMessage (Stellar-overlay.x MessageType). */
export const MESSAGE_TYPES = {
  ERROR_MSG: 0,
  AUTH: 2,
  DONT_HAVE: 3,
  PEERS: 5,
  GET_TX_SET: 6,
  TX_SET: 7,
  TRANSACTION: 8,
  GET_SCP_QUORUMSET: 9,
  SCP_QUORUMSET: 10,
  SCP_MESSAGE: 11,
  GET_SCP_STATE: 12,
  HELLO: 13,
  SEND_MORE: 16,
  GENERALIZED_TX_SET: 17,
  FLOOD_ADVERT: 18,
  FLOOD_DEMAND: 19,
  SEND_MORE_EXTENDED: 20,
  TIME_SLICED_SURVEY_REQUEST: 21,
  TIME_SLICED_SURVEY_RESPONSE: 22,
  TIME_SLICED_SURVEY_START_COLLECTING: 23,
  TIME_SLICED_SURVEY_STOP_COLLECTING: 24,
} as const satisfies Record<string, number>;

/** Name of a message type that is in use. */
export type MessageType = keyof typeof MESSAGE_TYPES;

/** Certificate over an ECDH key, signed by the node's identity (protocol.md section 3.4). */
export interface AuthCert {
  /** X25519 public key, 32 bytes. */
  readonly pubkey: Uint8Array;
  /** Unix time in seconds after which it is not accepted. */
  readonly expiration: bigint;
  /** ed25519 signature, 64 bytes in a good one; up to 64 decode. */
  readonly sig: Uint8Array;
}

/** First message of each side (protocol.md section 2.5). */
export interface Hello {
  /** Newest ledger protocol the node knows; informational. */
  readonly ledgerVersion: number;
  /** Newest overlay version spoken. */
  readonly overlayVersion: number;
  /** Oldest overlay version spoken. */
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
  /** Always sent as 0 by the reference, and ignored. */
  readonly numFailures: number;
}

/** Slices of trust: `threshold` of the validators and inner sets together. */
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

/** What a node says about a slot. Hashes are 32 bytes. */
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
  /** Who says it, `G…`. */
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

/** Question of a survey to one node. */
export interface TimeSlicedSurveyRequest {
  /** ed25519 by the surveyor over the XDR of all fields that follow. */
  readonly signature: Uint8Array;
  readonly surveyorPeerID: string;
  readonly surveyedPeerID: string;
  readonly ledgerNum: number;
  /** Key the answer is sealed to, 32 bytes. */
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
  /** Sealed box with the XDR of a SurveyResponseBody, at most 64,000 bytes. */
  readonly encryptedBody: Uint8Array;
  readonly nonce: number;
}

/** Fields of each message beside its type. */
export interface MessageFields {
  /** `code` is a name, or the number when it is one the reference does not define. `msg`: at most 100 bytes. */
  readonly ERROR_MSG: { readonly code: ErrorCodeName | number; readonly msg: string };
  readonly AUTH: { readonly flags: number };
  /** `reqType` is what was asked for: SCP_QUORUMSET, TX_SET or GENERALIZED_TX_SET in practice. */
  readonly DONT_HAVE: { readonly reqType: MessageType; readonly reqHash: Uint8Array };
  readonly PEERS: { readonly peers: readonly PeerAddress[] };
  readonly GET_TX_SET: { readonly txSetHash: Uint8Array };
  /** XDR of a TransactionSet. */
  readonly TX_SET: { readonly txSet: Uint8Array };
  /** XDR of a TransactionEnvelope. */
  readonly TRANSACTION: { readonly transaction: Uint8Array };
  readonly GET_SCP_QUORUMSET: { readonly qSetHash: Uint8Array };
  readonly SCP_QUORUMSET: { readonly qSet: SCPQuorumSet };
  readonly SCP_MESSAGE: { readonly envelope: SCPEnvelope };
  /** Ledger sequence from which on the SCP messages are wanted; 0 = latest. */
  readonly GET_SCP_STATE: { readonly ledgerSeq: number };
  readonly HELLO: Hello;
  readonly SEND_MORE: { readonly numMessages: number };
  /** XDR of a GeneralizedTransactionSet. */
  readonly GENERALIZED_TX_SET: { readonly generalizedTxSet: Uint8Array };
  /** Hashes of transaction envelopes, 32 bytes each, at most 1000. */
  readonly FLOOD_ADVERT: { readonly txHashes: readonly Uint8Array[] };
  /** Hashes of transaction envelopes, 32 bytes each, at most 1000. */
  readonly FLOOD_DEMAND: { readonly txHashes: readonly Uint8Array[] };
  readonly SEND_MORE_EXTENDED: { readonly numMessages: number; readonly numBytes: number };
  readonly TIME_SLICED_SURVEY_REQUEST: { readonly request: TimeSlicedSurveyRequest };
  readonly TIME_SLICED_SURVEY_RESPONSE: { readonly response: TimeSlicedSurveyResponse };
  readonly TIME_SLICED_SURVEY_START_COLLECTING: { readonly startCollecting: TimeSlicedSurveyCollecting };
  readonly TIME_SLICED_SURVEY_STOP_COLLECTING: { readonly stopCollecting: TimeSlicedSurveyCollecting };
}

/** A message of a type in use, discriminated by `type`. */
export type StellarMessage = { readonly [T in MessageType]: { readonly type: T } & MessageFields[T] }[MessageType];

/** A message of a type this package does not know, as it came or to be sent. */
export interface UnknownMessage {
  readonly type: 'UNKNOWN';
  readonly typeNumber: number;
  /** The StellarMessage: its 4-byte type and whatever follows. Its length is a multiple of 4. */
  readonly xdr: Uint8Array;
}

const hash = opaque(32);
const signature = varOpaque(SIGNATURE_BYTES);
const value = varOpaque();

const authCert: Codec<AuthCert> = struct<AuthCert>({ pubkey: hash, expiration: uint64, sig: signature });

/** Error.code: not a union discriminant, so the reference takes any number; keeping it keeps the text readable. */
const errorCode: Codec<ErrorCodeName | number> = {
  read(reader) {
    const code = reader.int32();
    return (Object.keys(ERROR_CODES) as ErrorCodeName[]).find((name) => ERROR_CODES[name] === code) ?? code;
  },
  check: int32.check,
  write: (writer, code) => int32.write(writer, typeof code === 'number' ? code : ERROR_CODES[code]),
  fixedBytes: 4,
  shape: { kind: 'leaf', type: 'enum' },
};

const ipv4 = opaque(4);
const ipv6 = opaque(16);
const ip: Codec<string> = {
  read: (reader) => formatIP(ipCase(reader.uint32(), () => reader.fail('unknown union discriminant', 4)).read(reader)),
  check: (reader) => ipCase(reader.uint32(), () => reader.fail('unknown union discriminant', 4)).check(reader),
  write(writer, text) {
    const bytes = parseIP(text);
    writer.uint32(bytes.length === 4 ? 0 : 1);
    writer.opaque(bytes);
  },
  shape: {
    kind: 'union',
    cases: new Map([
      [0, ['IPv4', ipv4 as Codec<unknown>]],
      [1, ['IPv6', ipv6 as Codec<unknown>]],
    ]),
  },
};
function ipCase(discriminant: number, fail: () => never): Codec<Uint8Array> {
  return discriminant === 0 ? ipv4 : discriminant === 1 ? ipv6 : fail();
}

const peerAddress: Codec<PeerAddress> = struct<PeerAddress>({ ip, port: uint32, numFailures: uint32 });

/** XDR of an SCPQuorumSet: what its hash is of. */
export const scpQuorumSet: Codec<SCPQuorumSet> = recursive(() => quorumSetLevel, MAX_QUORUM_SET_DEPTH);
const quorumSetLevel: Codec<SCPQuorumSet> = struct<SCPQuorumSet>({
  threshold: uint32,
  validators: array(nodeID),
  innerSets: array(scpQuorumSet),
});

const ballot: Codec<SCPBallot> = struct<SCPBallot>({ counter: uint32, value });

/** XDR of an SCPStatement: what an SCPEnvelope's signature covers, after the network ID and the envelope type. */
export const scpStatement: Codec<SCPStatement> = struct<SCPStatement>({
  nodeID,
  slotIndex: uint64,
  pledges: union<SCPPledges>({
    SCP_ST_PREPARE: [
      0,
      struct({
        quorumSetHash: hash,
        ballot,
        prepared: optional(ballot),
        preparedPrime: optional(ballot),
        nC: uint32,
        nH: uint32,
      }),
    ],
    SCP_ST_CONFIRM: [1, struct({ ballot, nPrepared: uint32, nCommit: uint32, nH: uint32, quorumSetHash: hash })],
    SCP_ST_EXTERNALIZE: [2, struct({ commit: ballot, nH: uint32, commitQuorumSetHash: hash })],
    SCP_ST_NOMINATE: [3, struct({ quorumSetHash: hash, votes: array(value), accepted: array(value) })],
  }),
});

const commandType = enumeration({ TIME_SLICED_SURVEY_TOPOLOGY: 1 });

const surveyCollecting: Codec<TimeSlicedSurveyCollecting> = struct<TimeSlicedSurveyCollecting>({
  signature,
  surveyorID: nodeID,
  nonce: uint32,
  ledgerNum: uint32,
});

const txHashes: Codec<readonly Uint8Array[]> = array(hash, MAX_TX_HASHES);

/** Codec of the fields of each message, which follow its type. */
export const messageFields: { readonly [T in MessageType]: Codec<MessageFields[T]> } = {
  ERROR_MSG: struct<MessageFields['ERROR_MSG']>({ code: errorCode, msg: string(MAX_STRING_BYTES) }),
  AUTH: struct<MessageFields['AUTH']>({ flags: int32 }),
  DONT_HAVE: struct<MessageFields['DONT_HAVE']>({ reqType: enumeration(MESSAGE_TYPES), reqHash: hash }),
  PEERS: struct<MessageFields['PEERS']>({ peers: array(peerAddress, MAX_PEERS) }),
  GET_TX_SET: struct<MessageFields['GET_TX_SET']>({ txSetHash: hash }),
  TX_SET: struct<MessageFields['TX_SET']>({ txSet: remainder }),
  TRANSACTION: struct<MessageFields['TRANSACTION']>({ transaction: remainder }),
  GET_SCP_QUORUMSET: struct<MessageFields['GET_SCP_QUORUMSET']>({ qSetHash: hash }),
  SCP_QUORUMSET: struct<MessageFields['SCP_QUORUMSET']>({ qSet: scpQuorumSet }),
  SCP_MESSAGE: struct<MessageFields['SCP_MESSAGE']>({ envelope: struct<SCPEnvelope>({ statement: scpStatement, signature }) }),
  GET_SCP_STATE: struct<MessageFields['GET_SCP_STATE']>({ ledgerSeq: uint32 }),
  HELLO: struct<Hello>({
    ledgerVersion: uint32,
    overlayVersion: uint32,
    overlayMinVersion: uint32,
    networkID: hash,
    versionStr: string(MAX_STRING_BYTES),
    listeningPort: int32,
    peerID: nodeID,
    cert: authCert,
    nonce: hash,
  }),
  SEND_MORE: struct<MessageFields['SEND_MORE']>({ numMessages: uint32 }),
  GENERALIZED_TX_SET: struct<MessageFields['GENERALIZED_TX_SET']>({ generalizedTxSet: remainder }),
  FLOOD_ADVERT: struct<MessageFields['FLOOD_ADVERT']>({ txHashes }),
  FLOOD_DEMAND: struct<MessageFields['FLOOD_DEMAND']>({ txHashes }),
  SEND_MORE_EXTENDED: struct<MessageFields['SEND_MORE_EXTENDED']>({ numMessages: uint32, numBytes: uint32 }),
  TIME_SLICED_SURVEY_REQUEST: struct<MessageFields['TIME_SLICED_SURVEY_REQUEST']>({
    request: struct<TimeSlicedSurveyRequest>({
      signature,
      surveyorPeerID: nodeID,
      surveyedPeerID: nodeID,
      ledgerNum: uint32,
      encryptionKey: hash,
      commandType,
      nonce: uint32,
      inboundPeersIndex: uint32,
      outboundPeersIndex: uint32,
    }),
  }),
  TIME_SLICED_SURVEY_RESPONSE: struct<MessageFields['TIME_SLICED_SURVEY_RESPONSE']>({
    response: struct<TimeSlicedSurveyResponse>({
      signature,
      surveyorPeerID: nodeID,
      surveyedPeerID: nodeID,
      ledgerNum: uint32,
      commandType,
      encryptedBody: varOpaque(MAX_SURVEY_BODY_BYTES),
      nonce: uint32,
    }),
  }),
  TIME_SLICED_SURVEY_START_COLLECTING: struct<MessageFields['TIME_SLICED_SURVEY_START_COLLECTING']>({
    startCollecting: surveyCollecting,
  }),
  TIME_SLICED_SURVEY_STOP_COLLECTING: struct<MessageFields['TIME_SLICED_SURVEY_STOP_COLLECTING']>({
    stopCollecting: surveyCollecting,
  }),
};

/** Codec of a StellarMessage: its type, then its fields. */
export const stellarMessage: Codec<StellarMessage> = union<StellarMessage>(
  Object.fromEntries(
    Object.entries(messageFields).map(([type, codec]) => [type, [MESSAGE_TYPES[type as MessageType], codec]]),
  ) as never,
);

/** The name of a discriminant; undefined when no message in use has it. */
export function messageTypeName(typeNumber: number): MessageType | undefined {
  return NAMES[typeNumber];
}

/** Names by discriminant. */
const NAMES: readonly (MessageType | undefined)[] = Object.entries(MESSAGE_TYPES).reduce<MessageType[]>(
  (names, [name, number]) => {
    names[number] = name as MessageType;
    return names;
  },
  [],
);
