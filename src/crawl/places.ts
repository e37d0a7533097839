/**
 * Limits of a crawl: open connections, connection attempts without an answer, and new connections in a second.
 * @module
 */
import type { Clock, Timer } from '../net/clock.ts';
import { type Member, Roster } from '../net/roster.ts';

/** The limits. */
export interface PlaceOptions {
  readonly clock: Clock;
  readonly concurrency: number;
  readonly rate: number;
  /** Is called when a place may have become free. */
  readonly onFree: () => void;
}

/** The place of one visit. */
export interface Place {
  /** Is called when the TCP connection is open. */
  connected(): void;
  /** Is called when the visit has ended. */
  leave(): void;
}

/** An attempt without an answer after this time will most likely get none, and no longer counts as an open connection. In milliseconds. */
const YOUNG_MS = 1_000;
/** Number of attempts for each place, with its smallest and largest total: a dead address costs only a few SYNs. */
const ATTEMPTS_PER_PLACE = 10;
const MIN_ATTEMPTS = 100;
const MAX_ATTEMPTS = 2_000;

/** All places. Dead addresses have a limit of their own, so that they do not delay addresses that answer. */
export class Places {
  readonly #options: PlaceOptions;
  readonly #maxAttempts: number;
  readonly #timers = new Roster<Timer>();
  #open = 0;
  #young = 0;
  #old = 0;
  /** Number of connections that may begin now. */
  #credit: number;
  #creditMs: number;
  #refill: Member<Timer> | undefined;

  constructor(options: PlaceOptions) {
    this.#options = options;
    this.#maxAttempts = Math.min(MAX_ATTEMPTS, Math.max(MIN_ATTEMPTS, options.concurrency * ATTEMPTS_PER_PLACE));
    this.#credit = this.#burst;
    this.#creditMs = options.clock.now().monotonicMs;
  }

  get open(): number {
    return this.#open;
  }

  get attempts(): number {
    return this.#young + this.#old;
  }

  /** Whether another visit may begin now; if not, `onFree` is called when this may have changed. */
  begin(): boolean {
    const { concurrency } = this.#options;
    if (this.#open + this.#young >= concurrency || this.attempts >= this.#maxAttempts) return false;
    this.#earn();
    if (this.#credit >= 1) return true;
    this.#refill ??= this.#timer(
      () => {
        this.#refill = undefined;
        this.#options.onFree();
      },
      Math.ceil(((1 - this.#credit) * 1_000) / this.#options.rate),
    );
    return false;
  }

  /** Takes a place after `begin` has returned true. */
  take(): Place {
    this.#credit--;
    this.#young++;
    let state: 'young' | 'old' | 'open' | 'left' = 'young';
    const timer = this.#timer(() => {
      state = 'old';
      this.#young--;
      this.#old++;
      this.#options.onFree();
    }, YOUNG_MS);
    const leaveAttempt = (): void => {
      this.#cancel(timer);
      if (state === 'young') this.#young--;
      else if (state === 'old') this.#old--;
    };
    return {
      connected: () => {
        if (state === 'open' || state === 'left') return;
        leaveAttempt();
        state = 'open';
        this.#open++;
        this.#options.onFree();
      },
      leave: () => {
        if (state === 'open') this.#open--;
        else leaveAttempt();
        state = 'left';
      },
    };
  }

  /** After this, `onFree` is not called any more. */
  stop(): void {
    for (const timer of this.#timers.members()) this.#cancel(timer);
  }

  /** The largest number of connections that begin together after a pause. */
  get #burst(): number {
    return Math.max(1, this.#options.rate / 10);
  }

  #earn(): void {
    const { clock, rate } = this.#options;
    const now = clock.now().monotonicMs;
    this.#credit = Math.min(this.#burst, this.#credit + ((now - this.#creditMs) * rate) / 1_000);
    this.#creditMs = now;
  }

  #timer(callback: () => void, ms: number): Member<Timer> {
    const timer = this.#timers.add(
      this.#options.clock.setTimer(() => {
        this.#timers.remove(timer);
        callback();
      }, ms),
    );
    return timer;
  }

  #cancel(timer: Member<Timer>): void {
    timer.value.cancel();
    this.#timers.remove(timer);
  }
}
