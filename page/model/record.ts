/**
 * A record, each byte in a named field.
 * @module
 */

import type { MacVerdict, Picture, Side } from '../../src/explain/picture.ts';
import { fromHex, toHex } from '../../src/protocol/bytes.ts';
import { MESSAGE_OFFSET, RECORD_HEADER_BYTES } from '../../src/protocol/constants.ts';
import { networkName } from '../../src/protocol/networks.ts';
import { type AnnotatedField, annotateRecord } from '../../src/protocol/wire/annotate.ts';
import { checkAuthenticatedMessage, readMessage } from '../../src/protocol/wire/authenticated-message.ts';
import { type Hello, messageTypeName } from '../../src/protocol/wire/messages.ts';

/** How a field is written in bytes. */
export type FieldKind = 'number' | 'text' | 'bytes';

/** A field of a record. */
export interface Field {
  readonly path: string;
  /** First byte, counted from the start of the wire record; the body begins at 4. */
  readonly at: number;
  readonly length: number;
  readonly type: string;
  /** The value as text; a peer may have chosen it. */
  readonly value: string;
  readonly kind: FieldKind;
}

/** A record of a picture, read. */
export interface WireRecord {
  /** Number of its event. */
  readonly index: number;
  readonly from: Side;
  readonly to: Side;
  readonly ms: number;
  readonly wire: Uint8Array;
  readonly body: Uint8Array;
  /** Name of the message; `MALFORMED` when there is none. */
  readonly type: string;
  readonly mac: MacVerdict;
}

/** The records of a picture. */
export function recordsOf(picture: Picture): readonly WireRecord[] {
  return picture.events.flatMap((event, index) => {
    if (event.kind !== 'record') return [];
    const { from, ms, mac } = event;
    const wire = fromHex(event.hex);
    return [{ index, from, to: otherSide(from), ms, wire, ...readWire(wire), mac }];
  });
}

/** Body and type of a record. */
export function readWire(wire: Uint8Array): { readonly body: Uint8Array; readonly type: string } {
  const body = wire.subarray(RECORD_HEADER_BYTES);
  if (body.length < MESSAGE_OFFSET + 4) return { body, type: 'MALFORMED' };
  const number = new DataView(body.buffer, body.byteOffset).getInt32(MESSAGE_OFFSET);
  return { body, type: messageTypeName(number) ?? `UNKNOWN ${number}` };
}

/** The HELLO in a record body; undefined when it is none, or not well-formed. */
export function helloIn(body: Uint8Array): Hello | undefined {
  try {
    if (checkAuthenticatedMessage(body, false) !== 'HELLO') return undefined;
    return readMessage(body) as unknown as Hello;
  } catch {
    return undefined;
  }
}

/** The fields of a record, in order and without gap. A record that is not well-formed has two: its header and the rest. */
export function fieldsOf(wire: Uint8Array): readonly Field[] {
  const header = headerField(wire);
  let fields: readonly AnnotatedField[];
  try {
    fields = annotateRecord(wire.subarray(RECORD_HEADER_BYTES));
  } catch (error) {
    const rest = wire.subarray(RECORD_HEADER_BYTES);
    const why = `${toHex(rest.subarray(0, 32))} (${(error as Error).message})`;
    return [header, field('body', RECORD_HEADER_BYTES, rest.length, 'not well-formed', why, 'bytes')];
  }
  return [header, ...fields.flatMap((annotated) => parts(annotated, wire))].filter(({ length }) => length > 0);
}

/** The other side. */
export function otherSide(side: Side): Side {
  return side === 'A' ? 'B' : 'A';
}

/** The meaning of a value, where the value alone does not say it. */
export function meaningOf({ path, value }: Field): string | undefined {
  if (path === 'networkID') return networkName(value);
  if (path !== 'cert.expiration') return undefined;
  const date = new Date(Number(value) * 1000);
  return Number.isNaN(date.getTime()) ? 'beyond any calendar' : date.toISOString().replace('.000Z', 'Z').replace('T', ' ');
}

function headerField(wire: Uint8Array): Field {
  const length = new DataView(wire.buffer, wire.byteOffset).getUint32(0);
  const last = length >= 0x80000000 ? 'last fragment' : 'bit 31 clear';
  return field('record header', 0, RECORD_HEADER_BYTES, 'length', `${last}, ${length & 0x7fffffff} bytes follow`, 'number');
}

/** Splits a field: length, content and padding of bytes with a length; type and key of a NodeID. */
function parts({ path, offset, length, type, value }: AnnotatedField, wire: Uint8Array): readonly Field[] {
  const at = offset + RECORD_HEADER_BYTES;
  const view = new DataView(wire.buffer, wire.byteOffset);
  if (type === 'NodeID') {
    return [
      field(`${path}.type`, at, 4, 'enum', '0 (ed25519)', 'number'),
      field(path, at + 4, length - 4, 'opaque[32]', value, 'bytes'),
    ];
  }
  if (!type.includes('<')) return [field(path, at, length, type, value, kindOf(type, value))];
  const count = view.getUint32(at);
  return [
    field(`${path}.length`, at, 4, 'uint32', String(count), 'number'),
    field(path, at + 4, count, type, value, type.startsWith('string') ? 'text' : 'bytes'),
    field(`${path}.padding`, at + 4 + count, length - 4 - count, 'zeros', '', 'bytes'),
  ];
}

function kindOf(type: string, value: string): FieldKind {
  return /^(u?int|enum|bool|union)/.test(type) && /^-?\d/.test(value) ? 'number' : 'bytes';
}

function field(path: string, at: number, length: number, type: string, value: string, kind: FieldKind): Field {
  return { path, at, length, type, value, kind };
}
