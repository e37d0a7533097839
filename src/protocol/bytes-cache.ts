/**
 * A cache of byte strings of one length, in one block of memory. A Map of thousands of small arrays takes five times as much.
 * @module
 */
import { equalBytes } from './bytes.ts';

/** Length of a key. */
const KEY_BYTES = 32;
/** Number of slots at first. */
const MIN_SLOTS = 8;

/** Number of slots, from the one that the first bytes of a key give, in which its value can be. */
const REACH = 8;

/**
 * Values by keys of 32 bytes, which must be as good as random: a digest or a public key. When all slots of a new key are taken,
 * it replaces another key. So a value can be lost at any time, and then it is computed again.
 */
export class BytesCache {
  readonly #slotBytes: number;
  readonly #maxSlots: number;
  /** Slots: 1 when there is a value, the key, the value. */
  #block = new Uint8Array(0);
  #slots = 0;
  #used = 0;

  /** @param valueBytes length of a value @param maxSlots the largest number of values, a power of two of at least 8 */
  constructor(valueBytes: number, maxSlots: number) {
    this.#slotBytes = 1 + KEY_BYTES + valueBytes;
    this.#maxSlots = maxSlots;
  }

  /** The value of a key, as a copy. */
  get(key: Uint8Array): Uint8Array | undefined {
    const at = this.#find(key);
    return at === undefined || this.#block[at] !== 1 ? undefined : this.#block.slice(at + 1 + KEY_BYTES, at + this.#slotBytes);
  }

  /** Keeps a copy of a value. */
  set(key: Uint8Array, value: Uint8Array): void {
    if (2 * this.#used >= this.#slots && this.#slots < this.#maxSlots) this.#grow();
    this.#put(key, value);
  }

  #put(key: Uint8Array, value: Uint8Array): void {
    const at = this.#find(key) ?? this.#home(key) * this.#slotBytes;
    if (this.#block[at] !== 1) this.#used++;
    this.#block[at] = 1;
    this.#block.set(key, at + 1);
    this.#block.set(value, at + 1 + KEY_BYTES);
  }

  /** Where the key is, or else the first free slot for it; undefined when all are taken by others. */
  #find(key: Uint8Array): number | undefined {
    const home = this.#home(key);
    for (let i = 0; i < Math.min(REACH, this.#slots); i++) {
      const at = ((home + i) & (this.#slots - 1)) * this.#slotBytes;
      if (this.#block[at] !== 1 || equalBytes(this.#block.subarray(at + 1, at + 1 + KEY_BYTES), key)) return at;
    }
    return undefined;
  }

  #home(key: Uint8Array): number {
    return ((key[0] as number) | ((key[1] as number) << 8)) & (this.#slots - 1);
  }

  /** Doubles the slots. The old block is cleared: values can be secret. */
  #grow(): void {
    const old = this.#block;
    this.#slots = Math.max(MIN_SLOTS, 2 * this.#slots);
    this.#block = new Uint8Array(this.#slots * this.#slotBytes);
    this.#used = 0;
    for (let at = 0; at < old.length; at += this.#slotBytes)
      if (old[at] === 1)
        this.#put(old.subarray(at + 1, at + 1 + KEY_BYTES), old.subarray(at + 1 + KEY_BYTES, at + this.#slotBytes));
    old.fill(0);
  }
}
