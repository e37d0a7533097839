/**
 * Resolves a host name to all its addresses, for callers that need them before dialling.
 * @module
 */
import { isIP } from 'node:net';
import { OverlayError } from '../protocol/errors.ts';
import { offAbort, onAbort } from './abort.ts';
import type { Clock } from './clock.ts';
import { lookupTimeout, nameError } from './dial-error.ts';
import { type Family, type Lookup, lookUp } from './lookup.ts';

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

/**
 * Asks the resolver.
 * @returns at least one address, in order of preference
 * @throws {OverlayError} OVERLAY_NAME_NOT_FOUND, OVERLAY_NAME_LOOKUP_TIMEOUT and so on, OVERLAY_ABORTED
 */
export async function resolveName(options: ResolveOptions): Promise<readonly string[]> {
  const { host, family = 0, lookup, clock, timeoutMs, signal } = options;
  if (isIP(host) !== 0) return [host];
  const startMs = clock.now().monotonicMs;
  const elapsedMs = (): number => clock.now().monotonicMs - startMs;
  const stop = new AbortController();
  const giveUp = (): void => stop.abort(new OverlayError('OVERLAY_ABORTED', { stage: 'dns', cause: signal?.reason }));
  const timer = clock.setTimer(() => stop.abort(lookupTimeout(host, elapsedMs())), timeoutMs);
  onAbort(signal, giveUp);
  if (signal?.aborted) giveUp();
  try {
    return await (lookup?.(host, family, stop.signal) ?? lookUp(host, family, stop.signal).addresses);
  } catch (cause) {
    throw nameError(host, family, cause, elapsedMs());
  } finally {
    timer.cancel();
    offAbort(signal, giveUp);
  }
}
