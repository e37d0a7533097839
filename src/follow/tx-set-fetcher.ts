/**
 * Sends GET_TX_SET to one peer after the other, until one answers with the set (ItemFetcher.cpp, Tracker.cpp).
 * @module
 */
import { toHex } from '../protocol/bytes.ts';
import type { WantedTxSet } from './chain.ts';
import { LedgerError } from './ledger-error.ts';
import type { PoolPeer } from './peer-pool.ts';

/** Time after which the next peer is asked too, in milliseconds (MS_TO_WAIT_FOR_FETCH_REPLY). */
const REPLY_MS = 1_500;

/** Number of unanswered requests after which other peers are asked instead. */
const MAX_OPEN = 8;

/** The result of a set that a peer has sent. */
export type Reception = 'taken' | 'known' | 'unasked' | LedgerError;

/** A wanted set. */
interface Fetch {
  readonly wanted: WantedTxSet;
  /** Peers asked in this round. */
  readonly asked: Set<PoolPeer>;
  /** Peers that have answered DONT_HAVE. */
  readonly lacking: Set<PoolPeer>;
  askAtMs: number;
  /** Time of the first request. */
  readonly sinceMs: number;
  toldUnavailable: boolean;
}

/** Fetches transaction sets. */
export class TxSetFetcher {
  readonly #fetches = new Map<string, Fetch>();
  /** The unanswered requests of each peer. */
  readonly #open = new Map<PoolPeer, Set<string>>();
  readonly #take: (wanted: WantedTxSet, txSet: Uint8Array) => void;

  /** @param take passes a set on; throws a LedgerError when it is not the wanted set */
  constructor(take: (wanted: WantedTxSet, txSet: Uint8Array) => void) {
    this.#take = take;
  }

  /** Sets the wanted sets. Sets that are no longer wanted are forgotten. */
  want(wanted: readonly WantedTxSet[], peers: readonly PoolPeer[], nowMs: number): void {
    const keys = new Set<string>();
    for (const one of wanted) {
      const key = toHex(one.hash);
      keys.add(key);
      if (this.#fetches.has(key)) continue;
      const fetch: Fetch = {
        wanted: one,
        asked: new Set(),
        lacking: new Set(),
        askAtMs: nowMs,
        sinceMs: nowMs,
        toldUnavailable: false,
      };
      this.#fetches.set(key, fetch);
      this.#ask(key, fetch, peers, nowMs);
    }
    for (const key of this.#fetches.keys()) if (!keys.has(key)) this.#fetches.delete(key);
  }

  /** Asks the next peers for sets whose last peers did not answer in time. */
  tick(peers: readonly PoolPeer[], nowMs: number): void {
    for (const [key, fetch] of this.#fetches) if (fetch.askAtMs <= nowMs) this.#ask(key, fetch, peers, nowMs);
  }

  /** Sets that no peer has sent for this time. Each is returned once. */
  unavailable(afterMs: number, nowMs: number): readonly WantedTxSet[] {
    const late = [...this.#fetches.values()].filter(
      ({ sinceMs, toldUnavailable }) => !toldUnavailable && nowMs - sinceMs >= afterMs,
    );
    for (const fetch of late) fetch.toldUnavailable = true;
    return late.map(({ wanted }) => wanted);
  }

  /**
   * Takes a set from a peer.
   * @param txSet XDR; a copy is kept
   * @param hashes its possible hashes, as hex
   */
  receive(peer: PoolPeer, txSet: Uint8Array, hashes: () => readonly string[]): Reception {
    const open = this.#open.get(peer);
    if (open === undefined || open.size === 0) return 'unasked';
    const key = hashes().find((hash) => open.has(hash));
    if (key === undefined) {
      const [asked = ''] = open;
      this.#askOthers(peer);
      return new LedgerError('LEDGER_TX_SET_HASH', `The peer was asked for the transaction set ${asked} and sent another one.`);
    }
    open.delete(key);
    const fetch = this.#fetches.get(key);
    if (fetch === undefined) return 'known';
    try {
      this.#take(fetch.wanted, txSet.slice());
    } catch (error) {
      if (error instanceof LedgerError) return error;
      throw error;
    }
    this.#fetches.delete(key);
    return 'taken';
  }

  /** A peer says that it does not have a set. That may be false: the others are asked, and then this peer again. */
  dontHave(peer: PoolPeer, hash: Uint8Array, peers: readonly PoolPeer[], nowMs: number): void {
    const key = toHex(hash);
    if (this.#open.get(peer)?.delete(key) !== true) return;
    const fetch = this.#fetches.get(key);
    if (fetch === undefined) return;
    fetch.lacking.add(peer);
    fetch.wanted.candidate.unavailable = peers.every((each) => fetch.lacking.has(each));
    if (peers.some((each) => !fetch.asked.has(each))) this.#ask(key, fetch, peers, nowMs);
  }

  /** A peer has disconnected. */
  forget(peer: PoolPeer): void {
    this.#askOthers(peer);
    this.#open.delete(peer);
    for (const { asked, lacking } of this.#fetches.values()) {
      asked.delete(peer);
      lacking.delete(peer);
    }
  }

  /** Stops waiting for the answers of this peer. */
  #askOthers(peer: PoolPeer): void {
    for (const key of this.#open.get(peer) ?? []) {
      const fetch = this.#fetches.get(key);
      if (fetch !== undefined) fetch.askAtMs = Number.NEGATIVE_INFINITY;
    }
  }

  #ask(key: string, fetch: Fetch, peers: readonly PoolPeer[], nowMs: number): void {
    fetch.askAtMs = nowMs + REPLY_MS;
    if (peers.length > 0 && peers.every((peer) => fetch.asked.has(peer))) fetch.asked.clear();
    // The most recently useful peers are asked first, and for each set of the same time a different one.
    const rest = peers.filter((peer) => !fetch.asked.has(peer)).sort((a, b) => b.usefulAtMs - a.usefulAtMs);
    const able = rest.filter((peer) => (this.#open.get(peer)?.size ?? 0) < MAX_OPEN);
    const peer = able[fetch.wanted.ledgerSeq % Math.max(1, able.length)] ?? rest[0];
    if (peer === undefined) return;
    fetch.asked.add(peer);
    const open = this.#open.get(peer) ?? new Set<string>();
    this.#open.set(peer, open.add(key));
    // The only peer left is asked even if it has never answered; its oldest request is given up.
    if (open.size > MAX_OPEN) open.delete(open.values().next().value as string);
    peer.send({ type: 'GET_TX_SET', txSetHash: fetch.wanted.hash });
  }
}
