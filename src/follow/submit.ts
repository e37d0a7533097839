/**
 * submit: offers a signed transaction to peers as a node does, and follows ledgers until one contains it.
 * @module
 */
import { type Clock, systemClock } from '../net/clock.ts';
import { formatTarget, parseTarget } from '../net/target.ts';
import { assertInteger, equalBytes } from '../protocol/bytes.ts';
import type { OverlayErrorJson } from '../protocol/errors.ts';
import { OverlayError } from '../protocol/errors.ts';
import { Follower } from './follow.ts';
import type { Ledger } from './ledger.ts';
import type { Companion, FollowOptions } from './options.ts';
import type { PoolPeer } from './peer-pool.ts';
import { hasTransaction, readTransaction } from './transactions.ts';

/** Default time to wait for a ledger, in milliseconds. */
const TIMEOUT_MS = 300_000;

/** Options of `submit`. */
export interface SubmitOptions extends Omit<FollowOptions, 'from'> {
  /** XDR of a signed TransactionEnvelope. It is sent as it is. */
  readonly transaction: Uint8Array;
  /** Time to wait for a ledger that contains it, in milliseconds. Default 300,000. */
  readonly timeoutMs?: number | undefined;
  /** Is called when a peer has asked for the transaction and got it. */
  readonly onDemand?: ((address: string) => void) | undefined;
}

/** The outcome of a transaction. */
export type SubmitResult = {
  /** The hash that is signed, and that explorers show: 32 bytes as hex. */
  readonly transactionHash: string;
  /** Peers that asked for it, `HOST:PORT`. A peer does not say whether it accepted it: only a ledger shows that. */
  readonly demandedBy: readonly string[];
} & (
  | { readonly outcome: 'included'; readonly ledger: Ledger }
  | {
      /** The ledgers `from` to `to` do not contain it, and no later one may. */
      readonly outcome: 'expired';
      readonly from: number;
      readonly to: number;
    }
  | {
      /** Every peer has refused us with an ERROR_MSG. */
      readonly outcome: 'refused';
      readonly errors: Readonly<Record<string, OverlayErrorJson>>;
    }
  | {
      /** The time is over. A later ledger, or one that was missed, may still contain it. */
      readonly outcome: 'timeout';
      /** Ledgers that were checked; undefined if there was none. */
      readonly from?: number | undefined;
      readonly to?: number | undefined;
    }
);

/**
 * Sends a transaction and waits for a verified ledger that contains it. It offers it to every peer, and again after each ledger
 * that does not contain it. It changes and signs nothing.
 *
 * @example
 * const result = await submit({ transaction, peers: ['core.example.org'], network: networks.testnet, quorumSet })
 * if (result.outcome === 'included') console.log(result.ledger.ledgerSeq)
 *
 * @throws {TypeError | RangeError} when an option or the transaction is not valid; then nothing is sent
 * @throws {OverlayError} OVERLAY_ABORTED when the signal aborts
 */
export async function submit(options: SubmitOptions): Promise<SubmitResult> {
  const { transaction, timeoutMs = TIMEOUT_MS, onDemand, signal, ...rest } = options;
  if (!(transaction instanceof Uint8Array)) throw new TypeError('transaction must be a Uint8Array');
  assertInteger(timeoutMs, 1, 0x7fffffff, 'timeoutMs');
  const clock: Clock = options.clock ?? systemClock;
  const { envelopeHash, transactionHash, maxTime, maxLedger } = await readTransaction(transaction, options.network);
  const addresses = new Set(options.peers.map((peer) => formatTarget(parseTarget(peer))));
  const demandedBy = new Set<string>();
  const refusals = new Map<string, OverlayErrorJson | undefined>();
  /** Connected peers with their open offers. A peer gets the transaction once for each offer, however often it asks. */
  const peers = new Map<PoolPeer, number>();
  const ending = new AbortController();
  let isComplete = true;

  const offer = (peer: PoolPeer): void => {
    peers.set(peer, 1);
    peer.send({ type: 'FLOOD_ADVERT', txHashes: [envelopeHash] });
  };
  const companion: Companion = {
    connected(peer) {
      refusals.set(peer.address, undefined);
      offer(peer);
    },
    message(peer, message) {
      if (message.type !== 'FLOOD_DEMAND' || !message.txHashes.some((hash) => equalBytes(hash, envelopeHash))) return;
      if (peers.get(peer) !== 1) return;
      peers.set(peer, 0);
      peer.send({ type: 'TRANSACTION', transaction });
      if (!demandedBy.has(peer.address)) onDemand?.(peer.address);
      demandedBy.add(peer.address);
    },
    ended(address, error, peer) {
      if (peer !== undefined) peers.delete(peer);
      const isRefusal = error !== undefined && 'peerError' in error && error.peerError !== undefined;
      refusals.set(address, isRefusal ? (error as OverlayErrorJson) : undefined);
      if (isRefusedByAll(refusals, addresses.size)) ending.abort();
    },
  };
  const onEvent: FollowOptions['onEvent'] = (event) => {
    if (event.type === 'gap') isComplete = false;
    options.onEvent?.(event);
  };
  const follower = new Follower({ ...rest, onEvent, signal: ending.signal }, companion);

  const stop = (): void => ending.abort();
  const timer = clock.setTimer(stop, timeoutMs);
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  let from: number | undefined;
  let to: number | undefined;
  const about = (): Pick<SubmitResult, 'transactionHash' | 'demandedBy'> => ({ transactionHash, demandedBy: [...demandedBy] });
  try {
    for await (const ledger of follower) {
      const isIn = await hasTransaction(ledger.txSet, transaction);
      if (isIn === true) return { ...about(), outcome: 'included', ledger };
      if (isIn === undefined) isComplete = false;
      from ??= ledger.ledgerSeq;
      to = ledger.ledgerSeq;
      const isLate = ledger.closeTime >= (maxTime ?? Number.POSITIVE_INFINITY);
      if (isLate || ledger.ledgerSeq + 1 >= (maxLedger ?? Number.POSITIVE_INFINITY)) {
        if (!isComplete) return { ...about(), outcome: 'timeout', from, to };
        return { ...about(), outcome: 'expired', from, to };
      }
      for (const peer of peers.keys()) offer(peer);
    }
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', stop);
  }
  if (signal?.aborted) throw new OverlayError('OVERLAY_ABORTED', { stage: 'channel', cause: signal.reason });
  if (isRefusedByAll(refusals, addresses.size)) {
    return { ...about(), outcome: 'refused', errors: Object.fromEntries(refusals) as Record<string, OverlayErrorJson> };
  }
  return { ...about(), outcome: 'timeout', from, to };
}

/** Whether every peer has answered with an ERROR_MSG, and none is connected. */
function isRefusedByAll(refusals: ReadonlyMap<string, OverlayErrorJson | undefined>, count: number): boolean {
  return refusals.size >= count && [...refusals.values()].every((error) => error !== undefined);
}
