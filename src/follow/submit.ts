/**
 * submit: offers a signed transaction to peers as a node does, and follows ledgers until one of them holds it.
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

/** Time after which nobody waits any more, when it is not said. In milliseconds. */
const TIMEOUT_MS = 300_000;

/** What `submit` takes. */
export interface SubmitOptions extends Omit<FollowOptions, 'from'> {
  /** XDR of a signed TransactionEnvelope. It is sent as it is. */
  readonly transaction: Uint8Array;
  /** How long to wait for a ledger that holds it, in milliseconds. Default 300,000. */
  readonly timeoutMs?: number | undefined;
  /** Is told when a peer has asked for the transaction, and was given it. */
  readonly onDemand?: ((address: string) => void) | undefined;
}

/** What became of a transaction. */
export type SubmitResult = {
  /** The hash that is signed, by which explorers name it: 32 bytes as hex. */
  readonly transactionHash: string;
  /** Peers that asked for it, `HOST:PORT`. Nobody says whether it was taken: only ledgers tell. */
  readonly demandedBy: readonly string[];
} & (
  | { readonly outcome: 'included'; readonly ledger: Ledger }
  | {
      /** The ledgers `from` to `to` don't hold it, and no later one may. */
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
      /** Time has passed, and it may still be held by a ledger: a later one, or one that was missed. */
      readonly outcome: 'timeout';
      /** Ledgers that were looked at; undefined when there was none. */
      readonly from?: number | undefined;
      readonly to?: number | undefined;
    }
);

/**
 * Sends a transaction and waits for a verified ledger that holds it. It is offered to every peer, again after each ledger
 * that does not hold it; nothing is changed or signed.
 *
 * @example
 * const result = await submit({ transaction, peers: ['core.example.org'], network: networks.testnet, quorumSet })
 * if (result.outcome === 'included') console.log(result.ledger.ledgerSeq)
 *
 * @throws {TypeError | RangeError} when an option is wrong, or the transaction is none; nothing is sent then
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
  /** Connected peers, with the offers that they have not answered: whoever asks without end is given no more. */
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

/** Whether every peer there is has answered with an ERROR_MSG, and none is connected. */
function isRefusedByAll(refusals: ReadonlyMap<string, OverlayErrorJson | undefined>, count: number): boolean {
  return refusals.size >= count && [...refusals.values()].every((error) => error !== undefined);
}
