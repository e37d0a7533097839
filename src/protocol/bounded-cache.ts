/**
 * A cache of results, with a limit.
 * @module
 */

/** Keeps the most recently used entries, up to a number of them. An undefined value is not kept. */
export class BoundedCache<V> {
  /** Two generations: when the young one is full it becomes the old one. Entries of the old one move back when they are used. */
  #young = new Map<string, V>();
  #old = new Map<string, V>();
  readonly #generationEntries: number;

  /** @param maxEntries 2 or more */
  constructor(maxEntries: number) {
    this.#generationEntries = Math.floor(maxEntries / 2);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** The entry; computed when it is missing. */
  get(key: string, make: () => V): V {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const value = this.#old.get(key) ?? make();
    if (value === undefined) return value;
    this.#old.delete(key);
    if (this.#young.size >= this.#generationEntries) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
    return value;
  }
}
