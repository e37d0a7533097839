/**
 * Connection: an authenticated peer, as an application sees it.
 * @module
 */
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import type { OverlayError } from '../protocol/errors.ts';
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import type { OverlayRange } from '../protocol/handshake/overlay-range.ts';
import type { ReceivedMessage, SendableMessage } from '../protocol/wire/authenticated-message.ts';
import { type AbortWatch, aborted, offAbort, onAbort } from './abort.ts';
import type { ConnectionInfo, TcpAddress, Timings } from './connection-info.ts';
import type { Session } from './session.ts';

/**
 * An authenticated channel: `remote` sent every message that is read from it, in this order and unchanged. The channel is not
 * encrypted. Iterate it to read. Taking the next message returns the flow control credit of the message before to the peer, so
 * an application that does not read makes the peer stop sending.
 */
export class Connection implements AsyncIterable<ReceivedMessage>, AsyncDisposable {
  /** Identifies this connection: 16 hex digits, the first 8 bytes of the nonce in our HELLO. */
  readonly id: string;
  readonly role: PeerRole;
  /** The peer; its `peerID` is proved. */
  readonly remote: RemotePeer;
  /** Local end of the TCP connection; undefined when the stream is not TCP. */
  readonly localAddress: TcpAddress | undefined;
  /** Remote end of the TCP connection; undefined when the stream is not TCP. */
  readonly remoteAddress: TcpAddress | undefined;
  readonly timings: Timings;
  /** The same object that `onStep` and `onBytes` get for this connection. It can be the key of a Map that relates their calls. */
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

  /** Resolves with the reason when the connection has ended, on either side. Never rejects. */
  get ended(): Promise<OverlayError> {
    return this.#session.ended;
  }

  /** The overlay versions we advertised. When `adaptOverlayRange` applied, they are the peer's own range. */
  get overlayRange(): OverlayRange {
    return this.#session.overlayRange;
  }

  /** What the peer allows us to send now: number of flood messages, and bytes. */
  get credit(): { readonly messages: bigint; readonly bytes: bigint } {
    return this.#session.credit;
  }

  /**
   * Received messages. Iteration ends when either side closes. Leaving the loop does not close the connection; another loop
   * continues with the next message.
   * @throws {OverlayError} when the connection ends in any other way, after the last valid message
   */
  [Symbol.asyncIterator](): AsyncIterator<ReceivedMessage, undefined> & AsyncIterable<ReceivedMessage> {
    return new MessageIterator(this.#session);
  }

  /**
   * Sends a message; a flood message waits until the peer allows it.
   * @returns when the message has been written to the socket
   * @throws {OverlayError} when the connection ends first, OVERLAY_SEND_QUEUE_FULL when too much is queued already,
   * OVERLAY_ABORTED when the signal aborts while the message waits; the message is then not sent
   * @throws {TypeError | RangeError} when the message does not fit its type; nothing is sent
   */
  send(message: SendableMessage, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    return this.#session.send(message, options.signal);
  }

  /**
   * Measures the round trip time of a request and its answer.
   * @returns milliseconds
   * @throws {OverlayError} when the connection ends before the answer; OVERLAY_ABORTED when the signal aborts
   */
  async ping(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<number> {
    return untilAborted(this.#session.ping(), options.signal);
  }

  /**
   * Closes the connection. Messages that were sent before still leave.
   * @returns when the socket is closed: at once, or up to half a second later when the peer may not have handled all messages
   * of the application yet. An answered ping shows that it has handled all messages before it
   */
  close(): Promise<void> {
    this.#session.end('OVERLAY_CLOSED');
    return this.#session.closed;
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Reads a session. This is not a generator: a generator's promises and turns of the microtask queue cost more than the MAC. */
class MessageIterator implements AsyncIterator<ReceivedMessage, undefined>, AsyncIterable<ReceivedMessage> {
  readonly #session: Session;
  /** The message that the application is handling. When it asks for the next one, this one is done. */
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
    if (message === undefined) return this.#session.wait().then(this.#give);
    this.#held = message;
    return Promise.resolve({ value: message, done: false });
  }

  return(): Promise<IteratorResult<ReceivedMessage, undefined>> {
    this.#release();
    return Promise.resolve({ value: undefined, done: true });
  }

  /** The message that was waited for; undefined: no more will come. */
  readonly #give = (message: ReceivedMessage | undefined): IteratorResult<ReceivedMessage, undefined> => {
    if (message !== undefined) {
      this.#release();
      this.#held = message;
      return { value: message, done: false };
    }
    const session = this.#session;
    const told = this.#done;
    this.#done = true;
    if (!told && session.error !== undefined && session.error.code !== 'OVERLAY_CLOSED' && !session.endedCleanly)
      throw session.error;
    return { value: undefined, done: true };
  };

  #release(): void {
    if (this.#held !== undefined) this.#session.release(this.#held);
    this.#held = undefined;
  }
}

/** Settles as the promise does; rejects with OVERLAY_ABORTED when the signal aborts first. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  promise.catch(() => {});
  if (signal.aborted) throw aborted(signal);
  let watch: AbortWatch | undefined;
  const abort = new Promise<never>((_resolve, reject) => {
    watch = onAbort(signal, () => reject(aborted(signal)));
  });
  try {
    return await Promise.race([promise, abort]);
  } finally {
    offAbort(signal, watch);
  }
}
