/**
 * crawl: finds the whole network. It goes from node to node by the addresses that they name. The parts with their own state
 * are in other files: the addresses in address-book.ts, their order in queue.ts, the limits in places.ts, the validators in
 * validators.ts.
 * @module
 */
import { isAddress } from '../net/allow-list.ts';
import { type Clock, systemClock } from '../net/clock.ts';
import { Deferred } from '../net/deferred.ts';
import { NodeIdentity } from '../net/identity.ts';
import { resolveName } from '../net/resolve.ts';
import { formatTarget, type Target } from '../net/target.ts';
import type { ProbeOptions } from '../probe/options.ts';
import { type ProbeResult, probe } from '../probe/probe.ts';
import { OverlayError } from '../protocol/errors.ts';
import { AddressBook, type Entry, lineOfUndialled, outcomeOf, readAddress, readSeed, seedAddress } from './address-book.ts';
import type { CrawlEnd, CrawlEvent, CrawlSettings, CrawlStart, NodeLine } from './events.ts';
import { CRAWL_VERSION } from './events.ts';
import { assertSameNetwork } from './file-error.ts';
import { type CrawlOptions, defined, settingsOf } from './options.ts';
import { Places } from './places.ts';
import { Queue } from './queue.ts';
import { Tally } from './tally.ts';
import type { CrawlCounts } from './validator-line.ts';
import { Validators } from './validators.ts';
import { Visit, type VisitContext } from './visit.ts';

/** The progress of a crawl. */
export interface CrawlProgress {
  /** Number of known addresses. */
  readonly known: number;
  /** Number of them that have a result. */
  readonly done: number;
  /** Number of open connections. */
  readonly open: number;
  /** Number of connection attempts without an answer. */
  readonly attempts: number;
  /** Number of addresses by outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
}

/**
 * A node with several addresses accepts one connection of us at a time. An address that it refuses for that reason is dialled again
 * when our other connections to its key have ended, and not before this interval, until it was dialled this number of times.
 */
const MAX_ATTEMPTS = 4;
const RETRY_MS = 1_000;
/** The largest number of addresses that one host name stands for. */
const MAX_RESOLVED = 16;
/** While the application has not taken this number of events, no connection begins. */
const MAX_UNTAKEN = 10_000;
/** Time for visits to end after an interruption, in milliseconds. */
const GRACE_MS = 300;

/**
 * Walks a network.
 *
 * @example
 * for await (const event of crawl({ network: networks.testnet, seeds: ['core.example.org'] }))
 *   if (event.type === 'node') console.log(event.address, event.outcome)
 *
 * @returns the crawl, which begins when it is iterated; leaving the loop ends it
 * @throws {TypeError | RangeError} when an option is wrong
 */
export function crawl(options: CrawlOptions): Crawl {
  return new Crawl(options);
}

/** A crawl. It can be iterated once. */
export class Crawl implements AsyncIterable<CrawlEvent> {
  readonly #options: CrawlOptions;
  readonly #settings: CrawlSettings;
  readonly #seeds: readonly Target[];
  readonly #identity: NodeIdentity;
  readonly #clock: Clock;
  readonly #book: AddressBook;
  readonly #queue: Queue;
  readonly #places: Places;
  readonly #validators: Validators | undefined;
  /** The same for all visits. */
  readonly #probeOptions: ProbeOptions;
  readonly #context: VisitContext;
  readonly #tally = new Tally();
  /** Number of visits that have not ended. */
  #visits = 0;
  #whenIdle: Deferred<void> | undefined;
  /** Aborts everything that runs. */
  readonly #ending = new AbortController();
  /** Number of seeds that are still looked up. While there are any, the crawl does not end. */
  #lookups = 0;
  /** Lines that were reported while seeds are looked up, because a seed can have one of these addresses. */
  readonly #early = new Map<string, NodeLine>();
  /** Number of nodes that have named others. */
  #namers = 0;
  #untaken: CrawlEvent[] = [];
  #wake: (() => void) | undefined;
  #isOver = false;
  #failure: unknown;
  #startMs = 0;

  /** @internal */
  constructor(options: CrawlOptions) {
    const { network, versionStr, overlayVersion, overlayMinVersion, ledgerVersion, listeningPort } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#identity = options.identity ?? NodeIdentity.random();
    this.#settings = settingsOf(options, this.#identity);
    const { allow, family, concurrency, rate, maxNodes, validators, quorumSet } = this.#settings;
    this.#seeds = options.seeds.map(readSeed);
    this.#book = new AddressBook({ allow, family, maxNodes });
    this.#validators = validators ? new Validators(network, quorumSet) : undefined;
    const onFree = (): void => this.#pump();
    this.#queue = new Queue(this.#clock, onFree);
    this.#places = new Places({ clock: this.#clock, concurrency, rate, onFree });
    this.#context = { clock: this.#clock, queue: this.#queue, validators: this.#validators };
    this.#probeOptions = {
      network,
      family: options.family,
      identity: this.#identity,
      clock: this.#clock,
      handshakeTimeoutMs: this.#settings.timeoutMs,
      versionStr,
      overlayVersion,
      overlayMinVersion,
      ledgerVersion,
      listeningPort,
      signal: this.#ending.signal,
      oneAtATime: true,
      secondLook: this.#settings.secondLook,
    };
  }

  /** The current progress. */
  get progress(): CrawlProgress {
    const { open, attempts } = this.#places;
    const { done, outcomes } = this.#tally;
    return { known: this.#book.size, done, open, attempts, outcomes };
  }

  /** The results, as they are found. @throws {CrawlFileError} when the events to resume are of another network */
  async *[Symbol.asyncIterator](): AsyncGenerator<CrawlEvent, void, undefined> {
    const { signal } = this.#options;
    const onAbort = (): void => void this.#interrupt();
    this.#startMs = this.#clock.now().monotonicMs;
    const begun = this.#begin();
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    try {
      for (;;) {
        const events = this.#untaken;
        this.#untaken = [];
        // Subtle: yield* would make three promises more for each event.
        for (const event of events) yield event;
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#untaken.length > 0) continue;
        if (this.#isOver) return;
        this.#pump();
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          if (this.#untaken.length > 0 || this.#isOver) resolve();
        });
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#isOver = true;
      this.#stop();
      await Promise.allSettled([begun, this.#idle()]);
    }
  }

  /** Looks up every seed. The addresses of one are visited as soon as they are known. */
  async #begin(): Promise<void> {
    try {
      this.#tell(this.#restore());
      this.#lookups = this.#seeds.length;
      await Promise.all(
        this.#seeds.map(async (seed) => {
          await this.#addSeed(seed);
          this.#lookups--;
          this.#pump();
        }),
      );
      this.#early.clear();
      this.#pump();
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * Takes the results of an earlier run.
   * @returns the line that begins this run
   * @throws {CrawlFileError} CRAWL_FILE_OTHER_NETWORK when that run was on another network
   */
  #restore(): CrawlStart {
    const startedAt = this.#date();
    const { network, resume } = this.#options;
    const start: CrawlStart = {
      type: 'crawl',
      version: CRAWL_VERSION,
      network: network.name ?? network.passphrase,
      networkID: network.networkID,
      seeds: this.#seeds.map(formatTarget),
      startedAt,
      peerID: this.#identity.peerID,
      options: this.#settings,
    };
    if (resume === undefined) return start;
    let first: CrawlStart | undefined;
    const nodes = new Map<string, NodeLine>();
    for (const event of resume) {
      if (event.type === 'crawl') {
        assertSameNetwork(event, start);
        first ??= event;
      } else if (event.type === 'node') nodes.set(event.address, event);
      else if (event.type !== 'end') this.#validators?.restore(event);
    }
    const settled = [...nodes.values()].filter(({ outcome }) => outcome !== 'not-allowed' && outcome !== 'not-dialled');
    for (const line of settled) {
      this.#book.addSettled(line.address);
      this.#settle(line);
      const host = readAddress(line.address)?.host;
      if (line.peerID !== undefined && host !== undefined)
        this.#validators?.reached({ peerID: line.peerID, host, isSeed: this.#isSeedHost(line) });
    }
    for (const { peers = [] } of settled) {
      this.#namers++;
      for (const peer of peers) this.#addNamed(peer, nodes.get(peer));
    }
    return { ...start, startedAt: first?.startedAt ?? startedAt, resumedAt: startedAt };
  }

  #isSeedHost({ address, seed }: NodeLine): boolean {
    return seed !== undefined || this.#seeds.some((one) => seedAddress(one) === address);
  }

  /** A host name stands for all its addresses, because other nodes name the addresses. */
  async #addSeed(target: Target): Promise<void> {
    if (isAddress(target.host)) {
      this.#addSeedAddress(target);
      return;
    }
    const seed = formatTarget(target);
    const { host, port } = target;
    const { family, lookup } = this.#options;
    const { signal } = this.#ending;
    let addresses: readonly string[];
    try {
      addresses = await resolveName({ host, family, lookup, clock: this.#clock, timeoutMs: this.#settings.timeoutMs, signal });
    } catch (cause) {
      if (!(cause instanceof OverlayError)) throw cause;
      // An interrupted look-up is no result: a resumed crawl looks the name up again.
      if (signal.aborted || this.#isOver || !this.#book.addUnresolved(target)) return;
      const error = cause.toJSON();
      this.#settle({ type: 'node', address: seed.toLowerCase(), outcome: error.cause, error, at: this.#date() }, true);
      return;
    }
    for (const address of addresses.slice(0, MAX_RESOLVED)) this.#addSeedAddress({ host: address, port }, seed);
  }

  /** @param seed the host name that stands for the address */
  #addSeedAddress(target: Target, seed?: string): void {
    const { entry, before } = this.#book.addSeed(target, seed);
    if (entry.state === before) {
      this.#tellSeed(entry);
      return;
    }
    if (before !== undefined) this.#tally.retract(outcomeOf(before));
    if (entry.state === 'waiting') this.#queue.add(entry);
    else this.#settle(lineOfUndialled(entry), true);
  }

  /** A seed whose address was known before the name was looked up, because another node or an earlier run named it. */
  #tellSeed({ address, host, seed }: Entry): void {
    const line = this.#early.get(address);
    if (line === undefined || seed === undefined || line.seed !== undefined) return;
    if (line.peerID !== undefined) this.#validators?.reached({ peerID: line.peerID, host, isSeed: true });
    this.#tell({ ...line, seed });
  }

  /** @param known its line of an earlier run */
  #addNamed(peer: string, known?: NodeLine): void {
    const entry = this.#book.addNamed(peer, this.#namers);
    if (entry === undefined) return;
    if (entry.state === 'waiting') {
      this.#queue.add(entry);
      return;
    }
    const isTold = known?.outcome === outcomeOf(entry.state);
    if (isTold) entry.toldNamedBy = known.namedBy ?? 0;
    this.#settle(isTold ? known : lineOfUndialled(entry), !isTold);
  }

  /** Begins a visit for each free place. Ends the crawl when no address is left. */
  #pump(): void {
    if (this.#isOver || this.#ending.signal.aborted) return;
    while (this.#untaken.length < MAX_UNTAKEN && this.#queue.isReady && this.#places.begin()) this.#start(this.#queue.take());
    if (this.#queue.size + this.#visits + this.#lookups === 0) this.#finish(true);
  }

  #start(entry: Entry): void {
    entry.state = 'asked';
    entry.attempts++;
    this.#visits++;
    const visit = new Visit(entry, this.#places.take(), this.#context);
    probe(entry, this.#probeOptions, visit).then(
      (result) => this.#end(visit, () => this.#take(entry, result)),
      (error) => this.#end(visit, () => this.#fail(error)),
    );
  }

  #end(visit: Visit, handle: () => void): void {
    try {
      handle();
    } catch (error) {
      this.#fail(error);
    }
    visit.leave();
    this.#visits--;
    if (this.#visits === 0) this.#whenIdle?.resolve();
    this.#pump();
  }

  #take(entry: Entry, result: ProbeResult): void {
    if (this.#ending.signal.aborted || this.#isOver) return;
    if (isConnectedAlready(result) && entry.attempts < MAX_ATTEMPTS) {
      entry.state = 'waiting';
      entry.peerID = result.remote?.peerID;
      this.#queue.addLater(entry, RETRY_MS);
      return;
    }
    const { ok, remote, timings, clockSkew, error, warnings } = result;
    const peers = result.peers?.map((peer) => this.#book.shared(peer));
    entry.state = 'settled';
    const line: NodeLine = {
      type: 'node',
      address: entry.address,
      outcome: ok ? 'ok' : (error?.cause ?? 'internal'),
      ...(remote && { peerID: remote.peerID, remote }),
      ...defined({ timings, clockSkew, peers, error, warnings, seed: entry.seed }),
      at: this.#date(),
    };
    if (remote && (ok || peers !== undefined))
      this.#validators?.reached({ peerID: remote.peerID, host: entry.host, isSeed: entry.isSeed });
    for (const event of this.#validators?.takeLines() ?? []) this.#tell(event);
    this.#settle(line, true);
    this.#namers++;
    for (const peer of peers ?? []) this.#addNamed(peer);
  }

  /** Counts a line. @param tell whether the line is also reported to the application */
  #settle(line: NodeLine, tell = false): void {
    this.#tally.add(line);
    if (this.#lookups > 0 || !tell) this.#early.set(line.address, line);
    if (tell) this.#tell(line);
  }

  #finish(finished: boolean): void {
    for (const entry of this.#book) {
      if ((entry.state !== 'forbidden' && entry.state !== 'unasked') || entry.namedBy === entry.toldNamedBy) continue;
      if (entry.namedBy > 1) this.#tell(lineOfUndialled(entry));
    }
    for (const event of this.#validators?.finish() ?? []) this.#tell(event);
    const ledgerSeq = this.#validators?.ledgerSeq;
    const seconds = Math.round(this.#clock.now().monotonicMs - this.#startMs) / 1000;
    const end: CrawlEnd = { type: 'end', finished, counts: this.#counts(), seconds, ...defined({ ledgerSeq }) };
    this.#isOver = true;
    this.#stop();
    this.#tell(end);
  }

  #counts(): CrawlCounts {
    const { weighed, unweighed } = this.#validators?.counts() ?? { weighed: NOBODY, unweighed: 0 };
    const { outcomes, done, keys } = this.#tally;
    return {
      outcomes,
      addresses: this.#book.size,
      left: this.#book.size - done,
      keys,
      validators: weighed,
      unweighed,
      quorumSets: this.#validators?.quorumSetCount ?? 0,
    };
  }

  async #interrupt(): Promise<void> {
    if (this.#isOver) return;
    this.#stop();
    await Promise.race([this.#idle(), new Promise<void>((resolve) => void this.#clock.setTimer(resolve, GRACE_MS))]);
    if (!this.#isOver) this.#finish(false);
  }

  /** Resolves when no visit is left. No other may begin. */
  #idle(): Promise<void> {
    if (this.#visits === 0) return Promise.resolve();
    this.#whenIdle ??= new Deferred();
    return this.#whenIdle.promise;
  }

  #stop(): void {
    this.#places.stop();
    this.#queue.stop();
    this.#ending.abort(this.#options.signal?.reason);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#isOver = true;
    this.#wake?.();
  }

  #tell(event: CrawlEvent): void {
    this.#untaken.push(event);
    this.#wake?.();
  }

  #date(): string {
    return new Date(this.#clock.now().unixSeconds * 1000).toISOString();
  }
}

const NOBODY = { validating: 0, delayed: 0, disagrees: 0, missing: 0 } as const;

function isConnectedAlready({ error }: ProbeResult): boolean {
  return error?.peerError?.message.startsWith('already-connected peer') === true;
}
