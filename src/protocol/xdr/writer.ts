/**
 * Writes XDR (RFC 4506) into one growing buffer.
 * @module
 */

const INITIAL_BYTES = 512;

/** A growing buffer, zero from its length on. It owns nothing until the first write, and nothing again after `take`. */
export class XdrWriter {
  /** Open levels of recursive types, see `recursive` in codec.ts. */
  depth = 0;
  #bytes = new Uint8Array(0);
  #length = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** The buffer written to; valid until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Takes all that was written; the caller owns it, the writer starts anew. */
  take(): Uint8Array {
    const out = this.#bytes.subarray(0, this.#length);
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
    return out;
  }

  /** Forgets everything from `length` on. */
  truncate(length: number): void {
    this.#bytes.fill(0, length, this.#length);
    this.#length = length;
  }

  /** Makes room for `length` zero bytes and returns where they begin. */
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
    this.uint32(Number(value >> 32n));
    this.uint32(Number(value & 0xffffffffn));
  }

  /** opaque[n]: the bytes and zero padding to a multiple of 4. */
  opaque(value: Uint8Array): void {
    const at = this.reserve((value.length + 3) & ~3);
    this.#bytes.set(value, at);
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
    const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2, INITIAL_BYTES));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}
