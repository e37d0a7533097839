/**
 * The main path: bytes in, records, structure, MAC, handshake or channel, events out. No socket, no clock, no randomness: the
 * caller moves the bytes.
 *
 *     bytes -> record -> structure -> sequence and MAC -> handshake | channel -> event
 *     message -> record -> sequence and MAC -> output
 *
 * @module
 */
import { sendingKeyName } from './auth/key-schedule.ts';
import { Channel, type ChannelEvent, type ChannelOptions } from './channel/channel.ts';
import { isFloodType, type Settle } from './channel/flow-control.ts';
import type { Now } from './clock.ts';
import {
  AUTHENTICATION_TIMEOUT_MS,
  ENVELOPE_BYTES,
  MAX_QUEUED_BYTES,
  MAX_RECORD_BYTES,
  MAX_STRING_BYTES,
  MAX_UNAUTHENTICATED_RECORD_BYTES,
  MESSAGE_OFFSET,
  PEER_TIMEOUT_MS,
  RECORD_HEADER_BYTES,
  SEND_MODE_IDLE_TIMEOUT_MS,
} from './constants.ts';
import { ERROR_CODES, ERROR_TABLE, type ErrorCodeName, type OverlayErrorCode, type Stage } from './error-table.ts';
import { OverlayError, type OverlayErrorOptions } from './errors.ts';
import { Handshake, type HandshakeOptions, type HandshakeState } from './handshake/handshake.ts';
import type { RemotePeer } from './handshake/hello.ts';
import type { OverlayRange } from './handshake/overlay-range.ts';
import { withJson } from './json.ts';
import { type PeerError, ProtocolViolation } from './violation.ts';
import {
  type CheckedType,
  checkAuthenticatedMessage,
  type ReceivedMessage,
  readMessage,
  type SendableMessage,
  writeRecord,
} from './wire/authenticated-message.ts';
import { RecordDecoder } from './wire/framing.ts';
import type { Hello, MessageFields, MessageType, StellarMessage } from './wire/messages.ts';
import { XdrReader } from './xdr/reader.ts';
import { XdrWriter } from './xdr/writer.ts';

/** One side of one connection. */
export interface PeerOptions extends HandshakeOptions, ChannelOptions {
  /** What to do with authenticated messages of an unknown type: deliver them unchanged, or refuse them as stellar-core does. */
  readonly unknownMessages?: 'deliver' | 'refuse' | undefined;
  /** Before AUTH, a connection without traffic ends after this time, in milliseconds. Default 2,000. */
  readonly authenticationTimeoutMs?: number | undefined;
  /** After AUTH, a connection without traffic ends after this time, in milliseconds. Default 30,000. */
  readonly peerTimeoutMs?: number | undefined;
  /** Maximum bytes of flood messages that wait for credit. Default 3 MiB. */
  readonly maxQueuedBytes?: number | undefined;
}

/** What happened. `closed` is the last event. */
export type PeerEvent =
  | { readonly type: 'hello'; readonly remote: RemotePeer }
  | { readonly type: 'authenticated'; readonly remote: RemotePeer }
  | ChannelEvent
  | { readonly type: 'closed'; readonly error: OverlayError };

/** One side of one connection, without the socket. */
export class Peer {
  readonly #options: PeerOptions;
  readonly #records = new RecordDecoder();
  readonly #output = new XdrWriter();
  readonly #handshake: Handshake;
  /** From AUTH on. */
  #channel: Channel | undefined;
  #error: OverlayError | undefined;
  #lastReadMs = 0;
  #lastWriteMs = 0;
  #progress = 0;
  #grants = 0;
  #starvedSinceMs: number | undefined;

  constructor(options: PeerOptions) {
    const { onStep } = options;
    this.#options = onStep === undefined ? options : { ...options, onStep: (step) => onStep(withJson(step)) };
    this.#handshake = new Handshake(this.#options, (message) => this.#tellSent(message.type, this.#write(message)));
  }

  /** Whether the handshake is complete and the connection has not ended. */
  get authenticated(): boolean {
    return this.#error === undefined && this.#handshake.state.name === 'GOT_AUTH';
  }

  /** Stage of the connection. */
  get stage(): Stage {
    return STAGE[this.#handshake.state.name];
  }

  /** The peer, as soon as its cert has been verified. */
  get remote(): RemotePeer | undefined {
    return this.#handshake.remote;
  }

  /** The overlay versions that our HELLO advertises, once it has been sent. */
  get overlayRange(): OverlayRange {
    return this.#handshake.overlayRange;
  }

  /** Why the connection has ended. */
  get error(): OverlayError | undefined {
    return this.#error;
  }

  /** What the peer allows us to send. */
  get credit(): Channel['credit'] {
    return this.#channel?.credit ?? NO_CREDIT;
  }

  /** Whether the peer sends flood messages: more of them may arrive at any time. */
  get isFlooded(): boolean {
    return this.#channel?.isFlooded === true;
  }

  /** Whether bytes of an incomplete record have been received. */
  get midRecord(): boolean {
    return this.#records.pending > 0;
  }

  /** Number of records handled. */
  get records(): number {
    return this.#records.progress >> 1;
  }

  /** Number of bytes that wait for `takeOutput`. */
  get outputLength(): number {
    return this.#output.length;
  }

  /** TCP is connected. The side that dialled now has output. */
  start(now: Now): PeerEvent | undefined {
    this.#lastReadMs = this.#lastWriteMs = this.#starvedSinceMs = now.monotonicMs;
    try {
      this.#handshake.start(now);
    } catch (error) {
      return this.#fail(error);
    }
    return undefined;
  }

  /** Adds received bytes, which must not be changed afterwards. Then call `next` until it returns undefined. */
  push(chunk: Uint8Array): void {
    const wanted = this.#error === undefined || this.#records.pending + chunk.length <= MAX_UNAUTHENTICATED_RECORD_BYTES;
    if (wanted) this.#records.push(chunk);
  }

  /**
   * Handles records, one at a time, until one results in an event.
   * @returns undefined when more bytes are needed, or nothing can follow
   */
  next(now: Now): PeerEvent | undefined {
    if (this.#error !== undefined) return undefined;
    try {
      for (;;) {
        const authenticated = this.#handshake.state.name === 'GOT_AUTH';
        const body = this.#records.next(authenticated ? MAX_RECORD_BYTES : MAX_UNAUTHENTICATED_RECORD_BYTES);
        if (this.#records.progress !== this.#progress) this.#noteRead(now);
        if (body === undefined) return undefined;
        const type = checkAuthenticatedMessage(body, authenticated && this.#options.unknownMessages !== 'refuse');
        this.#verify(type, body);
        const event = this.#dispatch(type, body, now);
        if (event !== undefined) return event;
      }
    } catch (error) {
      return this.#fail(error);
    }
  }

  /**
   * Sends a message. A message that needs credit waits until the peer grants it.
   * @param settle called once, without an error when the message is in the output
   * @returns for a message that waits: a function that removes it again and returns whether it still could
   * @throws {OverlayError} when the connection is not authenticated, or too much waits already (OVERLAY_SEND_QUEUE_FULL)
   * @throws {TypeError | RangeError} when the message does not fit its type
   */
  send(message: SendableMessage, settle: Settle): (() => boolean) | undefined {
    const channel = this.#open();
    if (RESERVED.includes(message.type)) throw new TypeError(`${message.type} is sent by the connection itself`);
    const body = writeRecord(this.#output, message);
    const size = this.#output.length - body - ENVELOPE_BYTES;
    if (isFloodType(message.type) && !channel.takeCredit(message.type, size)) {
      const xdr = this.#output.bytes.slice(body + MESSAGE_OFFSET, body + MESSAGE_OFFSET + size);
      this.#output.truncate(body - RECORD_HEADER_BYTES);
      if (channel.queuedBytes + size > (this.#options.maxQueuedBytes ?? MAX_QUEUED_BYTES)) {
        throw new OverlayError('OVERLAY_SEND_QUEUE_FULL', { stage: 'channel', remote: this.remote });
      }
      return channel.enqueue(message.type, xdr, settle);
    }
    this.#seal(body);
    settle();
    return undefined;
  }

  /**
   * Sends a ping; the event `pong` with the same hash answers it.
   * @param hash 32 random bytes
   * @throws {OverlayError} when the connection is not authenticated
   */
  ping(hash: Uint8Array): void {
    this.#open().ping(hash);
  }

  /** The application has handled a message that `next` returned. */
  release(message: ReceivedMessage): void {
    if (this.#error === undefined) this.#channel?.release(message);
  }

  /**
   * The ERROR_MSG in the bytes that came after this side had ended the connection. A peer that we refuse in the handshake has
   * often refused us at the same moment, and its ERROR_MSG has the reason.
   */
  lastWords(): PeerError | undefined {
    try {
      for (let body = this.#nextUnhandled(); body !== undefined; body = this.#nextUnhandled()) {
        if (checkAuthenticatedMessage(body, false) === 'ERROR_MSG') return readPeerError(body).peerError;
      }
    } catch {
      // Bytes that cannot be decoded contain no reason.
    }
    return undefined;
  }

  /** Takes the bytes to send, in order; the caller owns them. Also after `closed`: they may contain the last ERROR_MSG. */
  takeOutput(now: Now): Uint8Array | undefined {
    if (this.#output.length === 0) return undefined;
    this.#lastWriteMs = now.monotonicMs;
    return this.#output.take();
  }

  /**
   * Checks the timers. Call it every 5 s, as stellar-core does (section 4.8).
   * @param paused whether we are not reading because there is no room. The silence is then ours, and does not drop the peer
   * (section 5.3)
   */
  tick(now: Now, paused = false): PeerEvent | undefined {
    if (this.#error !== undefined) return undefined;
    if (paused) this.#lastReadMs = now.monotonicMs;
    const { authenticationTimeoutMs = AUTHENTICATION_TIMEOUT_MS, peerTimeoutMs = PEER_TIMEOUT_MS } = this.#options;
    const timeoutMs = this.authenticated ? peerTimeoutMs : authenticationTimeoutMs;
    const silentMs = now.monotonicMs - Math.max(this.#lastReadMs, this.#lastWriteMs);
    if (silentMs >= timeoutMs) {
      return this.#end('OVERLAY_IDLE_TIMEOUT', { message: `Nothing was read or written for ${Math.round(silentMs)} ms.` });
    }
    // Before AUTH nothing can be granted. A caller that waits longer than this for a HELLO has a longer handshake deadline.
    if (this.#channel !== undefined && this.#starvedMs(this.#channel, now) >= SEND_MODE_IDLE_TIMEOUT_MS)
      return this.#end('OVERLAY_NO_NEW_FLOOD_REQUESTS');
    return undefined;
  }

  /** Ends the connection from this side, or because the socket has ended. Without effect when it has ended already. */
  close(code: OverlayErrorCode, message?: string, cause?: unknown): PeerEvent | undefined {
    if (this.#error !== undefined) return undefined;
    // stellar-core's log distinguishes whether a connection ended in the header of a record (or between two), or in a body.
    const reason = ERROR_TABLE[code].dropReason;
    const dropReason = this.#records.inBody ? reason?.replace('reading message header', 'reading message body') : reason;
    return this.#end(code, { message, cause, dropReason });
  }

  /** The channel of a connection that is authenticated and has not ended. @throws {OverlayError} when it is not */
  #open(): Channel {
    if (this.#error !== undefined) throw this.#error;
    if (this.#channel === undefined)
      throw new OverlayError('OVERLAY_CLOSED', { stage: this.stage, message: 'The handshake is not complete.' });
    return this.#channel;
  }

  #nextUnhandled(): Uint8Array | undefined {
    return this.#records.next(MAX_UNAUTHENTICATED_RECORD_BYTES);
  }

  /** Checks sequence and MAC of every message except ERROR_MSG, from the first accepted HELLO on. */
  #verify(type: CheckedType, body: Uint8Array): void {
    const { state } = this.#handshake;
    if (state.name !== 'CONNECTED' && type !== 'ERROR_MSG') state.macs.receiver.verify(body);
  }

  #dispatch(type: CheckedType, body: Uint8Array, now: Now): PeerEvent | undefined {
    switch (type) {
      case 'ERROR_MSG':
        throw peerErrorViolation(body);
      case 'HELLO':
        return { type: 'hello', remote: this.#handshake.receiveHello(readMessage(body) as unknown as Hello, body, now) };
      case 'AUTH': {
        const { flags } = readMessage(body) as unknown as MessageFields['AUTH'];
        const remote = this.#handshake.receiveAuth(flags, body);
        this.#channel = new Channel(this.#options, (message) => this.#write(message));
        this.#channel.open();
        return { type: 'authenticated', remote };
      }
      default:
        if (this.#channel === undefined) {
          throw new ProtocolViolation(
            'OVERLAY_MESSAGE_BEFORE_HANDSHAKE',
            `The peer sent ${type} before the handshake was complete.`,
            {
              dropReason: `received ${type} before completed handshake`,
            },
          );
        }
        return this.#channel.receive(type, body, now);
    }
  }

  /** Appends a record to the output, sealed unless it is a HELLO or ERROR_MSG. @returns offset of its body */
  #write(message: StellarMessage | Uint8Array): number {
    const body = writeRecord(this.#output, message);
    if (message instanceof Uint8Array || (message.type !== 'HELLO' && message.type !== 'ERROR_MSG')) this.#seal(body);
    return body;
  }

  #seal(body: number): void {
    const { state } = this.#handshake;
    if (state.name !== 'CONNECTED') state.macs.sender.seal(this.#output.bytes, body, this.#output.length);
  }

  #tellSent(type: MessageType, body: number): void {
    const { onStep, role } = this.#options;
    onStep?.({
      step: 'sent',
      type,
      body: this.#output.bytes.slice(body, this.#output.length),
      ...(type !== 'HELLO' && { macKey: sendingKeyName(role) }),
    });
  }

  /** How long the peer has owed us a grant, to the precision of the ticks. */
  #starvedMs({ starvation: { grants, starved } }: Channel, now: Now): number {
    if (grants !== this.#grants || !starved) this.#starvedSinceMs = undefined;
    this.#grants = grants;
    if (!starved) return 0;
    this.#starvedSinceMs ??= now.monotonicMs;
    return now.monotonicMs - this.#starvedSinceMs;
  }

  /** A header or a body is complete. Only this counts as traffic; single bytes do not. */
  #noteRead(now: Now): void {
    this.#progress = this.#records.progress;
    this.#lastReadMs = now.monotonicMs;
  }

  /** An exception, of a broken rule or of a bug, ends the connection. */
  #fail(reason: unknown): PeerEvent {
    if (!(reason instanceof ProtocolViolation)) return this.#end('OVERLAY_INTERNAL', { cause: reason });
    return this.#end(reason.code, { message: reason.message, ...reason.details });
  }

  /** The only way a connection ends: sends the ERROR_MSG for the peer, wipes the keys. */
  #end(code: OverlayErrorCode, facts: Omit<OverlayErrorOptions, 'stage' | 'remote'> = {}): PeerEvent {
    const options = { stage: this.stage, remote: this.remote, ...facts };
    const error = ORDERLY.includes(code) ? OverlayError.withoutStack(code, options) : new OverlayError(code, options);
    this.#error = error;
    if (error.told !== null) this.#write({ type: 'ERROR_MSG', code: error.told.code as ErrorCodeName, msg: error.told.message });
    this.#handshake.wipe();
    this.#channel?.close(error);
    return { type: 'closed', error };
  }
}

const STAGE: Readonly<Record<HandshakeState['name'], Stage>> = { CONNECTED: 'hello', GOT_HELLO: 'auth', GOT_AUTH: 'channel' };

/** How most connections end. The place in this package where the end was noticed is of no use, and a stack trace costs 40 µs. */
const ORDERLY: readonly OverlayErrorCode[] = ['OVERLAY_CLOSED', 'OVERLAY_CONNECTION_CLOSED'];

const NO_CREDIT: Channel['credit'] = { messages: 0n, bytes: 0n };

const RESERVED: readonly string[] = ['HELLO', 'AUTH', 'ERROR_MSG', 'SEND_MORE', 'SEND_MORE_EXTENDED'];

/** The peer's ERROR_MSG as the reason for the end of the connection. */
function peerErrorViolation(body: Uint8Array): ProtocolViolation {
  const { peerError, number } = readPeerError(body);
  const shown = peerError.code === 'UNKNOWN' ? `unknown code ${number}` : peerError.code;
  return new ProtocolViolation('OVERLAY_PEER_ERROR', `The peer ended the connection: ${peerError.message} (${shown}).`, {
    peerError,
    dropReason: `${peerError.code} (${peerError.message.replace(/[^0-9A-Za-z ]/g, '*')})`,
  });
}

/** Reads an ERROR_MSG. Its text is shown byte by byte: it need not be UTF-8, and is never trusted. */
function readPeerError(body: Uint8Array): { readonly peerError: PeerError; readonly number: number } {
  const reader = new XdrReader(body, MESSAGE_OFFSET + 4);
  const number = reader.int32();
  const text = reader.opaque(reader.length(MAX_STRING_BYTES));
  const code = (Object.keys(ERROR_CODES) as ErrorCodeName[]).find((name) => ERROR_CODES[name] === number) ?? 'UNKNOWN';
  const message = Array.from(text, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '*')).join('');
  return { peerError: { code, message }, number };
}
