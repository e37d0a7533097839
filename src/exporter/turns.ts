/**
 * One at a time, by key.
 * @module
 */

/**
 * Hands out turns. A node refuses a second connection of an identity that is connected already, so two scrapes of one
 * node at the same moment, by a pair of Prometheus servers for example, would both be told less than the truth.
 */
export class Turns {
  /** The end of the last turn that was asked for, for each key. */
  readonly #last = new Map<string, Promise<void>>();

  /** Keys with a turn that has not ended. */
  get size(): number {
    return this.#last.size;
  }

  /**
   * Waits for the turns before.
   * @returns what ends this turn
   * @throws the signal's reason when it aborts first; the turn is given up then
   */
  async take(key: string, signal: AbortSignal): Promise<() => void> {
    let end!: () => void;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const before = this.#last.get(key);
    // A turn that is given up still waits for the ones before it.
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
