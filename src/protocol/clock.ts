/**
 * Time is an argument in `protocol/`: nothing here reads a clock.
 * @module
 */

/** A moment, by two clocks. */
export interface Now {
  /** Unix time in seconds, by which certs are judged. Fractions are cut off. */
  readonly unixSeconds: number;
  /** Milliseconds of a clock that never jumps, by which silence is judged. */
  readonly monotonicMs: number;
}
