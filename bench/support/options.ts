/** Options of the benches. */
export interface BenchOptions {
  /** Measured rounds with each set of processes. */
  readonly rounds: number;
  /** Sets of processes. Each is started, warmed up and measured again, because no two processes compile the same code. */
  readonly generations: number;
  /** Another checkout of this project to measure beside this one. */
  readonly against?: string | undefined;
  /** Without the rival; then no results are saved. */
  readonly fast: boolean;
  /** Only the cases whose name has this in it. */
  readonly only?: string | undefined;
}
