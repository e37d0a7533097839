/**
 * In `protocol/` time is an argument: nothing here reads a clock.
 * @module
 */

/** A point in time, by two clocks. */
export interface Now {
  /** Unix time in seconds, for the expiration of certs. Fractions are cut off. */
  readonly unixSeconds: number;
  /** Milliseconds of a clock that never jumps, for timeouts. */
  readonly monotonicMs: number;
}
