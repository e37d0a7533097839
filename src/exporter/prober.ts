/**
 * Makes the answer for the parameters of a scrape: one real handshake each, a limited number at once.
 * @module
 */

import { type HttpAnswer, Refusal } from '../http/server.ts';
import { AllowList } from '../net/allow-list.ts';
import type { NodeIdentity } from '../net/identity.ts';
import type { Family, Lookup } from '../net/lookup.ts';
import { type NodeOptions, resolveOptions } from '../net/options.ts';
import { Knowledge } from '../probe/knowledge.ts';
import { targetKey } from '../probe/targets.ts';
import { assertInteger } from '../protocol/bytes.ts';
import { type ProbeOutcome, probeRegistry } from './metrics.ts';
import { deadlineMs, type ProbeRequest, readProbeRequest } from './request.ts';
import { scrape } from './scrape.ts';
import { StoryTeller } from './story.ts';
import { Turns } from './turns.ts';

/** Options of the probes. */
export interface ProberOptions {
  /**
   * Options of every connection. `network` is used for requests without one, `handshakeTimeoutMs` limits a whole probe, and
   * without `identity` one random identity is used for all probes.
   */
  readonly node: Omit<NodeOptions, 'signal' | 'onStep' | 'onBytes' | 'unsafeStepSecrets'>;
  /** Addresses that may be probed. Default: globally routable addresses. */
  readonly allowList?: AllowList | undefined;
  /** Probes at once; a further request gets 503. Default 16. */
  readonly concurrency?: number | undefined;
  /** Finds the addresses of names. Default: the system's resolver does. */
  readonly lookup?: Lookup | undefined;
  /** Only addresses of this version of IP are dialled; 0: both. Default 0. */
  readonly family?: Family | undefined;
}

const CONCURRENCY = 16;
/** The largest number of targets with stored knowledge. */
const MAX_KNOWN = 1_024;

/** Probes allowed targets. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #identity: NodeIdentity;
  readonly #capMs: number;
  readonly #concurrency: number;
  readonly #allowList: AllowList;
  readonly #count: (outcome: ProbeOutcome) => void;
  readonly #turns = new Turns();
  /** By target and network; the oldest is removed first. */
  readonly #known = new Map<string, Knowledge>();
  #inFlight = 0;

  /**
   * @param count called with the result of each request
   * @throws {TypeError | RangeError} when an option is wrong
   */
  constructor(options: ProberOptions, count: (outcome: ProbeOutcome) => void) {
    const { identity, handshakeTimeoutMs } = resolveOptions(options.node);
    this.#options = options;
    this.#identity = identity;
    this.#capMs = handshakeTimeoutMs;
    this.#concurrency = assertInteger(options.concurrency ?? CONCURRENCY, 1, 65535, 'concurrency');
    this.#allowList = options.allowList ?? new AllowList([]);
    this.#count = count;
  }

  /** Our own identity, `G…`. */
  get peerID(): string {
    return this.#identity.peerID;
  }

  /** The number of probes that run or wait for another probe of the same node. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Runs the probe of a scrape.
   * @param timeout how long Prometheus waits, in seconds, as its header says
   * @throws {Refusal} when the request is refused
   * @throws the signal's reason when it aborts
   */
  async run(query: URLSearchParams, timeout: string | undefined, signal: AbortSignal): Promise<HttpAnswer> {
    const request = readProbeRequest(query, this.#options.node.network);
    const limitMs = deadlineMs(timeout, this.#capMs);
    if (this.#inFlight >= this.#concurrency) {
      this.#count('busy');
      throw new Refusal(503, `${this.#inFlight} probes are running, and more are not allowed.`, { 'Retry-After': '1' });
    }
    this.#inFlight++;
    try {
      return await this.#probe(request, limitMs, signal);
    } catch (error) {
      this.#count(error instanceof Refusal ? (error.status === 403 ? 'forbidden' : 'busy') : 'aborted');
      throw error;
    } finally {
      this.#inFlight--;
    }
  }

  async #probe(request: ProbeRequest, limitMs: number, signal: AbortSignal): Promise<HttpAnswer> {
    const { node, lookup, family } = this.#options;
    const teller = request.debug ? new StoryTeller(this.peerID) : undefined;
    const found = await scrape(request, {
      node: { ...node, identity: this.#identity, ...this.#ecdh(request), ...teller?.options },
      known: this.#knowledgeOf(request),
      allowList: this.#allowList,
      turns: this.#turns,
      lookup,
      family,
      deadlineMs: limitMs,
      signal,
    });
    this.#count(found.result.ok ? 'success' : 'failure');
    const registry = probeRegistry(found);
    const metrics = await registry.metrics();
    if (teller === undefined) return { type: registry.contentType, text: metrics };
    return { type: 'text/plain; charset=utf-8', text: teller.text(request, found, metrics) };
  }

  /** The knowledge of earlier scrapes of the same target. A story does not use it, so that it is complete. */
  #knowledgeOf({ target, network, debug }: ProbeRequest): Knowledge {
    const key = `${targetKey(target)} ${network.networkID}`;
    const known = (debug ? undefined : this.#known.get(key)) ?? new Knowledge();
    this.#known.delete(key);
    this.#known.set(key, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    return known;
  }

  /** Keys are kept only for networks with a name: there is no limit to passphrases, and an identity removes no keys. */
  #ecdh({ network }: ProbeRequest): Pick<NodeOptions, 'ecdh'> {
    const { node } = this.#options;
    return network.name === undefined && network.networkID !== node.network.networkID ? { ecdh: 'per-connection' } : {};
  }
}
