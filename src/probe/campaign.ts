/**
 * A campaign: probes of many targets in several rounds, with a limit of parallel probes.
 * @module
 */
import { type Clock, systemClock } from '../net/clock.ts';
import type { Target } from '../net/target.ts';
import { assertInteger } from '../protocol/bytes.ts';
import { uniqueTargets } from './targets.ts';

/** Maximum number of rounds of a campaign. */
export const MAX_ROUNDS = 1_000_000;
/** Maximum number of parallel probes. */
export const MAX_CONCURRENCY = 1_000;

/** Options of a campaign. */
export interface CampaignOptions<Result> {
  /** Number of rounds, 1 to 1,000,000. Default 1. */
  readonly count?: number | undefined;
  /** Pause from the end of a round to the start of the next, in milliseconds. Default 1,000. */
  readonly intervalMs?: number | undefined;
  /** Maximum number of parallel probes, 1 to 1,000. Default 8. */
  readonly concurrency?: number | undefined;
  /** Ends the campaign: running probes are aborted, and no more are started. */
  readonly signal?: AbortSignal | undefined;
  /** Is called for each probe when it ends, which can be long before it is yielded. */
  readonly onProbed?: ((probed: Probed<Result>) => void) | undefined;
  /** Time and timers; for tests. */
  readonly clock?: Clock | undefined;
}

/** One probe of a campaign. */
export interface Probed<Result> {
  readonly target: Target;
  /** Number of the round, from 1. */
  readonly round: number;
  readonly result: Result;
  /** Duration, in milliseconds. */
  readonly elapsedMs: number;
}

/**
 * Probes each target once per round and yields the results, in the order of the targets in every round. A round starts when the
 * one before is over, so no target is probed twice at the same time: with one identity the node would have to refuse the second
 * connection. Leaving the loop aborts the running probes and waits for them.
 * @param probeOne does one probe; it should end soon when its signal aborts
 * @throws {TypeError | RangeError} when an option is wrong, before any probe starts; also what `probeOne` throws
 */
export async function* campaign<Result>(
  targets: readonly Target[],
  probeOne: (target: Target, signal: AbortSignal) => Promise<Result>,
  options: CampaignOptions<Result> = {},
): AsyncGenerator<Probed<Result>, void> {
  const { count = 1, intervalMs = 1_000, concurrency = 8, signal, onProbed, clock = systemClock } = options;
  assertInteger(count, 1, MAX_ROUNDS, 'count');
  assertInteger(intervalMs, 0, 0x7fffffff, 'intervalMs');
  assertInteger(concurrency, 1, MAX_CONCURRENCY, 'concurrency');
  const each = uniqueTargets(targets);
  const ending = new AbortController();
  // Subtle: each probe has its own signal. With one shared signal, Node would warn that it has too many listeners.
  const signals = new Set<AbortController>();
  const end = (): void => {
    ending.abort(signal?.reason);
    for (const one of signals) one.abort(signal?.reason);
  };
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted) end();
  let running: readonly Promise<Probed<Result> | undefined>[] = [];
  try {
    for (let round = 1; round <= count && each.length > 0; round++) {
      if (round > 1) await pause(intervalMs, clock, ending.signal);
      if (ending.signal.aborted) return;
      const turns = new Turns(concurrency);
      running = each.map((target) => turns.take(() => probeInTurn(target, round)));
      // The loop below throws the error when it reaches this probe. Later rejections are not read.
      for (const probed of running) probed.catch(() => {});
      for (const pending of running) {
        const probed = await pending;
        if (probed !== undefined) yield probed;
      }
    }
  } finally {
    signal?.removeEventListener('abort', end);
    end();
    await Promise.allSettled(running);
  }

  /** @returns undefined when the campaign ended before this probe could start */
  async function probeInTurn(target: Target, round: number): Promise<Probed<Result> | undefined> {
    if (ending.signal.aborted) return undefined;
    const own = new AbortController();
    signals.add(own);
    try {
      const startMs = clock.now().monotonicMs;
      const result = await probeOne(target, own.signal);
      const probed = { target, round, result, elapsedMs: clock.now().monotonicMs - startMs };
      onProbed?.(probed);
      return probed;
    } finally {
      signals.delete(own);
    }
  }
}

/** Resolves after this time, or when the signal aborts. */
async function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = clock.setTimer(over, ms);
    signal.addEventListener('abort', over, { once: true });
    function over(): void {
      timer.cancel();
      signal.removeEventListener('abort', over);
      resolve();
    }
  });
}

/** Limits how many callers work at the same time; the others wait in order of arrival. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
