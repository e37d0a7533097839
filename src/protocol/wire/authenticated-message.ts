/**
 * AuthenticatedMessage, the body of every record: union version, sequence, StellarMessage, MAC (protocol.md section 2.3).
 * @module
 */

import type { CryptoProvider } from '../auth/crypto.ts';
import { view } from '../bytes.ts';
import {
  ENVELOPE_BYTES,
  LAST_FRAGMENT_BIT,
  MAC_BYTES,
  MAX_RECORD_BYTES,
  MESSAGE_OFFSET,
  RECORD_HEADER_BYTES,
} from '../constants.ts';
import { plainJson } from '../json.ts';
import type { Codec } from '../xdr/codec.ts';
import { XdrReader } from '../xdr/reader.ts';
import type { XdrWriter } from '../xdr/writer.ts';
import {
  type MessageType,
  messageFields,
  messageTypeName,
  type StellarMessage,
  stellarMessage,
  type UnknownMessage,
} from './messages.ts';
import { walkQuorumSet } from './quorum-set.ts';

/** Messages that an application receives and sends; those of the handshake and of flow control are internal. */
export type ApplicationMessage = Exclude<
  StellarMessage,
  { type: 'HELLO' | 'AUTH' | 'ERROR_MSG' | 'SEND_MORE' | 'SEND_MORE_EXTENDED' }
>;

/** A message that can be sent after AUTH. */
export type SendableMessage = ApplicationMessage | UnknownMessage;

/** A received message, authenticated. It can be sent on unchanged. */
export type ReceivedMessage =
  | (Exclude<ApplicationMessage, { type: 'SCP_QUORUMSET' }> & AsItCame)
  | (Extract<ApplicationMessage, { type: 'SCP_QUORUMSET' }> &
      AsItCame & {
        /** The hash that statements use for this quorum set: SHA-256 of its XDR, 32 bytes. */
        readonly qSetHash: Uint8Array;
      })
  | UnknownMessage;

/** The bytes of a received message. */
export interface AsItCame {
  /** The StellarMessage as received, its 4-byte type included: a view of received bytes, which are never written to again. */
  readonly xdr: Uint8Array;
}

/** The type of the message in a record body whose structure has been checked. */
export type CheckedType = MessageType | 'UNKNOWN';

/**
 * Checks the structure of a whole record body without building anything.
 * @param allowUnknown whether to accept an unknown message type; its structure is then not checked
 * @returns the type of the message; also UNKNOWN for a well-formed quorum set that is larger than any node accepts
 * @throws {XdrError} when it is not a well-formed AuthenticatedMessage
 */
export function checkAuthenticatedMessage(body: Uint8Array, allowUnknown: boolean): CheckedType {
  const reader = new XdrReader(body, 0, body.length - MAC_BYTES);
  if (body.length % 4 !== 0) reader.fail('length not a multiple of 4');
  if (body.length < ENVELOPE_BYTES + 4) reader.fail('the input ends early');
  if (reader.uint32() !== 0) reader.fail('unknown union discriminant', 4);
  reader.skip(8);
  const type = messageTypeName(reader.int32());
  if (type === undefined) {
    if (!allowUnknown) reader.fail('unknown union discriminant', 4);
    return 'UNKNOWN';
  }
  // stellar-core ignores a quorum set of this size, so it is not built.
  const isTaken = type !== 'SCP_QUORUMSET' || walkQuorumSet(reader);
  if (type !== 'SCP_QUORUMSET') messageFields[type].check(reader);
  reader.expectEnd();
  return isTaken ? type : 'UNKNOWN';
}

/** The StellarMessage in a record body: a view. */
export function messageXdr(body: Uint8Array): Uint8Array {
  return body.subarray(MESSAGE_OFFSET, body.length - MAC_BYTES);
}

/** Reads the message of a record body that has been checked. Byte fields are views. */
export function readMessage(body: Uint8Array): StellarMessage {
  return stellarMessage.read(new XdrReader(body, MESSAGE_OFFSET, body.length - MAC_BYTES));
}

/**
 * A message up to this size is copied, so that keeping it does not keep a larger buffer alive. Such a small copy costs almost
 * nothing.
 */
const SMALL_BYTES = 64;

/**
 * The message of a checked record body, for the application. Nested structures are built at the first access.
 * @param crypto computes the hash of a quorum set
 */
export function receivedMessage(type: CheckedType, body: Uint8Array, crypto: Pick<CryptoProvider, 'sha256'>): ReceivedMessage {
  const end = body.length - MAC_BYTES;
  const xdr = end - MESSAGE_OFFSET <= SMALL_BYTES ? body.slice(MESSAGE_OFFSET, end) : view(body, MESSAGE_OFFSET, end);
  if (type === 'UNKNOWN') return { type, typeNumber: new XdrReader(xdr).uint32(), xdr };
  const Lazy = LAZY[type];
  if (Lazy !== undefined) {
    const message = new Lazy(xdr) as unknown as ReceivedMessage;
    return type === 'SCP_QUORUMSET' ? Object.assign(message, { qSetHash: crypto.sha256(xdr.subarray(4)) }) : message;
  }
  const fields = (messageFields[type] as Codec<object>).read(new XdrReader(xdr, 4));
  return { type, ...fields, xdr } as unknown as ReceivedMessage;
}

/**
 * Appends a whole record with sequence 0 and a zero MAC, the form of HELLO and ERROR_MSG. Other messages are then sealed in
 * place (channel/mac.ts).
 * @param message a message, or the XDR of one
 * @returns offset of the record body in the writer; it ends at the writer's end
 * @throws {TypeError | RangeError} when the message does not fit its type; nothing is appended then
 */
export function writeRecord(writer: XdrWriter, message: StellarMessage | UnknownMessage | Uint8Array): number {
  const start = writer.reserve(RECORD_HEADER_BYTES + MESSAGE_OFFSET);
  try {
    if (message instanceof Uint8Array) writer.opaque(message);
    else if (message instanceof LazyMessage) writer.opaque(message.xdr);
    else if (message.type === 'UNKNOWN') writeUnknown(writer, message);
    else stellarMessage.write(writer, message);
    writer.reserve(MAC_BYTES);
    const body = start + RECORD_HEADER_BYTES;
    const length = writer.length - body;
    if (length > MAX_RECORD_BYTES) throw new RangeError(`a record of ${length} bytes is longer than ${MAX_RECORD_BYTES}`);
    writer.setUint32(start, LAST_FRAGMENT_BIT | length);
    return body;
  } catch (error) {
    writer.truncate(start);
    throw error;
  }
}

function writeUnknown(writer: XdrWriter, { xdr, typeNumber }: UnknownMessage): void {
  if (
    !(xdr instanceof Uint8Array) ||
    xdr.length < 4 ||
    xdr.length % 4 !== 0 ||
    new XdrReader(xdr).uint32() !== typeNumber >>> 0
  ) {
    throw new RangeError('xdr must begin with the 4 bytes of typeNumber and its length be a multiple of 4');
  }
  const name = messageTypeName(typeNumber | 0);
  if (name === 'SCP_QUORUMSET') messageFields[name].check(new XdrReader(xdr, 4));
  else if (name !== undefined) throw new RangeError(`message type ${typeNumber} is known: send it by its name`);
  writer.opaque(xdr);
}

/** A received message whose only field is a structure. An accessor of its class builds the structure once. */
abstract class LazyMessage {
  abstract readonly type: MessageType;
  readonly xdr: Uint8Array;

  constructor(xdr: Uint8Array) {
    this.xdr = xdr;
  }

  /** JSON.stringify ignores getters and refuses bigints, so the message has its own `toJSON`. */
  toJSON(): object {
    const { field } = this.constructor as unknown as { readonly field: string };
    return plainJson(Object.assign({ type: this.type, [field]: this[field as keyof this] }, this)) as object;
  }
}

const LAZY: { readonly [T in CheckedType]?: new (xdr: Uint8Array) => LazyMessage } = {
  PEERS: lazy('PEERS', 'peers'),
  SCP_QUORUMSET: lazy('SCP_QUORUMSET', 'qSet'),
  SCP_MESSAGE: lazy('SCP_MESSAGE', 'envelope'),
  FLOOD_ADVERT: lazy('FLOOD_ADVERT', 'txHashes'),
  FLOOD_DEMAND: lazy('FLOOD_DEMAND', 'txHashes'),
  TIME_SLICED_SURVEY_REQUEST: lazy('TIME_SLICED_SURVEY_REQUEST', 'request'),
  TIME_SLICED_SURVEY_RESPONSE: lazy('TIME_SLICED_SURVEY_RESPONSE', 'response'),
  TIME_SLICED_SURVEY_START_COLLECTING: lazy('TIME_SLICED_SURVEY_START_COLLECTING', 'startCollecting'),
  TIME_SLICED_SURVEY_STOP_COLLECTING: lazy('TIME_SLICED_SURVEY_STOP_COLLECTING', 'stopCollecting'),
};

function lazy(type: MessageType, field: string): new (xdr: Uint8Array) => LazyMessage {
  class Received extends LazyMessage {
    static readonly field: string = field;
    readonly type: MessageType = type;
  }
  Object.defineProperty(Received.prototype, field, {
    enumerable: true,
    configurable: true,
    get(this: Received) {
      const fields = (messageFields[type] as Codec<Record<string, unknown>>).read(new XdrReader(this.xdr, 4));
      Object.defineProperty(this, field, { value: fields[field], enumerable: true });
      return fields[field];
    },
  });
  return Received;
}
