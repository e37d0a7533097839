/**
 * What was refused, told at once the first time and then together: whoever sends ten thousand bad statements gets a number.
 * @module
 */
import type { FollowEvent } from './ledger.ts';

type Refusal = Extract<FollowEvent, { type: 'refused' }>;

/** How long refusals of one kind are gathered before they are told again, in milliseconds. */
const PERIOD_MS = 60_000;
/** Kinds at once. Those that have waited longest are told to make room. */
const MAX_KINDS = 256;

/** Refusals by what was wrong and who sent it. */
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

  /** Tells what has been gathered for long enough. */
  tick(nowMs: number): void {
    for (const [key, { toldAtMs }] of this.#kinds) if (nowMs - toldAtMs >= PERIOD_MS) this.#tell(key);
  }

  /** Tells what has not been told. */
  end(): void {
    for (const key of [...this.#kinds.keys()]) this.#tell(key);
  }

  #tell(key: string): void {
    const kind = this.#kinds.get(key);
    this.#kinds.delete(key);
    if (kind !== undefined && kind.untold > 0) this.#emit({ ...kind.latest, count: kind.untold });
  }
}
