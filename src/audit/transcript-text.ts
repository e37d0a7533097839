/**
 * A transcript with the fields of every record, line by line.
 * @module
 */
import { fromHex, toHex } from '../protocol/bytes.ts';
import { annotateRecord } from '../protocol/wire/annotate.ts';
import type { TranscriptEntry } from './transcript.ts';

/** Maximum length of a shown value, in characters, and maximum number of shown fields of a record. */
const MAX_VALUE = 80;
const MAX_FIELDS = 40;

/** The lines: time, side and message, and below them the fields of the record, or the bytes if they are not a record. */
export function* transcriptLines(entries: readonly TranscriptEntry[]): Generator<string> {
  const many = entries.some(({ connection }) => connection > 1);
  for (const { atMs, connection, from, text, hex = '', length = 0 } of entries) {
    const who = `${many ? `${connection} ` : ''}${from === 'us' ? '→' : '←'}`;
    yield `${atMs.toFixed(1).padStart(9)} ms ${who} ${text}${length > 0 ? ` (${length} bytes)` : ''}`;
    for (const line of length > 0 ? fields(fromHex(hex), length) : []) yield `${''.padStart(14)}${line}`;
  }
}

/** The fields of a record with its header. If the bytes are not exactly one record, the bytes. */
function* fields(bytes: Uint8Array, length: number): Generator<string> {
  const header = bytes.length >= 4 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) : 0;
  const isRecord = bytes.length === length && (header & 0x7fffffff) === length - 4;
  const annotated = isRecord ? annotate(bytes.subarray(4)) : undefined;
  if (annotated === undefined) {
    const shown = toHex(bytes.subarray(0, 64));
    yield `${shown}${length > 64 ? '…' : ''}`;
    return;
  }
  for (const { path, offset, value } of annotated.slice(0, MAX_FIELDS))
    yield `${String(offset).padStart(6)}  ${path} = ${value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value}`;
  if (annotated.length > MAX_FIELDS) yield `        and ${annotated.length - MAX_FIELDS} more fields`;
}

function annotate(body: Uint8Array): ReturnType<typeof annotateRecord> | undefined {
  try {
    return annotateRecord(body);
  } catch {
    return undefined;
  }
}
