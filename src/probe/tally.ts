/**
 * What the probes of one target come to, in bounded memory however many there are.
 * @module
 */

import { formatTarget, type Target } from '../net/target.ts';
import type { OverlayErrorJson } from '../protocol/errors.ts';
import type { ClockSkew, RemoteJson } from '../report/json.ts';
import type { RuleName, Verdict } from './policy.ts';
import type { ProbeResult } from './probe.ts';

/** So many of the last times are kept for the median. */
const KEPT_TIMES = 10_000;

/** What the verdicts of one rule come to. */
export interface RuleTally {
  readonly rule: RuleName;
  /** How often it held, was broken, and could not be judged. */
  readonly kept: number;
  readonly broken: number;
  readonly undecided: number;
  /** Of the first time it was broken, else of the last verdict. */
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

  /** @param rules those that will be judged */
  constructor(target: Target, rules: readonly RuleName[]) {
    this.target = formatTarget(target);
    this.#rules = new Map(rules.map((rule) => [rule, { rule, kept: 0, broken: 0, undecided: 0, detail: 'not probed' }]));
  }

  /** Counts a probe that came to its end. */
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

  /** Probes that came to their end. */
  get probes(): number {
    return this.#answered + this.#lost;
  }

  /** Probes that failed. */
  get lost(): number {
    return this.#lost;
  }

  /** All probes together, in milliseconds. */
  get elapsedMs(): number {
    return this.#elapsedMs;
  }

  /** The peer as it was seen last. */
  get remote(): RemoteJson | undefined {
    return this.#remote;
  }

  /** Its clock as it was seen last. */
  get clockSkew(): ClockSkew | undefined {
    return this.#clockSkew;
  }

  /** Why the first of the failed probes failed. */
  get firstError(): OverlayErrorJson | undefined {
    return this.#firstError;
  }

  /** Why the last of them did. */
  get lastError(): OverlayErrorJson | undefined {
    return this.#lastError;
  }

  /** The rules of the policy that are about this target. */
  get rules(): RuleTally[] {
    return [...this.#rules.values()];
  }

  /** Median (of the last 10,000) and maximum of the time a good handshake took, in milliseconds; undefined without one. */
  get times(): { readonly p50Ms: number; readonly maxMs: number } | undefined {
    const sorted = this.#timesMs.toSorted((a, b) => a - b);
    const p50Ms = sorted[Math.ceil(sorted.length / 2) - 1];
    return p50Ms === undefined ? undefined : { p50Ms, maxMs: this.#maxMs };
  }
}
