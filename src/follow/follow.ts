/**
 * follow: the stream of ledgers that our quorum set has closed.
 * @module
 */
import { nodeCrypto } from '../crypto/node.ts';
import { type Clock, systemClock, type Timer } from '../net/clock.ts';
import { connect } from '../net/connect.ts';
import type { Connection } from '../net/connection.ts';
import { NodeIdentity } from '../net/identity.ts';
import { type NodeOptions, resolveOptions } from '../net/options.ts';
import { parseTarget, type Target } from '../net/target.ts';
import { assertInteger, toHex } from '../protocol/bytes.ts';
import type { Now } from '../protocol/clock.ts';
import type { OverlayErrorJson } from '../protocol/errors.ts';
import { parseQuorumSet } from '../protocol/scp/quorum-set.ts';
import type { ReceivedMessage } from '../protocol/wire/authenticated-message.ts';
import { Chain, type ChainOutput } from './chain.ts';
import type { FollowEvent, Ledger } from './ledger.ts';
import { LedgerError, type LedgerErrorJson } from './ledger-error.ts';
import type { Companion, FollowOptions, FollowStatus } from './options.ts';
import { PeerPool, type PoolHandler, type PoolPeer } from './peer-pool.ts';
import { envelopeBase64 } from './proof.ts';
import { Refusals } from './refusals.ts';
import { generalizedTxSetHash, legacyTxSetHash } from './tx-set.ts';
import { TxSetFetcher } from './tx-set-fetcher.ts';

/** Default number of peers at once. */
const DEFAULT_CONNECTIONS = 8;
/** Ledgers and events that wait for the application before reading stops. */
const MAX_READY = 2;
/** Interval between two checks for what is late, in milliseconds. */
const TICK_MS = 500;
/** Time without a quorum after which the missing nodes are reported, in milliseconds; again at most every five seconds. */
const UNMET_AFTER_MS = 12_000;
const UNMET_AGAIN_MS = 5_000;
/** Time after which a missing transaction set is reported, in milliseconds. */
const UNAVAILABLE_AFTER_MS = 10_000;
/** Interval between requests for missing statements, in milliseconds. A node answers ten times a minute. */
const ASK_EVERY_MS = 6_000;
/** Time without useful messages after which a peer is replaced, in milliseconds. */
const USELESS_AFTER_MS = 30_000;
/** Number of statements with a bad signature, or of wrong sets, after which a peer is replaced. An honest node sends none. */
const MAX_FAULTS = 10;

/**
 * Follows the ledgers that a quorum set has closed. It verifies each statement's signature, the quorum set at every depth, the
 * value, the hash of the transaction set, and the order. Peers need no trust: several are used at once and replaced when they fail.
 *
 * @example
 * for await (const ledger of follow({ peers: ['core.example.org'], network: networks.pubnet, quorumSet })) {
 *   console.log(ledger.ledgerSeq, ledger.txSetHash)
 * }
 *
 * @returns an iterable for one use; leaving the loop, or the signal, ends it and closes every connection
 * @throws {TypeError | RangeError} when an option is wrong; nothing is dialled then
 */
export function follow(options: FollowOptions): Follower {
  return new Follower(options);
}

type Taken = IteratorResult<Ledger, undefined>;

/** A stream of ledgers and its status. Nothing is dialled before the iteration begins. */
export class Follower implements AsyncIterable<Ledger> {
  readonly #options: FollowOptions;
  readonly #clock: Clock;
  readonly #crypto: NonNullable<NodeOptions['crypto']>;
  readonly #chain: Chain;
  readonly #pool: PeerPool;
  readonly #fetcher: TxSetFetcher;
  readonly #refusals: Refusals;
  readonly #companion: Companion | undefined;
  /** Waits for the application, in order: an event after a ledger is reported when the ledger has been taken. */
  readonly #ready: ChainOutput[] = [];
  readonly #takers: ((result: Taken | Promise<Taken>) => void)[] = [];
  #room: { readonly promise: Promise<void>; readonly open: () => void } | undefined;
  #timer: Timer | undefined;
  #state: 'new' | 'running' | 'ended' = 'new';
  #failure: { readonly error: unknown } | undefined;
  #closing: Promise<void> | undefined;
  /** Start of the wait for a quorum, by the monotonic clock. */
  #waitsSinceMs = 0;
  #unmet: { readonly missing: string; readonly atMs: number } | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #tickedAtMs = 0;

  /** @internal */
  constructor(options: FollowOptions, companion?: Companion) {
    const { peers, from, connections = DEFAULT_CONNECTIONS, onEvent, ...node } = options;
    const quorumSet = parseQuorumSet(options.quorumSet);
    if (!Array.isArray(peers) || peers.length === 0) throw new TypeError('peers must be a list of at least one address');
    if (from !== undefined) assertInteger(from, 1, 0xffffffff, 'from');
    assertInteger(connections, 1, 64, 'connections');
    if (onEvent !== undefined && typeof onEvent !== 'function') throw new TypeError('onEvent must be a function');
    const identity = options.identity ?? NodeIdentity.random();
    resolveOptions({ ...node, identity });
    this.#options = options;
    this.#companion = companion;
    this.#clock = options.clock ?? systemClock;
    this.#crypto = options.crypto ?? nodeCrypto;
    this.#chain = new Chain({ crypto: this.#crypto, network: options.network, quorumSet, from });
    this.#refusals = new Refusals((event) => this.#emit(event));
    this.#fetcher = new TxSetFetcher((wanted, txSet) => this.#chain.takeTxSet(wanted, txSet));
    const dial = options.connect ?? connect;
    const connectTo = ({ host, port }: Target, signal: AbortSignal): Promise<Connection> =>
      dial({ adaptOverlayRange: true, ...node, identity, host, port, signal, scpStateLedgerSeq: this.#chain.next ?? 0 });
    const handler: PoolHandler = {
      connected: (peer) => this.#onConnected(peer),
      message: (peer, message) => this.#onMessage(peer, message),
      ended: (address, error, peer) => this.#onEnded(address, error, peer),
      room: () => this.#room?.promise,
      broken: (error) => this.#onBroken(error),
    };
    this.#pool = new PeerPool(
      { targets: peers.map(parseTarget), connections, clock: this.#clock, connect: connectTo, random: Math.random },
      handler,
    );
  }

  /** The current status. */
  get status(): FollowStatus {
    const { last } = this.#chain;
    return {
      ledgerSeq: last?.ledgerSeq,
      closeTime: last?.closeTime,
      peers: this.#pool.peers.length,
      missing: this.#chain.missing((last?.ledgerSeq ?? 1) - 1, this.#clock.now()),
      met: this.#unmet === undefined && last !== undefined,
    };
  }

  /** Number of signatures checked so far: one for each different statement. */
  get signatureChecks(): number {
    return this.#chain.signatureChecks;
  }

  /** The ledgers, in order. Peers wait while the application takes none. @throws {TypeError} on the second call */
  [Symbol.asyncIterator](): AsyncIterator<Ledger, undefined> & AsyncIterable<Ledger> {
    if (this.#state !== 'new') throw new TypeError('a stream of ledgers can be iterated once');
    this.#start();
    const iterator: AsyncIterableIterator<Ledger, undefined> = {
      [Symbol.asyncIterator]: () => iterator,
      next: () => this.#take(),
      return: async () => {
        await this.#end();
        return { value: undefined, done: true };
      },
    };
    return iterator;
  }

  #onConnected(peer: PoolPeer): void {
    const { peerID, versionStr } = peer.connection.remote;
    this.#emit({ type: 'peer', address: peer.address, peerID, versionStr });
    this.#companion?.connected(peer);
  }

  #onMessage(peer: PoolPeer, message: ReceivedMessage): void {
    switch (message.type) {
      case 'SCP_MESSAGE':
        this.#onStatement(peer, message.xdr);
        break;
      case 'GENERALIZED_TX_SET':
        this.#onTxSet(peer, message.generalizedTxSet, generalizedTxSetHash);
        break;
      case 'TX_SET':
        this.#onTxSet(peer, message.txSet, legacyTxSetHash);
        break;
      case 'DONT_HAVE':
        this.#fetcher.dontHave(peer, message.reqHash, this.#pool.peers, this.#clock.now().monotonicMs);
        break;
      default:
    }
    this.#companion?.message(peer, message);
  }

  #onEnded(address: string, error: OverlayErrorJson | LedgerErrorJson | undefined, peer: PoolPeer | undefined): void {
    if (peer !== undefined) this.#fetcher.forget(peer);
    this.#emit({ type: 'peer', address, ...(peer && { peerID: peer.connection.remote.peerID }), error });
    this.#companion?.ended(address, error, peer);
  }

  #onBroken(error: unknown): void {
    this.#failure ??= { error };
    void this.#end();
  }

  #start(): void {
    this.#state = 'running';
    const { signal } = this.#options;
    this.#tickedAtMs = this.#clock.now().monotonicMs;
    this.#waitsSinceMs = this.#tickedAtMs;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted) {
      void this.#end();
      return;
    }
    this.#pool.fill();
    this.#scheduleTick();
  }

  readonly #onAbort = (): void => void this.#end();

  #take(): Promise<Taken> {
    for (;;) {
      if (this.#state !== 'running') return this.#over();
      const output = this.#ready.shift();
      this.#advance(this.#clock.now());
      if (output?.type === 'ledger') return Promise.resolve({ value: output.ledger, done: false });
      if (output !== undefined) this.#emit(output);
      else if (this.#ready.length === 0) break;
    }
    return new Promise((resolve) => void this.#takers.push(resolve));
  }

  async #over(): Promise<Taken> {
    await this.#end();
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
    return { value: undefined, done: true };
  }

  #end(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#state = 'ended';
    this.#timer?.cancel();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#ready.length = 0;
    this.#room?.open();
    this.#room = undefined;
    this.#refusals.end();
    await this.#pool.close();
    for (const taker of this.#takers.splice(0)) taker(this.#over());
  }

  #scheduleTick(): void {
    this.#timer = this.#clock.setTimer(() => {
      this.#tick();
      if (this.#state === 'running') this.#scheduleTick();
    }, TICK_MS);
  }

  #onStatement(peer: PoolPeer, xdr: Uint8Array): void {
    const verdict = this.#chain.receive(xdr, () => this.#clock.now());
    switch (verdict.type) {
      case 'known':
        peer.usefulAtMs = this.#tickedAtMs;
        break;
      case 'counted': {
        const { slot, contradictions } = verdict;
        const now = this.#clock.now();
        peer.usefulAtMs = now.monotonicMs;
        for (const { kind, evidence } of contradictions)
          this.#emit({ type: 'alarm', kind, ledgerSeq: slot.ledgerSeq, evidence: evidence.map(envelopeBase64) });
        this.#advance(now);
        break;
      }
      case 'stranger':
        this.#refuse(peer, STRANGER, {});
        break;
      case 'refused': {
        const { error, ledgerSeq, nodeID } = verdict;
        this.#refuse(peer, error, { ledgerSeq, nodeID });
        break;
      }
      default:
    }
  }

  #onTxSet(peer: PoolPeer, txSet: Uint8Array, hashOf: typeof generalizedTxSetHash): void {
    const reception = this.#fetcher.receive(peer, txSet, () => [toHex(hashOf(this.#crypto, txSet))]);
    if (reception instanceof LedgerError) this.#refuse(peer, reception, {});
    if (reception !== 'taken') return;
    const now = this.#clock.now();
    peer.usefulAtMs = now.monotonicMs;
    this.#advance(now);
  }

  /** Yields what is ready, and requests what is missing. */
  #advance(now: Now): void {
    if (this.#ready.length < MAX_READY) {
      for (const output of this.#chain.advance(now)) {
        this.#give(output);
        if (this.#state !== 'running') return;
        if (this.#ready.length >= MAX_READY) break;
      }
    }
    const { lastQuorum } = this.#chain;
    if (lastQuorum !== undefined && lastQuorum.atMs > this.#waitsSinceMs) {
      this.#waitsSinceMs = lastQuorum.atMs;
      this.#unmet = undefined;
    }
    this.#fetcher.want(this.#chain.wanted(), this.#pool.peers, now.monotonicMs);
    if (this.#ready.length >= MAX_READY) this.#room ??= makeRoom();
    else {
      this.#room?.open();
      this.#room = undefined;
    }
  }

  #give(output: ChainOutput): void {
    if (this.#takers.length === 0) this.#ready.push(output);
    else if (output.type === 'ledger') this.#takers.shift()?.({ value: output.ledger, done: false });
    else this.#emit(output);
  }

  #refuse(
    peer: PoolPeer,
    { code, message }: LedgerError,
    about: { readonly ledgerSeq?: number; readonly nodeID?: string },
  ): void {
    this.#refusals.add({ code, message, ...about, address: peer.address }, this.#clock.now().monotonicMs);
    if (code === 'LEDGER_BAD_SIGNATURE') peer.faults++;
    if (peer.faults > MAX_FAULTS || code === 'LEDGER_TX_SET_HASH')
      this.#pool.drop(peer, new LedgerError('LEDGER_PEER_FORGES', `${message} The peer was replaced.`));
  }

  #tick(): void {
    const now = this.#clock.now();
    const { monotonicMs } = now;
    this.#tickedAtMs = monotonicMs;
    this.#refusals.tick(monotonicMs);
    if (this.#room !== undefined) {
      // The application is busy: a peer cannot be late.
      this.#waitsSinceMs = monotonicMs;
      for (const peer of this.#pool.peers) peer.usefulAtMs = monotonicMs;
      return;
    }
    this.#advance(now);
    if (this.#state !== 'running') return;
    this.#fetcher.tick(this.#pool.peers, monotonicMs);
    for (const { ledgerSeq, hash } of this.#fetcher.unavailable(UNAVAILABLE_AFTER_MS, monotonicMs)) {
      const since = isoAt(now, monotonicMs - UNAVAILABLE_AFTER_MS);
      this.#emit({ type: 'unavailable', ledgerSeq, txSetHash: toHex(hash), since });
    }
    const isLate = monotonicMs - this.#waitsSinceMs >= UNMET_AFTER_MS;
    if (isLate) this.#tellUnmet(now);
    if ((isLate || this.#chain.isBehind) && monotonicMs - this.#askedAtMs >= ASK_EVERY_MS) {
      this.#askedAtMs = monotonicMs;
      for (const peer of this.#pool.peers) peer.send({ type: 'GET_SCP_STATE', ledgerSeq: this.#chain.next ?? 0 });
    }
    this.#replaceUseless(monotonicMs);
    this.#pool.fill();
  }

  #tellUnmet(now: Now): void {
    const { lastQuorum, next = 0 } = this.#chain;
    const missing = this.#chain.missing(Math.max(next, (lastQuorum?.ledgerSeq ?? -1) + 1), now);
    const key = missing.join();
    const told = this.#unmet;
    if (told !== undefined && (told.missing === key || now.monotonicMs - told.atMs < UNMET_AGAIN_MS)) return;
    this.#unmet = { missing: key, atMs: now.monotonicMs };
    this.#emit({ type: 'unmet', missing, since: isoAt(now, this.#waitsSinceMs) });
  }

  /** Replaces a peer without useful messages, if other peers have some or others can be tried. */
  #replaceUseless(nowMs: number): void {
    const { peers, hasOthers } = this.#pool;
    const isUseless = ({ usefulAtMs }: PoolPeer): boolean => nowMs - usefulAtMs >= USELESS_AFTER_MS;
    const useless = peers.filter(isUseless);
    if (!hasOthers && useless.length === peers.length) return;
    for (const peer of useless) this.#pool.drop(peer, new LedgerError('LEDGER_PEER_SILENT'));
  }

  #emit(event: FollowEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      this.#onBroken(error);
    }
  }
}

/** Shared: most nodes of a public network are unknown here, and a new error for each would cost more than the look-up. */
const STRANGER = new LedgerError('LEDGER_NOT_IN_QUORUM_SET');

/** A gate that is closed. */
function makeRoom(): { readonly promise: Promise<void>; readonly open: () => void } {
  let open!: () => void;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

/** A time of the monotonic clock as ISO 8601. */
function isoAt({ unixSeconds, monotonicMs }: Now, atMs: number): string {
  return new Date(unixSeconds * 1000 - (monotonicMs - atMs)).toISOString();
}
