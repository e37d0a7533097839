/**
 * Connections to several peers of a list at once. A peer that ends or is of no use is replaced. No peer is dialled too often.
 * @module
 */
import type { Clock } from '../net/clock.ts';
import type { Connection } from '../net/connection.ts';
import { formatTarget, type Target } from '../net/target.ts';
import { OverlayError, type OverlayErrorJson } from '../protocol/errors.ts';
import type { ReceivedMessage, SendableMessage } from '../protocol/wire/authenticated-message.ts';
import type { LedgerError, LedgerErrorJson } from './ledger-error.ts';

/** First wait after a failure and longest wait, in milliseconds, each changed randomly by up to a half. */
const BACK_OFF_MS = { first: 1_000, last: 60_000 } as const;
/** Number of failures that a useless peer counts as, so that others are dialled first. */
const USELESS_FAILURES = 6;

/** A connected peer. */
export interface PoolPeer {
  /** `HOST:PORT`. */
  readonly address: string;
  readonly connection: Connection;
  /** Time of the connection and of its last useful message, by the monotonic clock. */
  readonly connectedAtMs: number;
  usefulAtMs: number;
  /** Number of its messages that failed a check which every honest node makes itself. */
  faults: number;
  /** Sends a message as soon as possible. If the connection ends, that is reported elsewhere. */
  send(message: SendableMessage): void;
}

/** Is called with what happens. */
export interface PoolHandler {
  connected(peer: PoolPeer): void;
  message(peer: PoolPeer, message: ReceivedMessage): void;
  /** A connection has failed, or ended. @param peer undefined when it had never been connected */
  ended(address: string, error: OverlayErrorJson | LedgerErrorJson | undefined, peer: PoolPeer | undefined): void;
  /** Resolves when the next message may be read, and at the end; undefined if it may be read now. */
  room(): Promise<void> | undefined;
  /** An error in this package. */
  broken(error: unknown): void;
}

/** The peers, and how to connect to them. */
export interface PoolOptions {
  readonly targets: readonly Target[];
  /** Number of peers at once. */
  readonly connections: number;
  readonly clock: Clock;
  readonly connect: (target: Target, signal: AbortSignal) => Promise<Connection>;
  /** Returns a random number from 0 to below 1. */
  readonly random: () => number;
}

/** One address of the list. */
interface Candidate {
  readonly target: Target;
  readonly address: string;
  failures: number;
  retryAtMs: number;
  lastTriedMs: number;
  /** Set while it is dialled or connected. */
  ending?: AbortController | undefined;
}

/** The peers of a follower. */
export class PeerPool {
  readonly #options: PoolOptions;
  readonly #handler: PoolHandler;
  readonly #candidates: readonly Candidate[];
  readonly #peers = new Map<PoolPeer, { readonly candidate: Candidate; error?: LedgerError }>();
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  constructor(options: PoolOptions, handler: PoolHandler) {
    this.#options = options;
    this.#handler = handler;
    const byAddress = new Map(options.targets.map((target) => [formatTarget(target), target]));
    this.#candidates = [...byAddress].map(([address, target]) => ({
      address,
      target,
      failures: 0,
      retryAtMs: Number.NEGATIVE_INFINITY,
      lastTriedMs: Number.NEGATIVE_INFINITY,
    }));
  }

  /** The connected peers. */
  get peers(): readonly PoolPeer[] {
    return [...this.#peers.keys()];
  }

  /** Whether some addresses are not in use. */
  get hasOthers(): boolean {
    return this.#candidates.some(({ ending }) => ending === undefined);
  }

  /** Dials as many peers as are missing, first those whose last attempt is the oldest. */
  fill(): void {
    const now = this.#now();
    const idle = this.#candidates.filter(({ ending, retryAtMs }) => ending === undefined && retryAtMs <= now);
    idle.sort((a, b) => a.lastTriedMs - b.lastTriedMs);
    for (const candidate of idle) {
      if (this.#closed || this.#running.size >= this.#options.connections) return;
      const run = this.#run(candidate).catch((error: unknown) => this.#handler.broken(error));
      this.#running.add(run);
      void run.then(() => {
        this.#running.delete(run);
        this.fill();
      });
    }
  }

  /** Ends a connection for a reason of ours. Its address is tried again after the others. */
  drop(peer: PoolPeer, error: LedgerError): void {
    const entry = this.#peers.get(peer);
    if (entry === undefined || entry.error !== undefined) return;
    entry.error = error;
    entry.candidate.failures = Math.max(entry.candidate.failures, USELESS_FAILURES);
    void peer.connection.close();
  }

  /** Ends every connection. Resolves when all are closed. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const peer of this.#peers.keys()) void peer.connection.close();
    for (const { ending } of this.#candidates) ending?.abort();
    await Promise.all(this.#running);
  }

  async #run(candidate: Candidate): Promise<void> {
    const ending = new AbortController();
    candidate.ending = ending;
    candidate.lastTriedMs = this.#now();
    let peer: PoolPeer | undefined;
    let error: OverlayErrorJson | LedgerErrorJson | undefined;
    try {
      const connection = await this.#options.connect(candidate.target, ending.signal);
      peer = this.#peerOf(candidate, connection);
      this.#peers.set(peer, { candidate });
      if (this.#closed) void connection.close();
      else this.#handler.connected(peer);
      for await (const message of connection) {
        this.#handler.message(peer, message);
        const room = this.#handler.room();
        if (room !== undefined) await room;
      }
      error = (this.#peers.get(peer)?.error ?? (await connection.ended)).toJSON();
    } catch (failure) {
      if (!(failure instanceof OverlayError)) throw failure;
      error = (peer && this.#peers.get(peer)?.error?.toJSON()) ?? failure.toJSON();
    } finally {
      candidate.ending = undefined;
      await peer?.connection.close();
      if (peer !== undefined) this.#peers.delete(peer);
    }
    // A useful peer failed for the first time.
    if (peer !== undefined && peer.usefulAtMs > peer.connectedAtMs && candidate.failures < USELESS_FAILURES)
      candidate.failures = 0;
    const waitMs = Math.min(BACK_OFF_MS.last, BACK_OFF_MS.first * 2 ** candidate.failures);
    candidate.retryAtMs = this.#now() + waitMs * (0.5 + this.#options.random());
    candidate.failures = Math.min(candidate.failures + 1, USELESS_FAILURES);
    if (!this.#closed) this.#handler.ended(candidate.address, error, peer);
  }

  #peerOf({ address }: Candidate, connection: Connection): PoolPeer {
    const connectedAtMs = this.#now();
    const send = (message: SendableMessage): void => {
      connection.send(message).catch((error: unknown) => {
        if (!(error instanceof OverlayError)) this.#handler.broken(error);
      });
    };
    return { address, connection, connectedAtMs, usefulAtMs: connectedAtMs, faults: 0, send };
  }

  #now(): number {
    return this.#options.clock.now().monotonicMs;
  }
}
