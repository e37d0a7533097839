/**
 * The vectors and recorded transcripts with types, and a bench that plays one side of them: a real `Peer` against records made
 * for it.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { EcdhKey, SigningKey } from '../../src/protocol/auth/crypto.ts';
import { deriveMacKeys, sendingKeyName, sides } from '../../src/protocol/auth/key-schedule.ts';
import { PeerAuth } from '../../src/protocol/auth/peer-auth.ts';
import { concatBytes, fromHex, toHex } from '../../src/protocol/bytes.ts';
import { MacSender } from '../../src/protocol/channel/mac.ts';
import type { Now } from '../../src/protocol/clock.ts';
import { MAX_RECORD_BYTES, MESSAGE_OFFSET } from '../../src/protocol/constants.ts';
import type { OverlayError } from '../../src/protocol/errors.ts';
import { Peer, type PeerEvent, type PeerOptions } from '../../src/protocol/peer.ts';
import { encodePublicKey } from '../../src/protocol/strkey.ts';
import { writeRecord } from '../../src/protocol/wire/authenticated-message.ts';
import { RecordDecoder } from '../../src/protocol/wire/framing.ts';
import { type Hello, messageTypeName, type StellarMessage, type UnknownMessage } from '../../src/protocol/wire/messages.ts';
import { XdrWriter } from '../../src/protocol/xdr/writer.ts';
import { rememberedEcdhKey, rememberedSigningKey } from './remembered.ts';

/** Side of a handshake: A dialled, B accepted. */
export type SideName = 'A' | 'B';

/** The fields of a HELLO, as in the files. */
export interface HelloJson {
  readonly ledgerVersion: number;
  readonly overlayVersion: number;
  readonly overlayMinVersion: number;
  readonly networkIdHex: string;
  readonly versionStr: string;
  readonly listeningPort: number;
  readonly certExpiration: string;
}

/** One side of a handshake of the vectors. */
export interface SideJson {
  readonly seedHex: string;
  readonly seedStrKey: string;
  readonly publicKeyHex: string;
  readonly publicKeyStrKey: string;
  readonly ecdhSecretHex: string;
  readonly ecdhSecretClampedHex: string;
  readonly ecdhPublicHex: string;
  readonly nonceHex: string;
  readonly hello: HelloJson;
  readonly cert: {
    readonly signedPayloadHex: string;
    readonly signedPayloadLength: number;
    readonly payloadSha256Hex: string;
    readonly signatureHex: string;
    readonly certXdrHex: string;
  };
}

/** A record of a handshake of the vectors. */
export interface RecordJson {
  readonly from: SideName;
  readonly message: string;
  readonly authenticated: boolean;
  readonly sequence: string;
  readonly stellarMessageHex: string;
  readonly macInputHex: string | null;
  readonly macKey: string | null;
  readonly macHex: string;
  readonly authenticatedMessageHex: string;
  readonly frameHex: string;
}

/** A handshake of the vectors. */
export interface HandshakeJson {
  readonly id: string;
  readonly passphrase: string;
  readonly networkIdHex: string;
  readonly nowSeconds: string;
  readonly A: SideJson;
  readonly B: SideJson;
  readonly keySchedule: {
    readonly sharedSecretHex: string;
    readonly hkdfExtractSaltHex: string;
    readonly hkdfExtractInputHex: string;
    readonly sharedKeyHex: string;
    readonly expandInputABHex: string;
    readonly expandInputBAHex: string;
    readonly expandInfoABHex: string;
    readonly expandInfoBAHex: string;
    readonly macKeyABHex: string;
    readonly macKeyBAHex: string;
  };
  readonly transcript: readonly RecordJson[];
}

/** A hostile case. */
export interface HostileJson {
  readonly name: string;
  readonly sendFramesHex: readonly string[];
  readonly expectReply?: readonly string[];
  readonly expectReplyAfterHello?: readonly string[];
  readonly expectError: { readonly code: number; readonly text: string; readonly frameHex: string } | null;
  readonly stellarCoreDropReason: string | null;
}

/** The vector file. */
export interface VectorsJson {
  readonly networks: readonly {
    readonly passphrase: string;
    readonly passphraseUtf8Hex: string;
    readonly networkIdHex: string;
  }[];
  readonly strkey: readonly {
    readonly dataHex: string;
    readonly G: string;
    readonly S: string;
    readonly crcOfGPayload: string;
    /** Of the check value alone. */
    readonly crc?: string;
  }[];
  readonly frames: readonly {
    readonly bodyLength: number;
    readonly headerHex: string;
    readonly acceptedBeforeAuth: boolean;
    readonly acceptedAfterAuth: boolean;
  }[];
  readonly handshakes: readonly [HandshakeJson, ...HandshakeJson[]];
  readonly messages: readonly {
    readonly type: string;
    readonly fields: Record<string, unknown>;
    readonly stellarMessageHex: string;
    readonly xdrSize: number;
  }[];
  readonly macSequences: readonly {
    readonly sequence: string;
    readonly keyHex: string;
    readonly stellarMessageHex: string;
    readonly macInputHex: string;
    readonly macHex: string;
    readonly frameHex: string;
  }[];
  readonly hostile: readonly HostileJson[];
  readonly hostileAsInitiator: readonly HostileJson[];
}

/** A recorded connection. */
export interface TranscriptJson {
  readonly network: { readonly passphrase: string; readonly networkIdHex: string };
  readonly recordedAtSeconds: string;
  readonly initiator: 'ours' | 'core';
  readonly ours: {
    readonly seedHex: string;
    readonly publicKeyHex: string;
    readonly publicKeyStrKey: string;
    readonly ecdhSecretHex: string;
    readonly ecdhPublicHex: string;
    readonly nonceHex: string;
    readonly hello: HelloJson & { readonly certSignatureHex: string };
  };
  readonly core: {
    readonly peerIdStrKey: string;
    readonly hello: HelloJson & { readonly ecdhPublicHex: string; readonly nonceHex: string; readonly certSignatureHex: string };
  } | null;
  readonly derived: {
    readonly sharedSecretHex: string;
    readonly sharedKeyHex: string;
    readonly macKeyInitiatorToAcceptorHex: string;
    readonly macKeyAcceptorToInitiatorHex: string;
  } | null;
  readonly records: readonly {
    readonly from: 'ours' | 'core';
    readonly atMs: number;
    readonly type: string;
    readonly sequence: string;
    readonly frameHex: string;
  }[];
}

const DATA = new URL('../vectors/data/', import.meta.url);
const readJson = (path: string): unknown => JSON.parse(readFileSync(new URL(path, DATA), 'utf8'));

/** The vector file. */
export const vectors = readJson('handshake-vectors.json') as VectorsJson;

/** The handshake of the vectors that unit tests use. */
export const [pubnet1] = vectors.handshakes;

/** The recorded connections by name. */
export const transcripts: readonly (readonly [name: string, TranscriptJson])[] = readdirSync(new URL('transcripts/', DATA))
  .sort()
  .map((file) => [file.replace('.json', ''), readJson(`transcripts/${file}`) as TranscriptJson]);

/** A recorded connection. */
export function transcript(name: string): TranscriptJson {
  const found = transcripts.find(([other]) => other === name);
  if (found === undefined) throw new Error(`no transcript ${name}`);
  return found[1];
}

/** A moment. */
export function at(unixSeconds: number, monotonicMs = 0): Now {
  return { unixSeconds, monotonicMs };
}

/** Body of a record given as hex of the whole frame. */
export function bodyOf(frameHex: string): Uint8Array {
  return fromHex(frameHex.slice(8));
}

/** One record that was sent. */
export interface Sent {
  readonly type: string;
  readonly body: Uint8Array;
  readonly frameHex: string;
}

/** Cuts output into its records. */
export function recordsOf(output: Uint8Array | undefined): readonly Sent[] {
  const decoder = new RecordDecoder();
  decoder.push(output ?? new Uint8Array(0));
  const sent: Sent[] = [];
  for (let body = decoder.next(MAX_RECORD_BYTES); body !== undefined; body = decoder.next(MAX_RECORD_BYTES)) {
    const header = ((0x80000000 | body.length) >>> 0).toString(16);
    sent.push({ type: typeOf(body), body, frameHex: header + toHex(body) });
  }
  if (decoder.pending > 0) throw new Error('the output ends inside a record');
  return sent;
}

/** Name of the message in a record body. */
export function typeOf(body: Uint8Array): string {
  const number = new DataView(body.buffer, body.byteOffset).getInt32(MESSAGE_OFFSET);
  return messageTypeName(number) ?? `type ${number}`;
}

/** Keys of sides that were made before. */
const KEYS = new Map<string, { readonly signing: SigningKey; readonly ecdh: EcdhKey }>();

/** The state of a side between its connections. Its cert is already signed, with the expiration of the vectors. */
export function peerAuthOf(handshake: HandshakeJson, side: SideName): PeerAuth {
  const { seedHex, ecdhSecretHex, hello } = handshake[side];
  let keys = KEYS.get(seedHex + ecdhSecretHex);
  if (keys === undefined) {
    keys = {
      signing: rememberedSigningKey(nodeCrypto.signingKey(fromHex(seedHex))),
      ecdh: rememberedEcdhKey(nodeCrypto.ecdhKey(fromHex(ecdhSecretHex))),
    };
    KEYS.set(seedHex + ecdhSecretHex, keys);
  }
  const peerAuth = new PeerAuth(nodeCrypto, keys.signing, keys.ecdh, handshake.networkIdHex);
  peerAuth.cert(Number(hello.certExpiration) - 3600);
  return peerAuth;
}

/** Options of a peer that is a side of the vectors. */
export function optionsOf(handshake: HandshakeJson, side: SideName, overrides: Partial<PeerOptions> = {}): PeerOptions {
  const { hello, nonceHex } = handshake[side];
  const { ledgerVersion, overlayVersion, overlayMinVersion, versionStr, listeningPort } = hello;
  return {
    role: side === 'A' ? 'WE_CALLED_REMOTE' : 'REMOTE_CALLED_US',
    crypto: nodeCrypto,
    peerAuth: peerAuthOf(handshake, side),
    nonce: fromHex(nonceHex),
    ...{ ledgerVersion, overlayVersion, overlayMinVersion, versionStr, listeningPort },
    ...overrides,
  };
}

/** Makes the records of a side of the vectors: right ones, and any other. */
export class Counterpart {
  readonly #handshake: HandshakeJson;
  readonly #side: SideName;
  readonly peerAuth: PeerAuth;
  /** Seals what this side sends; replaceable. */
  macs: MacSender;

  constructor(handshake: HandshakeJson, side: SideName) {
    this.#handshake = handshake;
    this.#side = side;
    this.peerAuth = peerAuthOf(handshake, side);
    this.macs = this.macsFrom(0n);
  }

  /** A sealer with the key of this side and another first sequence. */
  macsFrom(first: bigint): MacSender {
    const role = this.#side === 'A' ? 'WE_CALLED_REMOTE' : 'REMOTE_CALLED_US';
    const other = this.#handshake[this.#side === 'A' ? 'B' : 'A'];
    const sharedKey = this.peerAuth.sharedKey(role, fromHex(other.ecdhPublicHex));
    if (sharedKey === undefined) throw new Error('small-order key');
    const nonces = sides(role, fromHex(this.#handshake[this.#side].nonceHex), fromHex(other.nonceHex));
    return new MacSender(nodeCrypto.macKey(deriveMacKeys(nodeCrypto, sharedKey, nonces)[sendingKeyName(role)]), first);
  }

  /** Frame of this side's HELLO. */
  hello(overrides: Partial<Hello> = {}): Uint8Array {
    const side = this.#handshake[this.#side];
    const { ledgerVersion, overlayVersion, overlayMinVersion, versionStr, listeningPort } = side.hello;
    return this.plain({
      type: 'HELLO',
      ...{ ledgerVersion, overlayVersion, overlayMinVersion, versionStr, listeningPort },
      networkID: this.peerAuth.networkIDBytes,
      peerID: encodePublicKey(this.peerAuth.identity.publicKey),
      cert: this.peerAuth.cert(Number(this.#handshake.nowSeconds)),
      nonce: fromHex(side.nonceHex),
      ...overrides,
    });
  }

  /** Frame without sequence and MAC. */
  plain(message: StellarMessage | UnknownMessage | Uint8Array): Uint8Array {
    const writer = new XdrWriter();
    writeRecord(writer, message);
    return writer.take();
  }

  /** Frame with the next sequence and its MAC. */
  seal(message: StellarMessage | UnknownMessage | Uint8Array): Uint8Array {
    const frame = this.plain(message);
    this.macs.seal(frame, 4, frame.length);
    return frame;
  }
}

/** A peer that is a side of the vectors, and the counterpart that sends to it. */
export class Bench {
  readonly peer: Peer;
  readonly other: Counterpart;
  /** Time of all that follows. */
  now: Now;

  constructor(side: SideName, overrides: Partial<PeerOptions> = {}, handshake: HandshakeJson = pubnet1) {
    this.peer = new Peer(optionsOf(handshake, side, overrides));
    this.other = new Counterpart(handshake, side === 'A' ? 'B' : 'A');
    this.now = at(Number(handshake.nowSeconds));
    this.peer.start(this.now);
  }

  /** A bench whose handshake is complete and whose output so far has been taken. */
  static authenticated(side: SideName, overrides: Partial<PeerOptions> = {}): Bench {
    const bench = new Bench(side, overrides);
    bench.feed(bench.other.hello(), bench.other.seal({ type: 'AUTH', flags: 200 }));
    if (!bench.peer.authenticated) throw bench.peer.error ?? new Error('no handshake');
    bench.sent();
    return bench;
  }

  /** Lets time pass. */
  advance(ms: number): void {
    this.now = at(this.now.unixSeconds + ms / 1000, this.now.monotonicMs + ms);
  }

  /** Gives bytes to the peer. @returns its events */
  feed(...chunks: readonly Uint8Array[]): readonly PeerEvent[] {
    return chunks.flatMap((chunk) => {
      this.peer.push(chunk);
      return eventsOf(this.peer, this.now);
    });
  }

  /** What the peer has sent since the last call. */
  sent(): readonly Sent[] {
    return recordsOf(this.peer.takeOutput(this.now));
  }

  /** Types of what the peer has sent since the last call. */
  sentTypes(): readonly string[] {
    return this.sent().map(({ type }) => type);
  }

  /** The error the connection has ended with. */
  get error(): OverlayError {
    if (this.peer.error === undefined) throw new Error('the connection has not ended');
    return this.peer.error;
  }
}

/** All events of the peer. */
export function eventsOf(peer: Peer, now: Now): readonly PeerEvent[] {
  const events: PeerEvent[] = [];
  for (let event = peer.next(now); event !== undefined; event = peer.next(now)) events.push(event);
  return events;
}

/** An event as one comparable line. */
export function eventLine(event: PeerEvent): string {
  switch (event.type) {
    case 'message':
      return `message ${event.message.type} ${toHex(event.message.xdr)}`;
    case 'pong':
      return `pong ${toHex(event.hash)}`;
    case 'closed':
      return `closed ${event.error.code} ${event.error.message}`;
    default:
      return `${event.type} ${event.remote.peerID}`;
  }
}

/** Cuts bytes at positions, which may be in any order. */
export function split(bytes: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] {
  const ends = [...new Set(cuts)].filter((cut) => cut > 0 && cut < bytes.length).sort((a, b) => a - b);
  return [0, ...ends].map((begin, i) => bytes.slice(begin, ends[i] ?? bytes.length));
}

/** All frames one after the other. */
export function stream(framesHex: readonly string[]): Uint8Array {
  return concatBytes(...framesHex.map(fromHex));
}
