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

/** An attempt without an answer after this time will most likely get none, and no longer counts as an open connection. In milliseconds. */
const YOUNG_MS = 1_000;
/** Number of attempts for each place, with its smallest and largest total: a dead address costs only a few SYNs. */
const ATTEMPTS_PER_PLACE = 10;
const MIN_ATTEMPTS = 100;
const MAX_ATTEMPTS = 2_000;

/** `young`: an attempt that may still be answered; `old`: one that will most likely not be; `open`: a connection. */
type PlaceState = 'young' | 'old' | 'open' | 'left';

/** All places. Dead addresses have a limit of their own, so that they do not delay addresses that answer. */
export class Places {
  readonly #options: PlaceOptions;
  readonly #maxAttempts: number;
  readonly #timers = new Roster<Timer>();
  readonly #count: Record<PlaceState, number> = { young: 0, old: 0, open: 0, left: 0 };
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
    return this.#count.open;
  }

  get attempts(): number {
    return this.#count.young + this.#count.old;
  }

  /** Whether another visit may begin now; if not, `onFree` is called when this may have changed. */
  begin(): boolean {
    const { concurrency } = this.#options;
    if (this.#count.open + this.#count.young >= concurrency || this.attempts >= this.#maxAttempts) return false;
    this.#earn();
    if (this.#credit >= 1) return true;
    this.#refill ??= this.timer(
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
    return new Place(this);
  }

  /** Counts a place that is new or changes its state. @internal */
  count(before: PlaceState | undefined, state: PlaceState): void {
    if (before !== undefined) this.#count[before]--;
    this.#count[state]++;
    // When a visit has ended, the crawl looks for free places itself.
    if (before !== undefined && state !== 'left') this.#options.onFree();
  }

  /** After this, `onFree` is not called any more. */
  stop(): void {
    for (const timer of this.#timers.members()) this.cancel(timer);
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

  /** @internal */
  timer(callback: () => void, ms: number): Member<Timer> {
    const timer = this.#timers.add(
      this.#options.clock.setTimer(() => {
        this.#timers.remove(timer);
        callback();
      }, ms),
    );
    return timer;
  }

  /** @internal */
  cancel(timer: Member<Timer>): void {
    timer.value.cancel();
    this.#timers.remove(timer);
  }
}

/** The place of one visit. */
export class Place {
  readonly #places: Places;
  readonly #timer: Member<Timer>;
  #state: PlaceState = 'young';

  /** @internal */
  constructor(places: Places) {
    this.#places = places;
    places.count(undefined, 'young');
    this.#timer = places.timer(() => this.#become('old'), YOUNG_MS);
  }

  /** Is called when the TCP connection is open. */
  connected(): void {
    if (this.#state === 'open' || this.#state === 'left') return;
    this.#places.cancel(this.#timer);
    this.#become('open');
  }

  /** Is called when the visit has ended. */
  leave(): void {
    this.#places.cancel(this.#timer);
    this.#become('left');
  }

  #become(state: PlaceState): void {
    const before = this.#state;
    this.#state = state;
    this.#places.count(before, state);
  }
}
