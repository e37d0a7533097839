/**
 * GET_TX_SET from one peer after the other, until one of them gives what was asked for (ItemFetcher.cpp, Tracker.cpp).
 * @module
 */
import { toHex } from '../protocol/bytes.ts';
import type { WantedTxSet } from './chain.ts';
import { LedgerError } from './ledger-error.ts';
import type { PoolPeer } from './peer-pool.ts';

/** How long a peer may take before the next one is asked, too (MS_TO_WAIT_FOR_FETCH_REPLY). In milliseconds. */
const REPLY_MS = 1_500;

/** Questions that a peer may leave open before others are asked in its place. */
const MAX_OPEN = 8;

/** What comes of a set that a peer has sent. */
export type Reception = 'taken' | 'known' | 'unasked' | LedgerError;

/** A set that is being fetched. */
interface Fetch {
  readonly wanted: WantedTxSet;
  /** Peers that were asked in this round. */
  readonly asked: Set<PoolPeer>;
  /** Peers that have said they don't have it. */
  readonly lacking: Set<PoolPeer>;
  askAtMs: number;
  /** Since when it is asked for. */
  readonly sinceMs: number;
  toldUnavailable: boolean;
}

/** Fetches transaction sets. */
export class TxSetFetcher {
  readonly #fetches = new Map<string, Fetch>();
  /** What each peer was asked for and has not answered. */
  readonly #open = new Map<PoolPeer, Set<string>>();
  readonly #take: (wanted: WantedTxSet, txSet: Uint8Array) => void;

  /** @param take hands on a set. @throws {LedgerError} when it is another one */
  constructor(take: (wanted: WantedTxSet, txSet: Uint8Array) => void) {
    this.#take = take;
  }

  /** What is wanted now. What is not any more is forgotten. */
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

  /** Asks the next peers where the last ones have been silent for too long. */
  tick(peers: readonly PoolPeer[], nowMs: number): void {
    for (const [key, fetch] of this.#fetches) if (fetch.askAtMs <= nowMs) this.#ask(key, fetch, peers, nowMs);
  }

  /** Sets that have been asked for in vain for so long; each is said once. */
  unavailable(afterMs: number, nowMs: number): readonly WantedTxSet[] {
    const late = [...this.#fetches.values()].filter(
      ({ sinceMs, toldUnavailable }) => !toldUnavailable && nowMs - sinceMs >= afterMs,
    );
    for (const fetch of late) fetch.toldUnavailable = true;
    return late.map(({ wanted }) => wanted);
  }

  /**
   * A peer has sent a set.
   * @param txSet XDR; copied when it is taken
   * @param hashes the hashes it may have, as hex
   */
  receive(peer: PoolPeer, txSet: Uint8Array, hashes: () => readonly string[]): Reception {
    const open = this.#open.get(peer);
    if (open === undefined || open.size === 0) return 'unasked';
    const key = hashes().find((hash) => open.has(hash));
    if (key === undefined) {
      const [asked = ''] = open;
      this.#askOthers(peer);
      return new LedgerError('LEDGER_TX_SET_HASH', `Asked for the transaction set ${asked}, the peer gave another one.`);
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

  /** A peer does not have a set. It may not be true: the others are asked, and it is asked again. */
  dontHave(peer: PoolPeer, hash: Uint8Array, peers: readonly PoolPeer[], nowMs: number): void {
    const key = toHex(hash);
    if (this.#open.get(peer)?.delete(key) !== true) return;
    const fetch = this.#fetches.get(key);
    if (fetch === undefined) return;
    fetch.lacking.add(peer);
    fetch.wanted.candidate.unavailable = peers.every((each) => fetch.lacking.has(each));
    if (peers.some((each) => !fetch.asked.has(each))) this.#ask(key, fetch, peers, nowMs);
  }

  /** A peer is gone. */
  forget(peer: PoolPeer): void {
    this.#askOthers(peer);
    this.#open.delete(peer);
    for (const { asked, lacking } of this.#fetches.values()) {
      asked.delete(peer);
      lacking.delete(peer);
    }
  }

  /** What this peer was asked for won't come from it: nobody waits for it. */
  #askOthers(peer: PoolPeer): void {
    for (const key of this.#open.get(peer) ?? []) {
      const fetch = this.#fetches.get(key);
      if (fetch !== undefined) fetch.askAtMs = Number.NEGATIVE_INFINITY;
    }
  }

  #ask(key: string, fetch: Fetch, peers: readonly PoolPeer[], nowMs: number): void {
    fetch.askAtMs = nowMs + REPLY_MS;
    if (peers.length > 0 && peers.every((peer) => fetch.asked.has(peer))) fetch.asked.clear();
    // Who was of use last is asked first; a different one for each set that is fetched at the same time.
    const rest = peers.filter((peer) => !fetch.asked.has(peer)).sort((a, b) => b.usefulAtMs - a.usefulAtMs);
    const able = rest.filter((peer) => (this.#open.get(peer)?.size ?? 0) < MAX_OPEN);
    const peer = able[fetch.wanted.ledgerSeq % Math.max(1, able.length)] ?? rest[0];
    if (peer === undefined) return;
    fetch.asked.add(peer);
    const open = this.#open.get(peer) ?? new Set<string>();
    this.#open.set(peer, open.add(key));
    // Who is the only one left and has never answered is asked all the same; its oldest question is given up.
    if (open.size > MAX_OPEN) open.delete(open.values().next().value as string);
    peer.send({ type: 'GET_TX_SET', txSetHash: fetch.wanted.hash });
  }
}
