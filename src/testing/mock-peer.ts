/**
 * A peer that does what its script says, right or wrong, in either role, on a socket or in memory. Tests of faults in
 * connections use it.
 * @module
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { freshEcdhKey, nodeCrypto } from '../crypto/node.ts';
import { type Clock, systemClock, type Timer } from '../net/clock.ts';
import { NodeIdentity } from '../net/identity.ts';
import { certExpiration, makeAuthCert } from '../protocol/auth/auth-cert.ts';
import type { EcdhKey, SigningKey } from '../protocol/auth/crypto.ts';
import { deriveMacKeys, deriveSharedKey, type PeerRole, type Sides, sides } from '../protocol/auth/key-schedule.ts';
import { concatBytes, fromHex } from '../protocol/bytes.ts';
import { MacReceiver, MacSender } from '../protocol/channel/mac.ts';
import {
  AUTH_MSG_FLAG_FLOW_CONTROL_BYTES_REQUESTED,
  DEFAULT_PORT,
  FLOOD_CAPACITY_BYTES,
  FLOOD_CAPACITY_MESSAGES,
  RECORD_HEADER_BYTES,
} from '../protocol/constants.ts';
import type { ErrorCodeName } from '../protocol/error-table.ts';
import type { Network } from '../protocol/networks.ts';
import { checkAuthenticatedMessage, readMessage, receivedMessage, writeRecord } from '../protocol/wire/authenticated-message.ts';
import type { Hello, MessageType, PeerAddress, StellarMessage, UnknownMessage } from '../protocol/wire/messages.ts';
import { XdrWriter } from '../protocol/xdr/writer.ts';
import { MockInbox } from './mock-inbox.ts';

/** Options of a mock peer. With `clock` and `random`, every byte that it sends is reproducible. */
export interface MockPeerOptions {
  readonly network: Network;
  /** Its identity. Default: made of a seed from `random`. */
  readonly identity?: NodeIdentity | undefined;
  readonly clock?: Clock | undefined;
  /** Random bytes for seed, ECDH secret and nonce. Default: the operating system's. */
  readonly random?: ((length: number) => Uint8Array) | undefined;
  /**
   * Time that each record waits before the script gets it, in milliseconds. Records that still wait when the other side closes
   * are lost, as in stellar-core. Default 0: no record waits.
   */
  readonly handlingMs?: number | undefined;
  /** Time from the end of its script until it closes its side, in milliseconds; stellar-core takes 5,000. Default 0. */
  readonly closingMs?: number | undefined;
}

/** How a HELLO differs from a valid one. */
export interface HelloOptions extends Partial<Hello> {
  /** Lifetime left of the cert in seconds, negative when it has expired. Default 3600. */
  readonly certSeconds?: number | undefined;
  /** Network the cert is signed for. Default: the peer's own. */
  readonly certNetwork?: Network | undefined;
  /** The key that signs the cert. Default: the peer's own. */
  readonly certSignedBy?: NodeIdentity | undefined;
}

/** What a peer does with a connection. The connection is closed when the function returns. */
export type MockScript = (peer: MockPeer) => Promise<void>;

/** The script expected something else than what came. */
export class UnexpectedByMock extends Error {
  override readonly name: string = 'UnexpectedByMock';
}

/** Keys that a mock peer and the other side share. All are secret, so use it only with keys that are thrown away. */
export interface MockKeys {
  /** X25519 of the two ECDH keys, 32 bytes. */
  readonly q: Uint8Array;
  readonly publicKeys: Sides;
  readonly nonces: Sides;
  /** Keys of sent and of received messages; 32 bytes each. */
  readonly sending: Uint8Array;
  readonly receiving: Uint8Array;
}

/** One end of one connection. */
export class MockPeer {
  readonly role: PeerRole;
  readonly network: Network;
  /** Its identity, `G…`. */
  readonly peerID: string;
  /** Its nonce, 32 bytes. */
  readonly nonce: Uint8Array;
  /** Its X25519 key. */
  readonly ecdh: EcdhKey;
  readonly #identity: NodeIdentity;
  readonly #stream: Duplex;
  readonly #listeningPort: number;
  readonly #clock: Clock;
  readonly #closingMs: number;
  #closing: Timer | undefined;
  readonly #inbox: MockInbox;
  readonly #output = new XdrWriter();
  #keys: MockKeys | undefined;
  #macs: { readonly sender: MacSender; readonly receiver: MacReceiver } | undefined;
  #skipped = 0;
  #together: Uint8Array[] | undefined;
  #lastRecord: Uint8Array = new Uint8Array(0);

  /** @param stream a socket, or one end of `duplexPair()` of node:stream */
  constructor(stream: Duplex, role: PeerRole, options: MockPeerOptions) {
    const { network, clock = systemClock, handlingMs = 0, closingMs = 0 } = options;
    const random = options.random ?? systemRandom;
    const isRandom = random === systemRandom;
    const identity = options.identity ?? (isRandom ? NodeIdentity.random() : NodeIdentity.fromSeed(random(32)));
    this.role = role;
    this.network = network;
    this.peerID = identity.peerID;
    this.nonce = random(32);
    this.#stream = stream;
    this.#clock = clock;
    this.#identity = identity;
    this.ecdh = isRandom ? freshEcdhKey() : nodeCrypto.ecdhKey(random(32));
    // The port at which it was dialled; a pair in memory has none.
    this.#listeningPort = (role === 'REMOTE_CALLED_US' && (stream as Partial<Socket>).localPort) || DEFAULT_PORT;
    this.#closingMs = closingMs;
    this.#inbox = new MockInbox(stream, clock, handlingMs);
    stream.once('close', () => this.#closing?.cancel());
  }

  /** Its ed25519 key. */
  get identity(): SigningKey {
    return this.#identity.peerAuth(this.network).identity;
  }

  /** How the other side has closed, undefined while it has not. */
  get end(): 'FIN' | 'RST' | undefined {
    return this.#inbox.end;
  }

  /** The shared keys, once a HELLO has been read. */
  get unsafeKeys(): MockKeys | undefined {
    return this.#keys;
  }

  /**
   * The next record body as received; undefined when the other side has closed. Its content is not checked.
   * @throws {ProtocolViolation} OVERLAY_RECORD_LENGTH when the bytes are not a record: nothing after it can be read
   */
  receiveBody(): Promise<Uint8Array | undefined> {
    return this.#inbox.next();
  }

  /**
   * The message in a record body. HELLO gives the keys; from then on sequence and MAC are verified.
   * @throws {ProtocolViolation} when it is malformed, or its sequence or MAC is wrong
   */
  read(body: Uint8Array): StellarMessage | UnknownMessage {
    const type = checkAuthenticatedMessage(body, true);
    if (type !== 'ERROR_MSG') this.#macs?.receiver.verify(body);
    if (type === 'UNKNOWN') return receivedMessage(type, body, nodeCrypto) as UnknownMessage;
    const message = readMessage(body);
    if (message.type === 'HELLO') this.#deriveKeys(message);
    return message;
  }

  /**
   * The next message, which must have this type; it is decoded as by `read`.
   * @throws {UnexpectedByMock} when another message comes, or none
   */
  async expect<T extends MessageType>(type: T): Promise<Extract<StellarMessage, { type: T }>> {
    const body = await this.receiveBody();
    if (body === undefined) throw new UnexpectedByMock(`expected ${type}, but the other side closed`);
    const got = checkAuthenticatedMessage(body, true);
    if (got !== type) throw new UnexpectedByMock(`expected ${type}, got ${got}`);
    return this.read(body) as Extract<StellarMessage, { type: T }>;
  }

  /** Resolves when the other side has closed, or refused with an ERROR_MSG. Other records it sends are discarded. */
  async expectEnd(): Promise<void> {
    while (!this.#inbox.isRefused && (await this.receiveBody()) !== undefined);
  }

  /** Sends HELLO with these options. */
  hello(options: HelloOptions = {}): void {
    this.#send(this.helloRecord(options));
  }

  /** A HELLO record, for `sendRaw`. */
  helloRecord(options: HelloOptions = {}): Uint8Array {
    const { certSeconds = 3600, certNetwork = this.network, certSignedBy, ...fields } = options;
    const signer = certSignedBy ?? this.#identity;
    const expiration = certExpiration(this.#clock.now().unixSeconds) - 3600n + BigInt(certSeconds);
    const cert = makeAuthCert(nodeCrypto, signer, certNetwork.networkID, this.ecdh.publicKey, expiration);
    return this.record({
      type: 'HELLO',
      ledgerVersion: 27,
      overlayVersion: 42,
      overlayMinVersion: 38,
      networkID: fromHex(this.network.networkID),
      versionStr: 'mock peer',
      listeningPort: this.#listeningPort,
      peerID: this.peerID,
      cert,
      nonce: this.nonce,
      ...fields,
    });
  }

  /** Sends AUTH. */
  auth(flags: number = AUTH_MSG_FLAG_FLOW_CONTROL_BYTES_REQUESTED): void {
    this.send({ type: 'AUTH', flags });
  }

  /** Does the whole handshake of its role, including the first grant, and returns the other side's HELLO. */
  async handshake(options: HelloOptions = {}): Promise<Hello> {
    if (this.role === 'WE_CALLED_REMOTE') this.hello(options);
    const hello = await this.expect('HELLO');
    if (this.role === 'REMOTE_CALLED_US') this.hello(options);
    else this.auth();
    await this.expect('AUTH');
    if (this.role === 'REMOTE_CALLED_US') this.auth();
    this.grant();
    return hello;
  }

  /** Does the handshake as a node without a free slot: the dialler gets AUTH, these addresses, and a refusal. */
  async full(peers: readonly PeerAddress[] = []): Promise<void> {
    await this.expect('HELLO');
    this.hello();
    await this.expect('AUTH');
    this.together(() => {
      this.auth();
      if (peers.length > 0) this.send({ type: 'PEERS', peers });
      this.error('ERR_LOAD', 'peer rejected');
    });
    await this.expectEnd();
  }

  /** Grants credit. Default: stellar-core's first grant. */
  grant(numMessages = FLOOD_CAPACITY_MESSAGES, numBytes = FLOOD_CAPACITY_BYTES): void {
    this.send({ type: 'SEND_MORE_EXTENDED', numMessages, numBytes });
  }

  /** Sends a message with the next sequence and its MAC; before the keys are known, with neither. */
  send(message: StellarMessage | UnknownMessage): void {
    this.#send(this.seal(this.record(message)));
  }

  /** Sends a message with one wrong bit in its MAC. */
  sendBadMac(message: StellarMessage): void {
    const record = this.seal(this.record(message));
    record[record.length - 1] = (record[record.length - 1] as number) ^ 1;
    this.#send(record);
  }

  /** Sends the previous record again. */
  replay(): void {
    this.sendRaw(this.#lastRecord);
  }

  /** Skips sequence numbers. */
  skipSequence(count = 1): void {
    this.#skipped += count;
  }

  /** Refuses with an ERROR_MSG, which has no MAC. */
  error(code: ErrorCodeName, msg: string): void {
    this.#send(this.record({ type: 'ERROR_MSG', code, msg }));
  }

  /** Sends bytes unchanged. */
  sendRaw(bytes: Uint8Array): void {
    if (this.#together !== undefined) this.#together.push(bytes);
    else if (this.#stream.writable) this.#stream.write(bytes);
  }

  /** Sends everything that the function sends in one write: several records in one segment. */
  together(send: () => void): void {
    const parts: Uint8Array[] = [];
    this.#together = parts;
    try {
      send();
    } finally {
      this.#together = undefined;
    }
    this.sendRaw(concatBytes(...parts));
  }

  /** Sends bytes unchanged. @returns when the operating system, or the reader, has taken them; false when the stream is closed */
  push(bytes: Uint8Array): Promise<boolean> {
    if (!this.#stream.writable) return Promise.resolve(false);
    return new Promise((resolve) => void this.#stream.write(bytes, (error) => resolve(error == null)));
  }

  /** Sends a header with this length and no body. */
  sendHeader(length: number): void {
    this.sendRaw(Uint8Array.of(0x80 | (length >>> 24), length >>> 16, length >>> 8, length));
  }

  /** Sends bytes one at a time, with this interval in milliseconds. */
  async drip(bytes: Uint8Array, everyMs: number): Promise<void> {
    for (const byte of bytes) {
      if (this.end !== undefined) return;
      this.sendRaw(Uint8Array.of(byte));
      await this.wait(everyMs);
    }
  }

  /** Waits for this time. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimer(resolve, ms));
  }

  /** Stops reading: the other side's output accumulates. */
  stopReading(): void {
    this.#stream.pause();
  }

  /** Closes its side normally, after `closingMs`. */
  close(): void {
    if (this.#closingMs === 0 || this.#stream.destroyed) this.#stream.end();
    else this.#closing ??= this.#clock.setTimer(() => this.#stream.end(), this.#closingMs);
  }

  /** Breaks the connection: RST on a socket. */
  reset(): void {
    if ('resetAndDestroy' in this.#stream) (this.#stream as Duplex & { resetAndDestroy(): void }).resetAndDestroy();
    else this.#stream.destroy(new Error('reset'));
  }

  /** A record with sequence 0 and no MAC, the form of HELLO and ERROR_MSG. Other messages must then be sealed. */
  record(message: StellarMessage | UnknownMessage | Uint8Array): Uint8Array {
    writeRecord(this.#output, message);
    return this.#output.take();
  }

  /** Writes the next sequence and its MAC into a record, in place, once the keys are known. */
  seal(record: Uint8Array): Uint8Array {
    const sender = this.#macs?.sender;
    for (; sender !== undefined && this.#skipped > 0; this.#skipped--)
      sender.seal(record.slice(), RECORD_HEADER_BYTES, record.length);
    sender?.seal(record, RECORD_HEADER_BYTES, record.length);
    return record;
  }

  #send(record: Uint8Array): void {
    this.#lastRecord = record;
    this.sendRaw(record);
  }

  #deriveKeys(remote: Hello): void {
    const q = this.ecdh.sharedSecret(remote.cert.pubkey);
    if (q === undefined) throw new UnexpectedByMock('the other side’s X25519 key is of small order');
    const publicKeys = sides(this.role, this.ecdh.publicKey, remote.cert.pubkey);
    const nonces = sides(this.role, this.nonce, remote.nonce);
    const { K_AB, K_BA } = deriveMacKeys(nodeCrypto, deriveSharedKey(nodeCrypto, q, publicKeys), nonces);
    const [sending, receiving] = this.role === 'WE_CALLED_REMOTE' ? [K_AB, K_BA] : [K_BA, K_AB];
    this.#keys = { q, publicKeys, nonces, sending, receiving };
    this.#macs = {
      sender: new MacSender(nodeCrypto.macKey(sending)),
      receiver: new MacReceiver(nodeCrypto.macKey(receiving)),
    };
  }
}

/** Runs a script to its end and closes. @throws what the script throws */
export async function play(peer: MockPeer, script: MockScript): Promise<void> {
  try {
    await script(peer);
  } finally {
    peer.close();
  }
}

function systemRandom(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}
