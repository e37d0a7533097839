/**
 * Gives damaged records to a Peer in every state and both roles, and checks its behaviour:
 * it never throws, never accepts what the other side has not sealed, and keeps no more bytes than it received.
 * Everything depends on one seed, so each finding can be repeated.
 */
import { readFileSync } from 'node:fs';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { PeerAuth } from '../../src/protocol/auth/peer-auth.ts';
import { bytesKey, equalBytes, fromHex, toHex } from '../../src/protocol/bytes.ts';
import { RECORD_HEADER_BYTES } from '../../src/protocol/constants.ts';
import { Peer, type PeerOptions } from '../../src/protocol/peer.ts';
import { messageXdr } from '../../src/protocol/wire/authenticated-message.ts';
import { Random } from '../support/random.ts';

interface Side {
  readonly seedHex: string;
  readonly publicKeyStrKey: string;
  readonly ecdhSecretHex: string;
  readonly nonceHex: string;
  readonly hello: PeerOptions;
}

interface Handshake {
  readonly id: string;
  readonly nowSeconds: string;
  readonly networkIdHex: string;
  readonly A: Side;
  readonly B: Side;
  readonly transcript: readonly { readonly from: 'A' | 'B'; readonly message: string; readonly frameHex: string }[];
}

/** One conversation from one side: the honest records that it receives. */
interface Scene {
  readonly name: string;
  readonly options: PeerOptions;
  readonly remotePeerID: string;
  readonly unixSeconds: number;
  readonly frames: readonly Uint8Array[];
  /** The StellarMessage of each frame. */
  readonly messages: readonly string[];
  /** Body of the AUTH. */
  readonly auth: string;
}

/** What a run saw. */
export interface FuzzReport {
  readonly frames: number;
  /** How many conversations ended with each error, and how many went on unharmed. */
  readonly ends: Readonly<Record<string, number>>;
}

/** A rule that did not hold. The message has all that is needed to see it again. */
export class FuzzFinding extends Error {}

const VECTORS = new URL('../vectors/data/handshake-vectors.json', import.meta.url);

/**
 * Feeds a number of frames, about one in three of them damaged.
 * @throws {FuzzFinding} at the first rule that does not hold
 */
export function fuzz(seed: number, frames: number, onProgress: (done: number) => void = () => {}): FuzzReport {
  const random = new Random(seed);
  const scenes = loadScenes();
  const ends: Record<string, number> = {};
  let done = 0;
  let reported = 0;
  for (let run = 0; done < frames; run++) {
    const scene = random.pick(scenes);
    const log: Uint8Array[] = [];
    try {
      const { sent, end } = converse(scene, random, log);
      done += sent;
      ends[end] = (ends[end] ?? 0) + 1;
    } catch (error) {
      const story = { seed, run, scene: scene.name, sent: log.map((frame) => toHex(frame.subarray(0, 400))) };
      throw new FuzzFinding(`${error instanceof Error ? error.stack : error}\n${JSON.stringify(story)}`);
    }
    if (done - reported >= 100_000) {
      reported = done;
      onProgress(done);
    }
  }
  return { frames: done, ends };
}

/**
 * One connection: some honest frames, one or more damaged ones, the rest.
 * @param log gets every frame that is sent
 */
function converse(scene: Scene, random: Random, log: Uint8Array[]): { sent: number; end: string } {
  const peer = new Peer(scene.options);
  let nowMs = 0;
  const now = () => ({ unixSeconds: scene.unixSeconds, monotonicMs: nowMs });
  peer.start(now());
  peer.takeOutput(now());
  const damagedAt = random.below(scene.frames.length);
  let sent = 0;
  let fed = 0;
  let delivered = 0;
  let truthful = true;
  for (let i = 0; i < scene.frames.length && peer.error === undefined; i++) {
    const honest = scene.frames[i] as Uint8Array;
    const frame = i === damagedAt || (i > damagedAt && random.below(4) === 0) ? damage(honest, scene, random) : honest;
    truthful &&= equalBytes(frame, honest);
    log.push(frame);
    sent++;
    for (const piece of split(frame, random)) {
      fed += piece.length;
      peer.push(piece);
      for (let event = peer.next(now()); event !== undefined; event = peer.next(now())) {
        switch (event.type) {
          case 'hello':
            check(event.remote.peerID === scene.remotePeerID, 'a HELLO was accepted that the peer has not signed');
            break;
          case 'authenticated':
            check(log.map(bytesKey).join('').includes(scene.auth), 'an AUTH was accepted that the peer has not sealed');
            break;
          case 'message': {
            const at = scene.messages.indexOf(bytesKey(event.message.xdr), delivered);
            check(at >= 0, 'a message was delivered that the peer has not sealed, or one twice');
            delivered = at + 1;
            peer.release(event.message);
            break;
          }
          default:
        }
      }
      check(peer.outputLength <= 0x10000, 'the output grows without need');
      peer.takeOutput(now());
    }
    nowMs += random.below(100);
    peer.tick(now());
  }
  check(fed < 64 * 0x100000, 'the test itself sends too much');
  if (truthful)
    check(
      peer.error === undefined || peer.error.code === 'OVERLAY_PEER_ERROR',
      `an honest peer was refused: ${peer.error?.code}`,
    );
  return { sent, end: peer.error?.code ?? 'open' };
}

/** A frame that differs a little from the one that the peer would send. */
function damage(frame: Uint8Array, scene: Scene, random: Random): Uint8Array {
  const out = frame.slice();
  const at = random.below(out.length);
  switch (random.below(12)) {
    case 0:
      out[at] = (out[at] as number) ^ (1 << random.below(8));
      return out;
    case 1:
      out[at] = random.below(256);
      return out;
    case 2:
      return out.subarray(0, at);
    case 3:
      return Uint8Array.of(...out, ...random.bytes(random.below(64)));
    case 4:
      out.set(random.bytes(4), 0);
      return out;
    case 5:
      return random.pick(scene.frames);
    case 6: {
      // Another body under a right header.
      const body = random.bytes(4 * random.below(100));
      return withHeader(body);
    }
    case 7: {
      // A length inside the message that promises more than there is.
      const word = RECORD_HEADER_BYTES + 4 * random.below((out.length - RECORD_HEADER_BYTES) / 4);
      out.set(random.pick(EDGES), word);
      return out;
    }
    case 8: {
      // Bytes taken out or put in, under a header that fits.
      const body = out.subarray(RECORD_HEADER_BYTES);
      const cut = 4 * random.below(body.length / 4);
      const skipped = random.below(2) === 0 ? 4 * random.below(4) : 0;
      return withHeader(
        Uint8Array.of(...body.subarray(0, cut), ...random.bytes(4 * random.below(4)), ...body.subarray(cut + skipped)),
      );
    }
    case 9: {
      // The body of one message with the sequence and MAC of another.
      const other = random.pick(scene.frames);
      return Uint8Array.of(...out.subarray(0, 16), ...other.subarray(16));
    }
    case 10:
      return Uint8Array.of(...out, ...out);
    default: {
      const type = RECORD_HEADER_BYTES + 12;
      out.set([0, 0, 0, random.below(28)], Math.min(type, Math.max(0, out.length - 4)));
      return out;
    }
  }
}

const EDGES = [
  [0xff, 0xff, 0xff, 0xff],
  [0x7f, 0xff, 0xff, 0xff],
  [0x80, 0, 0, 0],
  [0, 0, 0, 0],
  [0, 0, 0, 1],
  [0, 0, 0x10, 0x01],
  [0, 0, 0x03, 0xe9],
] as const;

function withHeader(body: Uint8Array): Uint8Array {
  const length = body.length;
  return Uint8Array.of(0x80 | (length >>> 24), length >>> 16, length >>> 8, length, ...body);
}

function lastMessage(frame: Uint8Array): Uint8Array {
  return messageXdr(frame.subarray(RECORD_HEADER_BYTES));
}

function split(frame: Uint8Array, random: Random): Uint8Array[] {
  if (random.below(3) > 0 || frame.length < 2) return [frame];
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < frame.length; ) {
    const length = 1 + random.below(random.below(2) === 0 ? 3 : frame.length);
    pieces.push(frame.slice(at, at + length));
    at += length;
  }
  return pieces;
}

function check(holds: boolean, rule: string): void {
  if (!holds) throw new FuzzFinding(rule);
}

function loadScenes(): Scene[] {
  const { handshakes } = JSON.parse(readFileSync(VECTORS, 'utf8')) as { handshakes: readonly Handshake[] };
  return handshakes.flatMap((handshake) =>
    (['A', 'B'] as const).map((us) => {
      const them = us === 'A' ? 'B' : 'A';
      const frames = handshake.transcript.filter(({ from }) => from === them).map(({ frameHex }) => fromHex(frameHex));
      return {
        name: `${handshake.id} as ${us}`,
        options: peerOptionsOf(handshake, us),
        remotePeerID: handshake[them].publicKeyStrKey,
        unixSeconds: Number(handshake.nowSeconds),
        frames,
        messages: frames.map((frame) => bytesKey(lastMessage(frame))),
        auth: bytesKey((frames[1] as Uint8Array).subarray(RECORD_HEADER_BYTES)),
      };
    }),
  );
}

function peerOptionsOf(handshake: Handshake, us: 'A' | 'B'): PeerOptions {
  const side = handshake[us];
  const identity = nodeCrypto.signingKey(fromHex(side.seedHex));
  const ecdh = nodeCrypto.ecdhKey(fromHex(side.ecdhSecretHex));
  return {
    ...side.hello,
    role: us === 'A' ? 'WE_CALLED_REMOTE' : 'REMOTE_CALLED_US',
    crypto: nodeCrypto,
    nonce: fromHex(side.nonceHex),
    peerAuth: new PeerAuth(nodeCrypto, identity, ecdh, handshake.networkIdHex),
  };
}
