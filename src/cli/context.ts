/**
 * The context that a verb gets: its outputs and the signal to stop.
 * @module
 */
import type { Output } from './output.ts';

/** Passed to each verb as citty's `data`. */
export interface CliContext {
  /** Results. */
  readonly out: Output;
  /** Everything else. */
  readonly err: Output;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** The exit code. The verb sets it, and main exits with it. */
  exitCode: number;
}
