/**
 * A cache of byte strings of one length, in one block of memory. A Map of thousands of small arrays takes five times as much.
 * @module
 */
import { equalBytes } from './bytes.ts';

/** Length of a key. */
const KEY_BYTES = 32;
/** Number of slots at first. */
const MIN_SLOTS = 8;

/**
 * Values by keys of 32 bytes, which must be as good as random: a digest or a public key. Each key has one slot, by its first
 * bytes, and takes it from the key that was there. So a value can be lost at any time, and then it is computed again.
 */
export class BytesCache {
  readonly #valueBytes: number;
  readonly #maxSlots: number;
  /** Slots: 1 when there is a value, the key, the value. */
  #block = new Uint8Array(0);
  #slots = 0;
  #used = 0;

  /** @param valueBytes length of a value @param maxSlots the largest number of values, a power of two of at least 8 */
  constructor(valueBytes: number, maxSlots: number) {
    this.#valueBytes = valueBytes;
    this.#maxSlots = maxSlots;
  }

  /** The value of a key, as a copy. */
  get(key: Uint8Array): Uint8Array | undefined {
    if (this.#slots === 0) return undefined;
    const at = this.#slotOf(key);
    if (this.#block[at] !== 1 || !equalBytes(this.#block.subarray(at + 1, at + 1 + KEY_BYTES), key)) return undefined;
    return this.#block.slice(at + 1 + KEY_BYTES, at + this.#slotBytes);
  }

  /** Keeps a copy of a value. */
  set(key: Uint8Array, value: Uint8Array): void {
    if (2 * this.#used >= this.#slots && this.#slots < this.#maxSlots) this.#grow();
    const at = this.#slotOf(key);
    if (this.#block[at] !== 1) this.#used++;
    this.#block[at] = 1;
    this.#block.set(key, at + 1);
    this.#block.set(value, at + 1 + KEY_BYTES);
  }

  get #slotBytes(): number {
    return 1 + KEY_BYTES + this.#valueBytes;
  }

  #slotOf(key: Uint8Array): number {
    const number = (key[0] as number) | ((key[1] as number) << 8) | ((key[2] as number) << 16);
    return (number & (this.#slots - 1)) * this.#slotBytes;
  }

  /** Doubles the slots. The old block is cleared: values can be secret. */
  #grow(): void {
    const old = this.#block;
    this.#slots = Math.max(MIN_SLOTS, 2 * this.#slots);
    this.#block = new Uint8Array(this.#slots * this.#slotBytes);
    for (let at = 0; at < old.length; at += this.#slotBytes)
      if (old[at] === 1) this.#block.set(old.subarray(at, at + this.#slotBytes), this.#slotOf(old.subarray(at + 1)));
    old.fill(0);
  }
}
