/**
 * Runs one task at a time for each key.
 * @module
 */

/**
 * Runs tasks with the same key one after the other. A node refuses a second connection of an identity that is already
 * connected. Two scrapes of one node at the same time, for example by a pair of Prometheus servers, would therefore get wrong
 * results.
 */
export class Turns {
  /** The end of the last requested turn, for each key. */
  readonly #last = new Map<string, Promise<void>>();

  /** The number of keys with a turn that has not ended. */
  get size(): number {
    return this.#last.size;
  }

  /**
   * Waits for the earlier turns.
   * @returns a function that ends this turn
   * @throws the signal's reason when it aborts first; this turn is then given up
   */
  async take(key: string, signal: AbortSignal): Promise<() => void> {
    let end!: () => void;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const before = this.#last.get(key);
    // A given-up turn still waits for the earlier ones.
    const last = Promise.all([before, ended]).then(() => {
      if (this.#last.get(key) === last) this.#last.delete(key);
    });
    this.#last.set(key, last);
    try {
      await unlessAborted(before, signal);
    } catch (reason) {
      end();
      throw reason;
    }
    return end;
  }
}

/** The promise, unless the signal aborts first. @throws the signal's reason then */
export async function unlessAborted<T>(promise: Promise<T> | T, signal: AbortSignal): Promise<T> {
  let onAbort!: () => void;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
