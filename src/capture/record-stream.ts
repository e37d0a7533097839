/**
 * Cuts the bytes of one end into records. If the capture begins in the middle of the stream or bytes are missing, it searches
 * for the next record by the pattern of its first bytes.
 * @module
 */
import { concatBytes } from '../protocol/bytes.ts';
import {
  ENVELOPE_BYTES,
  MAX_RECORD_BYTES,
  MAX_UNAUTHENTICATED_RECORD_BYTES,
  MESSAGE_OFFSET,
  RECORD_HEADER_BYTES,
} from '../protocol/constants.ts';
import { type CheckedType, checkAuthenticatedMessage } from '../protocol/wire/authenticated-message.ts';
import { RecordDecoder } from '../protocol/wire/framing.ts';
import { messageTypeName } from '../protocol/wire/messages.ts';
import { XdrReader } from '../protocol/xdr/reader.ts';

/** An item of a stream. The first item is a record, or should be one. */
export type StreamItem =
  | {
      readonly item: 'record';
      readonly type: CheckedType;
      readonly body: Uint8Array;
      /** The number of bytes before it that are not a record. */
      readonly skipped: number;
    }
  /** A record that is not a well-formed message. */
  | { readonly item: 'corrupt'; readonly body: Uint8Array; readonly message: string }
  /** A header with a length that is not allowed; the search for the next record begins after it. */
  | { readonly item: 'length'; readonly message: string };

/** Header, union version, sequence and type, by which a record is recognised. */
const RECOGNISED_BYTES = RECORD_HEADER_BYTES + MESSAGE_OFFSET + 4;
const NOTHING = new Uint8Array(0);

/** Cuts what one end sent into records. */
export class RecordStream {
  #records = new RecordDecoder();
  #isSearching = true;
  /** Whether nothing has been read yet, so that a record may begin here. */
  #isStart = true;
  /** Whether the search has found a possible record that is not yet confirmed. */
  #isTentative = false;
  #isRecognised = false;
  /** The last bytes that the search has read. */
  #tail: Uint8Array = NOTHING;
  #skipped = 0;
  /** Longest record allowed. */
  #maxBytes = MAX_RECORD_BYTES;

  /** Whether it began like a record or contained one: then it is Stellar's. */
  get isRecognised(): boolean {
    return this.#isRecognised;
  }

  /** Bytes of an incomplete record. */
  get pending(): number {
    return this.#records.pending;
  }

  /** Bytes skipped since the last record. */
  get skipped(): number {
    return this.#skipped + this.#tail.length;
  }

  /** Sets the limit to that of a side that has sent its AUTH, or not. */
  setAuthenticated(isAuthenticated: boolean): void {
    this.#maxBytes = isAuthenticated ? MAX_RECORD_BYTES : MAX_UNAUTHENTICATED_RECORD_BYTES;
  }

  /**
   * Call this when the stream begins with a record: unless the capture begins in the middle, its first bytes count as one.
   */
  *begin(): Generator<StreamItem> {
    if (!this.#isStart) return;
    const start = this.#tail;
    this.#found(false);
    this.setAuthenticated(false);
    yield* this.push(start);
  }

  /**
   * The items that these bytes complete. Bodies of records that lie whole in the bytes are views; read all items before the
   * next call.
   */
  *push(bytes: Uint8Array): Generator<StreamItem> {
    let rest: Uint8Array | undefined = bytes;
    while (rest !== undefined) rest = this.#isSearching ? this.#search(rest) : yield* this.#read(rest);
  }

  /** Call this when bytes are missing: searches for the next record. */
  lose(): void {
    this.#skipped += this.#records.pending + this.#tail.length;
    this.#tail = NOTHING;
    this.#isStart = false;
    this.#isSearching = true;
    this.#records = new RecordDecoder();
  }

  /** @returns the bytes from the next record on, if there is one */
  #search(bytes: Uint8Array): Uint8Array | undefined {
    const data = this.#tail.length === 0 ? bytes : concatBytes(this.#tail, bytes);
    const last = data.length - RECOGNISED_BYTES;
    let at = 0;
    for (; at <= last; at++) {
      const isFirst = this.#isStart && at === 0;
      if (!isRecordStart(data, at, isFirst)) continue;
      this.#skipped += at;
      this.#found(!isFirst);
      return data.subarray(at);
    }
    if (at > 0) this.#isStart = false;
    this.#skipped += at;
    this.#tail = data.slice(at);
    return undefined;
  }

  #found(isTentative: boolean): void {
    this.#tail = NOTHING;
    this.#isStart = false;
    this.#isSearching = false;
    this.#isTentative = isTentative;
    if (!isTentative) this.#isRecognised = true;
  }

  /** @returns the bytes to search, if no record follows */
  *#read(bytes: Uint8Array): Generator<StreamItem, Uint8Array | undefined> {
    const records = this.#records;
    records.push(bytes);
    for (;;) {
      let body: Uint8Array | undefined;
      try {
        body = records.next(this.#maxBytes);
      } catch (error) {
        // Subtle: the search continues after the header, or it would find the same header again.
        const rest = bytes.subarray(bytes.length - records.pending + RECORD_HEADER_BYTES);
        if (!this.#isTentative) yield { item: 'length', message: (error as Error).message };
        this.#restart(this.#isTentative ? RECORD_HEADER_BYTES : 0);
        return rest;
      }
      if (body === undefined) return undefined;
      let type: CheckedType;
      try {
        type = checkAuthenticatedMessage(body, true);
      } catch (error) {
        if (this.#isTentative) {
          const rest = bytes.subarray(bytes.length - records.pending);
          this.#restart(RECORD_HEADER_BYTES + body.length);
          return rest;
        }
        yield { item: 'corrupt', body, message: (error as Error).message };
        continue;
      }
      this.#isTentative = false;
      this.#isRecognised = true;
      const skipped = this.#skipped;
      this.#skipped = 0;
      yield { item: 'record', type, body, skipped };
    }
  }

  /** Continues the search; this many bytes were not a record. */
  #restart(skipped: number): void {
    this.#skipped += skipped;
    this.#isSearching = true;
    this.#records = new RecordDecoder();
  }
}

/**
 * Whether a record may begin here, judged by its first 20 bytes: a length that is allowed, version 0, a known type.
 * @param isStart whether these are the first bytes: then bit 31 may be clear, and any sequence is allowed
 */
export function isRecordStart(bytes: Uint8Array, at: number, isStart: boolean): boolean {
  // The first byte decides most of the time: bit 31 and a length of at most 16 MiB.
  if (((bytes[at] as number) & (isStart ? 0x7e : 0xfe)) !== (isStart ? 0 : 0x80)) return false;
  const reader = new XdrReader(bytes, at);
  const length = reader.uint32() & 0x7fffffff;
  if (length % 4 !== 0 || length < ENVELOPE_BYTES + 4 || length > MAX_RECORD_BYTES) return false;
  if (reader.uint32() !== 0) return false;
  if (reader.uint32() !== 0 && !isStart) return false;
  reader.skip(4);
  return messageTypeName(reader.int32()) !== undefined;
}
