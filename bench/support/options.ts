/** What the command line of the benches says. */
export interface BenchOptions {
  /** Measured rounds with each set of processes. */
  readonly rounds: number;
  /** Sets of processes: each is started, warmed up and measured anew, since no two compile the same. */
  readonly generations: number;
  /** Another checkout of this project to measure beside this one. */
  readonly against?: string | undefined;
  /** Without the rival; nothing is kept then. */
  readonly fast: boolean;
  /** Only the cases whose name has this in it. */
  readonly only?: string | undefined;
}
