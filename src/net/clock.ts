/**
 * The clock of connections, replaceable in tests (testing/clock.ts).
 * @module
 */
import type { Now } from '../protocol/clock.ts';

/** Time and timers. */
export interface Clock {
  /** The current time, by both clocks. */
  now(): Now;
  /** Calls back once after this number of milliseconds, unless the timer is cancelled first. */
  setTimer(callback: () => void, ms: number): Timer;
}

/** A timer that is running. */
export interface Timer {
  /** Without effect when the timer has fired or was cancelled. */
  cancel(): void;
}

/** Not `performance.now`: the first use of `performance` loads all of Node's perf_hooks. */
const { hrtime } = process;

/** The machine's own clock. */
export const systemClock: Clock = {
  now() {
    const time = hrtime();
    return { unixSeconds: Date.now() / 1000, monotonicMs: time[0] * 1e3 + time[1] / 1e6 };
  },
  setTimer: (callback, ms) => new SystemTimer(setTimeout(callback, ms)),
};

/** A timer of Node. */
class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout;

  constructor(timeout: NodeJS.Timeout) {
    this.#timeout = timeout;
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }
}
