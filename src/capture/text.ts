/**
 * Decoded records as text and as JSON.
 * @module
 */
import { nodeCrypto } from '../crypto/node.ts';
import { toHex } from '../protocol/bytes.ts';
import { ENVELOPE_BYTES, FLOOD_CAPACITY_BYTES, MESSAGE_OFFSET } from '../protocol/constants.ts';
import { networkName } from '../protocol/networks.ts';
import { annotatedFields } from '../protocol/wire/annotate.ts';
import { type ReceivedMessage, readMessage, receivedMessage } from '../protocol/wire/authenticated-message.ts';
import type { Hello, MessageFields } from '../protocol/wire/messages.ts';
import { messageTypeName } from '../protocol/wire/messages.ts';
import { describeMessage, whyUnknown } from '../report/describe.ts';
import type { CaptureSource } from './capture.ts';
import type { DecodedRecord, MacVerdict } from './decode.ts';

/** The notice for every capture. */
export const NOT_ENCRYPTED = 'Overlay messages are authenticated, not encrypted: no secret is needed to read them.';

/** One line of `decode --json`. */
export interface DecodedRecordJson {
  readonly connection: number;
  /** A dialled, B accepted; null when the input does not say. */
  readonly from: 'A' | 'B' | null;
  /** ISO 8601, UTC, to the microsecond; null when the input does not say. */
  readonly time: string | null;
  readonly type: DecodedRecord['type'];
  /** Discriminant of an unknown type. */
  readonly typeNumber?: number;
  /** Digits: it has 64 bits. Null for a message without its record. */
  readonly sequence: string | null;
  /** Bytes of the StellarMessage. */
  readonly size: number;
  readonly mac: DecodedRecord['mac'];
  /** The StellarMessage, base64. */
  readonly xdr: string;
  /** The same as XDR-JSON (docs/xdr-json.md); null when the converter does not know it, and above 4 MiB. */
  readonly message: unknown;
}

/** Makes the object. */
export function decodedRecordJson(record: DecodedRecord, message: unknown): DecodedRecordJson {
  const { connection, from, unixMs, type, typeNumber, sequence, mac, xdr } = record;
  return {
    connection,
    from: from ?? null,
    time: unixMs === undefined ? null : formatTime(unixMs),
    type,
    ...(type === 'UNKNOWN' && { typeNumber }),
    sequence: sequence === undefined ? null : String(sequence),
    size: xdr.length,
    mac,
    xdr: Buffer.from(xdr.buffer, xdr.byteOffset, xdr.byteLength).toString('base64'),
    message: message ?? null,
  };
}

/** The kind of the input as text. */
export function describeSource({ format, form }: CaptureSource): string {
  switch (form) {
    case 'records':
      return `${format} of records`;
    case 'record body':
      return `${format} of a record body (AuthenticatedMessage), its header left out`;
    case 'message':
      return `${format} of a message (StellarMessage) without its record`;
    default:
      return format;
  }
}

/** The number of MACs of each verdict. */
export type MacCounts = Readonly<Record<Exclude<MacVerdict, 'none'>, number>>;

/** The MACs of many records as text; undefined when no record has a MAC. */
export function describeMacs({ good, bad, unknown }: MacCounts): string | undefined {
  const all = good + bad + unknown;
  if (all === 0) return undefined;
  if (unknown === all) return 'MACs not verified: no keys';
  const parts = [`${good} of ${all} MACs good`, bad > 0 && `${bad} bad`, unknown > 0 && `${unknown} not verified: no keys`];
  return parts.filter(Boolean).join(', ');
}

/** The contents of a record as text, without its type. */
export function describeRecord({ type, xdr, body, typeNumber, unixMs = 0 }: DecodedRecord): string {
  const whole = body ?? padded(xdr);
  switch (type) {
    case 'HELLO':
      return describeHello(readMessage(whole) as unknown as Hello);
    case 'AUTH':
      return `flags ${(readMessage(whole) as unknown as MessageFields['AUTH']).flags}`;
    case 'ERROR_MSG': {
      const { code, msg } = readMessage(whole) as unknown as MessageFields['ERROR_MSG'];
      return `${code} “${msg}”`;
    }
    case 'SEND_MORE':
      return `${(readMessage(whole) as unknown as MessageFields['SEND_MORE']).numMessages} messages`;
    case 'SEND_MORE_EXTENDED': {
      const { numMessages, numBytes } = readMessage(whole) as unknown as MessageFields['SEND_MORE_EXTENDED'];
      return `${numMessages} messages, ${numBytes} bytes`;
    }
    case 'UNKNOWN':
      return `type ${typeNumber}${messageTypeName(typeNumber) ? `, ${whyUnknown(typeNumber)}` : ''}: ${toHex(xdr.subarray(4, 36))}${xdr.length > 36 ? '…' : ''}`;
    case 'SCP_MESSAGE':
      // No connection accepts a longer message, so it is not decoded.
      if (xdr.length > FLOOD_CAPACITY_BYTES) return `${xdr.length} bytes, larger than any node accepts`;
      return describeMessage(receivedMessage(type, whole, nodeCrypto) as ReceivedMessage, unixMs);
    default:
      return describeMessage(receivedMessage(type, whole, nodeCrypto) as ReceivedMessage, unixMs);
  }
}

/** ISO 8601 in UTC, to the microsecond. */
export function formatTime(unixMs: number): string {
  const whole = Math.floor(unixMs);
  const date = new Date(whole);
  if (Number.isNaN(date.getTime())) return `${unixMs} ms`;
  const micros = Math.min(999, Math.round((unixMs - whole) * 1000));
  return date.toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);
}

const HEX_BYTES_A_LINE = 16;
const HEX_WIDTH = 2 * HEX_BYTES_A_LINE;

/** Every byte of a record body, or of a message alone, with its field. Offsets count from its beginning, as in docs/protocol.md. */
export function* hexLines({ body, xdr }: DecodedRecord): Generator<string> {
  const whole = body ?? padded(xdr);
  for (const { path, offset, length, value, type } of annotatedFields(whole)) {
    const at = body === undefined ? offset - MESSAGE_OFFSET : offset;
    // A message alone has no envelope.
    if (at < 0 || at >= (body ?? xdr).length) continue;
    const hex = toHex(whole.subarray(offset, offset + length));
    const isShown = value.length >= HEX_WIDTH / 2 && hex.includes(value);
    yield* fieldLines(at, hex, path, isShown ? '' : type.startsWith('string') ? JSON.stringify(value) : value);
  }
}

/** Bytes that are not a record, as hex. */
export function* rawLines(bytes: Uint8Array): Generator<string> {
  yield* fieldLines(0, toHex(bytes), '', '');
}

function* fieldLines(offset: number, hex: string, path: string, value: string): Generator<string> {
  const text = value === '' ? path : `${path} = ${value}`;
  yield `${String(offset).padStart(8)}  ${hex.slice(0, HEX_WIDTH).padEnd(HEX_WIDTH)}  ${text}`.trimEnd();
  for (let at = HEX_WIDTH; at < hex.length; at += HEX_WIDTH)
    yield `${String(offset + at / 2).padStart(8)}  ${hex.slice(at, at + HEX_WIDTH)}`;
}

function describeHello(hello: Hello): string {
  const { peerID, versionStr, overlayMinVersion, overlayVersion, ledgerVersion, listeningPort, networkID } = hello;
  const network = networkName(toHex(networkID)) ?? `network ${toHex(networkID.subarray(0, 3))}…`;
  const versions = `overlay ${overlayMinVersion} to ${overlayVersion}, ledger protocol ${ledgerVersion}`;
  return `${peerID} “${versionStr}”, ${network}, ${versions}, port ${listeningPort}`;
}

/** A message as a record body, with zeros around it. */
function padded(xdr: Uint8Array): Uint8Array {
  const body = new Uint8Array(ENVELOPE_BYTES + xdr.length);
  body.set(xdr, MESSAGE_OFFSET);
  return body;
}
