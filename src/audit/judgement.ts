/**
 * The judgement of a case and its basis.
 * @module
 */

/** The names of the worst kinds of failure. */
export type Threat = 'unauthenticated acceptance' | 'crash of the target' | 'unbounded buffering';

/**
 * `pass`; `differs`: harmless, but not what the reference does; `fail`; `not-applicable` to this target; `undecided`: nothing
 * can be said. The last two always have a reason.
 */
export type Verdict = 'pass' | 'differs' | 'fail' | 'not-applicable' | 'undecided';

/** A verdict and its basis. */
export interface Judgement {
  readonly verdict: Verdict;
  /** What came, in words; for `not-applicable` and `undecided` the reason. */
  readonly came: string;
  /** Whether the reason is that nothing came in time: a slow machine has the same effect. */
  readonly byTime?: boolean;
  /** A worse failure than the one the case tests. */
  readonly threat?: Threat;
}
