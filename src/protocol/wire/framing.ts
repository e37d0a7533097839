/**
 * Record marking: a 4-byte header, then that many bytes (RFC 5531 §11 reduced to single-fragment records).
 * Source: protocol.md section 1.
 * @module
 */
import { view } from '../bytes.ts';
import { LAST_FRAGMENT_BIT, RECORD_HEADER_BYTES } from '../constants.ts';
import { ProtocolViolation } from '../violation.ts';

/** One record: header and body. stellar-core always sets bit 31, and so do we. */
export function encodeRecord(body: Uint8Array): Uint8Array {
  const out = new Uint8Array(RECORD_HEADER_BYTES + body.length);
  out.set(body, RECORD_HEADER_BYTES);
  const header = (LAST_FRAGMENT_BIT | body.length) >>> 0;
  for (let i = 0; i < 4; i++) out[i] = header >>> (24 - 8 * i);
  return out;
}

const NOTHING = new Uint8Array(0);
const FIRST_BYTES = 256;
/** Maximum number of bytes that a small record keeps alive, its own included. */
const WINDOW_BYTES = 8192;

/**
 * Cuts a stream of bytes into record bodies, however the stream is split. A kept record keeps little other memory alive: small
 * records are views of a window of 8 KiB that is copied out of the chunk, and others are copied unless they are at least half
 * of the chunk. The memory of an incomplete record is at most twice the bytes received of it, so a large announced length alone
 * costs nothing.
 */
export class RecordDecoder {
  /** Number of complete headers and bodies so far. They count as traffic for the idle timeout. */
  progress = 0;
  /** The chunk being read. */
  #chunk: Uint8Array = NOTHING;
  #offset = 0;
  /** Copy of a part of the chunk, from this offset on; small records are views of it. */
  #window: Uint8Array = NOTHING;
  #windowStart = 0;
  /** Start of an incomplete record, header included. */
  #partial: Uint8Array = NOTHING;
  #partialLength = 0;
  /** Length of the record being read, header included; 0 while the header is incomplete. */
  #recordLength = 0;

  /** Whether the header of the current record is complete and its body is not. */
  get inBody(): boolean {
    return this.#recordLength > 0;
  }

  /** Number of bytes of a record that is incomplete or has not been taken. */
  get pending(): number {
    return this.#partialLength + this.#chunk.length - this.#offset;
  }

  /**
   * Adds the next bytes of the stream. The decoder keeps a view of them until `next` has returned undefined. It copies the rest
   * of the previous chunk when that has not been read to its end.
   */
  push(chunk: Uint8Array): void {
    this.#chunk = this.#offset === this.#chunk.length ? chunk : joinRest(this.#chunk, this.#offset, chunk);
    this.#offset = 0;
    this.#window = NOTHING;
    this.#windowStart = 0;
  }

  /**
   * The body of the next record, or undefined until more bytes come.
   * @param maxBytes longest body allowed; checked on the header alone, as soon as that is complete
   * @throws {ProtocolViolation} OVERLAY_RECORD_LENGTH when the length is 0 or above that; the stream cannot be read any further
   */
  next(maxBytes: number): Uint8Array | undefined {
    if (this.#recordLength === 0) {
      const length = this.#readHeader();
      if (length === undefined) return undefined;
      if (length === 0 || length > maxBytes) {
        throw new ProtocolViolation(
          'OVERLAY_RECORD_LENGTH',
          `A record header announces ${length} bytes, but only 1 to ${maxBytes} are allowed.`,
        );
      }
      this.#recordLength = RECORD_HEADER_BYTES + length;
      this.progress++;
    }
    const record = this.#takeRecord(this.#recordLength);
    if (record === undefined) return undefined;
    this.#recordLength = 0;
    this.progress++;
    return record;
  }

  /** The body length from the header, which is not consumed; undefined while it is incomplete. */
  #readHeader(): number | undefined {
    if (this.#partialLength === 0 && this.#chunk.length - this.#offset >= RECORD_HEADER_BYTES) {
      return bodyLength(this.#chunk, this.#offset);
    }
    this.#append(RECORD_HEADER_BYTES);
    return this.#partialLength < RECORD_HEADER_BYTES ? undefined : bodyLength(this.#partial, 0);
  }

  /** The body of a record of this length, header included; undefined while it is incomplete. */
  #takeRecord(length: number): Uint8Array | undefined {
    if (this.#partialLength === 0 && this.#chunk.length - this.#offset >= length) {
      const body = this.#bodyOf(length);
      this.#advance(length);
      return body;
    }
    this.#append(length);
    if (this.#partialLength < length) return undefined;
    const body = this.#partial.subarray(RECORD_HEADER_BYTES, length);
    this.#partial = NOTHING;
    this.#partialLength = 0;
    return body;
  }

  /** The body of the record of this length, header included, when the chunk contains it as a whole. */
  #bodyOf(length: number): Uint8Array {
    const from = this.#offset - this.#windowStart;
    if (from + length <= this.#window.length) return view(this.#window, from + RECORD_HEADER_BYTES, from + length);
    return this.#outsideWindow(this.#offset, length);
  }

  /** Subtle: separate from the function above, which must stay small enough to be inlined. */
  #outsideWindow(at: number, length: number): Uint8Array {
    const chunkBytes = this.#chunk.buffer.byteLength;
    if (2 * length >= chunkBytes) return this.#chunk.subarray(at + RECORD_HEADER_BYTES, at + length);
    if (2 * length > WINDOW_BYTES) return this.#chunk.slice(at + RECORD_HEADER_BYTES, at + length);
    this.#window = chunkBytes <= WINDOW_BYTES ? this.#chunk.subarray(at) : this.#chunk.slice(at, at + WINDOW_BYTES);
    this.#windowStart = at;
    return this.#window.subarray(RECORD_HEADER_BYTES, length);
  }

  /** Copies from the chunk until the partial record has `wanted` bytes or the chunk ends. */
  #append(wanted: number): void {
    const count = Math.min(wanted - this.#partialLength, this.#chunk.length - this.#offset);
    const end = this.#partialLength + count;
    if (end > this.#partial.length) {
      const grown = new Uint8Array(Math.max(Math.min(2 * end, wanted), FIRST_BYTES));
      grown.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = grown;
    }
    this.#partial.set(this.#chunk.subarray(this.#offset, this.#offset + count), this.#partialLength);
    this.#partialLength = end;
    this.#advance(count);
  }

  /** Advances in the chunk, and releases it at its end. */
  #advance(count: number): void {
    this.#offset += count;
    if (this.#offset === this.#chunk.length) {
      this.#chunk = NOTHING;
      this.#offset = 0;
      this.#window = NOTHING;
      this.#windowStart = 0;
    }
  }
}

/** Bits 30..0 of the header; bit 31 is ignored, as in stellar-core. */
function bodyLength(bytes: Uint8Array, at: number): number {
  const high = (((bytes[at] as number) & 0x7f) << 24) | ((bytes[at + 1] as number) << 16);
  return high | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
}

function joinRest(chunk: Uint8Array, offset: number, more: Uint8Array): Uint8Array {
  const out = new Uint8Array(chunk.length - offset + more.length);
  out.set(chunk.subarray(offset));
  out.set(more, chunk.length - offset);
  return out;
}
