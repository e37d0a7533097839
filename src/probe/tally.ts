/**
 * Results of the probes of one target, in bounded memory for any number of probes.
 * @module
 */

import { formatTarget, type Target } from '../net/target.ts';
import type { OverlayErrorJson } from '../protocol/errors.ts';
import type { ClockSkew, RemoteJson } from '../report/json.ts';
import type { RuleName, Verdict } from './policy.ts';
import type { ProbeResult } from './probe.ts';

/** How many of the last durations are kept for the median. */
const KEPT_TIMES = 10_000;

/** Sum of the verdicts of one rule. */
export interface RuleTally {
  readonly rule: RuleName;
  /** How often the rule held, was broken, and could not be judged. */
  readonly kept: number;
  readonly broken: number;
  readonly undecided: number;
  /** Detail of the first verdict that broke the rule, else of the last verdict. */
  readonly detail: string;
}

/** The probes of one target. */
export class TargetTally {
  readonly target: string;
  #answered = 0;
  #lost = 0;
  #elapsedMs = 0;
  #maxMs = 0;
  readonly #timesMs: number[] = [];
  readonly #rules: Map<RuleName, RuleTally>;
  #remote: RemoteJson | undefined;
  #clockSkew: ClockSkew | undefined;
  #firstError: OverlayErrorJson | undefined;
  #lastError: OverlayErrorJson | undefined;

  /** @param rules the rules that will be judged */
  constructor(target: Target, rules: readonly RuleName[]) {
    this.target = formatTarget(target);
    this.#rules = new Map(rules.map((rule) => [rule, { rule, kept: 0, broken: 0, undecided: 0, detail: 'not probed' }]));
  }

  /** Counts a finished probe. */
  add(result: ProbeResult, verdicts: readonly Verdict[], elapsedMs: number): void {
    this.#elapsedMs += elapsedMs;
    this.#remote = result.remote ?? this.#remote;
    this.#clockSkew = result.clockSkew ?? this.#clockSkew;
    this.#lastError = result.error ?? this.#lastError;
    this.#firstError ??= result.error;
    if (result.ok) this.#answered++;
    else this.#lost++;
    if (result.timings?.totalMs !== undefined) this.#addTime(result.timings.totalMs);
    for (const verdict of verdicts) this.#addVerdict(verdict);
  }

  #addTime(ms: number): void {
    this.#timesMs[(this.#answered - 1) % KEPT_TIMES] = ms;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  #addVerdict({ rule, ok, detail }: Verdict): void {
    const before = this.#rules.get(rule) ?? { rule, kept: 0, broken: 0, undecided: 0, detail };
    this.#rules.set(rule, {
      rule,
      kept: before.kept + (ok === true ? 1 : 0),
      broken: before.broken + (ok === false ? 1 : 0),
      undecided: before.undecided + (ok === null ? 1 : 0),
      detail: before.broken > 0 ? before.detail : detail,
    });
  }

  /** Number of finished probes. */
  get probes(): number {
    return this.#answered + this.#lost;
  }

  /** Probes that failed. */
  get lost(): number {
    return this.#lost;
  }

  /** Total duration of all probes, in milliseconds. */
  get elapsedMs(): number {
    return this.#elapsedMs;
  }

  /** The peer, as last seen. */
  get remote(): RemoteJson | undefined {
    return this.#remote;
  }

  /** Its clock skew, as last seen. */
  get clockSkew(): ClockSkew | undefined {
    return this.#clockSkew;
  }

  /** Error of the first failed probe. */
  get firstError(): OverlayErrorJson | undefined {
    return this.#firstError;
  }

  /** Error of the last failed probe. */
  get lastError(): OverlayErrorJson | undefined {
    return this.#lastError;
  }

  /** The rules of the policy that apply to this target. */
  get rules(): RuleTally[] {
    return [...this.#rules.values()];
  }

  /** Median (of the last 10,000) and maximum duration of a successful handshake, in milliseconds; undefined without one. */
  get times(): { readonly p50Ms: number; readonly maxMs: number } | undefined {
    const sorted = this.#timesMs.toSorted((a, b) => a - b);
    const p50Ms = sorted[Math.ceil(sorted.length / 2) - 1];
    return p50Ms === undefined ? undefined : { p50Ms, maxMs: this.#maxMs };
  }
}
