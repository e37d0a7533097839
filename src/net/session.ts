/**
 * Session: one Peer on one stream. It moves bytes both ways, runs the timers, and releases everything on every path. The file
 * is longer than others because its parts share one state; parts with their own state are in ending.ts and turn.ts.
 * @module
 */
import type { Duplex } from 'node:stream';
import { bytesKey } from '../protocol/bytes.ts';
import type { Now } from '../protocol/clock.ts';
import {
  MAX_UNSENT_BYTES,
  PEER_STRAGGLER_TIMEOUT_MS,
  READING_CAPACITY_BYTES,
  READING_CAPACITY_MESSAGES,
  TIMER_PERIOD_MS,
} from '../protocol/constants.ts';
import type { OverlayErrorCode } from '../protocol/error-table.ts';
import type { OverlayError } from '../protocol/errors.ts';
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import type { Peer, PeerEvent } from '../protocol/peer.ts';
import type { PeerError } from '../protocol/violation.ts';
import type { ReceivedMessage, SendableMessage } from '../protocol/wire/authenticated-message.ts';
import { type AbortWatch, aborted, offAbort, onAbort } from './abort.ts';
import type { Clock, Timer } from './clock.ts';
import type { ConnectionInfo, OnBytes } from './connection-info.ts';
import { Deferred } from './deferred.ts';
import { Ending } from './ending.ts';
import { randomBytes } from './random.ts';
import { FULL_READ_BYTES, Turn } from './turn.ts';

/**
 * What a session needs besides the peer and the stream. The functions are called as methods of this object. `onBytes`, `onHello` and
 * `onAuth` are called at once, the others from a microtask. `onBytes` is called for all bytes, each of the others at most once.
 */
export interface SessionOptions {
  readonly clock: Clock;
  /** Time left for the handshake, in milliseconds. */
  readonly handshakeTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: OnBytes | undefined;
  /** The connection that callbacks get with the bytes. */
  readonly connection: ConnectionInfo;
  /** Is called when the peer's HELLO has been accepted. */
  onHello?(): void;
  /** Is called when its AUTH has been accepted. A refusal may come with it, so that `authenticated` still rejects. */
  onAuth?(): void;
  /** Is called when `authenticated` resolves. */
  onAuthenticated?(remote: RemotePeer): void;
  /** Is called when `ended` resolves. */
  onEnded?(error: OverlayError): void;
  /** Is called when `closed` resolves. */
  onClosed?(): void;
}

/** Receives the next message; undefined when no more will come. */
type Taker = (message: ReceivedMessage | undefined) => void;

/** A caller that waits for an event of this connection. */
interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: OverlayError) => void;
}

/** A connection from the first byte to the closed socket. */
export class Session {
  readonly #peer: Peer;
  readonly #stream: Duplex;
  readonly #options: SessionOptions;
  readonly #inbox: ReceivedMessage[] = [];
  #takers: Taker[] = [];
  /** The caller that waits for a pong; undefined when there is none. */
  #pings: Map<string, Waiter<void>> | undefined;
  /** Senders whose message is still in the peer's output, then senders that wait for the stream to drain. */
  #unflushed: Waiter<void>[] = [];
  #undrained: Waiter<void>[] = [];
  #inboxBytes = 0;
  #handshakeTimer: Timer | undefined;
  #tickTimer: Timer | undefined;
  #ending: Ending | undefined;
  #watch: AbortWatch | undefined;
  #flushing = false;
  /** Whether the stream's buffer is full. */
  #full = false;
  #turn: Turn | undefined;
  #gotAuth = false;
  #streamError: Error | undefined;
  #lastWords: PeerError | undefined;
  /** Number of application messages that were sent and request nothing, and how many of them the peer has certainly handled. */
  #given = 0;
  #taken = 0;
  /** Times of the writes that the operating system has not taken whole, oldest first. */
  readonly #unwrittenSinceMs: number[] = [];
  #isAuthenticated = false;
  #isClosed = false;
  /** Callers that wait for one of the three; undefined when there are none. */
  #whenAuthenticated: Deferred<RemotePeer> | undefined;
  #whenEnded: Deferred<OverlayError> | undefined;
  #whenClosed: Deferred<void> | undefined;

  constructor(peer: Peer, stream: Duplex, options: SessionOptions) {
    this.#peer = peer;
    this.#stream = stream;
    this.#options = options;
    this.#start();
  }

  /** Resolves when the handshake is complete and no refusal came with it; rejects with an OverlayError. */
  get authenticated(): Promise<RemotePeer> {
    if (this.#isAuthenticated) return Promise.resolve(this.remote as RemotePeer);
    this.#whenAuthenticated ??= new Deferred();
    if (this.error !== undefined) this.#whenAuthenticated.reject(this.error);
    return this.#whenAuthenticated.promise;
  }

  /** Resolves with the reason when the connection has ended; bytes may still be leaving. Never rejects. */
  get ended(): Promise<OverlayError> {
    if (this.error !== undefined) return Promise.resolve(this.error);
    this.#whenEnded ??= new Deferred();
    return this.#whenEnded.promise;
  }

  /** Resolves when the stream is closed and the session holds nothing. Never rejects. */
  get closed(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#whenClosed ??= new Deferred();
    return this.#whenClosed.promise;
  }

  get remote(): RemotePeer | undefined {
    return this.#peer.remote;
  }

  get error(): OverlayError | undefined {
    return this.#peer.error;
  }

  /** What the peer sent while the connection was being closed, see `Peer.lastWords`. */
  lastWords(): PeerError | undefined {
    this.#lastWords ??= this.#peer.lastWords();
    return this.#lastWords;
  }

  get overlayRange(): Peer['overlayRange'] {
    return this.#peer.overlayRange;
  }

  get credit(): Peer['credit'] {
    return this.#peer.credit;
  }

  /** Whether the peer closed its side between two records after the handshake, which is a normal end of stream. */
  get endedCleanly(): boolean {
    return this.error?.code === 'OVERLAY_CONNECTION_CLOSED' && this.error.stage === 'channel' && !this.#peer.midRecord;
  }

  /** The next message, if one is there already. */
  take(): ReceivedMessage | undefined {
    const message = this.#inbox.shift();
    if (message === undefined) return undefined;
    this.#inboxBytes -= message.xdr.length;
    // Resume at half of the load: resuming the stream for each message would cost more than the message.
    if (this.#full && this.#inbox.length <= READING_CAPACITY_MESSAGES / 2 && this.#inboxBytes <= READING_CAPACITY_BYTES / 2)
      this.#pump();
    return message;
  }

  /** Waits for the next message; undefined when no more will come. */
  wait(): Promise<ReceivedMessage | undefined> {
    if (this.error !== undefined) return Promise.resolve(this.take());
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** The application has handled a message: its credit is returned to the peer. */
  release(message: ReceivedMessage): void {
    this.#peer.release(message);
    this.#scheduleFlush();
  }

  /**
   * Resolves when the stream has taken the message. Rejects when the connection ends first, or the signal aborts while it
   * waits.
   */
  send(message: SendableMessage, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(aborted(signal));
    return new Promise((resolve, reject) => {
      let watch: AbortWatch | undefined;
      const cancel = this.#peer.send(message, (error) => {
        offAbort(signal, watch);
        if (error) return reject(error);
        if (!REQUESTS.includes(message.type)) this.#given++;
        this.#unflushed.push({ resolve, reject });
      });
      this.#scheduleFlush();
      if (cancel === undefined || signal === undefined) return;
      watch = onAbort(signal, () => {
        if (!cancel()) return;
        reject(aborted(signal));
        this.#scheduleFlush(); // Messages queued after it may now be sent.
      });
    });
  }

  /** Round trip in milliseconds. */
  async ping(hash: Uint8Array = pingHash()): Promise<number> {
    const start = this.#now().monotonicMs;
    const given = this.#given;
    await new Promise<void>((resolve, reject) => {
      this.#peer.ping(hash);
      this.#pings ??= new Map();
      this.#pings.set(bytesKey(hash), { resolve, reject });
      this.#scheduleFlush();
    });
    // Records are handled in order: the answer to the ping shows that all records before it were handled.
    this.#taken = Math.max(this.#taken, given);
    return this.#now().monotonicMs - start;
  }

  /** Ends the connection from this side. What was sent before still leaves. */
  end(code: OverlayErrorCode, message?: string, cause?: unknown): void {
    this.#handle(this.#peer.close(code, message, cause));
    this.#flush();
  }

  #start(): void {
    const { clock, handshakeTimeoutMs, signal } = this.#options;
    const stream = this.#stream;
    // `close` comes once.
    stream.on('close', () => this.#onClosed());
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    stream.on('end', () => this.#endInput('OVERLAY_CONNECTION_CLOSED'));
    // `close` always follows.
    stream.on('error', (error: Error) => {
      this.#streamError = error;
    });
    stream.on('drain', () => {
      for (const { resolve } of this.#undrained.splice(0)) resolve();
      this.#pump();
    });
    this.#handshakeTimer = clock.setTimer(() => this.end('OVERLAY_HANDSHAKE_TIMEOUT'), handshakeTimeoutMs);
    this.#tickTimer = clock.setTimer(() => this.#tick(), TIMER_PERIOD_MS);
    const onSignal = (): void => this.end('OVERLAY_ABORTED', undefined, signal?.reason);
    this.#watch = onAbort(signal, onSignal);
    this.#handle(this.#peer.start(this.#now()));
    this.#flush();
    if (signal?.aborted) onSignal();
  }

  #written(): void {
    this.#unwrittenSinceMs.shift();
    if (this.#unwrittenSinceMs.length === 0) this.#ending?.written();
  }

  #now(): Now {
    return this.#options.clock.now();
  }

  #onData(chunk: Buffer): void {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#options.onBytes?.('received', bytes, this.#options.connection);
    this.#peer.push(bytes);
    if (bytes.length >= FULL_READ_BYTES) {
      this.#turn ??= new Turn(this.#peer.records, () => this.#endTurn());
      this.#turn.bytes += bytes.length;
    }
    if (this.error === undefined) this.#pump();
    else {
      this.#ending?.heard();
      // A peer that has refused us handles no more messages.
      if (this.lastWords() !== undefined) this.#ending?.finish();
    }
  }

  /** Handles the received bytes while there is room for the resulting messages. Otherwise the stream waits. */
  #pump(): void {
    const now = this.#now();
    while (this.#hasRoom() && !this.#isSpent()) {
      const event = this.#peer.next(now);
      if (event === undefined) break;
      if (event.type === 'message') this.#deliver(event.message);
      else this.#handle(event);
    }
    // Subtle: a write that the system takes whole is followed by no drain. So output that leaves no room is written before the
    // check for room. Less output waits for the application, which is often taking messages at this moment: one write then has
    // the grants for all of them.
    if (this.#hasRoomForOutput()) this.#scheduleFlush();
    else this.#flush();
    if (this.error !== undefined) return;
    if (this.#gotAuth && !this.#isAuthenticated) this.#onAuthenticated();
    const full = !this.#hasRoom() || this.#isSpent();
    if (full === this.#full) return;
    this.#full = full;
    if (full) this.#stream.pause();
    else this.#stream.resume();
  }

  #endTurn(): void {
    this.#turn = undefined;
    if (this.#full && this.error === undefined) this.#pump();
  }

  /** Whether this connection has used its share of this turn of the loop. */
  #isSpent(): boolean {
    return this.#turn?.isSpent(this.#peer.records) === true;
  }

  #hasRoom(): boolean {
    return (
      this.#inbox.length < READING_CAPACITY_MESSAGES && this.#inboxBytes < READING_CAPACITY_BYTES && this.#hasRoomForOutput()
    );
  }

  #hasRoomForOutput(): boolean {
    return this.#stream.writableLength + this.#peer.outputLength < MAX_UNSENT_BYTES;
  }

  #handle(event: PeerEvent | undefined): void {
    switch (event?.type) {
      case 'hello':
        this.#options.onHello?.();
        break;
      case 'authenticated':
        this.#handshakeTimer?.cancel();
        this.#handshakeTimer = undefined;
        this.#gotAuth = true;
        this.#options.onAuth?.();
        break;
      case 'message':
        this.#deliver(event.message);
        break;
      case 'pong': {
        const key = bytesKey(event.hash);
        this.#pings?.get(key)?.resolve();
        this.#pings?.delete(key);
        if (this.#pings?.size === 0) this.#pings = undefined;
        break;
      }
      case 'closed':
        this.#onEnded(event.error);
        break;
      default:
    }
  }

  #deliver(message: ReceivedMessage): void {
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker(message);
      return;
    }
    this.#inbox.push(message);
    this.#inboxBytes += message.xdr.length;
  }

  /** No more bytes will come. The bytes received so far are in memory, so they are handled even when there is no room. */
  #endInput(code: OverlayErrorCode): void {
    const now = this.#now();
    for (let event = this.#peer.next(now); event !== undefined; event = this.#peer.next(now)) this.#handle(event);
    const cause = this.#streamError;
    this.end(code, cause && `The connection broke: ${cause.message}.`, cause);
  }

  #onAuthenticated(): void {
    const remote = this.remote as RemotePeer;
    this.#isAuthenticated = true;
    queueMicrotask(() => this.#options.onAuthenticated?.(remote));
    this.#whenAuthenticated?.resolve(remote);
    this.#whenAuthenticated = undefined;
  }

  #onClosed(): void {
    this.#endInput('OVERLAY_CONNECTION_RESET');
    for (const { reject } of this.#undrained.splice(0)) reject(this.error as OverlayError);
    this.#ending?.closed();
    this.#isClosed = true;
    queueMicrotask(() => this.#options.onClosed?.());
    this.#whenClosed?.resolve();
  }

  #onEnded(error: OverlayError): void {
    this.#handshakeTimer?.cancel();
    this.#tickTimer?.cancel();
    offAbort(this.#options.signal, this.#watch);
    // Subtle: queued first, so that the callers of `ended` see what `onEnded` has done. The same holds for the other two.
    queueMicrotask(() => this.#options.onEnded?.(error));
    this.#whenAuthenticated?.reject(error);
    this.#whenEnded?.resolve(error);
    for (const taker of this.#takers.splice(0)) taker(undefined);
    for (const { reject } of [...(this.#pings?.values() ?? []), ...this.#undrained.splice(0)]) reject(error);
    this.#pings = undefined;
    this.#flush();
    if (this.#stream.destroyed) return;
    this.#ending = new Ending(this.#stream, this.#options.clock, this.#peer.isFlooded);
    if (!this.#owes(error)) this.#ending.finish();
    else if (this.#stream.writableLength === 0) this.#ending.written();
  }

  /** Whether the peer still reads, and could lose data that it should get if the connection closed at once. */
  #owes({ code, told }: OverlayError): boolean {
    if (code === 'OVERLAY_PEER_ERROR' || this.#stream.readableEnded || this.lastWords() !== undefined) return false;
    return told !== null || this.#given > this.#taken;
  }

  /** The timers of stellar-core, in its order (protocol.md section 4.8). */
  #tick(): void {
    const now = this.#now();
    this.#handle(this.#peer.tick(now, this.#full));
    const [oldestMs = now.monotonicMs] = this.#unwrittenSinceMs;
    if (now.monotonicMs - oldestMs >= PEER_STRAGGLER_TIMEOUT_MS) this.end('OVERLAY_STRAGGLING');
    if (this.error !== undefined) return;
    // Empty arrays release the memory they had grown to.
    this.#takers = this.#takers.slice();
    if (this.#inbox.length === 0) this.#inbox.length = 0;
    if (this.#unwrittenSinceMs.length === 0) this.#unwrittenSinceMs.length = 0;
    // An unanswered ping has no consequence: the rules above decide.
    if (this.#gotAuth && this.#pings === undefined) this.ping().catch(() => {});
    this.#tickTimer = this.#options.clock.setTimer(() => this.#tick(), TIMER_PERIOD_MS);
  }

  /** Messages sent in one turn of the loop leave in one write. */
  #scheduleFlush(): void {
    if (this.#flushing || (this.#peer.outputLength === 0 && this.#unflushed.length === 0)) return;
    this.#flushing = true;
    process.nextTick(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#peer.outputLength > 0) {
      const now = this.#now();
      const output = this.#peer.takeOutput(now);
      if (output !== undefined && this.#stream.writable) {
        this.#options.onBytes?.('sent', output, this.#options.connection);
        this.#unwrittenSinceMs.push(now.monotonicMs);
        this.#stream.write(output, () => this.#written());
      }
    }
    if (this.#unflushed.length === 0) return;
    const flushed = this.#unflushed.splice(0);
    // A broken stream has taken nothing; `close` settles the waiting callers.
    if (this.#stream.writableNeedDrain || !this.#stream.writable) this.#undrained.push(...flushed);
    else for (const { resolve } of flushed) resolve();
  }
}

/** Messages that only request an answer. When the connection closes, losing them does no harm. */
const REQUESTS: readonly string[] = ['GET_TX_SET', 'GET_SCP_QUORUMSET', 'GET_SCP_STATE'];

/** A hash that no node has: 8 random bytes and zeros, as stellar-core makes it (protocol.md section 6.4). */
function pingHash(): Uint8Array {
  const hash = new Uint8Array(32);
  hash.set(randomBytes(8));
  return hash;
}
