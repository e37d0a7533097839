/**
 * Reports of refusals: the first of a kind at once, later ones together with their number, however many a peer causes.
 * @module
 */
import type { FollowEvent } from './ledger.ts';

type Refusal = Extract<FollowEvent, { type: 'refused' }>;

/** Time between two reports of one kind, in milliseconds. */
const PERIOD_MS = 60_000;
/** Maximum number of kinds. The kind that has waited longest is reported to make room. */
const MAX_KINDS = 256;

/** Refusals by their error and their sender. */
export class Refusals {
  readonly #emit: (event: FollowEvent) => void;
  readonly #kinds = new Map<string, { untold: number; latest: Refusal; readonly toldAtMs: number }>();

  constructor(emit: (event: FollowEvent) => void) {
    this.#emit = emit;
  }

  add(refusal: Omit<Refusal, 'type' | 'count'>, nowMs: number): void {
    const key = `${refusal.code} ${refusal.address ?? ''}`;
    const latest: Refusal = { type: 'refused', count: 1, ...refusal };
    const known = this.#kinds.get(key);
    if (known !== undefined) {
      known.untold++;
      known.latest = latest;
      return;
    }
    if (this.#kinds.size >= MAX_KINDS) this.#tell(this.#kinds.keys().next().value as string);
    this.#kinds.set(key, { untold: 0, latest, toldAtMs: nowMs });
    this.#emit(latest);
  }

  /** Reports what has waited long enough. */
  tick(nowMs: number): void {
    for (const [key, { toldAtMs }] of this.#kinds) if (nowMs - toldAtMs >= PERIOD_MS) this.#tell(key);
  }

  /** Reports everything that waits. */
  end(): void {
    for (const key of [...this.#kinds.keys()]) this.#tell(key);
  }

  #tell(key: string): void {
    const kind = this.#kinds.get(key);
    this.#kinds.delete(key);
    if (kind !== undefined && kind.untold > 0) this.#emit({ ...kind.latest, count: kind.untold });
  }
}
