/**
 * Session: one Peer on one stream. It moves bytes both ways, keeps the time, and closes everything on every path. Longer
 * than other files: it is one state that all of this shares, and what has a state of its own is in ending.ts and turn.ts.
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
import { aborted, offAbort, onAbort } from './abort.ts';
import type { Clock, Timer } from './clock.ts';
import type { ConnectionInfo, OnBytes } from './connection-info.ts';
import { Ending } from './ending.ts';
import { randomBytes } from './random.ts';
import { FULL_READ_BYTES, Turn } from './turn.ts';

/** What a session needs besides the peer and the stream. */
export interface SessionOptions {
  readonly clock: Clock;
  /** Time left for the handshake, in milliseconds. */
  readonly handshakeTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: OnBytes | undefined;
  /** What the callbacks are told the bytes belong to. */
  readonly connection: ConnectionInfo;
  /** The peer's HELLO has been accepted. */
  readonly onHello?: (() => void) | undefined;
}

/** Waits for the next message; undefined when none will come. */
type Taker = (message: ReceivedMessage | undefined) => void;

/** Waits for something of this connection. */
interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: OverlayError) => void;
}

/** A connection from the first byte to the closed socket. */
export class Session {
  /** Resolves when the handshake is complete and the peer has not refused in the same breath; rejects with an OverlayError. */
  readonly authenticated: Promise<RemotePeer>;
  /** Resolves with the reason when the connection has ended; bytes may still be on their way out. Never rejects. */
  readonly ended: Promise<OverlayError>;
  /** Resolves when the stream is closed and nothing of the session is left. Never rejects. */
  readonly closed: Promise<void>;
  readonly #peer: Peer;
  readonly #stream: Duplex;
  readonly #options: SessionOptions;
  readonly #inbox: ReceivedMessage[] = [];
  #takers: Taker[] = [];
  /** Who waits for an answer; undefined while nobody does. */
  #pings: Map<string, Waiter<void>> | undefined;
  /** Senders whose message is in the peer's output, then those who wait for the stream to drain. */
  #unflushed: Waiter<void>[] = [];
  #undrained: Waiter<void>[] = [];
  #inboxBytes = 0;
  #handshakeTimer: Timer | undefined;
  #tickTimer: Timer | undefined;
  #ending: Ending | undefined;
  #flushing = false;
  /** Whether the stream waits for room. */
  #full = false;
  #turn: Turn | undefined;
  #gotAuth = false;
  #streamError: Error | undefined;
  #lastWords: PeerError | undefined;
  /** Messages of the application that left and ask for nothing; how many of them the peer has handled for certain. */
  #given = 0;
  #taken = 0;
  /** When each write was made that the operating system has not taken whole, the oldest first. */
  readonly #unwrittenSinceMs: number[] = [];
  #resolveAuthenticated!: (remote: RemotePeer) => void;
  #rejectAuthenticated!: (error: OverlayError) => void;
  #resolveEnded!: (error: OverlayError) => void;

  constructor(peer: Peer, stream: Duplex, options: SessionOptions) {
    this.#peer = peer;
    this.#stream = stream;
    this.#options = options;
    this.authenticated = new Promise((resolve, reject) => {
      this.#resolveAuthenticated = resolve;
      this.#rejectAuthenticated = reject;
    });
    // Whoever wants to know asks; nobody has to.
    this.authenticated.catch(() => {});
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.closed = new Promise((resolve) => {
      stream.once('close', () => {
        this.#endInput('OVERLAY_CONNECTION_RESET');
        for (const { reject } of this.#undrained.splice(0)) reject(this.error as OverlayError);
        this.#ending?.closed();
        resolve();
      });
    });
    this.#start();
  }

  get remote(): RemotePeer | undefined {
    return this.#peer.remote;
  }

  get error(): OverlayError | undefined {
    return this.#peer.error;
  }

  /** What the peer said while the connection was being closed, see `Peer.lastWords`. */
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

  /** Whether the peer closed its side between two records after the handshake: an end like that of any stream. */
  get endedCleanly(): boolean {
    return this.error?.code === 'OVERLAY_CONNECTION_CLOSED' && this.error.stage === 'channel' && !this.#peer.midRecord;
  }

  /** The next message, if there is one already. */
  take(): ReceivedMessage | undefined {
    const message = this.#inbox.shift();
    if (message === undefined) return undefined;
    this.#inboxBytes -= message.xdr.length;
    // Half a load at a time: going back to the stream for each message would cost more than the message.
    if (this.#full && this.#inbox.length <= READING_CAPACITY_MESSAGES / 2 && this.#inboxBytes <= READING_CAPACITY_BYTES / 2)
      this.#pump();
    return message;
  }

  /** The next message when there is none yet; undefined when none will come. */
  wait(): Promise<ReceivedMessage | undefined> {
    if (this.error !== undefined) return Promise.resolve(this.take());
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** The application is done with a message: its credit goes back. */
  release(message: ReceivedMessage): void {
    this.#peer.release(message);
    this.#scheduleFlush();
  }

  /** Resolves when the stream has taken the message; rejects when the connection ends before, or the signal aborts while it waits. */
  send(message: SendableMessage, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(aborted(signal));
    return new Promise((resolve, reject) => {
      let giveUp: (() => void) | undefined;
      const cancel = this.#peer.send(message, (error) => {
        if (giveUp !== undefined) offAbort(signal, giveUp);
        if (error) return reject(error);
        if (!REQUESTS.includes(message.type)) this.#given++;
        this.#unflushed.push({ resolve, reject });
      });
      this.#scheduleFlush();
      if (cancel === undefined || signal === undefined) return;
      giveUp = () => {
        if (!cancel()) return;
        reject(aborted(signal));
        this.#scheduleFlush(); // What stood behind it may have left.
      };
      onAbort(signal, giveUp);
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
    // Records are handled in their order: with the ping, all before it.
    this.#taken = Math.max(this.#taken, given);
    return this.#now().monotonicMs - start;
  }

  /** Ends the connection from this side; what was sent before still leaves. */
  end(code: OverlayErrorCode, message?: string, cause?: unknown): void {
    this.#handle(this.#peer.close(code, message, cause));
    this.#flush();
  }

  #start(): void {
    const { clock, handshakeTimeoutMs, signal } = this.#options;
    const stream = this.#stream;
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
    onAbort(signal, this.#onAbort);
    this.#handle(this.#peer.start(this.#now()));
    this.#flush();
    if (signal?.aborted) this.#onAbort();
  }

  readonly #onWritten = (): void => {
    this.#unwrittenSinceMs.shift();
    if (this.#unwrittenSinceMs.length === 0) this.#ending?.written();
  };

  readonly #onAbort = (): void => this.end('OVERLAY_ABORTED', undefined, this.#options.signal?.reason);

  #now(): Now {
    return this.#options.clock.now();
  }

  #onData(chunk: Buffer): void {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#options.onBytes?.('received', bytes, this.#options.connection);
    this.#peer.push(bytes);
    if (bytes.length >= FULL_READ_BYTES) {
      this.#turn ??= new Turn(this.#peer.records, this.#onTurnOver);
      this.#turn.bytes += bytes.length;
    }
    if (this.error === undefined) this.#pump();
    else {
      this.#ending?.heard();
      // Who has refused us handles nothing any more.
      if (this.lastWords() !== undefined) this.#ending?.finish();
    }
  }

  /** Handles what has come, as long as there is room for what comes of it; the stream waits meanwhile. */
  #pump(): void {
    const now = this.#now();
    while (this.#hasRoom() && !this.#isSpent()) {
      const event = this.#peer.next(now);
      if (event === undefined) break;
      if (event.type === 'message') this.#deliver(event.message);
      else this.#handle(event);
    }
    // Subtle: before room is judged. A write that the system takes whole is followed by no drain.
    this.#flush();
    if (this.error !== undefined) return;
    if (this.#gotAuth) this.#resolveAuthenticated(this.remote as RemotePeer);
    const full = !this.#hasRoom() || this.#isSpent();
    if (full === this.#full) return;
    this.#full = full;
    if (full) this.#stream.pause();
    else this.#stream.resume();
  }

  readonly #onTurnOver = (): void => {
    this.#turn = undefined;
    if (this.#full && this.error === undefined) this.#pump();
  };

  /** Whether this connection has had its share of this turn of the loop. */
  #isSpent(): boolean {
    return this.#turn?.isSpent(this.#peer.records) === true;
  }

  #hasRoom(): boolean {
    return (
      this.#inbox.length < READING_CAPACITY_MESSAGES &&
      this.#inboxBytes < READING_CAPACITY_BYTES &&
      this.#stream.writableLength + this.#peer.outputLength < MAX_UNSENT_BYTES
    );
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

  /** No more bytes will come. What has come is in memory already, so that it is handled whether there is room or not. */
  #endInput(code: OverlayErrorCode): void {
    const now = this.#now();
    for (let event = this.#peer.next(now); event !== undefined; event = this.#peer.next(now)) this.#handle(event);
    const cause = this.#streamError;
    this.end(code, cause && `The connection broke: ${cause.message}.`, cause);
  }

  #onEnded(error: OverlayError): void {
    this.#handshakeTimer?.cancel();
    this.#tickTimer?.cancel();
    offAbort(this.#options.signal, this.#onAbort);
    this.#rejectAuthenticated(error);
    this.#resolveEnded(error);
    for (const taker of this.#takers.splice(0)) taker(undefined);
    for (const { reject } of [...(this.#pings?.values() ?? []), ...this.#undrained.splice(0)]) reject(error);
    this.#pings = undefined;
    this.#flush();
    if (this.#stream.destroyed) return;
    this.#ending = new Ending(this.#stream, this.#options.clock, this.#peer.isFlooded);
    if (!this.#owes(error)) this.#ending.finish();
    else if (this.#stream.writableLength === 0) this.#ending.written();
  }

  /** Whether the peer still listens, and may lose something it is to hear when the connection closes at once. */
  #owes({ code, told }: OverlayError): boolean {
    if (code === 'OVERLAY_PEER_ERROR' || this.#stream.readableEnded || this.lastWords() !== undefined) return false;
    return told !== null || this.#given > this.#taken;
  }

  /** The timers of the reference, in its order (protocol.md section 4.8). */
  #tick(): void {
    const now = this.#now();
    this.#handle(this.#peer.tick(now, this.#full));
    const [oldestMs = now.monotonicMs] = this.#unwrittenSinceMs;
    if (now.monotonicMs - oldestMs >= PEER_STRAGGLER_TIMEOUT_MS) this.end('OVERLAY_STRAGGLING');
    if (this.error !== undefined) return;
    // What is empty gives back the room it has grown to.
    this.#takers = this.#takers.slice();
    if (this.#inbox.length === 0) this.#inbox.length = 0;
    if (this.#unwrittenSinceMs.length === 0) this.#unwrittenSinceMs.length = 0;
    // A ping that is not answered costs nothing but the answer: the rules above decide.
    if (this.#gotAuth && this.#pings === undefined) this.ping().catch(() => {});
    this.#tickTimer = this.#options.clock.setTimer(() => this.#tick(), TIMER_PERIOD_MS);
  }

  /** Many messages sent in one turn of the loop leave in one write. */
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
        this.#stream.write(output, this.#onWritten);
      }
    }
    if (this.#unflushed.length === 0) return;
    const flushed = this.#unflushed.splice(0);
    // A stream that is broken has taken nothing; `close` settles them.
    if (this.#stream.writableNeedDrain || !this.#stream.writable) this.#undrained.push(...flushed);
    else for (const { resolve } of flushed) resolve();
  }
}

/** Whoever closes wants no answers any more: a question that is lost is no loss. */
const REQUESTS: readonly string[] = ['GET_TX_SET', 'GET_SCP_QUORUMSET', 'GET_SCP_STATE'];

/** A hash nobody has: 8 random bytes and zeros, as the reference makes it (protocol.md section 6.4). */
function pingHash(): Uint8Array {
  const hash = new Uint8Array(32);
  hash.set(randomBytes(8));
  return hash;
}
