/**
 * What a case was found to be, and on what that rests.
 * @module
 */

/** What it means, by name, when the target fails a case of the worst kind. */
export type Threat = 'unauthenticated acceptance' | 'crash of the target' | 'unbounded buffering';

/**
 * `pass`; `differs`: harmless, but not what the reference does; `fail`; `not-applicable` to this target; `undecided`: nothing
 * can be said. The last two always have a reason.
 */
export type Verdict = 'pass' | 'differs' | 'fail' | 'not-applicable' | 'undecided';

/** A verdict, and on what it rests. */
export interface Judgement {
  readonly verdict: Verdict;
  /** What came, in words; for `not-applicable` and `undecided` the reason. */
  readonly came: string;
  /** Whether it rests on nothing having come in time: a slow machine looks the same. */
  readonly byTime?: boolean;
  /** What it shows beyond what the case was about. */
  readonly threat?: Threat;
}
