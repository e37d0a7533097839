/**
 * One scrape: a name to addresses, the addresses checked, and the handshake with the very address that was checked.
 * @module
 */
import { lookup } from 'node:dns/promises';
import { Refusal } from '../http/server.ts';
import { type AllowList, isAddress } from '../net/allow-list.ts';
import { systemClock } from '../net/clock.ts';
import { nameError } from '../net/dial.ts';
import type { NodeOptions } from '../net/options.ts';
import { formatTarget } from '../net/target.ts';
import type { Knowledge } from '../probe/knowledge.ts';
import { type ProbeResult, probe } from '../probe/probe.ts';
import { OverlayError } from '../protocol/errors.ts';
import type { ProbeRequest } from './request.ts';
import { type Turns, unlessAborted } from './turns.ts';

/** Finds the addresses of a host name. @throws anything when there is none */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** What a scrape is made with. */
export interface ScrapeOptions {
  /** Options of the connection; network and identity are those of the request. */
  readonly node: NodeOptions;
  /** What earlier scrapes of this target on this network have learnt. */
  readonly known: Knowledge;
  readonly allowList: AllowList;
  readonly resolve: Resolve;
  /** Scrapes of the same node wait for each other here. */
  readonly turns: Turns;
  /** Time for everything. */
  readonly deadlineMs: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/** What a scrape found. */
export interface Scrape {
  /** As of the probe; `target` is what was asked for. */
  readonly result: ProbeResult;
  /** The address that was dialled last, unless there was none. */
  readonly address?: string;
  /** What finding it took, in milliseconds. */
  readonly dnsMs?: number;
  /** What everything took: also what came after the handshake, and looking for the cause when it failed. */
  readonly elapsedMs: number;
  /** When it was over. */
  readonly unixSeconds: number;
}

/** Asks the operating system, in its order of preference. */
export const resolveByOS: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/** Why the deadline's signal aborts. */
const DEADLINE = new Error('deadline');

/**
 * Probes a target once.
 * @throws {Refusal} 403 when the target has no address that may be dialled, 503 when its turn did not come in time
 * @throws the signal's reason when it aborts
 */
export async function scrape(request: ProbeRequest, options: ScrapeOptions): Promise<Scrape> {
  const { deadlineMs, signal, node, known, turns } = options;
  const clock = node.clock ?? systemClock;
  const start = clock.now().monotonicMs;
  const elapsed = (): number => clock.now().monotonicMs - start;
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const deadline = clock.setTimer(() => stop.abort(DEADLINE), deadlineMs);
  const scraped = (result: ProbeResult, found: Pick<Scrape, 'address' | 'dnsMs'>): Scrape => {
    if (signal.aborted) throw signal.reason;
    const { unixSeconds } = clock.now();
    return { result: { ...result, target: formatTarget(request.target) }, ...found, elapsedMs: elapsed(), unixSeconds };
  };
  let endTurn: (() => void) | undefined;
  try {
    endTurn = await turns.take(formatTarget(request.target).toLowerCase(), stop.signal).catch(turnFailure);
    const turnMs = elapsed();
    let addresses: readonly string[];
    try {
      addresses = await permitted(request, options, stop.signal);
    } catch (error) {
      if (!(error instanceof OverlayError)) throw error;
      return scraped(failed(error), {});
    }
    const dnsMs = elapsed() - turnMs;
    const { network, expectedPeerID } = request;
    for (const [i, address] of addresses.entries()) {
      const handshakeTimeoutMs = Math.max(1, Math.floor(deadlineMs - elapsed()));
      const target = { host: address, port: request.target.port };
      const found = await probe(target, { ...node, network, expectedPeerID, handshakeTimeoutMs, signal: stop.signal, known });
      const result = inTime(found, stop.signal);
      // The next address helps only when this one was not even connected.
      const isLast = i === addresses.length - 1 || stop.signal.aborted;
      if (isLast || result.error?.stage !== 'tcp') return scraped(withLookup(result, dnsMs), { address, dnsMs });
    }
    throw new RangeError('there is at least one address');
  } finally {
    endTurn?.();
    deadline.cancel();
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * The addresses of the target that may be dialled. From here on the name is not looked at any more: what it means could
 * change between the check and the connection.
 */
async function permitted(
  { target }: ProbeRequest,
  { resolve, allowList }: ScrapeOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { host } = target;
  const addresses = isAddress(host)
    ? [host]
    : await unlessAborted(resolve(host), signal).catch((cause) => nameFailure(host, cause));
  if (addresses.length === 0) nameFailure(host, undefined);
  const allowed = addresses.filter((address) => allowList.permits(address));
  if (allowed.length === 0)
    throw new Refusal(403, `${host} is outside what this exporter may probe; --allow CIDR names what it may.`);
  return allowed;
}

function turnFailure(reason: unknown): never {
  if (reason !== DEADLINE) throw reason;
  throw new Refusal(503, 'Another probe of this target has not finished in time.', { 'Retry-After': '1' });
}

function nameFailure(host: string, cause: unknown): never {
  if (cause === DEADLINE)
    throw new OverlayError('OVERLAY_CONNECT_TIMEOUT', {
      stage: 'dns',
      message: `The host name ${host} was not resolved in time.`,
    });
  throw nameError(host, cause);
}

/** A probe that the deadline has cut short says so, and not that somebody stopped it. */
function inTime(result: ProbeResult, signal: AbortSignal): ProbeResult {
  const { error } = result;
  if (error?.code !== 'OVERLAY_ABORTED' || signal.reason !== DEADLINE) return result;
  const { stage } = error;
  const code = stage === 'dns' || stage === 'tcp' ? 'OVERLAY_CONNECT_TIMEOUT' : 'OVERLAY_HANDSHAKE_TIMEOUT';
  return { ...result, error: new OverlayError(code, { stage }).toJSON() };
}

function withLookup(result: ProbeResult, dnsMs: number): ProbeResult {
  const { timings } = result;
  if (timings === undefined) return result;
  const { totalMs } = timings;
  return { ...result, timings: { ...timings, dnsMs, ...(totalMs !== undefined && { totalMs: totalMs + dnsMs }) } };
}

function failed(error: OverlayError): ProbeResult {
  return { target: '', at: new Date().toISOString(), ok: false, role: 'WE_CALLED_REMOTE', error: error.toJSON() };
}
