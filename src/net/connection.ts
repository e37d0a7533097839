/**
 * Connection: an authenticated peer, as an application sees it.
 * @module
 */
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import type { OverlayError } from '../protocol/errors.ts';
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import type { OverlayRange } from '../protocol/handshake/overlay-range.ts';
import type { ReceivedMessage, SendableMessage } from '../protocol/wire/authenticated-message.ts';
import { aborted, offAbort, onAbort } from './abort.ts';
import type { ConnectionInfo, TcpAddress, Timings } from './connection-info.ts';
import type { Session } from './session.ts';

/**
 * An authenticated channel: every message read from it was sent by `remote`, in this order, unchanged. It is not
 * encrypted. Iterate it to read; taking the next message gives the credit of the one before back to the peer, so an
 * application that does not read stops the peer.
 */
export class Connection implements AsyncIterable<ReceivedMessage>, AsyncDisposable {
  /** Names this connection: 16 hex digits, the beginning of the nonce in our HELLO. */
  readonly id: string;
  readonly role: PeerRole;
  /** The peer; its `peerID` is proved. */
  readonly remote: RemotePeer;
  /** Our end of the TCP connection; undefined when it is none. */
  readonly localAddress: TcpAddress | undefined;
  /** The peer's end of it; undefined when it is none. */
  readonly remoteAddress: TcpAddress | undefined;
  readonly timings: Timings;
  /** The very object that `onStep` and `onBytes` have been told for this connection, so that a Map can bring them together. */
  readonly info: ConnectionInfo;
  readonly #session: Session;

  /** @internal */
  constructor(session: Session, { info, remote, timings }: Pick<Connection, 'info' | 'remote' | 'timings'>) {
    this.#session = session;
    this.id = info.id;
    this.role = info.role;
    this.remote = remote;
    this.localAddress = info.localAddress;
    this.remoteAddress = info.remoteAddress;
    this.timings = timings;
    this.info = info;
  }

  /** Resolves with the reason when the connection has ended, whoever ended it. Never rejects. */
  get ended(): Promise<OverlayError> {
    return this.#session.ended;
  }

  /** The overlay versions we have said that we speak: the peer's own ones, when `adaptOverlayRange` made them so. */
  get overlayRange(): OverlayRange {
    return this.#session.overlayRange;
  }

  /** What the peer allows us to send now, in flood messages and bytes. */
  get credit(): { readonly messages: bigint; readonly bytes: bigint } {
    return this.#session.credit;
  }

  /**
   * The messages that come. It ends when either side closes; leaving the loop closes nothing, another one goes on where it was.
   * @throws {OverlayError} when the connection ends in any other way, after the last good message
   */
  [Symbol.asyncIterator](): AsyncIterator<ReceivedMessage, undefined> & AsyncIterable<ReceivedMessage> {
    return new MessageIterator(this.#session);
  }

  /**
   * Sends a message; a flood message waits until the peer allows it.
   * @returns when the message has been handed to the socket
   * @throws {OverlayError} when the connection ends before, with OVERLAY_SEND_QUEUE_FULL when too much waits already, with
   *   OVERLAY_ABORTED when the signal aborts while it waits; nothing is sent then
   * @throws {TypeError | RangeError} when the message is not of its type; nothing is sent then
   */
  send(message: SendableMessage, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    return this.#session.send(message, options.signal);
  }

  /**
   * The time a question and its answer take.
   * @returns milliseconds
   * @throws {OverlayError} when the connection ends before the answer, OVERLAY_ABORTED when the signal does
   */
  async ping(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<number> {
    return untilAborted(this.#session.ping(), options.signal);
  }

  /**
   * Closes; what was sent before still leaves.
   * @returns when the socket is closed: at once, or up to half a second later, when the peer may not have handled yet what the
   *   application sent it; a ping that was answered shows that it has
   */
  async close(): Promise<void> {
    this.#session.end('OVERLAY_CLOSED');
    await this.#session.closed;
  }

  /** The same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Reads a session. Not a generator: its promises and turns of the microtask queue would cost more than the MAC. */
class MessageIterator implements AsyncIterator<ReceivedMessage, undefined>, AsyncIterable<ReceivedMessage> {
  readonly #session: Session;
  /** The message the application has; asking for the next one says that it is done with it. */
  #held: ReceivedMessage | undefined;
  #done = false;

  constructor(session: Session) {
    this.#session = session;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<ReceivedMessage, undefined>> {
    this.#release();
    const message = this.#session.take();
    if (message === undefined) return this.#wait();
    this.#held = message;
    return Promise.resolve({ value: message, done: false });
  }

  return(): Promise<IteratorResult<ReceivedMessage, undefined>> {
    this.#release();
    return Promise.resolve({ value: undefined, done: true });
  }

  async #wait(): Promise<IteratorResult<ReceivedMessage, undefined>> {
    const session = this.#session;
    const message = await session.wait();
    if (message !== undefined) {
      this.#release();
      this.#held = message;
      return { value: message, done: false };
    }
    const told = this.#done;
    this.#done = true;
    if (!told && session.error !== undefined && session.error.code !== 'OVERLAY_CLOSED' && !session.endedCleanly)
      throw session.error;
    return { value: undefined, done: true };
  }

  #release(): void {
    if (this.#held !== undefined) this.#session.release(this.#held);
    this.#held = undefined;
  }
}

/** The promise, or OVERLAY_ABORTED when the signal aborts before. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  promise.catch(() => {});
  if (signal.aborted) throw aborted(signal);
  let giveUp!: () => void;
  const abort = new Promise<never>((_resolve, reject) => {
    giveUp = () => reject(aborted(signal));
    onAbort(signal, giveUp);
  });
  try {
    return await Promise.race([promise, abort]);
  } finally {
    offAbort(signal, giveUp);
  }
}
