/**
 * A peer on a real loopback socket. It sends the records that a test gives it, correct or not, with keys of the test's choice. It
 * checks what it receives: a record with a bad MAC is an error of the test.
 * @module
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freshEcdhKey, freshSigningKey, nodeCrypto } from '../../src/crypto/node.ts';
import { makeAuthCert } from '../../src/protocol/auth/auth-cert.ts';
import type { EcdhKey, SigningKey } from '../../src/protocol/auth/crypto.ts';
import { deriveMacKeys, deriveSharedKey, type PeerRole, sendingKeyName, sides } from '../../src/protocol/auth/key-schedule.ts';
import { fromHex, toHex } from '../../src/protocol/bytes.ts';
import { MacReceiver, MacSender } from '../../src/protocol/channel/mac.ts';
import { MAX_RECORD_BYTES, MESSAGE_OFFSET } from '../../src/protocol/constants.ts';
import { type Network, networks } from '../../src/protocol/networks.ts';
import { encodePublicKey } from '../../src/protocol/strkey.ts';
import { readMessage, writeRecord } from '../../src/protocol/wire/authenticated-message.ts';
import { RecordDecoder } from '../../src/protocol/wire/framing.ts';
import {
  type Hello,
  type MessageType,
  messageTypeName,
  type StellarMessage,
  type UnknownMessage,
} from '../../src/protocol/wire/messages.ts';
import { XdrWriter } from '../../src/protocol/xdr/writer.ts';

/** Keys and settings of a raw peer. Default keys are random, and the default time is now. */
export interface RawPeerOptions {
  readonly network?: Network;
  /** 32 bytes each. */
  readonly seed?: Uint8Array;
  readonly ecdhSecret?: Uint8Array;
  readonly nonce?: Uint8Array;
  /** Time its cert is made at. Default 2026-01-01T00:00:00Z, where a ManualClock begins. */
  readonly unixSeconds?: number;
}

/** A record that was received. */
export interface RawRecord {
  readonly type: string;
  readonly body: Uint8Array;
  readonly frameHex: string;
}

/** How the other side has closed. */
export type Ending = 'FIN' | 'RST';

/** The MAC keys of both directions. */
export type MacKeys = ReturnType<typeof deriveMacKeys>;

/** One end of one TCP connection. Its writing side stays open until a test closes it, or `farewell` reads a refusal. */
export class RawPeer implements AsyncDisposable {
  readonly socket: Socket;
  readonly role: PeerRole;
  readonly network: Network;
  readonly identity: SigningKey;
  readonly ecdh: EcdhKey;
  readonly nonce: Uint8Array;
  readonly peerID: string;
  /** Seals the sent messages after the other side's HELLO. A test may replace it. */
  sender: MacSender | undefined;
  /** The other side's HELLO. */
  remote: Hello | undefined;
  keys: MacKeys | undefined;
  #receiver: MacReceiver | undefined;
  readonly #unixSeconds: number;
  readonly #decoder = new RecordDecoder();
  readonly #records: RawRecord[] = [];
  readonly #closed: Promise<unknown>;
  #ending: Ending | undefined;
  #wake: () => void = () => {};

  constructor(socket: Socket, role: PeerRole, options: RawPeerOptions = {}) {
    this.socket = socket;
    this.role = role;
    this.network = options.network ?? networks.standalone;
    this.identity = options.seed === undefined ? freshSigningKey() : nodeCrypto.signingKey(options.seed);
    this.ecdh = options.ecdhSecret === undefined ? freshEcdhKey() : nodeCrypto.ecdhKey(options.ecdhSecret);
    this.nonce = options.nonce ?? random();
    this.peerID = encodePublicKey(this.identity.publicKey);
    this.#unixSeconds = Math.floor(options.unixSeconds ?? 1_767_225_600);
    this.#closed = new Promise((resolve) => {
      socket.once('close', resolve);
    });
    socket.on('data', (chunk: Buffer) => {
      this.#decoder.push(new Uint8Array(chunk));
      for (let body = this.#decoder.next(MAX_RECORD_BYTES); body; body = this.#decoder.next(MAX_RECORD_BYTES)) {
        const number = new DataView(body.buffer, body.byteOffset).getInt32(MESSAGE_OFFSET);
        const record = body;
        this.#records.push({
          type: messageTypeName(number) ?? `type ${number}`,
          body,
          get frameHex() {
            return ((0x80000000 | record.length) >>> 0).toString(16) + toHex(record);
          },
        });
      }
      this.#wake();
    });
    const end = (ending: Ending) => (): void => {
      this.#ending ??= ending;
      this.#wake();
    };
    socket.on('end', end('FIN')).on('error', end('RST')).on('close', end('FIN'));
  }

  /** Dials a node on this machine. */
  static async dial(port: number, options: RawPeerOptions = {}, host = '127.0.0.1'): Promise<RawPeer> {
    const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
    const peer = new RawPeer(socket, 'WE_CALLED_REMOTE', options);
    await once(socket, 'connect');
    return peer;
  }

  /** The next record, its MAC checked; undefined when the other side has closed. HELLO makes the keys. */
  async next(): Promise<RawRecord | undefined> {
    while (this.#records.length === 0 && this.#ending === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const record = this.#records.shift();
    if (record === undefined) return undefined;
    if (record.type === 'HELLO') this.learn(readMessage(record.body) as unknown as Hello);
    else if (record.type !== 'ERROR_MSG') this.#receiver?.verify(record.body);
    return record;
  }

  /** The message of the next record, which must have this type. */
  async expect<T extends MessageType>(type: T): Promise<Extract<StellarMessage, { type: T }>> {
    const record = await this.next();
    if (record?.type !== type) throw new Error(`expected ${type}, got ${record?.type ?? this.#ending}`);
    return readMessage(record.body) as Extract<StellarMessage, { type: T }>;
  }

  /** Types of the next records, as many as asked for. */
  async take(count: number): Promise<string[]> {
    const types: string[] = [];
    while (types.length < count) types.push((await this.next())?.type ?? 'END');
    return types;
  }

  /** All further records up to the end, their types. */
  async rest(): Promise<string[]> {
    const types: string[] = [];
    for (let record = await this.next(); record !== undefined; record = await this.next()) types.push(record.type);
    return types;
  }

  /** All further records up to the end: types, then the text of an ERROR_MSG, at which this side closes, then how it ended. */
  async farewell(): Promise<string[]> {
    const lines: string[] = [];
    for (let record = await this.next(); record !== undefined; record = await this.next()) {
      const { type, body } = record;
      const message = type === 'ERROR_MSG' ? (readMessage(body) as Extract<StellarMessage, { type: 'ERROR_MSG' }>) : undefined;
      lines.push(message ? `${message.code} ${message.msg}` : type);
      if (message) this.end();
    }
    return [...lines, this.#ending ?? ''];
  }

  /** Makes the keys from a HELLO of the other side. */
  learn(remote: Hello): void {
    const q = this.ecdh.sharedSecret(remote.cert.pubkey);
    if (q === undefined) throw new Error('a key of small order');
    this.remote = remote;
    const publicKeys = sides(this.role, this.ecdh.publicKey, remote.cert.pubkey);
    const nonces = sides(this.role, this.nonce, remote.nonce);
    this.keys = deriveMacKeys(nodeCrypto, deriveSharedKey(nodeCrypto, q, publicKeys), nonces);
    const sending = sendingKeyName(this.role);
    this.sender = new MacSender(nodeCrypto.macKey(this.keys[sending]));
    this.#receiver = new MacReceiver(nodeCrypto.macKey(this.keys[sending === 'K_AB' ? 'K_BA' : 'K_AB']));
  }

  /** Frame of its HELLO. */
  hello(overrides: Partial<Hello> = {}): Uint8Array {
    const networkID = fromHex(this.network.networkID);
    return this.plain({
      type: 'HELLO',
      ledgerVersion: 27,
      overlayVersion: 42,
      overlayMinVersion: 38,
      networkID,
      versionStr: 'raw peer',
      listeningPort: 11625,
      peerID: this.peerID,
      cert: makeAuthCert(nodeCrypto, this.identity, toHex(networkID), this.ecdh.publicKey, BigInt(this.#unixSeconds + 3600)),
      nonce: this.nonce,
      ...overrides,
    });
  }

  /** Frame with sequence 0 and a zero MAC. */
  plain(message: StellarMessage | UnknownMessage): Uint8Array {
    const writer = new XdrWriter();
    writeRecord(writer, message);
    return writer.take();
  }

  /** Frame with the next sequence and its MAC. */
  seal(message: StellarMessage | UnknownMessage): Uint8Array {
    const frame = this.plain(message);
    this.sender?.seal(frame, 4, frame.length);
    return frame;
  }

  /** Sends bytes as they are, all in one write. */
  write(...frames: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** Sends messages sealed, all in one write. */
  send(...messages: readonly (StellarMessage | UnknownMessage)[]): void {
    this.write(...messages.map((message) => this.seal(message)));
  }

  /** Sends the same message many times, each time sealed, all in one write. */
  sendMany(count: number, message: StellarMessage | UnknownMessage): void {
    const frame = this.plain(message);
    const frames = new Uint8Array(count * frame.length);
    for (let at = 0; at < frames.length; at += frame.length) {
      frames.set(frame, at);
      this.sender?.seal(frames, at + 4, at + frame.length);
    }
    this.write(frames);
  }

  /** Exchanges the HELLOs. */
  async greet(overrides: Partial<Hello> = {}): Promise<Hello> {
    if (this.role === 'WE_CALLED_REMOTE') this.write(this.hello(overrides));
    const hello = await this.expect('HELLO');
    if (this.role === 'REMOTE_CALLED_US') this.write(this.hello(overrides));
    return hello;
  }

  /** Does the whole handshake, and reads the first message of the other side. */
  async handshake(): Promise<void> {
    await this.greet();
    if (this.role === 'REMOTE_CALLED_US') await this.expect('AUTH');
    this.send({ type: 'AUTH', flags: 200 }, grant());
    if (this.role === 'WE_CALLED_REMOTE') await this.expect('AUTH');
    await this.expect('SEND_MORE_EXTENDED');
    await this.expect('GET_SCP_STATE');
  }

  /** A question and its answer: the other side is alive, and has handled all that was sent before. */
  async ping(): Promise<void> {
    const qSetHash = random();
    this.send({ type: 'GET_SCP_QUORUMSET', qSetHash });
    const { reqHash } = await this.expect('DONT_HAVE');
    if (toHex(reqHash) !== toHex(qSetHash)) throw new Error('the answer to another question');
  }

  /** Closes its writing side. */
  end(): void {
    this.socket.end();
  }

  /** Breaks the connection: RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Closes, unless closed already. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.#closed;
  }
}

/** A node on 127.0.0.1 whose connections a test takes and plays. */
export class RawNode implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #peers: RawPeer[] = [];
  #accepted = 0;
  #taken = 0;
  #wake: () => void = () => {};

  private constructor(server: Server, options: RawPeerOptions) {
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    server.on('connection', (socket: Socket) => {
      this.#accepted++;
      this.#peers.push(new RawPeer(socket, 'REMOTE_CALLED_US', options));
      this.#wake();
    });
  }

  static async start(options: RawPeerOptions = {}, host = '127.0.0.1'): Promise<RawNode> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    server.listen(0, host);
    await once(server, 'listening');
    return new RawNode(server, options);
  }

  /** TCP connections so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** The next connection. */
  async peer(): Promise<RawPeer> {
    while (this.#taken === this.#peers.length) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#peers[this.#taken++] as RawPeer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer[Symbol.asyncDispose]()));
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The grant the reference begins with. */
export function grant(numMessages = 200, numBytes = 300_000): StellarMessage {
  return { type: 'SEND_MORE_EXTENDED', numMessages, numBytes };
}

/** 32 random bytes. */
export function random(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32));
}

/** Sockets, servers and name look-ups that are open in this process. */
export function openHandles(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => /^(TCP|GetAddrInfo)/.test(name))
    .sort();
}

/**
 * Resolves when a condition holds; it is looked at after each turn of the event loop.
 * @throws when it did not hold within a very long time
 */
export async function until(condition: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + 8_000;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error(`waited in vain for ${condition}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
