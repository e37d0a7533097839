/**
 * Connection: an authenticated peer, as an application sees it.
 * @module
 */
import { randomBytes } from 'node:crypto';
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import { OverlayError } from '../protocol/errors.ts';
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import type { ReceivedMessage, SendableMessage } from '../protocol/wire/authenticated-message.ts';
import type { Session } from './session.ts';

/** How long each phase took, in milliseconds. An accepted connection has no name to resolve and no TCP to wait for: 0. */
export interface Timings {
  readonly dnsMs: number;
  readonly tcpMs: number;
  /** From TCP to the peer's HELLO being accepted. */
  readonly helloMs: number;
  /** From there to its AUTH being accepted. */
  readonly authMs: number;
  readonly totalMs: number;
}

/** The other end of the TCP connection. */
export interface RemoteAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * An authenticated channel: every message read from it was sent by `remote`, in this order, unchanged. It is not
 * encrypted. Iterate it to read; taking the next message gives the credit of the one before back to the peer, so an
 * application that does not read stops the peer.
 */
export class Connection implements AsyncIterable<ReceivedMessage>, AsyncDisposable {
  readonly role: PeerRole;
  /** The peer; its `peerID` is proved. */
  readonly remote: RemotePeer;
  readonly remoteAddress: RemoteAddress | undefined;
  readonly timings: Timings;
  readonly #session: Session;

  /** @internal */
  constructor(session: Session, facts: Pick<Connection, 'role' | 'remote' | 'remoteAddress' | 'timings'>) {
    this.#session = session;
    this.role = facts.role;
    this.remote = facts.remote;
    this.remoteAddress = facts.remoteAddress;
    this.timings = facts.timings;
  }

  /** Resolves with the reason when the connection has ended, whoever ended it. Never rejects. */
  get ended(): Promise<OverlayError> {
    return this.#session.ended;
  }

  /** What the peer allows us to send now, in flood messages and bytes. */
  get credit(): { readonly messages: bigint; readonly bytes: bigint } {
    return this.#session.credit;
  }

  /**
   * The messages that come. It ends when either side closes; leaving the loop closes nothing, another one goes on where it was.
   * @throws {OverlayError} when the connection ends in any other way, after the last good message
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedMessage, void, undefined> {
    const session = this.#session;
    for (let message = await session.take(); message !== undefined; message = await session.take()) {
      try {
        yield message;
      } finally {
        session.release(message);
      }
    }
    const { error } = session;
    if (error !== undefined && error.code !== 'OVERLAY_CLOSED' && !session.endedCleanly) throw error;
  }

  /**
   * Sends a message; a flood message waits until the peer allows it.
   * @returns when the message has been handed to the socket
   * @throws {OverlayError} when the connection ends before, or with OVERLAY_SEND_QUEUE_FULL when too much waits already
   * @throws {TypeError | RangeError} when the message is not of its type; nothing is sent then
   */
  send(message: SendableMessage): Promise<void> {
    return this.#session.send(message);
  }

  /**
   * The time a question and its answer take.
   * @returns milliseconds
   * @throws {OverlayError} when the connection ends before the answer, OVERLAY_ABORTED when the signal does
   */
  async ping(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<number> {
    const hash = new Uint8Array(32);
    hash.set(randomBytes(8));
    return untilAborted(this.#session.ping(hash), options.signal);
  }

  /** Closes; what was sent before still leaves. @returns when the socket is closed */
  async close(): Promise<void> {
    this.#session.end('OVERLAY_CLOSED');
    await this.#session.closed;
  }

  /** The same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The promise, or OVERLAY_ABORTED when the signal aborts before. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  promise.catch(() => {});
  const aborted = (): OverlayError => new OverlayError('OVERLAY_ABORTED', { stage: 'channel', cause: signal.reason });
  if (signal.aborted) throw aborted();
  let onAbort!: () => void;
  const abort = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(aborted());
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, abort]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
