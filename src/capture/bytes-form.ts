/**
 * Bytes without addresses and times. This module finds out whether they are a stream of records, one record body, or one
 * message.
 * @module
 */
import { concatBytes } from '../protocol/bytes.ts';
import { ENVELOPE_BYTES, MAC_BYTES, MESSAGE_OFFSET, RECORD_HEADER_BYTES, SEQUENCE_OFFSET } from '../protocol/constants.ts';
import { type CheckedType, checkAuthenticatedMessage, messageXdr, readMessage } from '../protocol/wire/authenticated-message.ts';
import { encodeRecord } from '../protocol/wire/framing.ts';
import { type Hello, messageTypeName } from '../protocol/wire/messages.ts';
import { XdrReader } from '../protocol/xdr/reader.ts';
import type { Decoded, DecodedProblem, MacVerdict, Side } from './decode.ts';
import { type KeyLog, KeyTrials, keyOf, type MacKeys } from './keylog.ts';
import { isRecordStart, RecordStream, type StreamItem } from './record-stream.ts';

/** The form of bytes. */
export type BytesForm = 'records' | 'record body' | 'message';

/**
 * The form of the bytes: the one they match without fault, or else the one they begin like; undefined for neither.
 * @param isStrict whether the bytes may be anything: then a valid length alone does not make them records
 */
export function recogniseBytes(bytes: Uint8Array, isStrict = false): BytesForm | undefined {
  if (bytes.length < 4) return undefined;
  if (areRecords(bytes)) return 'records';
  if (typeOf(bytes, false) !== undefined) return 'record body';
  if (typeOf(asBody(bytes), false) !== undefined) return 'message';
  if (bytes.length >= RECORD_HEADER_BYTES + MESSAGE_OFFSET + 4 && isRecordStart(bytes, 0, true)) return 'records';
  if (isStrict) return undefined;
  // Only a record header has the first bit set: versions and types are small.
  if ((bytes[0] as number) >= 0x80) return 'records';
  const first = new XdrReader(bytes).uint32();
  if (first === 0 && bytes.length >= ENVELOPE_BYTES + 4) return 'record body';
  return messageTypeName(first) === undefined ? undefined : 'message';
}

/** Decodes bytes of one form, all as connection 1. The sender is known only if a key shows it. */
export function* decodeBytes(
  bytes: Uint8Array,
  form: BytesForm,
  keys: KeyLog,
  trials: KeyTrials = new KeyTrials(keys),
): Generator<Decoded> {
  if (form === 'records') {
    yield* decodeItems(bytes, keys, trials);
    return;
  }
  for (const found of decodeItems(encodeRecord(form === 'message' ? asBody(bytes) : bytes), keys, trials)) {
    if (form === 'message' && found.kind === 'record') yield { ...found, mac: 'none', sequence: undefined, body: undefined };
    else yield found;
  }
}

function* decodeItems(bytes: Uint8Array, keys: KeyLog, trials: KeyTrials): Generator<Decoded> {
  const stream = new RecordStream();
  const nonces: Uint8Array[] = [];
  trials.read(bytes.length);
  /** The keys with which the MAC of the last record was good. */
  let last: MacKeys | undefined;
  const items = function* (): Generator<StreamItem> {
    yield* stream.begin();
    stream.setAuthenticated(true);
    yield* stream.push(bytes);
  };
  for (const item of items()) {
    if (item.item !== 'record') {
      const found = problem(item.item === 'corrupt' ? 'xdr' : 'length', true, item.message);
      yield item.item === 'corrupt' ? { ...found, body: item.body } : found;
      continue;
    }
    const { type, body } = item;
    if (item.skipped > 0) yield problem('skipped', true, `${item.skipped} bytes are skipped: they are not records.`);
    // The first HELLO comes from the side that dialled.
    const hello = type === 'HELLO' ? nonces.push((readMessage(body) as unknown as Hello).nonce) : 0;
    const [nonceA, nonceB] = nonces;
    const known = nonceA && nonceB && keys.find(nonceA, nonceB);
    let mac: MacVerdict = 'none';
    let from: Side | undefined;
    if (type === 'HELLO' || type === 'ERROR_MSG') from = nonces.length > 2 ? undefined : (['A', 'B'] as const)[hello - 1];
    else {
      const tried = known ?? last;
      const found = (tried && keyOf(body, tried)) ?? (known ? undefined : trials.find(body, ['A', 'B']));
      last = found?.keys ?? last;
      from = found?.side;
      mac = found ? 'good' : known ? 'bad' : 'unknown';
    }
    const reader = new XdrReader(body, SEQUENCE_OFFSET);
    const [sequence, typeNumber] = [reader.uint64(), reader.int32()];
    yield {
      kind: 'record',
      ...{ connection: 1, from, unixMs: undefined, type, typeNumber, sequence, mac, body },
      xdr: messageXdr(body),
    };
  }
  if (stream.skipped > 0) yield problem('skipped', true, `${stream.skipped} bytes are skipped: they are not records.`);
  if (stream.pending > 0) yield problem('end', false, `The stream ends after ${stream.pending} bytes of a record.`);
}

function problem(name: DecodedProblem['problem'], isFault: boolean, message: string): DecodedProblem {
  return { kind: 'problem', connection: 1, from: undefined, unixMs: undefined, problem: name, isFault, message };
}

/** Whether all bytes are records without fault. */
function areRecords(bytes: Uint8Array): boolean {
  let at = 0;
  while (at + 4 <= bytes.length) {
    const length = new XdrReader(bytes, at).uint32() & 0x7fffffff;
    const body = bytes.subarray(at + 4, at + 4 + length);
    if (body.length < length || typeOf(body, true) === undefined) return false;
    at += 4 + length;
  }
  return at === bytes.length;
}

function typeOf(body: Uint8Array, allowUnknown: boolean): CheckedType | undefined {
  try {
    return checkAuthenticatedMessage(body, allowUnknown);
  } catch {
    return undefined;
  }
}

/** A message in an envelope of zeros. */
function asBody(message: Uint8Array): Uint8Array {
  return concatBytes(new Uint8Array(MESSAGE_OFFSET), message, new Uint8Array(MAC_BYTES));
}
