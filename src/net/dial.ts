/**
 * dial: from a host name to an open socket, as RFC 8305 describes. An attempt starts 250 ms after the one before, or at once
 * when that one failed. Attempts overlap. No attempt is stopped before one has connected; each has the whole remaining time.
 * @module
 */
import { isIP, Socket } from 'node:net';
import type { DialAttempt } from '../protocol/errors.ts';
import { OverlayError } from '../protocol/errors.ts';
import { type AbortWatch, offAbort, onAbort } from './abort.ts';
import type { Clock, Timer } from './clock.ts';
import { dialError, isOutOfFiles, lookupTimeout, nameError, outcomeOf, outOfFiles } from './dial-error.ts';
import { type Family, type Lookup, lookUp, type PendingLookup, SINGLE_FAMILY_DELAY_MS } from './lookup.ts';

/** Target and limits. */
export interface DialOptions {
  readonly host: string;
  readonly port: number;
  /** Only addresses of this IP version are dialled; 0: both. */
  readonly family?: Family | undefined;
  /** Finds the addresses of a name. Default: the system's resolver. */
  readonly lookup?: Lookup | undefined;
  readonly clock: Clock;
  /** Time for name resolution and TCP together, in milliseconds. It starts when the resolver is asked. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Is called with the time until the first attempt (`dns`), and from there to the open socket (`tcp`), in milliseconds. */
  readonly onPhase?: ((phase: 'dns' | 'tcp', ms: number) => void) | undefined;
  /** Is called once at the end with the outcome of each address, in the order they were dialled. */
  readonly onDialled?: ((attempts: readonly DialAttempt[]) => void) | undefined;
}

/**
 * Opens a TCP connection.
 * @returns the connected socket
 * @throws {OverlayError} with code, stage and attempts; nothing stays open
 */
export async function dial(options: DialOptions): Promise<Socket> {
  const { over, attempts, dnsMs, tcpMs } = await new Promise<Outcome>((resolve) => new Dialler(options, resolve));
  try {
    if (dnsMs !== undefined) options.onPhase?.('dns', dnsMs);
    if (tcpMs !== undefined) options.onPhase?.('tcp', tcpMs);
    if (attempts.length > 0) options.onDialled?.(attempts);
  } catch (error) {
    if (!(over instanceof OverlayError)) over.destroy();
    throw error;
  }
  if (over instanceof OverlayError) throw over;
  return over;
}

/** Result of dialling. */
interface Outcome {
  readonly over: Socket | OverlayError;
  readonly attempts: readonly DialAttempt[];
  /** Durations of the finished phases, in milliseconds. */
  readonly dnsMs?: number | undefined;
  readonly tcpMs?: number | undefined;
}

/** Connection Attempt Delay (RFC 8305 section 5), in milliseconds. */
const ATTEMPT_DELAY_MS = 250;
/** Resolution Delay (section 3), in milliseconds: how long to wait for IPv6 addresses when the IPv4 addresses came first. */
const RESOLUTION_DELAY_MS = 50;
/** Delay before another try when this process or machine has no free file descriptor, in milliseconds. */
const DESCRIPTOR_RETRY_MS = 100;

/** Reason with which look-ups are aborted. Without one, every abort would create its own error. */
const NOT_WANTED = new Error('The addresses are known, or no longer needed.');

/** One dial attempt, from its start. */
interface Attempt {
  readonly address: string;
  readonly sinceMs: number;
  readonly socket: Socket;
  ended?: DialAttempt;
  error?: NodeJS.ErrnoException;
}

/** The look-ups of a host name. */
class Search {
  /** Families that are being looked up. */
  readonly asked = new Set<Family>();
  /** Errors of the families that have no address. */
  readonly failures = new Map<Family, unknown>();
  /** All addresses found. */
  readonly known = new Set<string>();
  readonly #abort = new AbortController();

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  abort(): void {
    this.#abort.abort(NOT_WANTED);
  }
}

function ignore(): void {}

class Dialler {
  readonly #options: DialOptions;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #family: Family;
  /** Made only when needed: a target that is an address needs no look-up, and creating this costs more than all else here. */
  #search: Search | undefined;
  /** Addresses not dialled yet. */
  #queue: string[] = [];
  #attempts: Attempt[] = [];
  #startMs: number;
  /** Time of the first dial attempt, monotonic milliseconds. */
  #dialledMs: number | undefined;
  #lastFamily = 0;
  /** The last error for want of a file descriptor; undefined while descriptors are free. */
  #starved: NodeJS.ErrnoException | undefined;
  /** Undefined until it is set: a clock of a test may call back at once. */
  #deadline: Timer | undefined;
  #nextAttempt: Timer | undefined;
  #nextLookup: Timer | undefined;
  readonly #watch: AbortWatch | undefined;
  #isOver = false;

  constructor(options: DialOptions, resolve: (outcome: Outcome) => void) {
    const { host, family = 0, signal, lookup } = options;
    this.#options = options;
    this.#resolve = resolve;
    this.#family = family;
    this.#startMs = this.#now();
    this.#deadline = this.#setDeadline();
    this.#watch = onAbort(signal, this.#giveUp);
    if (signal?.aborted) this.#giveUp();
    else if (isIP(host) !== 0) this.#dialOnly(host);
    else if (lookup !== undefined) this.#lookUp();
    else this.#prepare();
  }

  #now(): number {
    return this.#options.clock.now().monotonicMs;
  }

  get #dnsMs(): number | undefined {
    return this.#dialledMs === undefined ? undefined : this.#dialledMs - this.#startMs;
  }

  get #lookups(): Search {
    this.#search ??= new Search();
    return this.#search;
  }

  get #isAsking(): boolean {
    return this.#search !== undefined && this.#search.asked.size > 0;
  }

  #setDeadline(): Timer {
    return this.#options.clock.setTimer(() => this.#fail(this.#timeout()), this.#options.timeoutMs);
  }

  readonly #giveUp = (): void => {
    const attempts = this.#dialledMs === undefined ? undefined : this.#ended('aborted');
    const { signal } = this.#options;
    this.#fail(new OverlayError('OVERLAY_ABORTED', { stage: attempts ? 'tcp' : 'dns', cause: signal?.reason, attempts }));
  };

  /** The target is an address. */
  #dialOnly(address: string): void {
    if (this.#family === 0 || this.#family === isIP(address)) this.#queue.push(address);
    this.#attempt();
  }

  /** The time limit starts when the resolver has been asked. */
  #prepare(): void {
    const { host } = this.#options;
    const first = lookUp(host, this.#family, this.#lookups.signal);
    first.started.then(
      () => {
        if (this.#isOver) return;
        this.#starved = undefined;
        this.#deadline?.cancel();
        this.#startMs = this.#now();
        this.#deadline = this.#setDeadline();
        this.#lookUp(first);
      },
      (error: NodeJS.ErrnoException) => {
        this.#starved = error;
        if (!this.#isOver) this.#nextLookup = this.#options.clock.setTimer(() => this.#prepare(), DESCRIPTOR_RETRY_MS);
      },
    );
  }

  #lookUp(first?: PendingLookup): void {
    this.#ask(this.#family, first);
    if (this.#family !== 0) return;
    this.#nextLookup = this.#options.clock.setTimer(() => {
      this.#ask(6);
      this.#ask(4);
    }, SINGLE_FAMILY_DELAY_MS);
  }

  #ask(family: Family, pending?: PendingLookup): void {
    const { host, lookup } = this.#options;
    const { signal, asked } = this.#lookups;
    const look = async (): Promise<readonly string[]> =>
      pending?.addresses ?? lookup?.(host, family, signal) ?? lookUp(host, family, signal).addresses;
    asked.add(family);
    look().then(
      (found) => this.#onAddresses(family, found),
      (error) => this.#onAddresses(family, [], error),
    );
  }

  /** Handles the result of one look-up. */
  #onAddresses(family: Family, found: readonly string[], failure?: unknown): void {
    if (this.#isOver) return;
    const { asked, failures, known } = this.#lookups;
    asked.delete(family);
    const isWhole = family === this.#family;
    if (isWhole) {
      // The other look-ups cannot add anything.
      this.#nextLookup?.cancel();
      asked.clear();
      this.#lookups.abort();
    }
    const wanted = found.filter((address) => (this.#family === 0 ? isIP(address) !== 0 : isIP(address) === this.#family));
    if (wanted.length === 0) failures.set(family, failure);
    const isFresh = (address: string): boolean => !known.has(address) || this.#queue.includes(address);
    // The resolver returns addresses in order of preference. When both families answered separately, IPv6 goes first.
    const order = isWhole || family === 6 ? [...wanted, ...this.#queue] : [...this.#queue, ...wanted];
    this.#queue = interleave([...new Set(order)].filter(isFresh), this.#lastFamily);
    for (const address of wanted) known.add(address);
    // An attempt is scheduled already, or the last one is too recent.
    if (this.#nextAttempt !== undefined) {
      if (this.#attempts.length > 0 || !(isWhole || family === 6)) return;
      this.#nextAttempt.cancel();
    }
    const isFirst = this.#attempts.length === 0 && this.#queue.length > 0;
    if (isFirst && !isWhole && family === 4 && asked.has(6)) this.#attemptIn(RESOLUTION_DELAY_MS);
    else this.#attempt();
  }

  #attemptIn(ms: number): void {
    this.#nextAttempt = this.#options.clock.setTimer(() => this.#attempt(), ms);
  }

  /** Dials the next address, if any. */
  #attempt(): void {
    this.#nextAttempt?.cancel();
    this.#nextAttempt = undefined;
    const address = this.#queue.shift();
    if (address === undefined) {
      const isRunning = this.#attempts.some(({ ended }) => ended === undefined);
      if (!isRunning && !this.#isAsking) this.#fail(this.#verdict());
      return;
    }
    const sinceMs = this.#now();
    this.#dialledMs ??= sinceMs;
    this.#lastFamily = isIP(address);
    // Subtle: a socket without options. Node 20 makes 1.2 KB of garbage in the old generation of a copy of its options.
    const socket = new Socket().setNoDelay();
    const attempt: Attempt = { address, sinceMs, socket };
    this.#attempts.push(attempt);
    const onError = (error: NodeJS.ErrnoException): void => this.#onError(attempt, error);
    socket.on('error', onError);
    socket.once('connect', () => {
      // The socket lives longer than the dialler, and must not keep it. An error before it has a user is not thrown.
      socket.on('error', ignore).off('error', onError);
      this.#onConnect(attempt);
    });
    socket.connect({ host: address, port: this.#options.port });
    if (this.#queue.length > 0 || this.#isAsking) this.#attemptIn(ATTEMPT_DELAY_MS);
  }

  #onConnect(attempt: Attempt): void {
    if (this.#isOver) return;
    const { socket } = attempt;
    attempt.ended = this.#end(attempt, 'connected');
    const attempts = this.#ended('overtaken');
    this.#finish(socket);
    this.#resolve({ over: socket, attempts, dnsMs: this.#dnsMs, tcpMs: this.#now() - (this.#dialledMs ?? 0) });
  }

  #onError(attempt: Attempt, error: NodeJS.ErrnoException): void {
    if (this.#isOver || attempt.ended !== undefined) return;
    attempt.socket.destroy();
    if (isOutOfFiles(error)) {
      // Nothing was dialled. Try again later: other parts of the program may have closed descriptors.
      this.#starved = error;
      this.#attempts = this.#attempts.filter((one) => one !== attempt);
      this.#queue.unshift(attempt.address);
      this.#nextAttempt?.cancel();
      this.#attemptIn(DESCRIPTOR_RETRY_MS);
      return;
    }
    this.#starved = undefined;
    attempt.error = error;
    attempt.ended = this.#end(attempt, outcomeOf(error), error.code);
    this.#attempt();
  }

  #end({ address, sinceMs }: Attempt, outcome: DialAttempt['outcome'], errno?: string): DialAttempt {
    return { address, outcome, ...(errno !== undefined && { errno }), ms: this.#now() - sinceMs };
  }

  /** Outcomes of all attempts; those still running end now with the given outcome. */
  #ended(outcome: DialAttempt['outcome']): readonly DialAttempt[] {
    return this.#attempts.map((attempt) => attempt.ended ?? this.#end(attempt, outcome));
  }

  /** The error when the time limit is reached. */
  #timeout(): OverlayError {
    const isRunning = this.#attempts.some(({ ended }) => ended === undefined);
    if (this.#starved !== undefined && !isRunning)
      return outOfFiles(this.#starved, this.#dialledMs === undefined ? 'dns' : 'tcp');
    if (this.#attempts.length === 0) return lookupTimeout(this.#options.host, this.#now() - this.#startMs);
    return this.#verdict();
  }

  /** The error when no address has connected. */
  #verdict(): OverlayError {
    const { host, port } = this.#options;
    const attempts = this.#ended('connect-timeout');
    const causes = this.#attempts.flatMap(({ error }) => error ?? []);
    if (attempts.length > 0) return dialError(host, port, attempts, causes);
    return nameError(host, this.#family, this.#search?.failures.get(this.#family), this.#now() - this.#startMs);
  }

  #fail(error: OverlayError): void {
    if (this.#isOver) return;
    this.#finish();
    this.#resolve({ over: error, attempts: error.attempts ?? [], dnsMs: this.#dnsMs });
  }

  /** Releases everything except the socket that is kept. */
  #finish(kept?: Socket): void {
    this.#isOver = true;
    this.#deadline?.cancel();
    this.#nextAttempt?.cancel();
    this.#nextLookup?.cancel();
    offAbort(this.#options.signal, this.#watch);
    this.#search?.abort();
    for (const { socket } of this.#attempts) if (socket !== kept) socket.destroy();
  }
}

/**
 * Alternates the two families (RFC 8305 section 4) and keeps the order within each. @param lastFamily family of the previous
 * attempt, 0 when there was none
 */
function interleave(addresses: readonly string[], lastFamily: number): string[] {
  if (addresses.length < 2) return [...addresses];
  const first = addresses[0] ?? '';
  const leads = (address: string): boolean => (lastFamily === 0 ? isIP(address) === isIP(first) : isIP(address) !== lastFamily);
  const [lead, follow] = [addresses.filter(leads), addresses.filter((address) => !leads(address))];
  return Array.from({ length: Math.max(lead.length, follow.length) }, (_, i) => [lead[i], follow[i]])
    .flat()
    .filter((address) => address !== undefined);
}
