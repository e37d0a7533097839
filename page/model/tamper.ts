/**
 * Changes a record on its way: one byte, or one field.
 * @module
 */

import { concatBytes, fromHex, toHex, utf8Encode } from '../../src/protocol/bytes.ts';
import { LAST_FRAGMENT_BIT, RECORD_HEADER_BYTES } from '../../src/protocol/constants.ts';
import { type Field, otherSide, type WireRecord } from './record.ts';
import { replay, type View } from './replay.ts';
import type { Story } from './story.ts';

/** The user has typed a value that does not fit. */
export class NotPossible extends Error {
  override readonly name: string = 'NotPossible';
}

/** The record with one byte replaced. */
export function withByte(wire: Uint8Array, at: number, value: number): Uint8Array {
  const changed = wire.slice();
  changed[at] = value;
  return changed;
}

/** How the user types the value of a field. */
export function editableValue({ kind, at, length }: Field, wire: Uint8Array): string {
  const bytes = wire.subarray(at, at + length);
  if (kind === 'text') return new TextDecoder().decode(bytes);
  if (kind === 'bytes') return toHex(bytes);
  return String(readNumber(bytes));
}

/**
 * The record with another value in a field. If text gets another length, its length field, its padding and the record header
 * change too.
 * @throws {NotPossible} when the value does not fit
 */
export function withField(wire: Uint8Array, field: Field, value: string): Uint8Array {
  const { at, length, kind } = field;
  switch (kind) {
    case 'number':
      return replaced(wire, at, length, writeNumber(value, length));
    case 'bytes': {
      const hex = value.replace(/\s/g, '');
      if (!/^[0-9a-f]*$/i.test(hex) || hex.length !== 2 * length)
        throw new NotPossible(`Write ${2 * length} hex digits: ${length} bytes.`);
      return replaced(wire, at, length, fromHex(hex));
    }
    case 'text': {
      const text = utf8Encode(value);
      if (text.length > 1_000) throw new NotPossible('That is more than 1,000 bytes.');
      const begin = at - 4;
      const padded = new Uint8Array(4 + 4 * Math.ceil(text.length / 4));
      new DataView(padded.buffer).setUint32(0, text.length);
      padded.set(text, 4);
      return withHeader(replaced(wire, begin, 4 + 4 * Math.ceil(length / 4), padded));
    }
  }
}

/** A suggested value: the next number, the lowest bit of the last byte flipped, or one letter more. */
export function suggestion(field: Field, wire: Uint8Array): string {
  const value = editableValue(field, wire);
  if (field.kind === 'text') return `${value}!`;
  if (field.kind === 'bytes') return toHex(withByte(fromHex(value), field.length - 1, (lastByte(value) ^ 1) & 0xff));
  if (field.path === 'listeningPort') return '0';
  if (field.path === 'overlayVersion') return '30';
  if (field.path === 'overlayMinVersion') return '99';
  return String(BigInt(value) + 1n);
}

/** The receiver's run with the changed record, and with the original one. */
export function tamper(
  { picture, views }: Story,
  record: WireRecord,
  wire: Uint8Array,
): { readonly before: View; readonly after: View } {
  const victim = otherSide(record.from);
  const before = views[victim];
  return { before, after: replay(picture, victim, { index: record.index, wire }, before.witness) };
}

function lastByte(hex: string): number {
  return Number.parseInt(hex.slice(-2), 16);
}

function readNumber(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function writeNumber(text: string, length: number): Uint8Array {
  if (!/^-?\d{1,20}$/.test(text.trim())) throw new NotPossible('Write a whole number.');
  const value = BigInt(text.trim());
  const bits = BigInt(8 * length);
  if (value >= 1n << bits || value < -(1n << (bits - 1n))) throw new NotPossible(`The number does not fit in ${length} bytes.`);
  const bytes = new Uint8Array(length);
  let rest = BigInt.asUintN(8 * length, value);
  for (let i = length - 1; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

function replaced(wire: Uint8Array, at: number, length: number, bytes: Uint8Array): Uint8Array {
  return concatBytes(wire.subarray(0, at), bytes, wire.subarray(at + length));
}

function withHeader(wire: Uint8Array): Uint8Array {
  const changed = wire.slice();
  new DataView(changed.buffer).setUint32(0, (LAST_FRAGMENT_BIT | (wire.length - RECORD_HEADER_BYTES)) >>> 0);
  return changed;
}
