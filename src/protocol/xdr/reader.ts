/**
 * Reads XDR (RFC 4506) as strictly as stellar-core: bounds, zero padding, no bytes left over.
 * @module
 */

import { ProtocolViolation } from '../violation.ts';

/** The bytes are not valid XDR of the expected type. */
export class XdrError extends ProtocolViolation {
  override readonly name: string = 'XdrError';

  constructor(what: string) {
    super('OVERLAY_CORRUPT_XDR', `A record is not a well-formed message: ${what}.`);
  }
}

/** A position in bytes that it does not own and never changes. Returned byte arrays are views of them. */
export class XdrReader {
  readonly bytes: Uint8Array;
  /** Next byte to read, counted from the start of `bytes`. */
  offset: number;
  /** Open levels of recursive types, see `recursive` in codec.ts. */
  depth = 0;
  readonly #end: number;

  constructor(bytes: Uint8Array, offset = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.#end = end;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#end - this.offset;
  }

  /** unsigned int. */
  uint32(): number {
    const { bytes } = this;
    const at = this.skip(4);
    return (
      (((bytes[at] as number) << 24) |
        ((bytes[at + 1] as number) << 16) |
        ((bytes[at + 2] as number) << 8) |
        (bytes[at + 3] as number)) >>>
      0
    );
  }

  /** int. */
  int32(): number {
    return this.uint32() | 0;
  }

  /** unsigned hyper. */
  uint64(): bigint {
    const high = this.uint32();
    return (BigInt(high) << 32n) | BigInt(this.uint32());
  }

  /** opaque[length]: a view without the padding. */
  opaque(length: number): Uint8Array {
    const at = this.skipOpaque(length);
    return this.bytes.subarray(at, at + length);
  }

  /** The length of an opaque<max>, string<max> or T<max>. */
  length(max: number): number {
    const length = this.uint32();
    if (length > max) this.fail(`length ${length} above the maximum of ${max}`, 4);
    return length;
  }

  /** Skips bytes and returns their offset. */
  skip(length: number): number {
    const at = this.offset;
    if (length > this.#end - at) this.fail('the input ends early');
    this.offset = at + length;
    return at;
  }

  /** Skips opaque[length] and its padding and returns its offset. */
  skipOpaque(length: number): number {
    const padding = -length & 3;
    const at = this.skip(length + padding);
    for (let i = at + length; i < this.offset; i++) {
      if (this.bytes[i] !== 0) this.fail('non-zero padding', padding);
    }
    return at;
  }

  /** @throws {XdrError} when bytes are left over */
  expectEnd(): void {
    if (this.offset !== this.#end) this.fail(`${this.remaining} bytes left over`);
  }

  /** @throws {XdrError} always; `back` bytes before the current position */
  fail(what: string, back = 0): never {
    throw new XdrError(`${what} at byte ${this.offset - back}`);
  }
}
