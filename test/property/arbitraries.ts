/**
 * Arbitrary messages of every type, and damage to their bytes.
 * @module
 */
import fc from 'fast-check';
import { utf8Encode } from '../../src/protocol/bytes.ts';
import { ERROR_CODES, type ErrorCodeName } from '../../src/protocol/error-table.ts';
import { encodePublicKey } from '../../src/protocol/strkey.ts';
import { formatIP } from '../../src/protocol/wire/ip.ts';
import {
  MESSAGE_TYPES,
  type MessageFields,
  type MessageType,
  type SCPQuorumSet,
  type StellarMessage,
  stellarMessage,
} from '../../src/protocol/wire/messages.ts';
import { XdrWriter } from '../../src/protocol/xdr/writer.ts';

/** Code points of surrogates, which are not characters. */
const [FIRST_SURROGATE, SURROGATES] = [0xd800, 0x800];

/** Any character, as the unit `binary` of fast-check; that one takes a second, to number each of the million characters. */
export const character: fc.Arbitrary<string> = fc.nat({ max: 0x10ffff - SURROGATES }).map(
  (number) => String.fromCodePoint(number < FIRST_SURROGATE ? number : number + SURROGATES),
  (char) => {
    const point = typeof char === 'string' ? (char.codePointAt(0) ?? 0) : 0;
    if (char !== String.fromCodePoint(point) || /\p{Cs}/u.test(char)) throw new TypeError('not one character');
    return point < FIRST_SURROGATE ? point : point - SURROGATES;
  },
);
/** Exactly this number of bytes. */
export const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const upTo = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });
const hash = bytes(32);
const signature = fc.oneof(bytes(64), upTo(64));
/** unsigned int. */
export const uint32 = fc.oneof(
  fc.nat(300),
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 0x7fffffff, 0x80000000, 0xffffffff),
);
const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const nodeID = hash.map(encodePublicKey);
const text = fc.string({ unit: character, maxLength: 100 }).filter((value) => utf8Encode(value).length <= 100);
const errorName = fc.constantFrom(...(Object.keys(ERROR_CODES) as ErrorCodeName[]));
/** XDR this package does not look into. */
const payload = fc.integer({ min: 1, max: 40 }).chain((words) => bytes(4 * words));
const hashes = fc.array(hash, { maxLength: 30 });
/** An address as this package writes it. */
export const ip = fc
  .oneof(
    bytes(4),
    bytes(16),
    bytes(16).map((value) => value.map((byte) => (byte < 170 ? 0 : byte))),
  )
  .map(formatIP);
const ballot = fc.record({ counter: uint32, value: upTo(70) });

const quorumSetOf = (levels: number): fc.Arbitrary<SCPQuorumSet> =>
  fc.record({
    threshold: uint32,
    validators: fc.array(nodeID, { maxLength: 4 }),
    innerSets: levels === 0 ? fc.constant([]) : fc.array(quorumSetOf(levels - 1), { maxLength: 3 }),
  });
const quorumSet = quorumSetOf(3);

const pledges = fc.oneof(
  fc.record({
    type: fc.constant('SCP_ST_PREPARE' as const),
    quorumSetHash: hash,
    ballot,
    prepared: fc.option(ballot),
    preparedPrime: fc.option(ballot),
    nC: uint32,
    nH: uint32,
  }),
  fc.record({
    type: fc.constant('SCP_ST_CONFIRM' as const),
    ballot,
    nPrepared: uint32,
    nCommit: uint32,
    nH: uint32,
    quorumSetHash: hash,
  }),
  fc.record({ type: fc.constant('SCP_ST_EXTERNALIZE' as const), commit: ballot, nH: uint32, commitQuorumSetHash: hash }),
  fc.record({
    type: fc.constant('SCP_ST_NOMINATE' as const),
    quorumSetHash: hash,
    votes: fc.array(upTo(40), { maxLength: 4 }),
    accepted: fc.array(upTo(40), { maxLength: 4 }),
  }),
);
const collecting = fc.record({ signature, surveyorID: nodeID, nonce: uint32, ledgerNum: uint32 });
const commandType = fc.constant('TIME_SLICED_SURVEY_TOPOLOGY' as const);

/** Fields of a message of each type. */
export const FIELDS: { readonly [T in MessageType]: fc.Arbitrary<MessageFields[T]> } = {
  ERROR_MSG: fc.record({
    code: fc.oneof(
      errorName,
      int32.filter((code) => code < 0 || code > 4),
    ),
    msg: text,
  }),
  AUTH: fc.record({ flags: int32 }),
  DONT_HAVE: fc.record({ reqType: fc.constantFrom(...(Object.keys(MESSAGE_TYPES) as MessageType[])), reqHash: hash }),
  PEERS: fc.record({ peers: fc.array(fc.record({ ip, port: uint32, numFailures: uint32 }), { maxLength: 100 }) }),
  GET_TX_SET: fc.record({ txSetHash: hash }),
  TX_SET: fc.record({ txSet: payload }),
  TRANSACTION: fc.record({ transaction: payload }),
  GET_SCP_QUORUMSET: fc.record({ qSetHash: hash }),
  SCP_QUORUMSET: fc.record({ qSet: quorumSet }),
  SCP_MESSAGE: fc.record({
    envelope: fc.record({ statement: fc.record({ nodeID, slotIndex: uint64, pledges }), signature }),
  }),
  GET_SCP_STATE: fc.record({ ledgerSeq: uint32 }),
  HELLO: fc.record({
    ledgerVersion: uint32,
    overlayVersion: uint32,
    overlayMinVersion: uint32,
    networkID: hash,
    versionStr: text,
    listeningPort: int32,
    peerID: nodeID,
    cert: fc.record({ pubkey: hash, expiration: uint64, sig: signature }),
    nonce: hash,
  }),
  SEND_MORE: fc.record({ numMessages: uint32 }),
  GENERALIZED_TX_SET: fc.record({ generalizedTxSet: payload }),
  FLOOD_ADVERT: fc.record({ txHashes: hashes }),
  FLOOD_DEMAND: fc.record({ txHashes: hashes }),
  SEND_MORE_EXTENDED: fc.record({ numMessages: uint32, numBytes: uint32 }),
  TIME_SLICED_SURVEY_REQUEST: fc.record({
    request: fc.record({
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
  TIME_SLICED_SURVEY_RESPONSE: fc.record({
    response: fc.record({
      signature,
      surveyorPeerID: nodeID,
      surveyedPeerID: nodeID,
      ledgerNum: uint32,
      commandType,
      encryptedBody: upTo(200),
      nonce: uint32,
    }),
  }),
  TIME_SLICED_SURVEY_START_COLLECTING: fc.record({ startCollecting: collecting }),
  TIME_SLICED_SURVEY_STOP_COLLECTING: fc.record({ stopCollecting: collecting }),
};

/** Every message type. */
export const TYPES = Object.keys(MESSAGE_TYPES) as readonly MessageType[];

/** A message of a type. */
export function messageOf<T extends MessageType>(type: T): fc.Arbitrary<Extract<StellarMessage, { type: T }>> {
  return (FIELDS[type] as fc.Arbitrary<object>).map((fields) => ({ type, ...fields })) as never;
}

/** A message of any of these types. */
export function anyMessage(types: readonly MessageType[] = TYPES): fc.Arbitrary<StellarMessage> {
  return fc.constantFrom(...types).chain(messageOf) as fc.Arbitrary<StellarMessage>;
}

/** XDR of a message. */
export function encode(message: StellarMessage): Uint8Array {
  const writer = new XdrWriter();
  stellarMessage.write(writer, message);
  return writer.take();
}

/** A way to damage bytes: one byte changed, a word cut out, a word put in, or the end lost. */
export type Damage =
  | { readonly kind: 'change'; readonly at: number; readonly xor: number }
  | { readonly kind: 'cut' | 'end'; readonly at: number }
  | { readonly kind: 'insert'; readonly at: number; readonly word: Uint8Array };

/** Any damage. */
export const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant('change' as const), at: fc.nat(), xor: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constantFrom('cut' as const, 'end' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), word: bytes(4) }),
);

/** A damaged copy; its length stays a multiple of four. */
export function damaged(original: Uint8Array, how: Damage): Uint8Array {
  const words = original.length / 4;
  switch (how.kind) {
    case 'change': {
      const copy = original.slice();
      const at = how.at % copy.length;
      copy[at] = (copy[at] as number) ^ how.xor;
      return copy;
    }
    case 'cut': {
      const at = 4 * (how.at % words);
      return Uint8Array.of(...original.subarray(0, at), ...original.subarray(at + 4));
    }
    case 'end':
      return original.slice(0, 4 * (how.at % words));
    case 'insert': {
      const at = 4 * (how.at % (words + 1));
      return Uint8Array.of(...original.subarray(0, at), ...how.word, ...original.subarray(at));
    }
  }
}
