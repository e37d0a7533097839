/**
 * Every StellarMessage (Stellar-overlay.x, protocol.md section 2): its type and its codec. Ledger payloads stay bytes, so that
 * an upgrade of the ledger protocol does not break a connection.
 * @module
 */
import { MAX_PEERS, MAX_STRING_BYTES, MAX_SURVEY_BODY_BYTES, MAX_TX_HASHES, SIGNATURE_BYTES } from '../constants.ts';
import { ERROR_CODES, type ErrorCodeName } from '../error-table.ts';
import {
  array,
  type Codec,
  enumeration,
  int32,
  nodeID,
  opaque,
  optional,
  remainder,
  string,
  struct,
  uint32,
  uint64,
  union,
  varOpaque,
} from '../xdr/codec.ts';
import { formatIP, formatIPv4, parseIP } from './ip.ts';
import type {
  AuthCert,
  Hello,
  PeerAddress,
  SCPBallot,
  SCPEnvelope,
  SCPPledges,
  SCPQuorumSet,
  SCPStatement,
  TimeSlicedSurveyCollecting,
  TimeSlicedSurveyRequest,
  TimeSlicedSurveyResponse,
} from './message-types.ts';
import { scpQuorumSet } from './quorum-set.ts';

export type {
  AuthCert,
  Hello,
  PeerAddress,
  SCPBallot,
  SCPEnvelope,
  SCPPledges,
  SCPQuorumSet,
  SCPStatement,
  TimeSlicedSurveyCollecting,
  TimeSlicedSurveyRequest,
  TimeSlicedSurveyResponse,
} from './message-types.ts';

const hash = opaque(32);
const signature = varOpaque(SIGNATURE_BYTES);
const value = varOpaque();

const authCert: Codec<AuthCert> = struct<AuthCert>({ pubkey: hash, expiration: uint64, sig: signature });

/**
 * Error.code. It is not a union discriminant, so stellar-core accepts any number. Keeping an unknown number keeps the text
 * readable.
 */
const errorCode: Codec<ErrorCodeName | number> = {
  read(reader) {
    const code = reader.int32();
    return (Object.keys(ERROR_CODES) as ErrorCodeName[]).find((name) => ERROR_CODES[name] === code) ?? code;
  },
  check: int32.check,
  write: (writer, code) => int32.write(writer, typeof code === 'number' ? code : ERROR_CODES[code]),
  fixedBytes: 4,
  shape: { kind: 'leaf', type: 'enum', values: ERROR_CODES, isOpen: true },
};

const ipv4 = opaque(4);
const ipv6 = opaque(16);
const ip: Codec<string> = {
  read(reader) {
    const discriminant = reader.uint32();
    // A crawl reads hundreds of thousands of these addresses.
    if (discriminant === 0) return formatIPv4(reader.uint32());
    return formatIP(ipCase(discriminant, () => reader.fail('unknown union discriminant', 4)).read(reader));
  },
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

const ballot: Codec<SCPBallot> = struct<SCPBallot>({ counter: uint32, value });

/** XDR of an SCPStatement: the part of the signed bytes of an SCPEnvelope after the network ID and the envelope type. */
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

const hello: Codec<Hello> = struct<Hello>({
  ledgerVersion: uint32,
  overlayVersion: uint32,
  overlayMinVersion: uint32,
  networkID: hash,
  versionStr: string(MAX_STRING_BYTES),
  listeningPort: int32,
  peerID: nodeID,
  cert: authCert,
  nonce: hash,
});

const surveyRequest: Codec<TimeSlicedSurveyRequest> = struct<TimeSlicedSurveyRequest>({
  signature,
  surveyorPeerID: nodeID,
  surveyedPeerID: nodeID,
  ledgerNum: uint32,
  encryptionKey: hash,
  commandType,
  nonce: uint32,
  inboundPeersIndex: uint32,
  outboundPeersIndex: uint32,
});

const surveyResponse: Codec<TimeSlicedSurveyResponse> = struct<TimeSlicedSurveyResponse>({
  signature,
  surveyorPeerID: nodeID,
  surveyedPeerID: nodeID,
  ledgerNum: uint32,
  commandType,
  encryptedBody: varOpaque(MAX_SURVEY_BODY_BYTES),
  nonce: uint32,
});

/** Any message type by name. The names are looked up at use, because this codec is part of the table that defines them. */
const messageType: Codec<string> = {
  read: (reader) => messageTypeName(reader.int32()) ?? reader.fail('unknown enum value', 4),
  check: (reader) => void messageType.read(reader),
  write(writer, name) {
    if (!Object.hasOwn(MESSAGE_TYPES, name)) throw new TypeError(`expected one of ${Object.keys(MESSAGE_TYPES).join(', ')}`);
    writer.uint32(MESSAGE_TYPES[name as MessageType]);
  },
  shape: {
    kind: 'leaf',
    type: 'enum',
    get values() {
      return MESSAGE_TYPES;
    },
  },
};

/**
 * Every message in use: its discriminant (Stellar-overlay.x MessageType) and the codec of its fields. A new message is one
 * entry here; types, names, checks and tools follow from it.
 */
const MESSAGES = {
  /** `code` is a name, or the number when stellar-core does not define it. `msg`: at most 100 bytes. */
  ERROR_MSG: [
    0,
    struct<{ readonly code: ErrorCodeName | number; readonly msg: string }>({ code: errorCode, msg: string(MAX_STRING_BYTES) }),
  ],
  AUTH: [2, struct<{ readonly flags: number }>({ flags: int32 })],
  DONT_HAVE: [3, struct<{ readonly reqType: string; readonly reqHash: Uint8Array }>({ reqType: messageType, reqHash: hash })],
  PEERS: [5, struct<{ readonly peers: readonly PeerAddress[] }>({ peers: array(peerAddress, MAX_PEERS) })],
  GET_TX_SET: [6, struct<{ readonly txSetHash: Uint8Array }>({ txSetHash: hash })],
  /** XDR of a TransactionSet. */
  TX_SET: [7, struct<{ readonly txSet: Uint8Array }>({ txSet: remainder })],
  /** XDR of a TransactionEnvelope. */
  TRANSACTION: [8, struct<{ readonly transaction: Uint8Array }>({ transaction: remainder })],
  GET_SCP_QUORUMSET: [9, struct<{ readonly qSetHash: Uint8Array }>({ qSetHash: hash })],
  SCP_QUORUMSET: [10, struct<{ readonly qSet: SCPQuorumSet }>({ qSet: scpQuorumSet })],
  SCP_MESSAGE: [
    11,
    struct<{ readonly envelope: SCPEnvelope }>({ envelope: struct<SCPEnvelope>({ statement: scpStatement, signature }) }),
  ],
  /** Ledger sequence from which on SCP messages are requested; 0 = latest. */
  GET_SCP_STATE: [12, struct<{ readonly ledgerSeq: number }>({ ledgerSeq: uint32 })],
  HELLO: [13, hello],
  SEND_MORE: [16, struct<{ readonly numMessages: number }>({ numMessages: uint32 })],
  /** XDR of a GeneralizedTransactionSet. */
  GENERALIZED_TX_SET: [17, struct<{ readonly generalizedTxSet: Uint8Array }>({ generalizedTxSet: remainder })],
  /** Hashes of transaction envelopes, 32 bytes each, at most 1000. */
  FLOOD_ADVERT: [18, struct<{ readonly txHashes: readonly Uint8Array[] }>({ txHashes })],
  /** Hashes of transaction envelopes, 32 bytes each, at most 1000. */
  FLOOD_DEMAND: [19, struct<{ readonly txHashes: readonly Uint8Array[] }>({ txHashes })],
  SEND_MORE_EXTENDED: [
    20,
    struct<{ readonly numMessages: number; readonly numBytes: number }>({ numMessages: uint32, numBytes: uint32 }),
  ],
  TIME_SLICED_SURVEY_REQUEST: [21, struct<{ readonly request: TimeSlicedSurveyRequest }>({ request: surveyRequest })],
  TIME_SLICED_SURVEY_RESPONSE: [22, struct<{ readonly response: TimeSlicedSurveyResponse }>({ response: surveyResponse })],
  TIME_SLICED_SURVEY_START_COLLECTING: [
    23,
    struct<{ readonly startCollecting: TimeSlicedSurveyCollecting }>({ startCollecting: surveyCollecting }),
  ],
  TIME_SLICED_SURVEY_STOP_COLLECTING: [
    24,
    struct<{ readonly stopCollecting: TimeSlicedSurveyCollecting }>({ stopCollecting: surveyCollecting }),
  ],
} as const satisfies Readonly<Record<string, readonly [discriminant: number, fields: unknown]>>;

/** Name of a message type that is in use. */
export type MessageType = keyof typeof MESSAGES;

/** Fields of DONT_HAVE. `reqType` is the type of the request: in practice SCP_QUORUMSET, TX_SET or GENERALIZED_TX_SET. */
interface DontHave {
  readonly reqType: MessageType;
  readonly reqHash: Uint8Array;
}

/** Fields of each message without its type. DONT_HAVE contains message types, so its fields cannot be derived from the table. */
export type MessageFields = {
  readonly [T in MessageType]: T extends 'DONT_HAVE' ? DontHave : FieldsOf<(typeof MESSAGES)[T]>;
};
type FieldsOf<Entry> = Entry extends readonly [number, Codec<infer Fields>] ? Fields : never;

/** A message of a type in use, discriminated by `type`. */
export type StellarMessage = { readonly [T in MessageType]: { readonly type: T } & MessageFields[T] }[MessageType];

/**
 * A message of a type that this package does not know, received or to be sent. A SCP_QUORUMSET with more levels or nodes than
 * any node accepts (5 and 1,000) also has this form: it is not decoded.
 */
export interface UnknownMessage {
  readonly type: 'UNKNOWN';
  readonly typeNumber: number;
  /** The StellarMessage: its 4-byte type and the rest. Its length is a multiple of 4. */
  readonly xdr: Uint8Array;
}

/** Discriminants of StellarMessage (Stellar-overlay.x MessageType). */
export const MESSAGE_TYPES = Object.fromEntries(
  Object.entries(MESSAGES).map(([type, [discriminant]]) => [type, discriminant]),
) as { readonly [T in MessageType]: (typeof MESSAGES)[T][0] };

/** Codec of the fields of each message, which follow its type. */
export const messageFields = Object.fromEntries(Object.entries(MESSAGES).map(([type, [, fields]]) => [type, fields])) as {
  readonly [T in MessageType]: Codec<MessageFields[T]>;
};

/** Codec of a StellarMessage: its type, then its fields. */
export const stellarMessage: Codec<StellarMessage> = union<StellarMessage>(MESSAGES as never);

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
