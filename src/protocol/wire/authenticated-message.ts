/**
 * AuthenticatedMessage, the body of every record: union version, sequence, StellarMessage, MAC (protocol.md section 2.3).
 * @module
 */

import type { CryptoProvider } from '../auth/crypto.ts';
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

/** Messages an application sees and sends; those of the handshake and of flow control are the channel's own. */
export type ApplicationMessage = Exclude<
  StellarMessage,
  { type: 'HELLO' | 'AUTH' | 'ERROR_MSG' | 'SEND_MORE' | 'SEND_MORE_EXTENDED' }
>;

/** A message that can be sent after AUTH. */
export type SendableMessage = ApplicationMessage | UnknownMessage;

/** A message as it came, authenticated. It can be sent on as it is. */
export type ReceivedMessage =
  | (Exclude<ApplicationMessage, { type: 'SCP_QUORUMSET' }> & AsItCame)
  | (Extract<ApplicationMessage, { type: 'SCP_QUORUMSET' }> &
      AsItCame & {
        /** What statements name this quorum set by: SHA-256 of its XDR, 32 bytes. */
        readonly qSetHash: Uint8Array;
      })
  | UnknownMessage;

/** The bytes of a received message. */
export interface AsItCame {
  /** The StellarMessage as it came, its 4-byte type included: a view of received bytes, which nobody writes to again. */
  readonly xdr: Uint8Array;
}

/** The type of the message in a record body whose structure has been checked. */
export type CheckedType = MessageType | 'UNKNOWN';

/**
 * Checks the structure of a record body from end to end without building anything.
 * @param allowUnknown whether a message type that is not in use is taken as it is, structure unchecked
 * @returns the type of the message; UNKNOWN also for a quorum set that is well-formed and larger than any node takes
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
  // What the reference ignores for its size is nothing to build.
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

/** A message up to this size is copied: whoever keeps it keeps nothing else alive, and engines copy so little at almost no cost. */
const SMALL_BYTES = 64;

/**
 * The message of a checked record body for the application. What nests in it is built when it is first looked at.
 * @param crypto computes the hash of a quorum set
 */
export function receivedMessage(type: CheckedType, body: Uint8Array, crypto: Pick<CryptoProvider, 'sha256'>): ReceivedMessage {
  const end = body.length - MAC_BYTES;
  const xdr = end - MESSAGE_OFFSET <= SMALL_BYTES ? body.slice(MESSAGE_OFFSET, end) : body.subarray(MESSAGE_OFFSET, end);
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
 * Appends a whole record with sequence 0 and a zero MAC, as HELLO and ERROR_MSG are sent; anything else is then sealed
 * in place (channel/mac.ts).
 * @param message a message, or the XDR of one
 * @returns where the record body begins in the writer; it ends at the writer's end
 * @throws {TypeError | RangeError} when the message is not of its type; nothing is appended then
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

/** A received message whose one field is a structure: an accessor of its class builds it once. */
abstract class LazyMessage {
  abstract readonly type: MessageType;
  readonly xdr: Uint8Array;

  constructor(xdr: Uint8Array) {
    this.xdr = xdr;
  }

  /** Getters are not seen by JSON.stringify, and bigints not taken, so that the message says itself what it has. */
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
