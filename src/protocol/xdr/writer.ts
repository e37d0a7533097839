/**
 * Writes XDR (RFC 4506) into one growing buffer.
 * @module
 */

const INITIAL_BYTES = 512;
/** Largest buffer that is allocated in advance, based on the last size. */
const MAX_EXPECTED_BYTES = 65_536;
/** Up to this size a loop costs less than a call of `set`. */
const SHORT_BYTES = 64;

/** Every connection has a writer: without this, each empty one would hold 200 bytes. */
const NOTHING = new Uint8Array(0);

/** Splits a bigint into words without creating other bigints. */
const uint64Words = new DataView(new ArrayBuffer(8));

/** A growing buffer; its bytes after `length` are zero. It has no memory before the first write, nor after `take`. */
export class XdrWriter {
  /** Open levels of recursive types, see `recursive` in codec.ts. */
  depth = 0;
  #bytes: Uint8Array = NOTHING;
  #length = 0;
  #expected = INITIAL_BYTES;

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** The buffer written to; valid until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Takes all bytes written. The caller owns them, and the writer starts anew. */
  take(): Uint8Array {
    const out = this.#bytes.subarray(0, this.#length);
    this.#expected = Math.min(Math.max(this.#length, INITIAL_BYTES), MAX_EXPECTED_BYTES);
    this.#bytes = NOTHING;
    this.#length = 0;
    return out;
  }

  /** Discards everything from `length` on. */
  truncate(length: number): void {
    this.#bytes.fill(0, length, this.#length);
    this.#length = length;
  }

  /** Makes room for `length` zero bytes and returns their offset. */
  reserve(length: number): number {
    const at = this.#length;
    const end = at + length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#length = end;
    return at;
  }

  /** unsigned int. */
  uint32(value: number): void {
    this.setUint32(this.reserve(4), value);
  }

  /** unsigned hyper. */
  uint64(value: bigint): void {
    uint64Words.setBigUint64(0, value);
    const at = this.reserve(8);
    this.setUint32(at, uint64Words.getUint32(0));
    this.setUint32(at + 4, uint64Words.getUint32(4));
  }

  /** opaque[n]: the bytes and zero padding to a multiple of 4. */
  opaque(value: Uint8Array): void {
    const at = this.reserve((value.length + 3) & ~3);
    const bytes = this.#bytes;
    if (value.length > SHORT_BYTES) bytes.set(value, at);
    else for (let i = 0; i < value.length; i++) bytes[at + i] = value[i] as number;
  }

  /** Overwrites four bytes already written. */
  setUint32(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  #grow(needed: number): void {
    const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2, this.#expected));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}
