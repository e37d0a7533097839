/**
 * Our side of one connection to the target: a mock peer that records all messages, answers like an honest peer, and can continue
 * honestly from the state in which a case has left it.
 * @module
 */
import type { Duplex } from 'node:stream';
import { nodeCrypto } from '../crypto/node.ts';
import type { Clock } from '../net/clock.ts';
import type { NodeIdentity } from '../net/identity.ts';
import { verifyAuthCert } from '../protocol/auth/auth-cert.ts';
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import { bytesKey } from '../protocol/bytes.ts';
import type { OverlayErrorCode } from '../protocol/error-table.ts';
import type { Network } from '../protocol/networks.ts';
import { ProtocolViolation } from '../protocol/violation.ts';
import { checkAuthenticatedMessage, receivedMessage } from '../protocol/wire/authenticated-message.ts';
import { encodeRecord } from '../protocol/wire/framing.ts';
import type { Hello, StellarMessage, UnknownMessage } from '../protocol/wire/messages.ts';
import { type HelloOptions, MockPeer } from '../testing/mock-peer.ts';
import type { Transcript } from './transcript.ts';

/** The fields of our honest HELLO. */
export type HonestHello = Pick<Hello, 'overlayVersion' | 'overlayMinVersion' | 'ledgerVersion' | 'versionStr' | 'listeningPort'>;

/** What a connection needs. */
export interface AuditPeerOptions {
  readonly network: Network;
  readonly identity: NodeIdentity;
  readonly clock: Clock;
  /** Random bytes, reproducible. */
  readonly random: (length: number) => Uint8Array;
  readonly hello: HonestHello;
  readonly transcript: Transcript;
  /** Number of the connection in its case, from 1. */
  readonly number: number;
  /** Maximum time for an honest answer, in milliseconds. */
  readonly reactMs: number;
}

/** A message of the target. */
export interface Received {
  readonly message: StellarMessage | UnknownMessage;
  readonly body: Uint8Array;
}

/** The result of continuing honestly. */
export type Finish =
  | { readonly how: 'open' }
  /** The target has no free slot: it refused with ERR_LOAD after accepting our AUTH. */
  | { readonly how: 'full'; readonly text: string }
  | { readonly how: 'ended' | 'silent'; readonly awaited: string };

/**
 * The largest input from a target on one connection: it has credit for 200 flood messages, and few other messages are requested.
 */
const MAX_RECORDS = 5_000;
const MAX_BYTES = 40 << 20;

/** One connection to the target. */
export class AuditPeer {
  /** Role of the target. */
  readonly targetRole: PeerRole;
  readonly mock: MockPeer;
  /** All messages of the target, in order. */
  readonly received: Received[] = [];
  /** Faults of the target itself: malformed records or wrong MACs. */
  readonly faults: string[] = [];
  /** The code of the first of them. */
  faultCode: OverlayErrorCode | undefined;
  /** Whether pings and requests are answered, as an honest peer does. */
  answers = true;
  /** How the target closed; its earlier messages are in `received`. */
  ended: 'FIN' | 'RST' | undefined;
  /** Whether the target makes its MACs with a key that we do not have, because we sent another peer's ECDH key, or none yet. */
  isKeyless = false;
  helloSent = false;
  authSent = false;
  readonly #options: AuditPeerOptions;
  #records = 0;
  #bytes = 0;
  readonly #pongs = new Set<string>();
  #held: Uint8Array[] | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: Duplex, targetRole: PeerRole, options: AuditPeerOptions) {
    this.targetRole = targetRole;
    this.#options = options;
    const { network, identity, clock, random } = options;
    const role = targetRole === 'REMOTE_CALLED_US' ? 'WE_CALLED_REMOTE' : 'REMOTE_CALLED_US';
    this.mock = new MockPeer(stream, role, { network, identity, clock, random });
    const closed = new Promise<void>((resolve) => stream.once('end', resolve).once('close', resolve));
    void this.#read()
      .then(() => closed)
      .then(() => {
        this.ended = this.mock.end ?? 'RST';
        this.note('target', this.ended === 'FIN' ? 'closes' : 'breaks the connection');
        this.#wake?.();
      });
  }

  get identity(): NodeIdentity {
    return this.#options.identity;
  }

  /** The target's HELLO. */
  get remoteHello(): Hello | undefined {
    return this.#find('HELLO');
  }

  /** The target's ERROR_MSG. */
  get refusal(): Extract<StellarMessage, { type: 'ERROR_MSG' }> | undefined {
    return this.#find('ERROR_MSG');
  }

  /** The types of all its messages. */
  get types(): readonly string[] {
    return this.received.map(({ message }) => message.type);
  }

  /** How often it has sent messages of this type. */
  said(type: 'HELLO' | 'AUTH'): number {
    return this.types.filter((said) => said === type).length;
  }

  /** The fields of an honest HELLO; if the target has sent its HELLO first, with versions that it supports. */
  get honestHello(): HonestHello {
    const { hello } = this.#options;
    const heard = this.remoteHello;
    if (heard === undefined || heard.overlayMinVersion > heard.overlayVersion) return hello;
    return { ...hello, overlayVersion: heard.overlayVersion, overlayMinVersion: heard.overlayMinVersion };
  }

  /** Writes a line into the transcript. */
  note(from: 'us' | 'target', text: string, bytes?: Uint8Array): void {
    this.#options.transcript.add(this.#options.number, from, text, bytes);
  }

  /** Sends bytes, or keeps them until `release` after `hold`. */
  send(bytes: Uint8Array, text: string): void {
    this.note('us', text, bytes);
    if (this.#held !== undefined) this.#held.push(bytes);
    else this.mock.sendRaw(bytes);
  }

  /** Keeps what is sent, for one write. */
  hold(): void {
    this.#held ??= [];
  }

  /** Returns the held bytes; the caller sends them. */
  release(): Uint8Array {
    const held = this.#held ?? [];
    this.#held = undefined;
    return Buffer.concat(held);
  }

  /** Sends HELLO. */
  hello(options: HelloOptions = {}, text = 'HELLO'): void {
    this.helloSent = true;
    this.send(this.mock.helloRecord({ ...this.honestHello, ...options }), text);
  }

  /** Sends a message with sequence and MAC. */
  say(message: StellarMessage | UnknownMessage | Uint8Array, text: string): void {
    this.send(this.mock.seal(this.mock.record(message)), text);
  }

  /** Sends AUTH. */
  auth(): void {
    this.authSent = true;
    this.say({ type: 'AUTH', flags: 200 }, 'AUTH');
  }

  /** Sends the first grant of stellar-core. */
  grant(): void {
    this.say(
      { type: 'SEND_MORE_EXTENDED', numMessages: 200, numBytes: 300_000 },
      'SEND_MORE_EXTENDED of 200 messages, 300,000 bytes',
    );
  }

  /**
   * Sends a request for an unknown hash, which is answered with DONT_HAVE.
   * @returns a function that says whether the answer has come
   */
  ping(): () => boolean {
    const hash = new Uint8Array(32);
    hash.set(this.#options.random(8));
    const key = bytesKey(hash);
    this.say({ type: 'GET_SCP_QUORUMSET', qSetHash: hash }, 'GET_SCP_QUORUMSET of a random hash, a ping');
    return () => this.#pongs.has(key);
  }

  /** Continues honestly from the current state, up to the answer of a ping. */
  async finish(answersPings = true): Promise<Finish> {
    const { reactMs } = this.#options;
    const answer = async (awaited: string, condition: () => boolean): Promise<Finish | undefined> => {
      if (await this.until(() => condition() || this.refusal !== undefined, reactMs)) {
        const { refusal } = this;
        if (refusal === undefined) return undefined;
        if (refusal.code === 'ERR_LOAD') return { how: 'full', text: refusal.msg };
        return { how: 'ended', awaited };
      }
      return { how: this.ended === undefined ? 'silent' : 'ended', awaited };
    };
    if (!this.helloSent) this.hello();
    const accepted = this.targetRole === 'REMOTE_CALLED_US' ? 'HELLO' : 'AUTH';
    const hello = await answer(accepted, () => this.said(accepted) > 0);
    if (hello !== undefined) return hello;
    if (!this.authSent) this.auth();
    const auth = await answer('AUTH', () => this.said('AUTH') > 0);
    if (auth !== undefined) return auth;
    const pong = this.ping();
    const ping = await answer('DONT_HAVE', pong);
    // A target that answers no pings can only be observed to keep the connection.
    return ping === undefined || (ping.how === 'silent' && !answersPings) ? { how: 'open' } : ping;
  }

  /** Sends an honest message that a target answers if it still reads. @returns whether it has answered */
  followUp(): () => boolean {
    const accepted = this.targetRole === 'REMOTE_CALLED_US' ? 'HELLO' : 'AUTH';
    const before = this.said(accepted);
    if (before === 0) {
      this.hello({}, 'an honest HELLO, to test whether the target still reads');
      return () => this.said(accepted) > 0;
    }
    const auths = this.said('AUTH');
    const isGreeted = !this.authSent;
    if (isGreeted) this.auth();
    const pong = this.ping();
    return () => pong() || (isGreeted && this.targetRole === 'REMOTE_CALLED_US' && this.said('AUTH') > auths);
  }

  /**
   * Waits.
   * @returns whether the condition holds; false when the time is over, or the target has closed and it still does not
   */
  async until(condition: () => boolean, ms: number): Promise<boolean> {
    const { clock } = this.#options;
    const endMs = clock.now().monotonicMs + ms;
    while (!condition()) {
      const leftMs = endMs - clock.now().monotonicMs;
      if (this.ended !== undefined || leftMs <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = clock.setTimer(resolve, leftMs);
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    return true;
  }

  /**
   * Sends bytes outside the transcript, and waits for room.
   * @returns whether they were accepted; false when the stream is stuck
   */
  async push(bytes: Uint8Array): Promise<boolean> {
    const { clock, reactMs } = this.#options;
    let timer: { cancel(): void } | undefined;
    const stuck = new Promise<boolean>((resolve) => {
      timer = clock.setTimer(() => resolve(false), reactMs);
    });
    try {
      return await Promise.race([this.mock.push(bytes), stuck]);
    } finally {
      timer?.cancel();
    }
  }

  /** Whether a certificate is signed by this identity for the network. */
  isSignedBy(peerID: string, cert: Hello['cert']): boolean {
    return verifyAuthCert(nodeCrypto, peerID, this.#options.network.networkID, cert);
  }

  /** Waits until the target has closed. @returns whether it has */
  async untilEnded(ms: number): Promise<boolean> {
    return this.until(() => this.ended !== undefined, ms);
  }

  /** Closes our side. */
  close(): void {
    this.mock.close();
  }

  async #read(): Promise<void> {
    try {
      for (let body = await this.mock.receiveBody(); body !== undefined; body = await this.mock.receiveBody()) {
        this.#bytes += body.length;
        if (++this.#records > MAX_RECORDS || this.#bytes > MAX_BYTES)
          this.#fault(`more than was requested: ${this.#records} records of ${this.#bytes} bytes in all`);
        else this.#take(body);
        this.#wake?.();
        if (this.faults.length > 0) return;
      }
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      this.#fault('bytes that are not a record', error);
      this.#wake?.();
    }
  }

  #take(body: Uint8Array): void {
    let message: StellarMessage | UnknownMessage;
    try {
      message = this.#open(body);
    } catch (error) {
      this.#fault('a record that an honest peer refuses', error as Error, body);
      return;
    }
    this.note('target', describe(message), encodeRecord(body));
    this.received.push({ message, body });
    if (message.type === 'DONT_HAVE') this.#pongs.add(bytesKey(message.reqHash));
    if (!this.answers) return;
    if (message.type === 'GET_SCP_QUORUMSET')
      this.say(
        { type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: message.qSetHash },
        'DONT_HAVE, the answer to its request',
      );
    if (message.type === 'GET_TX_SET')
      this.say(
        { type: 'DONT_HAVE', reqType: 'GENERALIZED_TX_SET', reqHash: message.txSetHash },
        'DONT_HAVE, the answer to its request',
      );
  }

  /** The message in a record; its MAC is verified if the key is known. */
  #open(body: Uint8Array): StellarMessage | UnknownMessage {
    try {
      return this.mock.read(body);
    } catch (error) {
      const isDeaf = this.isKeyless || (this.targetRole === 'WE_CALLED_REMOTE' && !this.helloSent);
      if (!isDeaf) throw error;
      return receivedMessage(checkAuthenticatedMessage(body, true), body, nodeCrypto);
    }
  }

  /** A fault that an honest peer refuses. Later input is ignored. */
  #fault(what: string, error?: Error, body?: Uint8Array): void {
    const text = error === undefined ? what : `${what}: ${error.message}`;
    this.faults.push(`It sends ${text}`);
    this.faultCode ??= error instanceof ProtocolViolation ? error.code : 'OVERLAY_BAD_ECDH_KEY';
    this.note('target', text, body && encodeRecord(body));
    this.note('us', 'RST');
    this.mock.reset();
  }

  #find<T extends StellarMessage['type']>(type: T): Extract<StellarMessage, { type: T }> | undefined {
    return this.received.find(({ message }) => message.type === type)?.message as
      | Extract<StellarMessage, { type: T }>
      | undefined;
  }
}

function describe(message: StellarMessage | UnknownMessage): string {
  if (message.type === 'UNKNOWN') return `a message of unknown type ${message.typeNumber}`;
  if (message.type === 'ERROR_MSG') return `ERROR_MSG ${message.code} ${JSON.stringify(message.msg)}`;
  return message.type;
}
