/**
 * A clock that moves only when told to.
 * @module
 */
import type { Clock, Timer } from '../net/clock.ts';
import type { Now } from '../protocol/clock.ts';

interface Pending {
  readonly atMs: number;
  readonly callback: () => void;
}

/** A clock for tests: timers fire in order while `advance` is called, and never otherwise. */
export class ManualClock implements Clock {
  #unixSeconds: number;
  #monotonicMs = 0;
  readonly #timers = new Set<Pending>();

  /** @param unixSeconds the time to start at. Default 2026-01-01T00:00:00Z */
  constructor(unixSeconds = 1_767_225_600) {
    this.#unixSeconds = unixSeconds;
  }

  /** Timers that are running. */
  get timers(): number {
    return this.#timers.size;
  }

  /** The current time of this clock. */
  now(): Now {
    return { unixSeconds: this.#unixSeconds, monotonicMs: this.#monotonicMs };
  }

  setTimer(callback: () => void, ms: number): Timer {
    const timer = { atMs: this.#monotonicMs + ms, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Advances the clock. Every timer on the way fires at its time. */
  advance(ms: number): void {
    const end = this.#monotonicMs + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#moveTo(next.atMs);
      next.callback();
    }
    this.#moveTo(end);
  }

  /** Advances to the next timer and fires it. @returns whether there was one */
  advanceToNext(): boolean {
    const next = this.#next(Number.POSITIVE_INFINITY);
    if (next !== undefined) this.advance(next.atMs - this.#monotonicMs);
    return next !== undefined;
  }

  #next(endMs: number): Pending | undefined {
    let next: Pending | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs <= endMs && (next === undefined || timer.atMs < next.atMs)) next = timer;
    }
    return next;
  }

  #moveTo(ms: number): void {
    this.#unixSeconds += (ms - this.#monotonicMs) / 1000;
    this.#monotonicMs = ms;
  }
}
