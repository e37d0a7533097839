/**
 * The messages after AUTH: flow control in both directions, the rules for PEERS, pings and their answers (protocol.md sections
 * 4.9, 5, 6). The MAC of every message has been verified before.
 * @module
 */
import type { CryptoProvider } from '../auth/crypto.ts';
import type { PeerRole } from '../auth/key-schedule.ts';
import { bytesKey } from '../bytes.ts';
import type { Now } from '../clock.ts';
import {
  ENVELOPE_BYTES,
  FLOOD_CAPACITY_BYTES,
  FLOOD_CAPACITY_MESSAGES,
  MAX_TX_SET_ANSWERS,
  TX_SET_ANSWERS_PERIOD_MS,
} from '../constants.ts';
import type { OverlayError } from '../errors.ts';
import { ProtocolViolation } from '../violation.ts';
import { type CheckedType, type ReceivedMessage, readMessage, receivedMessage } from '../wire/authenticated-message.ts';
import type { StellarMessage } from '../wire/messages.ts';
import { type FloodCapacity, FloodReceiver, FloodSender, type FloodType, isFloodType, type Settle } from './flow-control.ts';

/** Requests that a peer may send us. */
export type ServedRequest = 'GET_TX_SET' | 'GET_SCP_QUORUMSET';

/** Options of the channel. */
export interface ChannelOptions {
  /** Computes the hash of a received quorum set. */
  readonly crypto: CryptoProvider;
  readonly role: PeerRole;
  /** Flow control capacity granted to the peer. Default 200 messages, 300,000 bytes. */
  readonly floodCapacity?: FloodCapacity | undefined;
  /**
   * Ledger from which to request SCP messages right after AUTH, as stellar-core does. Null: no request. Default 0, the latest.
   */
  readonly scpStateLedgerSeq?: number | null | undefined;
  /**
   * Requests that the application answers itself. Every other request is answered with DONT_HAVE, so that the peer does not
   * wait.
   */
  readonly serves?: readonly ServedRequest[] | undefined;
}

/** Result of a received message: a message for the application, or the answer to a ping. */
export type ChannelEvent =
  | { readonly type: 'message'; readonly message: ReceivedMessage }
  | { readonly type: 'pong'; readonly hash: Uint8Array };

/** Type of the content that answers a request. */
const CONTENT = { GET_TX_SET: 'GENERALIZED_TX_SET', GET_SCP_QUORUMSET: 'SCP_QUORUMSET' } as const;

/** One authenticated channel. It sends through the given function, and throws to end the connection. */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #send: (message: StellarMessage | Uint8Array) => void;
  readonly #floodReceiver: FloodReceiver;
  readonly #floodSender = new FloodSender();
  /** Our own unanswered requests; undefined while there are none. */
  #pings: Set<string> | undefined;
  #gotPeers = false;
  /** Number of GET_TX_SETs answered in the current period. */
  #txSetAnswers = 0;
  #answersSinceMs = 0;

  /** @param send seals and sends a message, or the XDR of one, at once */
  constructor(options: ChannelOptions, send: (message: StellarMessage | Uint8Array) => void) {
    this.#options = options;
    this.#send = send;
    this.#floodReceiver = new FloodReceiver(this.#capacity);
  }

  /** Flow control credit left for sending. */
  get credit(): FloodSender['credit'] {
    return this.#floodSender.credit;
  }

  /** Grants received from the peer, and whether it owes us one. */
  get starvation(): { readonly grants: number; readonly starved: boolean } {
    const { grants, starved } = this.#floodSender;
    return { grants, starved };
  }

  /** Whether the peer sends flood messages: more of them may arrive at any time. */
  get isFlooded(): boolean {
    return this.#floodReceiver.isUsed;
  }

  /** Bytes that wait for the peer's grants. */
  get queuedBytes(): number {
    return this.#floodSender.queuedBytes;
  }

  /** AUTH is accepted: the first grant must be the first message, then stellar-core requests the SCP state. */
  open(): void {
    const { messages, bytes } = this.#capacity;
    this.#send({ type: 'SEND_MORE_EXTENDED', numMessages: messages, numBytes: bytes });
    const { scpStateLedgerSeq = 0 } = this.#options;
    if (scpStateLedgerSeq !== null) this.#send({ type: 'GET_SCP_STATE', ledgerSeq: scpStateLedgerSeq });
  }

  /**
   * Handles a received message.
   * @throws {ProtocolViolation} of flow control, and for PEERS where it is not allowed
   */
  receive(type: CheckedType, body: Uint8Array, now: Now): ChannelEvent | undefined {
    if (isFloodType(type)) this.#floodReceiver.lock(body.length - ENVELOPE_BYTES);
    switch (type) {
      case 'SEND_MORE':
        throw new ProtocolViolation('OVERLAY_SEND_MORE');
      case 'SEND_MORE_EXTENDED': {
        const { numMessages, numBytes } = readMessage(body) as Extract<StellarMessage, { type: typeof type }>;
        this.#floodSender.grant({ messages: numMessages, bytes: numBytes });
        this.#sendQueued();
        return undefined;
      }
      case 'PEERS':
        if (this.#options.role === 'REMOTE_CALLED_US') throw new ProtocolViolation('OVERLAY_UNEXPECTED_PEERS');
        if (this.#gotPeers) throw new ProtocolViolation('OVERLAY_TOO_MANY_PEERS');
        this.#gotPeers = true;
        break;
      default:
    }
    const message = receivedMessage(type, body, this.#options.crypto);
    if (message.type === 'DONT_HAVE' && this.#pings?.delete(bytesKey(message.reqHash))) {
      if (this.#pings.size === 0) this.#pings = undefined;
      return { type: 'pong', hash: message.reqHash };
    }
    if (message.type === 'GET_TX_SET' && this.#mayAnswer(now)) this.#answer(message.type, message.txSetHash);
    if (message.type === 'GET_SCP_QUORUMSET') this.#answer(message.type, message.qSetHash);
    return { type: 'message', message };
  }

  /** The application has handled a message: its credit is returned to the peer. */
  release(message: ReceivedMessage): void {
    if (!isFloodType(message.type)) return;
    const grant = this.#floodReceiver.release(message.xdr.length);
    if (grant) this.#send({ type: 'SEND_MORE_EXTENDED', numMessages: grant.messages, numBytes: grant.bytes });
  }

  /** Whether a flood message of this size may be sent now. If so, its credit is taken. */
  takeCredit(type: FloodType, size: number): boolean {
    return this.#floodSender.take(type, size);
  }

  /**
   * Queues a flood message until there is credit. Takes ownership of the bytes. @returns a function that removes it again; it
   * returns false when the message has been sent
   */
  enqueue(type: FloodType, xdr: Uint8Array, settle: Settle): () => boolean {
    const takeOut = this.#floodSender.enqueue(type, xdr, settle);
    return () => {
      const taken = takeOut();
      if (taken) this.#sendQueued(); // Messages queued after it may fit now.
      return taken;
    };
  }

  /** Sends a request that no node can serve; its DONT_HAVE is returned as `pong`. @param hash 32 random bytes */
  ping(hash: Uint8Array): void {
    this.#send({ type: 'GET_SCP_QUORUMSET', qSetHash: hash });
    this.#pings ??= new Set();
    this.#pings.add(bytesKey(hash));
  }

  /** The connection has ended: queued messages will not be sent. */
  close(error: OverlayError): void {
    for (const { settle } of this.#floodSender.clear()) settle(error);
  }

  get #capacity(): FloodCapacity {
    return this.#options.floodCapacity ?? { messages: FLOOD_CAPACITY_MESSAGES, bytes: FLOOD_CAPACITY_BYTES };
  }

  #sendQueued(): void {
    for (let next = this.#floodSender.dequeue(); next !== undefined; next = this.#floodSender.dequeue()) {
      this.#send(next.xdr);
      next.settle();
    }
  }

  /** A request costs its sender less than the answer costs us. So a peer that sends too many requests gets no more answers. */
  #mayAnswer({ monotonicMs }: Now): boolean {
    if (monotonicMs - this.#answersSinceMs >= TX_SET_ANSWERS_PERIOD_MS) {
      this.#answersSinceMs = monotonicMs;
      this.#txSetAnswers = 0;
    }
    return this.#txSetAnswers++ < MAX_TX_SET_ANSWERS;
  }

  #answer(request: ServedRequest, reqHash: Uint8Array): void {
    if (this.#options.serves?.includes(request) === true) return;
    this.#send({ type: 'DONT_HAVE', reqType: CONTENT[request], reqHash });
  }
}
