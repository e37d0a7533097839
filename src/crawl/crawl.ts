/**
 * crawl: the network as a whole, found by walking from node to node along the addresses they name. This file is longer than
 * others: it holds the state that all visits of one crawl share. What has a state of its own has a file of its own.
 * @module
 */
import { isAddress } from '../net/allow-list.ts';
import { type Clock, systemClock, type Timer } from '../net/clock.ts';
import { NodeIdentity } from '../net/identity.ts';
import { resolveName } from '../net/resolve.ts';
import { formatTarget, type Target } from '../net/target.ts';
import { type ProbeResult, probe } from '../probe/probe.ts';
import { OverlayError } from '../protocol/errors.ts';
import { AddressBook, type Entry, readAddress, readSeed, seedAddress } from './address-book.ts';
import type { CrawlEnd, CrawlEvent, CrawlSettings, CrawlStart, NodeLine } from './events.ts';
import { CRAWL_VERSION } from './events.ts';
import { Listener } from './listener.ts';
import { type CrawlOptions, defined, settingsOf } from './options.ts';
import { Places } from './places.ts';
import type { CrawlCounts } from './validator-line.ts';
import { Validators } from './validators.ts';

/** How far a crawl is. */
export interface CrawlProgress {
  /** Addresses that are known. */
  readonly known: number;
  /** Of them, those that need no more. */
  readonly done: number;
  /** Connections that are open. */
  readonly open: number;
  /** Attempts that nobody has answered yet. */
  readonly attempts: number;
  /** Addresses by outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
}

/** Nodes that say that we are connected already are asked again so often, and after so long. */
const MAX_ATTEMPTS = 6;
const RETRY_MS = 1_000;
/** Between two connections to one IP address, in milliseconds. */
const HOST_PAUSE_MS = 100;
/** Addresses of one host name. */
const MAX_RESOLVED = 16;
/** Events nobody has taken yet above which nothing new is begun. */
const MAX_UNTAKEN = 10_000;
/** What is still running is given so long to end when the crawl is interrupted, in milliseconds. */
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

/** A crawl: iterate it once. */
export class Crawl implements AsyncIterable<CrawlEvent> {
  readonly #options: CrawlOptions;
  readonly #settings: CrawlSettings;
  readonly #seeds: readonly Target[];
  readonly #identity: NodeIdentity;
  readonly #clock: Clock;
  readonly #book: AddressBook;
  readonly #validators: Validators | undefined;
  readonly #places: Places;
  readonly #outcomes = new Map<string, number>();
  readonly #keys = new Set<string>();
  /** Addresses whose turn has not come, the first first. */
  #queue: Entry[] = [];
  #head = 0;
  /** IP addresses that are being asked, with who waits for the same one. */
  readonly #hosts = new Map<string, Entry[]>();
  readonly #visits = new Set<Promise<void>>();
  /** Ends whatever is running. */
  readonly #ending = new AbortController();
  readonly #timers = new Set<Timer>();
  /** Addresses that wait for the IP address they are at, or to be asked again. */
  #parked = 0;
  #untaken: CrawlEvent[] = [];
  #wake: (() => void) | undefined;
  #done = 0;
  /** Whether the seeds are known, so that no more work means the end. */
  #hasBegun = false;
  #isOver = false;
  #failure: unknown;
  #startMs = 0;

  /** @internal */
  constructor(options: CrawlOptions) {
    const { network } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#identity = options.identity ?? NodeIdentity.random();
    this.#settings = settingsOf(options, this.#identity);
    const { allow, concurrency, rate, maxNodes, validators, quorumSet } = this.#settings;
    this.#seeds = options.seeds.map(readSeed);
    this.#book = new AddressBook(allow, maxNodes);
    this.#validators = validators ? new Validators(network, quorumSet) : undefined;
    this.#places = new Places({ clock: this.#clock, concurrency, rate, onFree: () => this.#pump() });
  }

  /** How far it is now. */
  get progress(): CrawlProgress {
    const { open, attempts } = this.#places;
    return { known: this.#book.size, done: this.#done, open, attempts, outcomes: Object.fromEntries(this.#outcomes) };
  }

  /** What is found, as it is found. */
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
        yield* events;
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
      await Promise.allSettled([begun, ...this.#visits]);
    }
  }

  async #begin(): Promise<void> {
    try {
      this.#say(this.#restore());
      await Promise.all(this.#seeds.map((seed) => this.#addSeed(seed)));
      this.#hasBegun = true;
      this.#pump();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Takes what an earlier run has said. @returns the line that begins this one */
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
      if (event.type === 'crawl') first ??= event;
      else if (event.type === 'node') nodes.set(event.address, event);
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
    for (const { peers = [] } of settled) for (const peer of peers) this.#addNamed(peer, nodes.get(peer));
    return { ...start, startedAt: first?.startedAt ?? startedAt, resumedAt: startedAt };
  }

  #isSeedHost({ address, seed }: NodeLine): boolean {
    return seed !== undefined || this.#seeds.some((one) => seedAddress(one) === address);
  }

  /** A seed that is a name is every address it has: the others name it by them. */
  async #addSeed(target: Target): Promise<void> {
    const seed = formatTarget(target);
    if (isAddress(target.host)) {
      this.#enqueue(this.#book.addSeed(target));
      return;
    }
    let addresses: readonly string[];
    try {
      const { timeoutMs } = this.#settings;
      addresses = await resolveName({ host: target.host, clock: this.#clock, timeoutMs, signal: this.#options.signal });
    } catch (cause) {
      if (!(cause instanceof OverlayError)) throw cause;
      if (this.#book.addSeed(target) === undefined || this.#isOver) return;
      const error = cause.toJSON();
      this.#settle({ type: 'node', address: seed.toLowerCase(), outcome: error.cause, error, at: this.#date() }, true);
      return;
    }
    for (const host of addresses.slice(0, MAX_RESOLVED)) this.#enqueue(this.#book.addSeed({ host, port: target.port }, seed));
  }

  /** @param known what an earlier run has said of it */
  #addNamed(peer: string, known?: NodeLine): void {
    const entry = this.#book.addNamed(peer);
    if (entry === undefined) return;
    if (entry.state === 'waiting') {
      this.#enqueue(entry);
      return;
    }
    const isTold = known?.outcome === outcomeOf(entry);
    if (isTold) entry.toldNamedBy = known.namedBy ?? 0;
    this.#settle(isTold ? known : lineOfUndialled(entry), !isTold);
  }

  #enqueue(entry: Entry | undefined): void {
    if (entry !== undefined) this.#queue.push(entry);
  }

  /** Begins as many visits as there are places for; ends the crawl when there is nothing left to do. */
  #pump(): void {
    if (this.#isOver || !this.#hasBegun) return;
    while (this.#head < this.#queue.length && this.#untaken.length < MAX_UNTAKEN) {
      const entry = this.#queue[this.#head] as Entry;
      const waiting = this.#hosts.get(entry.target.host);
      if (waiting === undefined && !this.#places.begin()) break;
      this.#head++;
      if (waiting === undefined) this.#start(entry);
      else this.#park(waiting, entry);
    }
    if (this.#head > 1_000 && 2 * this.#head > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    const left = this.#queue.length - this.#head + this.#visits.size + this.#parked;
    if (left === 0) this.#finish(true);
  }

  #park(waiting: Entry[], entry: Entry): void {
    waiting.push(entry);
    this.#parked++;
  }

  #start(entry: Entry): void {
    const { host } = entry.target;
    this.#hosts.set(host, []);
    entry.state = 'asked';
    entry.attempts++;
    const visited = this.#visit(entry)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#visits.delete(visited);
        this.#leaveHost(host);
        this.#pump();
      });
    this.#visits.add(visited);
  }

  /** Lets the next one be asked at the same IP address, when it has had a moment to hear of the end of this connection. */
  #leaveHost(host: string): void {
    const timer = this.#clock.setTimer(() => {
      this.#timers.delete(timer);
      const next = this.#hosts.get(host) ?? [];
      this.#hosts.delete(host);
      this.#parked -= next.length;
      if (next.length > 0) this.#queue.splice(this.#head, 0, ...next);
      this.#pump();
    }, HOST_PAUSE_MS);
    this.#timers.add(timer);
  }

  async #visit(entry: Entry): Promise<void> {
    const { signal } = this.#ending;
    const { network, versionStr, overlayVersion, overlayMinVersion, ledgerVersion, listeningPort } = this.#options;
    const listener = this.#validators && new Listener(this.#validators, entry.address, this.#clock);
    const place = this.#places.take();
    try {
      const result = await probe(entry.target, {
        network,
        identity: this.#identity,
        clock: this.#clock,
        handshakeTimeoutMs: this.#settings.timeoutMs,
        versionStr,
        overlayVersion,
        overlayMinVersion,
        ledgerVersion,
        listeningPort,
        signal,
        oneAtATime: true,
        secondLook: this.#settings.secondLook,
        onPhase: (phase) => phase === 'tcp' && place.connected(),
        onMessage: listener && ((message) => listener.hear(message)),
        stay: listener && ((connection) => listener.listen(connection)),
      });
      if (signal.aborted || this.#isOver) return;
      if (isConnectedAlready(result) && entry.attempts < MAX_ATTEMPTS) this.#retryLater(entry);
      else this.#take(entry, result);
    } finally {
      place.leave();
    }
  }

  /** A node at two addresses takes us in once at a time. */
  #retryLater(entry: Entry): void {
    entry.state = 'waiting';
    this.#parked++;
    const timer = this.#clock.setTimer(() => {
      this.#timers.delete(timer);
      this.#parked--;
      this.#enqueue(entry);
      this.#pump();
    }, RETRY_MS);
    this.#timers.add(timer);
  }

  #take(entry: Entry, result: ProbeResult): void {
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
      this.#validators?.reached({ peerID: remote.peerID, host: entry.target.host, isSeed: entry.isSeed });
    for (const event of this.#validators?.takeLines() ?? []) this.#say(event);
    this.#settle(line, true);
    for (const peer of new Set(peers)) this.#addNamed(peer);
  }

  /** Counts a line. @param tell whether it is to be said, too */
  #settle(line: NodeLine, tell = false): void {
    this.#done++;
    this.#outcomes.set(line.outcome, (this.#outcomes.get(line.outcome) ?? 0) + 1);
    if (line.peerID !== undefined) this.#keys.add(line.peerID);
    if (tell) this.#say(line);
  }

  #finish(finished: boolean): void {
    for (const entry of this.#book) {
      if ((entry.state !== 'forbidden' && entry.state !== 'unasked') || entry.namedBy === entry.toldNamedBy) continue;
      if (entry.namedBy > 1) this.#say(lineOfUndialled(entry));
    }
    for (const event of this.#validators?.finish() ?? []) this.#say(event);
    const ledgerSeq = this.#validators?.ledgerSeq;
    const seconds = Math.round(this.#clock.now().monotonicMs - this.#startMs) / 1000;
    const end: CrawlEnd = { type: 'end', finished, counts: this.#counts(), seconds, ...defined({ ledgerSeq }) };
    this.#isOver = true;
    this.#stop();
    this.#say(end);
  }

  #counts(): CrawlCounts {
    const { weighed, unweighed } = this.#validators?.counts() ?? { weighed: NOBODY, unweighed: 0 };
    return {
      outcomes: Object.fromEntries([...this.#outcomes].sort(([, a], [, b]) => b - a)),
      addresses: this.#book.size,
      left: this.#book.size - this.#done,
      keys: this.#keys.size,
      validators: weighed,
      unweighed,
      quorumSets: this.#validators?.quorumSetCount ?? 0,
    };
  }

  async #interrupt(): Promise<void> {
    if (this.#isOver) return;
    this.#hasBegun = false;
    this.#stop();
    await Promise.race([
      Promise.allSettled(this.#visits),
      new Promise<void>((resolve) => void this.#clock.setTimer(resolve, GRACE_MS)),
    ]);
    if (!this.#isOver) this.#finish(false);
  }

  #stop(): void {
    this.#places.stop();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#ending.abort(this.#options.signal?.reason);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#isOver = true;
    this.#wake?.();
  }

  #say(event: CrawlEvent): void {
    this.#untaken.push(event);
    this.#wake?.();
  }

  #date(): string {
    return new Date(this.#clock.now().unixSeconds * 1000).toISOString();
  }
}

const NOBODY = { validating: 0, delayed: 0, disagrees: 0, missing: 0 } as const;

function outcomeOf({ state }: Entry): string {
  return state === 'forbidden' ? 'not-allowed' : 'not-dialled';
}

function lineOfUndialled(entry: Entry): NodeLine {
  entry.toldNamedBy = entry.namedBy;
  return { type: 'node', address: entry.address, outcome: outcomeOf(entry), namedBy: entry.namedBy };
}

function isConnectedAlready({ error }: ProbeResult): boolean {
  return error?.peerError?.message.startsWith('already-connected peer') === true;
}
