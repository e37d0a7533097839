/**
 * One scrape: a handshake with a target. Addresses are checked when the name is looked up, and exactly the checked ones are
 * dialled.
 * @module
 */
import { Refusal } from '../http/server.ts';
import { type AllowList, isAddress } from '../net/allow-list.ts';
import { systemClock } from '../net/clock.ts';
import { type Family, type Lookup, lookUp } from '../net/lookup.ts';
import type { NodeOptions } from '../net/options.ts';
import { formatTarget } from '../net/target.ts';
import type { Knowledge } from '../probe/knowledge.ts';
import { type ProbeResult, probe } from '../probe/probe.ts';
import { OverlayError } from '../protocol/errors.ts';
import type { Network } from '../protocol/networks.ts';
import type { ProbeRequest } from './request.ts';
import type { Turns } from './turns.ts';

/** The inputs of a scrape. */
export interface ScrapeOptions {
  /** Options of the connection; network and identity are those of the request. */
  readonly node: NodeOptions;
  /** The knowledge of earlier scrapes of this target on this network. */
  readonly known: Knowledge;
  readonly allowList: AllowList;
  /** Finds the addresses of names. Default: the system's resolver does. */
  readonly lookup: Lookup | undefined;
  /** Only addresses of this version of IP are dialled; 0: both. */
  readonly family: Family | undefined;
  /** Runs scrapes of the same node one after the other. */
  readonly turns: Turns;
  /** Time for the whole scrape. */
  readonly deadlineMs: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/** The result of a scrape. */
export interface Scrape {
  readonly result: ProbeResult;
  /** The network in our HELLO. */
  readonly network: Network;
  /** The whole time, including what follows the handshake, and the search for the cause of a failure. */
  readonly elapsedMs: number;
  /** When it was over. */
  readonly unixSeconds: number;
}

/** How much earlier than the scrape the handshake ends, in milliseconds. */
const EARLIER_MS = 10;

/** The reason with which the signal of the deadline aborts. */
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
  let endTurn: (() => void) | undefined;
  try {
    endTurn = await turns.take(formatTarget(request.target).toLowerCase(), stop.signal).catch(turnFailure);
    const { target, network, expectedPeerID } = request;
    const permitted = new Permitted(options);
    if (isAddress(target.host) && !permitted.holds(target.host)) throw permitted.refusal(target.host);
    // A little less than the remaining time: the error of its own deadline says more than that of an abort.
    const handshakeTimeoutMs = Math.max(1, Math.floor(deadlineMs - elapsed()) - EARLIER_MS);
    const { family } = options;
    const { lookup } = permitted;
    const limits = { handshakeTimeoutMs, signal: stop.signal, known, family, lookup };
    const found = await probe(target, { ...node, network, expectedPeerID, ...limits });
    if (signal.aborted) throw signal.reason;
    if (permitted.isNobody) throw permitted.refusal(target.host);
    return { result: inTime(found, stop.signal), network, elapsedMs: elapsed(), unixSeconds: clock.now().unixSeconds };
  } finally {
    endTurn?.();
    deadline.cancel();
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * The addresses that may be dialled. They are checked when the name is looked up. The name is not looked up again, because its
 * addresses could change between a check and a connection.
 */
class Permitted {
  readonly #allowList: AllowList;
  readonly #look: Lookup;
  #some = 0;
  #others = 0;

  constructor({ allowList, lookup }: ScrapeOptions) {
    this.#allowList = allowList;
    this.#look = lookup ?? ((host, family, signal) => lookUp(host, family, signal).addresses);
  }

  holds(address: string): boolean {
    return this.#allowList.permits(address);
  }

  /** Finds the addresses of a host name. */
  readonly lookup: Lookup = async (host, family, signal) => {
    const addresses = await this.#look(host, family, signal);
    const allowed = addresses.filter((address) => this.holds(address));
    this.#some += allowed.length;
    this.#others += addresses.length - allowed.length;
    return allowed;
  };

  /** Whether there were addresses but none may be dialled. */
  get isNobody(): boolean {
    return this.#others > 0 && this.#some === 0;
  }

  refusal(host: string): Refusal {
    return new Refusal(403, `This exporter may not probe ${host}; --allow CIDR allows addresses.`);
  }
}

function turnFailure(reason: unknown): never {
  if (reason !== DEADLINE) throw reason;
  throw new Refusal(503, 'Another probe of this target did not finish in time.', { 'Retry-After': '1' });
}

/** Gives a probe that the deadline has ended the error of a timeout instead of an abort. */
function inTime(result: ProbeResult, signal: AbortSignal): ProbeResult {
  const { error } = result;
  if (error?.code !== 'OVERLAY_ABORTED' || signal.reason !== DEADLINE) return result;
  const { stage } = error;
  return { ...result, error: new OverlayError(DEADLINE_CODE[stage], { stage }).toJSON() };
}

/** The error code of a timeout, by phase. */
const DEADLINE_CODE = {
  dns: 'OVERLAY_NAME_LOOKUP_TIMEOUT',
  tcp: 'OVERLAY_CONNECT_TIMEOUT',
  hello: 'OVERLAY_HANDSHAKE_TIMEOUT',
  auth: 'OVERLAY_HANDSHAKE_TIMEOUT',
  channel: 'OVERLAY_HANDSHAKE_TIMEOUT',
} as const;
