/**
 * The hostile cases of the vectors against real sockets. Our nonce and ECDH key are new there, so the recipe of a case makes its
 * MACs again. Before that, the recipe must give the bytes of the vector from the keys of the vector.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { connect, type ListenerEvent, listen, NodeIdentity, networks, type OverlayError } from '../../src/index.ts';
import { deriveMacKeys, deriveSharedKey, sides } from '../../src/protocol/auth/key-schedule.ts';
import { fromHex, toHex } from '../../src/protocol/bytes.ts';
import { MacSender } from '../../src/protocol/channel/mac.ts';
import type { Hello } from '../../src/protocol/wire/messages.ts';
import { ManualClock } from '../../src/testing/index.ts';
import { openHandles, RawNode, RawPeer, type RawPeerOptions, until } from '../support/raw-peer.ts';
import { type HostileJson, pubnet1, type SideName, vectors } from '../support/vectors.ts';

const network = networks.pubnet;
const clock = new ManualClock(Number(pubnet1.nowSeconds));
let handles: string[];

const secretsOf = (side: SideName): RawPeerOptions => ({
  network,
  seed: fromHex(pubnet1[side].seedHex),
  ecdhSecret: fromHex(pubnet1[side].ecdhSecretHex),
  nonce: fromHex(pubnet1[side].nonceHex),
});
const identityOf = (side: SideName): NodeIdentity => NodeIdentity.fromSeed(fromHex(pubnet1[side].seedHex));

/** What a MAC is made with: the hostile side's keys, and the other side's HELLO. */
interface Keys {
  readonly mine: Uint8Array;
  readonly other: Uint8Array;
  /** The key that mixing up the order of the two public keys gives. */
  readonly misordered: Uint8Array;
}

/** MAC of a record body; undefined leaves the one of the vector. */
type Recipe = (body: Uint8Array, keys: Keys) => Uint8Array | undefined;

const covered = (body: Uint8Array): Uint8Array => body.subarray(4, -32);
const good: Recipe = (body, { mine }) => nodeCrypto.hmacSha256(mine, covered(body));
const unchanged: Recipe = () => undefined;

/** Cases whose last record is not MACed as it should be. */
const RECIPES: Readonly<Record<string, Recipe>> = {
  'second HELLO, zero MAC': unchanged,
  'AUTH with zero MAC': unchanged,
  'AUTH with one MAC bit flipped': (body, keys) => {
    const mac = good(body, keys)?.slice() as Uint8Array;
    mac[31] = (mac[31] as number) ^ 1;
    return mac;
  },
  'AUTH MACed without the sequence': (body, { mine }) => nodeCrypto.hmacSha256(mine, body.subarray(12, -32)),
  'AUTH MACed over the union version too': (body, { mine }) => nodeCrypto.hmacSha256(mine, body.subarray(0, -32)),
  'AUTH MACed with the key of the other direction': (body, { other }) => nodeCrypto.hmacSha256(other, covered(body)),
  'AUTH keyed with the two public keys in the wrong order': (body, { misordered }) =>
    nodeCrypto.hmacSha256(misordered, covered(body)),
  'ERROR_MSG after HELLO with garbage MAC': unchanged,
  'HELLO after AUTH, zero MAC': unchanged,
  'HELLO then ERROR_MSG': unchanged,
  'HELLO, AUTH, PEERS, then ERR_LOAD': unchanged,
  'our AUTH reflected': (body, { other }) => nodeCrypto.hmacSha256(other, covered(body)),
};

function keysOf(peer: RawPeer | Keyed): Keys {
  const { remote, ecdh, nonce, role } = peer;
  if (remote === undefined) throw new Error('no HELLO yet');
  const nonces = sides(role, nonce, remote.nonce);
  const { a, b } = sides(role, ecdh.publicKey, remote.cert.pubkey);
  const q = ecdh.sharedSecret(remote.cert.pubkey) as Uint8Array;
  const derive = (publicKeys: { a: Uint8Array; b: Uint8Array }): [Uint8Array, Uint8Array] => {
    const { K_AB, K_BA } = deriveMacKeys(nodeCrypto, deriveSharedKey(nodeCrypto, q, publicKeys), nonces);
    return role === 'WE_CALLED_REMOTE' ? [K_AB, K_BA] : [K_BA, K_AB];
  };
  const [mine, other] = derive({ a, b });
  return { mine, other, misordered: derive({ a: b, b: a })[0] };
}
type Keyed = Pick<RawPeer, 'ecdh' | 'nonce' | 'role' | 'remote'>;

/** The keys the vectors were made with. */
function vectorKeys(hostileSide: SideName): Keys {
  const own = secretsOf(hostileSide);
  const other = pubnet1[hostileSide === 'A' ? 'B' : 'A'];
  return keysOf({
    role: hostileSide === 'A' ? 'WE_CALLED_REMOTE' : 'REMOTE_CALLED_US',
    ecdh: nodeCrypto.ecdhKey(own.ecdhSecret as Uint8Array),
    nonce: own.nonce as Uint8Array,
    remote: { nonce: fromHex(other.nonceHex), cert: { pubkey: fromHex(other.ecdhPublicHex) } } as Hello,
  });
}

/** The case's record with the MAC its recipe gives under the keys of this connection. */
function rebuild({ name, sendFramesHex }: HostileJson, i: number, peer: RawPeer): Uint8Array {
  const frame = fromHex(sendFramesHex[i] as string);
  const headerOnly = frame.length === 4;
  if (i === 0 || headerOnly) return frame;
  const recipe = i === sendFramesHex.length - 1 ? (RECIPES[name] ?? good) : good;
  const seal = (keys: Keys): Uint8Array => {
    const sealed = frame.slice();
    for (const body of bodiesOf(sealed)) {
      const mac = recipe(body, keys);
      if (mac !== undefined) body.set(mac, body.length - 32);
    }
    return sealed;
  };
  // Otherwise the recipe would test something else than the vector.
  expect(toHex(seal(vectorKeys(peer.role === 'WE_CALLED_REMOTE' ? 'A' : 'B')))).toBe(toHex(frame));
  return seal(keysOf(peer));
}

/** The record bodies in a chunk, as views. */
function bodiesOf(chunk: Uint8Array): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  const view = new DataView(chunk.buffer, chunk.byteOffset);
  for (let at = 0; at < chunk.length; ) {
    const end = at + 4 + (view.getUint32(at) & 0x7fffffff);
    bodies.push(chunk.subarray(at + 4, end));
    at = end;
  }
  return bodies;
}

/** Plays a case up to its last record and reads the expected messages before it. Returns the expected messages after it. */
async function play(entry: HostileJson, peer: RawPeer, replies: readonly string[]): Promise<readonly string[]> {
  const expected = replies.filter((reply) => !reply.startsWith('('));
  const read: string[] = [];
  for (let i = 0; i < entry.sendFramesHex.length; i++) {
    if (i > 0) {
      const record = i === 1 ? 1 : expected.length - read.length;
      read.push(...(await peer.take(record)));
    }
    peer.write(rebuild(entry, i, peer));
  }
  expect(read).toEqual(expected.slice(0, read.length));
  return expected.slice(read.length);
}

/** The rest of a case: an error and FIN, FIN alone, or a connection that goes on. */
async function conclude(entry: HostileJson, peer: RawPeer, rest: readonly string[]): Promise<void> {
  const { expectError, stellarCoreDropReason, sendFramesHex } = entry;
  if (stellarCoreDropReason !== null) {
    const records: string[] = [];
    let last = '';
    for (let record = await peer.next(); record !== undefined; record = await peer.next()) {
      records.push(record.type);
      last = record.frameHex;
      if (record.type === 'ERROR_MSG') peer.end();
    }
    expect(records).toEqual(expectError ? [...rest, 'ERROR_MSG'] : rest);
    if (expectError) expect(last).toBe(expectError.frameHex);
    expect(await peer.farewell()).toEqual(['FIN']);
    return;
  }
  expect(await peer.take(rest.length)).toEqual(rest);
  const lastFrame = sendFramesHex.at(-1) as string;
  // The sequences so far are those of the case; what follows goes on from there.
  const sealed = sendFramesHex
    .slice(1)
    .filter((frame) => frame.length > 8)
    .flatMap((frame) => bodiesOf(fromHex(frame))).length;
  peer.sender = new MacSender(nodeCrypto.macKey(keysOf(peer).mine), BigInt(sealed));
  if (sealed === 0) {
    peer.send({ type: 'AUTH', flags: 200 });
    expect(await peer.take(peer.role === 'WE_CALLED_REMOTE' ? 3 : 2)).toContain('SEND_MORE_EXTENDED');
  }
  if (lastFrame.length === 8) {
    const body = peer.seal({ type: 'TX_SET', txSet: new Uint8Array(Number.parseInt(lastFrame.slice(4), 16) - 48) });
    expect(toHex(body.subarray(0, 4))).toBe(lastFrame);
    peer.write(body.subarray(4));
  }
  await peer.ping();
}

beforeEach(() => {
  handles = openHandles();
});

afterEach(async () => {
  await until(() => openHandles().length === handles.length);
  expect(clock.timers).toBe(0);
});

describe('an acceptor on a socket handles the hostile case', () => {
  it.each(vectors.hostile)('$name', async (entry) => {
    const events: ListenerEvent[] = [];
    await using listener = await listen({
      port: 0,
      ...{ network, clock, identity: identityOf('B'), overlayVersion: 41, overlayMinVersion: 40 },
      onEvent: (event) => events.push(event),
    });
    await using peer = await RawPeer.dial(listener.port, secretsOf('A'));
    await conclude(entry, peer, await play(entry, peer, entry.expectReply ?? []));
    const errors = events.flatMap((event) => ('error' in event ? [event.error] : []));
    expect(errors.map(({ dropReason }) => dropReason)).toEqual(
      entry.stellarCoreDropReason === null ? [] : [entry.stellarCoreDropReason],
    );
    peer.end();
    await until(() => listener.counts.pending + listener.counts.authenticated === 0);
  });
});

describe('an initiator on a socket handles the hostile case', () => {
  it.each(vectors.hostileAsInitiator)('$name', async (entry) => {
    await using node = await RawNode.start(secretsOf('B'));
    const outcome = connect({ host: '127.0.0.1', port: node.port, network, clock, identity: identityOf('A') }).then(
      (connection) => ({ connection }),
      (error: OverlayError) => ({ error }),
    );
    const peer = await node.peer();
    await peer.expect('HELLO');
    const replies = entry.expectReplyAfterHello ?? [];
    await conclude(entry, peer, await play(entry, peer, replies));
    const { stellarCoreDropReason } = entry;
    if (stellarCoreDropReason !== null) peer.end();
    const result = await outcome;
    if (stellarCoreDropReason === null) {
      peer.end();
      if ('error' in result) throw result.error;
      expect((await result.connection.ended).code).toBe('OVERLAY_CONNECTION_CLOSED');
      return;
    }
    const error = 'error' in result ? result.error : await result.connection.ended;
    expect(error.dropReason).toBe(stellarCoreDropReason);
  });
});
