/** Rows of the conformance battery that test behaviour, in each role that has them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { type Connection, connect, listen, NodeIdentity, networks, type OverlayErrorCode } from '../../src/index.ts';
import { fromHex, utf8Encode } from '../../src/protocol/bytes.ts';
import { MacSender } from '../../src/protocol/channel/mac.ts';
import type { StellarMessage } from '../../src/protocol/wire/messages.ts';
import { grant, openHandles, RawNode, RawPeer, random, until } from '../support/raw-peer.ts';
import { ROLES, Subject, type SubjectRole } from './subject.ts';

const network = networks.standalone;
let handles: string[];

beforeEach(() => {
  handles = openHandles();
});

afterEach(() => until(() => openHandles().length === handles.length));

/** The messages that an initiator sends first. */
const opening = (role: SubjectRole): string[] => (role === 'initiator' ? ['HELLO'] : []);

const advert = (hashes = 1): StellarMessage => ({
  type: 'FLOOD_ADVERT',
  txHashes: Array.from({ length: hashes }, () => new Uint8Array(32)),
});

/** An ERROR_MSG whose text is any bytes. */
function errorMessage(code: number, text: Uint8Array, mac: Uint8Array = new Uint8Array(32)): Uint8Array {
  const padded = Math.ceil(text.length / 4) * 4;
  const frame = new Uint8Array(4 + 12 + 4 + 4 + 4 + padded + 32);
  const view = new DataView(frame.buffer);
  view.setUint32(0, 0x80000000 | (frame.length - 4));
  view.setUint32(20, code);
  view.setUint32(24, text.length);
  frame.set(text, 28);
  frame.set(mac, frame.length - 32);
  return frame;
}

describe.each(ROLES)('our side as %s', (role) => {
  it.each([
    ['half a header', Uint8Array.of(0x80, 0)],
    ['half a body', fromHex('8000003400000000')],
  ])('treats %s and then FIN as an end without a message (row 12)', async (_name, bytes) => {
    await using subject = await Subject.start(role);
    subject.peer.write(bytes);
    subject.peer.end();
    expect(await subject.peer.farewell()).toEqual([...opening(role), 'FIN']);
    expect(await subject.outcome()).toMatchObject({ code: 'OVERLAY_CONNECTION_CLOSED', stage: 'hello', told: null });
  });

  it('drops a silent peer without a message: an acceptor at the tick of 5 s, a dialler at its deadline (row 13)', async () => {
    await using subject = await Subject.start(role);
    const [ms, code] = role === 'acceptor' ? [5_000, 'OVERLAY_IDLE_TIMEOUT'] : [10_000, 'OVERLAY_HANDSHAKE_TIMEOUT'];
    subject.clock.advance(ms - 1);
    expect(await subject.peer.take(opening(role).length)).toEqual(opening(role));
    expect(subject.clock.timers).toBe(2);
    subject.clock.advance(1);
    expect(await subject.peer.farewell()).toEqual(['FIN']);
    expect(await subject.outcome()).toMatchObject({ code, stage: 'hello', told: null });
  });

  it('drops a peer that sends one byte a second at 10 s (row 14)', async () => {
    await using subject = await Subject.start(role);
    if (role === 'initiator') await subject.peer.expect('HELLO');
    const hello = subject.peer.hello();
    // The header is complete at 3.001 s: the tick at 5 s is less than 2 s later.
    subject.clock.advance(1);
    for (let second = 1; second <= 9; second++) {
      subject.peer.write(hello.subarray(second - 1, second));
      await until(() => subject.bytes.received === second);
      subject.clock.advance(1_000);
    }
    subject.clock.advance(998);
    expect(subject.clock.timers).toBe(2);
    subject.clock.advance(1);
    expect(await subject.peer.farewell()).toEqual(['FIN']);
    expect(await subject.outcome()).toMatchObject({ code: 'OVERLAY_HANDSHAKE_TIMEOUT', stage: 'hello', told: null });
  });

  it('drops a peer that is silent after HELLO at 10 s (row 15)', async () => {
    await using subject = await Subject.start(role);
    subject.clock.advance(4_000);
    await subject.peer.greet();
    if (role === 'initiator') await subject.peer.expect('AUTH');
    subject.clock.advance(5_999);
    expect(subject.clock.timers).toBe(2);
    subject.clock.advance(1);
    expect(await subject.peer.farewell()).toEqual(['FIN']);
    expect(await subject.outcome()).toMatchObject({ stage: 'auth', told: null, remote: { peerID: subject.peer.peerID } });
  });

  it('refuses a second HELLO with a zero MAC, and drops one with a valid MAC (row 41)', async () => {
    for (const [mac, said, code] of [
      ['zero', ['ERR_AUTH unexpected MAC', 'FIN'], 'OVERLAY_UNEXPECTED_MAC'],
      ['good', ['FIN'], 'OVERLAY_UNEXPECTED_HELLO'],
    ] as const) {
      await using subject = await Subject.greeted(role);
      const hello = subject.peer.hello();
      if (mac === 'good') subject.peer.sender?.seal(hello, 4, hello.length);
      subject.peer.write(hello);
      expect(await subject.peer.farewell()).toEqual(said);
      expect((await subject.outcome()).code).toBe(code);
    }
  });

  it('refuses a second AUTH with a valid MAC as out of order (row 45)', async () => {
    await using subject = await Subject.authenticated(role);
    subject.peer.send({ type: 'AUTH', flags: 200 });
    expect(await subject.peer.farewell()).toEqual(['ERR_MISC out-of-order AUTH message', 'FIN']);
    expect(await subject.outcome()).toMatchObject({ code: 'OVERLAY_OUT_OF_ORDER_AUTH', stage: 'channel' });
  });

  it.each<[string, (peer: RawPeer) => void]>([
    [
      'replayed',
      (peer) => {
        const frame = peer.seal(grant());
        peer.write(frame, frame);
      },
    ],
    [
      'skipped',
      (peer) => {
        peer.seal(grant());
        peer.send(grant());
      },
    ],
    [
      'reordered',
      (peer) => {
        const first = peer.seal(grant());
        peer.write(peer.seal(grant()), first);
      },
    ],
  ])('refuses a record that is %s by its sequence (row 46)', async (_name, misbehave) => {
    await using subject = await Subject.authenticated(role);
    misbehave(subject.peer);
    expect(await subject.peer.farewell()).toEqual(['ERR_AUTH unexpected auth sequence', 'FIN']);
    expect((await subject.outcome()).code).toBe('OVERLAY_UNEXPECTED_SEQUENCE');
  });

  it('refuses its own record when the peer sends it back (row 47)', async () => {
    await using subject = await Subject.start(role);
    const { peer } = subject;
    await peer.greet();
    if (role === 'initiator') await peer.expect('AUTH');
    peer.send({ type: 'AUTH', flags: 200 }, grant());
    if (role === 'acceptor') await peer.expect('AUTH');
    // The peer has sent AUTH and a grant, so its next sequence is 2. Our GET_SCP_STATE has sequence 2 too: only its MAC is wrong.
    await peer.expect('SEND_MORE_EXTENDED');
    const reflected = await peer.next();
    peer.write(fromHex(reflected?.frameHex ?? ''));
    expect(await peer.farewell()).toEqual(['ERR_AUTH unexpected MAC', 'FIN']);
    expect((await subject.outcome()).code).toBe('OVERLAY_UNEXPECTED_MAC');
  });

  it('ends the connection for a flipped bit in any byte of a record, with the ERROR_MSG for that byte (row 48)', async () => {
    const told = (offset: number): string[] => {
      if (offset < 4) return ['ERR_DATA received corrupt XDR'];
      if (offset < 12) return ['ERR_AUTH unexpected auth sequence'];
      if (offset < 16) return ['ERR_DATA received corrupt XDR'];
      return ['ERR_AUTH unexpected MAC'];
    };
    for (let offset = 0; offset < 56; offset++) {
      await using subject = await Subject.authenticated(role, { unknownMessages: 'refuse' });
      const frame = subject.peer.seal(grant());
      frame[4 + offset] = (frame[4 + offset] as number) ^ (1 << (offset % 8));
      subject.peer.write(frame);
      expect([offset, ...(await subject.peer.farewell())]).toEqual([offset, ...told(offset), 'FIN']);
    }
  });

  it('never accepts a record with a flipped bit in its header (row 48)', async () => {
    for (let bit = 1; bit < 32; bit++) {
      await using subject = await Subject.authenticated(role);
      const { peer } = subject;
      const frame = peer.seal(grant(7, 7));
      new DataView(frame.buffer, frame.byteOffset).setUint32(0, (0x80000038 ^ (0x80000000 >>> bit)) >>> 0);
      peer.write(frame, peer.seal(grant(7, 7)));
      peer.end();
      const said = await peer.farewell();
      expect(['FIN', 'ERR_DATA received corrupt XDR', 'ERR_AUTH unexpected auth sequence', 'ERR_AUTH unexpected MAC']).toContain(
        said[0],
      );
      expect((await subject.connection).credit.messages).toBe(200n);
    }
  });

  it('reports a record with malformed XDR and a wrong MAC as corrupt XDR (row 49)', async () => {
    await using subject = await Subject.authenticated(role);
    const frame = subject.peer.plain({ type: 'GET_SCP_STATE', ledgerSeq: 0 });
    frame[7] = 1;
    subject.peer.write(frame);
    expect(await subject.peer.farewell()).toEqual(['ERR_DATA received corrupt XDR', 'FIN']);
    expect((await subject.outcome()).code).toBe('OVERLAY_CORRUPT_XDR');
  });

  describe.each<['hello' | 'auth' | 'channel', (role: SubjectRole) => Promise<Subject>]>([
    ['hello', (side) => Subject.start(side)],
    ['auth', (side) => Subject.greeted(side)],
    ['channel', (side) => Subject.authenticated(side)],
  ])('an ERROR_MSG in stage %s', (stage, begin) => {
    it.each<[string, number, Uint8Array, { code: string; message: string }]>([
      ['of 100 bytes', 4, utf8Encode('x'.repeat(100)), { code: 'ERR_LOAD', message: 'x'.repeat(100) }],
      ['with control bytes', 2, Uint8Array.of(0x1b, 0x5b, 0x41, 0, 0xff, 10), { code: 'ERR_CONF', message: '*[A***' }],
      ['without text', 0, new Uint8Array(0), { code: 'ERR_MISC', message: '' }],
      ['of an unknown code', 99, utf8Encode('new'), { code: 'UNKNOWN', message: 'new' }],
    ])(
      'ends the connection without a reply when it comes %s and with a random MAC (rows 50, 51)',
      async (_name, code, text, peerError) => {
        await using subject = await begin(role);
        subject.peer.write(errorMessage(code, text, random()));
        expect(await subject.peer.farewell()).toEqual([...(stage === 'hello' ? opening(role) : []), 'FIN']);
        expect(await subject.outcome()).toMatchObject({ code: 'OVERLAY_PEER_ERROR', stage, peerError, told: null });
      },
    );

    it('is refused as corrupt XDR when its text has 101 bytes (row 79)', async () => {
      await using subject = await begin(role);
      subject.peer.write(errorMessage(4, utf8Encode('x'.repeat(101))));
      const before = stage === 'hello' ? opening(role) : [];
      expect(await subject.peer.farewell()).toEqual([...before, 'ERR_DATA received corrupt XDR', 'FIN']);
    });
  });

  it('ends the connection without a message at the 201st flood message if the application takes none (row 61)', async () => {
    await using subject = await Subject.authenticated(role);
    const connection = await subject.connection;
    subject.peer.send(...Array.from({ length: 200 }, () => advert()));
    await until(() => subject.bytes.received >= 200 * 88);
    subject.peer.send(advert());
    expect(await subject.peer.farewell()).toEqual(['FIN']);
    expect(await subject.outcome()).toMatchObject({ code: 'OVERLAY_FLOOD_OVER_CAPACITY', stage: 'channel', told: null });
    expect(await count(connection)).toEqual({ messages: 200, code: 'OVERLAY_FLOOD_OVER_CAPACITY' });
  });

  it('ends the connection at 300 flood messages in one write, even if the application takes them at once (row 61)', async () => {
    await using subject = await Subject.authenticated(role);
    const counting = count(await subject.connection);
    subject.peer.send(...Array.from({ length: 300 }, () => advert()));
    expect(await subject.peer.farewell()).toContain('FIN');
    expect((await counting).code).toBe('OVERLAY_FLOOD_OVER_CAPACITY');
  });

  it('ends the connection at the advert beyond 300,000 bytes, even with less than 200 messages (row 62)', async () => {
    await using subject = await Subject.authenticated(role);
    const connection = await subject.connection;
    subject.peer.send(...Array.from({ length: 9 }, () => advert(1000)));
    await until(() => subject.bytes.received >= 9 * 32_000);
    subject.peer.send(advert(1000));
    expect(await subject.peer.farewell()).toEqual(['FIN']);
    expect(await count(connection)).toEqual({ messages: 9, code: 'OVERLAY_FLOOD_OVER_CAPACITY' });
  });

  it('sends one grant for 40 flood messages that the application has taken (row 63)', async () => {
    await using subject = await Subject.authenticated(role);
    const counting = count(await subject.connection);
    for (let round = 0; round < 2; round++) {
      subject.peer.send(...Array.from({ length: 40 }, () => advert()));
      expect(await subject.peer.expect('SEND_MORE_EXTENDED')).toMatchObject({ numMessages: 40, numBytes: 1600 });
    }
    subject.peer.end();
    expect(await counting).toEqual({ messages: 80 });
  });

  it('sends a flood message only when both messages and bytes are granted (row 64)', async () => {
    await using subject = await Subject.start(role);
    const { peer } = subject;
    await peer.greet();
    if (role === 'initiator') await peer.expect('AUTH');
    peer.send({ type: 'AUTH', flags: 200 }, grant(1, 1_000_000));
    if (role === 'acceptor') await peer.expect('AUTH');
    await peer.take(2);
    const connection = await subject.connection;
    await until(() => connection.credit.messages === 1n);
    const sends = Array.from({ length: 5 }, () => connection.send({ type: 'FLOOD_ADVERT', txHashes: [new Uint8Array(32)] }));
    await peer.expect('FLOOD_ADVERT');
    await peer.ping(); // No other message came before the answer.
    peer.send(grant(5, 10));
    await peer.expect('FLOOD_ADVERT');
    peer.send(grant(1, 1_000_000));
    expect(await peer.take(3)).toEqual(['FLOOD_ADVERT', 'FLOOD_ADVERT', 'FLOOD_ADVERT']);
    await Promise.all(sends);
  });

  it('accepts a HELLO in segments of one byte (row 73)', async () => {
    await using subject = await Subject.start(role);
    const { peer } = subject;
    if (role === 'initiator') await peer.expect('HELLO');
    let sent = 0;
    for (const byte of peer.hello()) {
      peer.write(Uint8Array.of(byte));
      sent++;
      await until(() => subject.bytes.received === sent);
    }
    expect(await peer.take(1)).toEqual([role === 'acceptor' ? 'HELLO' : 'AUTH']);
    peer.send({ type: 'AUTH', flags: 200 });
    expect((await subject.connection).remote.versionStr).toBe('raw peer');
  });
});

describe('an acceptor', () => {
  it('refuses a second connection of an authenticated peer, and keeps the first one (row 35)', async () => {
    const seed = random();
    await using listener = await listen({ port: 0, network });
    await using first = await RawPeer.dial(listener.port, { seed, unixSeconds: Date.now() / 1000 });
    await first.handshake();
    await using second = await RawPeer.dial(listener.port, { seed, unixSeconds: Date.now() / 1000 });
    second.write(second.hello());
    expect(await second.farewell()).toEqual(['HELLO', `ERR_CONF already-connected peer: ${first.peerID.slice(0, 5)}`, 'FIN']);
    second.end();
    await first.ping();
    first.end();
    await until(() => listener.counts.pending + listener.counts.authenticated === 0);
    // Its place is free again.
    await using third = await RawPeer.dial(listener.port, { seed, unixSeconds: Date.now() / 1000 });
    await third.handshake();
  });

  it('refuses the second of two connections of one peer during the handshake (row 36)', async () => {
    const seed = random();
    await using listener = await listen({ port: 0, network });
    const options = { seed, unixSeconds: Date.now() / 1000 };
    await using first = await RawPeer.dial(listener.port, options);
    await using second = await RawPeer.dial(listener.port, options);
    await first.greet();
    second.write(second.hello());
    expect(await second.farewell()).toEqual(['HELLO', `ERR_CONF already-connected peer: ${first.peerID.slice(0, 5)}`, 'FIN']);
    second.end();
    first.send({ type: 'AUTH', flags: 200 });
    expect(await first.take(3)).toEqual(['AUTH', 'SEND_MORE_EXTENDED', 'GET_SCP_STATE']);
  });

  it.each<[string, OverlayErrorCode, string, Partial<Parameters<RawPeer['hello']>[0]>]>([
    [
      'version, self, network and port',
      'OVERLAY_WRONG_PROTOCOL_VERSION',
      'wrong protocol version',
      { overlayVersion: 1, overlayMinVersion: 1, listeningPort: 0, networkID: new Uint8Array(32) },
    ],
    [
      'self, network and port',
      'OVERLAY_CONNECTING_TO_SELF',
      'connecting to self',
      { listeningPort: 0, networkID: new Uint8Array(32) },
    ],
  ])('reports the first of several faults: %s (row 37)', async (_name, code, text, faults) => {
    const seed = random();
    await using subject = await Subject.start('acceptor', { identity: NodeIdentity.fromSeed(seed) });
    await using self = await RawPeer.dial(subject.listener?.port ?? 0, { seed });
    self.write(self.hello(faults));
    expect(await self.farewell()).toEqual(['HELLO', `ERR_CONF ${text}`, 'FIN']);
    self.end();
    await until(() => subject.events.some(({ event }) => event === 'refused'));
    const refused = subject.events.find((event) => event.event === 'refused');
    expect(refused?.error.code).toBe(code);
  });

  it('checks the network before the listening port (row 37)', async () => {
    await using subject = await Subject.start('acceptor');
    subject.peer.write(subject.peer.hello({ listeningPort: 0, networkID: new Uint8Array(32) }));
    expect(await subject.peer.farewell()).toEqual(['HELLO', 'ERR_CONF wrong network passphrase', 'FIN']);
  });

  it('answers AUTH with AUTH, PEERS and ERR_LOAD when no slot is free (row 56)', async () => {
    const peers = [{ ip: '192.0.2.7', port: 11625, numFailures: 0 }];
    await using subject = await Subject.greeted('acceptor', { maxAuthenticatedConnections: 0, peers });
    subject.peer.send({ type: 'AUTH', flags: 200 });
    await subject.peer.expect('AUTH');
    expect((await subject.peer.expect('PEERS')).peers).toEqual(peers);
    expect(await subject.peer.farewell()).toEqual(['ERR_LOAD peer rejected', 'FIN']);
    expect(await subject.outcome()).toMatchObject({ code: 'OVERLAY_PEER_REJECTED', remote: { peerID: subject.peer.peerID } });
  });

  it('closes a connection at once, before it reads a byte, when no pending place is free (row 57)', async () => {
    await using subject = await Subject.start('acceptor', { maxPendingConnections: 1 });
    await until(() => subject.listener?.counts.pending === 1);
    await using late = await RawPeer.dial(subject.listener?.port ?? 0);
    expect(await late.farewell()).toEqual(['FIN']);
    expect(subject.events.map(({ event }) => event)).toEqual(['connected', 'refused']);
    expect(subject.events[1]).toMatchObject({ error: { code: 'OVERLAY_NO_PENDING_SLOT' } });
    await subject.peer.handshake(); // The connection that holds the place continues.
  });

  it('accepts AUTH, SEND_MORE_EXTENDED and GET_SCP_STATE in one segment (row 81)', async () => {
    await using subject = await Subject.greeted('acceptor');
    subject.peer.send({ type: 'AUTH', flags: 200 }, grant(), { type: 'GET_SCP_STATE', ledgerSeq: 7 });
    const connection = await subject.connection;
    const { value } = await connection[Symbol.asyncIterator]().next();
    expect(value).toMatchObject({ type: 'GET_SCP_STATE', ledgerSeq: 7 });
    expect(connection.credit).toEqual({ messages: 200n, bytes: 300_000n });
  });

  it('ends the connection without a message when it receives PEERS (row 52)', async () => {
    await using subject = await Subject.authenticated('acceptor');
    subject.peer.send({ type: 'PEERS', peers: [] });
    expect(await subject.peer.farewell()).toEqual(['FIN']);
    expect(await subject.outcome()).toMatchObject({ code: 'OVERLAY_UNEXPECTED_PEERS', dropReason: 'received PEERS' });
  });
});

describe('an initiator', () => {
  it('reports peer-full with the peerID when AUTH, PEERS and ERR_LOAD come in one segment (row 55)', async () => {
    await using subject = await Subject.greeted('initiator');
    const { peer } = subject;
    peer.write(
      peer.seal({ type: 'AUTH', flags: 200 }),
      peer.seal({ type: 'PEERS', peers: [{ ip: '192.0.2.1', port: 11625, numFailures: 0 }] }),
      peer.plain({ type: 'ERROR_MSG', code: 'ERR_LOAD', msg: 'peer rejected' }),
    );
    peer.end();
    await expect(subject.connection).rejects.toMatchObject({
      code: 'OVERLAY_PEER_ERROR',
      causeName: 'peer-full',
      peerError: { code: 'ERR_LOAD', message: 'peer rejected' },
      remote: { peerID: peer.peerID },
    });
  });

  it('handles AUTH, PEERS, SEND_MORE_EXTENDED and GET_SCP_STATE in one segment in order (row 75)', async () => {
    await using subject = await Subject.greeted('initiator');
    const peers = [{ ip: '192.0.2.1', port: 11625, numFailures: 0 }];
    subject.peer.send({ type: 'AUTH', flags: 200 }, { type: 'PEERS', peers }, grant(3, 300), {
      type: 'GET_SCP_STATE',
      ledgerSeq: 1,
    });
    const connection = await subject.connection;
    const messages = connection[Symbol.asyncIterator]();
    expect((await messages.next()).value).toMatchObject({ type: 'PEERS', peers });
    expect((await messages.next()).value).toMatchObject({ type: 'GET_SCP_STATE', ledgerSeq: 1 });
    expect(connection.credit).toEqual({ messages: 3n, bytes: 300n });
  });

  it('sends nothing after its HELLO before it receives the HELLO of the peer', async () => {
    await using node = await RawNode.start();
    const stop = new AbortController();
    const connecting = connect({ host: '127.0.0.1', port: node.port, network, signal: stop.signal });
    const peer = await node.peer();
    const aborted = expect(connecting).rejects.toMatchObject({ code: 'OVERLAY_ABORTED', stage: 'hello' });
    await peer.expect('HELLO');
    stop.abort();
    expect(await peer.farewell()).toEqual(['FIN']);
    await aborted;
  });

  it('refuses an AUTH whose MAC was made with another key', async () => {
    await using subject = await Subject.greeted('initiator');
    const { peer } = subject;

    peer.sender = new MacSender(nodeCrypto.macKey(random()));
    peer.send({ type: 'AUTH', flags: 200 });
    expect(await peer.farewell()).toEqual(['ERR_AUTH unexpected MAC', 'FIN']);
  });
});

/** Takes messages until the end. */
async function count(connection: Connection): Promise<{ messages: number; code?: string }> {
  let messages = 0;
  try {
    for await (const _message of connection) messages++;
    return { messages };
  } catch (error) {
    return { messages, code: (error as { code: string }).code };
  }
}
