/**
 * What a verb gets: where to print, and when to stop.
 * @module
 */
import type { Output } from './output.ts';

/** Handed to each verb as citty's `data`. */
export interface CliContext {
  /** Results. */
  readonly out: Output;
  /** Everything else. */
  readonly err: Output;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** The exit code; a verb sets it, main exits with it. */
  exitCode: number;
}
