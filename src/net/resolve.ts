/**
 * Resolves a host name to all its addresses, for callers that need them before dialling.
 * @module
 */
import { isIP } from 'node:net';
import { OverlayError } from '../protocol/errors.ts';
import { offAbort, onAbort } from './abort.ts';
import type { Clock, Timer } from './clock.ts';
import { lookupTimeout, nameError } from './dial-error.ts';
import { type Family, type Lookup, lookUp, SINGLE_FAMILY_DELAY_MS } from './lookup.ts';

/** What to look up, and the limits. */
export interface ResolveOptions {
  readonly host: string;
  readonly family?: Family | undefined;
  /** Default: the system's resolver. */
  readonly lookup?: Lookup | undefined;
  readonly clock: Clock;
  /** Time limit, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** How long to wait for the other family when the addresses of one are known, in milliseconds. */
const OTHER_FAMILY_MS = 1_000;

/**
 * Asks the resolver. When it does not answer for both families together, each is asked alone, as in `dial`.
 * @returns at least one address, in order of preference
 * @throws {OverlayError} OVERLAY_NAME_NOT_FOUND, OVERLAY_NAME_LOOKUP_TIMEOUT and so on, OVERLAY_ABORTED
 */
export async function resolveName(options: ResolveOptions): Promise<readonly string[]> {
  const { host, family = 0, clock, timeoutMs, signal } = options;
  if (isIP(host) !== 0) return [host];
  const startMs = clock.now().monotonicMs;
  const elapsedMs = (): number => clock.now().monotonicMs - startMs;
  const stop = new AbortController();
  const giveUp = (): void => stop.abort(new OverlayError('OVERLAY_ABORTED', { stage: 'dns', cause: signal?.reason }));
  const timer = clock.setTimer(() => stop.abort(lookupTimeout(host, elapsedMs())), timeoutMs);
  const watch = onAbort(signal, giveUp);
  if (signal?.aborted) giveUp();
  try {
    return await ask(options, family, stop.signal);
  } catch (cause) {
    throw nameError(host, family, cause, elapsedMs());
  } finally {
    timer.cancel();
    offAbort(signal, watch);
    // Look-ups that still run are not needed any more.
    stop.abort();
  }
}

/** @param signal its reason is the error when it aborts, whether the resolver heeds it or not */
function ask({ host, lookup, clock }: ResolveOptions, family: Family, signal: AbortSignal): Promise<readonly string[]> {
  const askFor = async (one: Family): Promise<readonly string[]> =>
    lookup?.(host, one, signal) ?? lookUp(host, one, signal).addresses;
  return new Promise((resolve, reject) => {
    const timers: Timer[] = [];
    let isOver = false;
    const end = (settle: () => void): void => {
      isOver = true;
      for (const timer of timers) timer.cancel();
      settle();
    };
    const fail = (error: unknown): void => end(() => reject(error));
    const succeed = (addresses: readonly string[]): void => end(() => resolve(addresses));
    if (signal.aborted) return fail(signal.reason);
    onAbort(signal, () => fail(signal.reason));
    askFor(family).then(succeed, fail);
    if (family !== 0) return;
    const askEach = (): void => {
      const found = new Map<Family, readonly string[]>();
      const take = (one: Family, addresses: readonly string[]): void => {
        if (isOver) return;
        found.set(
          one,
          addresses.filter((address) => isIP(address) === one),
        );
        // A failure is left to the look-up of both families.
        const all = [...(found.get(6) ?? []), ...(found.get(4) ?? [])];
        if (all.length === 0) return;
        if (found.size === 2) succeed(all);
        else timers.push(clock.setTimer(() => succeed(all), OTHER_FAMILY_MS));
      };
      for (const one of [6, 4] as const) {
        askFor(one).then(
          (addresses) => take(one, addresses),
          () => take(one, []),
        );
      }
    };
    timers.push(clock.setTimer(askEach, SINGLE_FAMILY_DELAY_MS));
  });
}
