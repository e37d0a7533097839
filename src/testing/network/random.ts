/**
 * Random numbers that are the same for the same seed.
 * @module
 */
import { nodeCrypto } from '../../crypto/node.ts';
import { utf8Encode } from '../../protocol/bytes.ts';

/** A source of reproducible numbers (mulberry32) and keys. Nothing of it is secret. */
export class SeededRandom {
  readonly #seed: string;
  #state: number;

  constructor(seed: string | number) {
    this.#seed = String(seed);
    this.#state = new DataView(this.bytes('numbers').buffer).getUint32(0);
  }

  /** A number from 0 to less than 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number from 0 to less than `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** One of the items. @throws {RangeError} when there is none */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('there is nothing to pick from');
    return items[this.below(items.length)] as T;
  }

  /** The items in random order, as a new list. */
  shuffled<T>(items: readonly T[]): T[] {
    const list = [...items];
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [list[i], list[j]] = [list[j] as T, list[i] as T];
    }
    return list;
  }

  /** 32 bytes that depend only on the seed and a name, not on earlier calls. */
  bytes(name: string): Uint8Array {
    return nodeCrypto.sha256(utf8Encode(`${this.#seed} ${name}`));
  }
}
