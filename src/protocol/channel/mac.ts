/**
 * Sequence and MAC of one direction (protocol.md section 3.7): a u64 counter from 0 that counts only messages with a MAC, and
 * HMAC-SHA256 over sequence and message, which are adjacent in a record body.
 * @module
 */
import type { MacKey } from '../auth/crypto.ts';
import { MAC_BYTES, SEQUENCE_OFFSET } from '../constants.ts';
import { ProtocolViolation } from '../violation.ts';

/** The next sequence number, as two 32-bit halves: a bigint for each message would cost more than the rest of the check. */
class Sequence {
  #high: number;
  #low: number;

  constructor(first: bigint) {
    this.#high = Number(first >> 32n);
    this.#low = Number(first & 0xffffffffn);
  }

  get value(): bigint {
    return (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }

  /** Wraps at 2^64, which no connection reaches; stellar-core does the same. */
  increment(): void {
    this.#low = (this.#low + 1) >>> 0;
    if (this.#low === 0) this.#high = (this.#high + 1) >>> 0;
  }

  equals(bytes: Uint8Array, at: number): boolean {
    return readUint32(bytes, at) === this.#high && readUint32(bytes, at + 4) === this.#low;
  }

  write(bytes: Uint8Array, at: number): void {
    writeUint32(bytes, at, this.#high);
    writeUint32(bytes, at + 4, this.#low);
  }
}

/** Seals the messages that one side sends. */
export class MacSender {
  readonly #key: MacKey;
  readonly #sequence: Sequence;

  constructor(key: MacKey, first = 0n) {
    this.#key = key;
    this.#sequence = new Sequence(first);
  }

  /** Sequence number of the next message. */
  get sequence(): bigint {
    return this.#sequence.value;
  }

  /** Writes sequence and MAC into the record body at bytes[start, end), then increments the sequence. */
  seal(bytes: Uint8Array, start: number, end: number): void {
    this.#sequence.write(bytes, start + SEQUENCE_OFFSET);
    this.#key.seal(bytes, start + SEQUENCE_OFFSET, end - MAC_BYTES);
    this.#sequence.increment();
  }

  /** Overwrites the key. */
  wipe(): void {
    this.#key.wipe();
  }
}

/** Verifies the messages of the other side. */
export class MacReceiver {
  readonly #key: MacKey | null;
  readonly #sequence: Sequence;

  /** @param key null for an all-zero key, with which every message is refused */
  constructor(key: MacKey | null, first = 0n) {
    this.#key = key;
    this.#sequence = new Sequence(first);
  }

  /** Sequence number that the next message must have. */
  get sequence(): bigint {
    return this.#sequence.value;
  }

  /**
   * Checks the sequence, then the MAC of a record body, then increments the sequence.
   * @throws {ProtocolViolation} OVERLAY_UNEXPECTED_SEQUENCE, OVERLAY_ZERO_MAC_KEY or OVERLAY_UNEXPECTED_MAC; the sequence is
   * then unchanged
   */
  verify(body: Uint8Array): void {
    if (!this.#sequence.equals(body, SEQUENCE_OFFSET)) {
      const got = (BigInt(readUint32(body, SEQUENCE_OFFSET)) << 32n) | BigInt(readUint32(body, SEQUENCE_OFFSET + 4));
      throw new ProtocolViolation(
        'OVERLAY_UNEXPECTED_SEQUENCE',
        `A message has sequence ${got} where ${this.sequence} was expected.`,
      );
    }
    if (this.#key === null) throw new ProtocolViolation('OVERLAY_ZERO_MAC_KEY');
    if (!this.#key.verify(body, SEQUENCE_OFFSET, body.length - MAC_BYTES)) throw new ProtocolViolation('OVERLAY_UNEXPECTED_MAC');
    this.#sequence.increment();
  }

  /** Overwrites the key. */
  wipe(): void {
    this.#key?.wipe();
  }
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
