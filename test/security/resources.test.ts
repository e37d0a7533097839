/** Peers that try to exhaust a node: they are limited, all others are served, and no resource leaks. */
import { connect as dialTcp, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type Listener, type ListenerEvent, listen, NodeIdentity, networks } from '../../src/index.ts';
import { fromHex, utf8Encode } from '../../src/protocol/bytes.ts';
import { ManualClock, MockPeer } from '../../src/testing/index.ts';
import { grant, openHandles, RawPeer, until } from '../support/raw-peer.ts';
import { ROLES, Subject } from './subject.ts';

const network = networks.standalone;
const MIB = 0x100000;
let before: string[];
const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => void rejections.push(reason);

beforeEach(() => {
  before = openHandles();
  process.on('unhandledRejection', onRejection);
});

afterEach(async () => {
  await until(() => openHandles().length === before.length);
  process.off('unhandledRejection', onRejection);
  expect(rejections).toEqual([]);
});

/** An honest peer's whole connection: handshake, a round trip, close. */
async function honest({ port }: Listener, clock: ManualClock): Promise<void> {
  await using connection = await connect({ host: '127.0.0.1', port, network, clock });
  await connection.ping();
}

/** A connection from another address of this machine. */
function dialFrom(localAddress: string, port: number): Socket {
  return dialTcp({ host: '127.0.0.1', port, localAddress }).on('error', () => {});
}

const idle = ({ counts }: Listener): boolean => counts.pending + counts.authenticated === 0;

describe('an acceptor', () => {
  it('serves honest peers while 1,000 others send one byte a second, and drops those at the deadline', async () => {
    const clock = new ManualClock();
    const events: ListenerEvent[] = [];
    let received = 0;
    await using listener = await listen({
      ...{ port: 0, network, clock, maxPendingConnections: 1_100, maxPerAddress: 1_100, onEvent: (event) => events.push(event) },
      onBytes: (direction, { length }, { role }) => {
        if (direction === 'received' && role === 'REMOTE_CALLED_US') received += length;
      },
    });
    const drippers = await Promise.all(Array.from({ length: 1_000 }, () => RawPeer.dial(listener.port)));
    const hellos = drippers.map((dripper) => dripper.hello());
    await until(() => listener.counts.pending === 1_000);
    const drop = async (at: number, ms: number): Promise<void> => {
      const expected = received + 1_000;
      for (const [i, dripper] of drippers.entries()) dripper.write((hellos[i] as Uint8Array).subarray(at, at + 1));
      await until(() => received === expected);
      clock.advance(ms);
    };
    await drop(0, 1_000);
    await honest(listener, clock);
    await drop(1, 1_000);
    await drop(2, 1_001);
    await drop(3, 1_000); // The header is now complete, so the tick at 5 s counts it as a read.
    await Promise.all(Array.from({ length: 20 }, () => honest(listener, clock)));
    // Closed connections must be noticed before the clock advances, because the wait for their sockets depends on it.
    const left = (): number => events.filter(({ event }) => event === 'closed').length;
    await until(() => left() === 21);
    await drop(4, 2_000);
    // Our own honest peers have closed; the listener learns of it a turn later.
    await until(() => listener.counts.pending === 1_000);
    await honest(listener, clock);
    await until(() => left() === 22);
    clock.advance(10_000);
    expect(await Promise.all(drippers.map((dripper) => dripper.farewell()))).toEqual(drippers.map(() => ['FIN']));
    await Promise.all(drippers.map((dripper) => dripper[Symbol.asyncDispose]()));
    await until(() => idle(listener));
    expect(clock.timers).toBe(0);
    expect(events.filter(({ event }) => event === 'authenticated')).toHaveLength(22);
    expect(events.filter(({ event }) => event === 'refused')).toHaveLength(1_000);
    expect(new Set(events.flatMap((event) => (event.event === 'refused' ? [event.error.code] : [])))).toEqual(
      new Set(['OVERLAY_HANDSHAKE_TIMEOUT']),
    );
  });

  it('closes connections beyond the pending places at once, and accepts again when a place is free', async () => {
    const clock = new ManualClock();
    await using listener = await listen({ port: 0, network, clock, maxPendingConnections: 5, maxPerAddress: 5 });
    const holders = await Promise.all(Array.from({ length: 5 }, () => RawPeer.dial(listener.port)));
    await until(() => listener.counts.pending === 5);
    await using late = await RawPeer.dial(listener.port);
    expect(await late.farewell()).toEqual(['FIN']);
    expect(listener.counts.pending).toBe(5);
    holders[0]?.reset();
    await until(() => listener.counts.pending === 4);
    await honest(listener, clock);
    for (const holder of holders) holder.reset();
    await until(() => idle(listener));
    expect(clock.timers).toBe(0);
  });

  it('keeps places free for other addresses when one address opens many silent connections, or uses many identities', async () => {
    const clock = new ManualClock();
    const refused: string[] = [];
    await using listener = await listen({
      ...{ port: 0, network, clock, maxPendingConnections: 20, maxAuthenticatedConnections: 10 },
      onEvent: (event) => {
        if (event.event === 'refused') refused.push(event.error.code);
      },
    });
    const at = { host: '127.0.0.1', port: listener.port };
    const floods = Array.from({ length: 30 }, () => dialFrom('127.0.0.2', listener.port));
    const count = (code: string): number => refused.filter((one) => one === code).length;
    await until(() => count('OVERLAY_NO_PENDING_SLOT') === 20);
    expect(listener.counts.pending).toBe(10);
    for (let i = 0; i < 29; i++) await honest(listener, clock);
    for (const flood of floods) flood.destroy();
    await until(() => listener.counts.pending === 0);

    for (let i = 0; i < 8; i++) {
      const socket = dialFrom('127.0.0.2', listener.port);
      floods.push(socket);
      await new MockPeer(socket, 'WE_CALLED_REMOTE', { network, clock }).handshake();
    }
    expect(count('OVERLAY_PEER_REJECTED')).toBe(3);
    expect(listener.counts.authenticated).toBe(5);
    for (let i = 0; i < 29; i++) await honest(listener, clock);
    await using _connection = await connect({ ...at, network, clock });
    for (const flood of floods) flood.destroy();
  });

  it('calls accept() once for each connection, before it reads a byte', async () => {
    const asked: string[] = [];
    const events: ListenerEvent[] = [];
    await using listener = await listen({
      ...{ port: 0, network, onEvent: (event) => events.push(event) },
      accept: (address) => {
        asked.push(address);
        if (address === '127.0.0.3') throw new Error('a bug');
        return address !== '127.0.0.2';
      },
    });
    for (const address of ['127.0.0.2', '127.0.0.3']) {
      const socket = dialFrom(address, listener.port);
      await new Promise((resolve) => socket.once('close', resolve).resume());
    }
    await using _connection = await connect({ host: '127.0.0.1', port: listener.port, network });
    expect(asked).toEqual(['127.0.0.2', '127.0.0.3', '127.0.0.1']);
    expect(events.map((event) => (event.event === 'refused' ? event.error.code : event.event))).toEqual([
      ...['OVERLAY_ADDRESS_REFUSED', 'OVERLAY_INTERNAL', 'connected', 'authenticated'],
    ]);
  });

  it('gives the slot of a closed connection to the next peer', async () => {
    const clock = new ManualClock();
    await using listener = await listen({ port: 0, network, clock, maxAuthenticatedConnections: 1 });
    const first = await connect({ host: '127.0.0.1', port: listener.port, network, clock });
    await expect(connect({ host: '127.0.0.1', port: listener.port, network, clock })).rejects.toMatchObject({
      code: 'OVERLAY_PEER_ERROR',
      peerError: { code: 'ERR_LOAD', message: 'peer rejected' },
    });
    expect(listener.counts.authenticated).toBe(1);
    await first.close();
    await until(() => idle(listener));
    await honest(listener, clock);
  });

  it('counts a refused connection as pending until its socket is closed, at most half a second', async () => {
    await using subject = await Subject.start('acceptor');
    subject.peer.write(subject.peer.hello({ overlayVersion: 1, overlayMinVersion: 1 }));
    await subject.peer.expect('HELLO');
    await subject.peer.expect('ERROR_MSG');
    // The peer keeps its side open: the connection is still there.
    expect(subject.listener?.counts.pending).toBe(1);
    await until(() => subject.clock.timers === 2);
    subject.clock.advance(500);
    await until(() => subject.listener?.counts.pending === 0);
    expect(subject.clock.timers).toBe(0);
  });
});

describe.each(ROLES)('our side as %s', (role) => {
  const opening = role === 'initiator' ? ['HELLO'] : [];

  it.each([
    ['6 garbage bytes', utf8Encode('abcdef'), false],
    ['an HTTP request', utf8Encode('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), true],
    ['an HTTP response', utf8Encode('HTTP/1.1 400 Bad Request\r\n\r\n'), true],
    ['a TLS ClientHello', fromHex('1603010200010001fc0303'), true],
    ['a TLS alert', fromHex('15030100020232'), false],
    ['an SSH greeting', utf8Encode('SSH-2.0-OpenSSH_9.6\r\n'), true],
  ])('ends the connection without a message for %s', async (_name, bytes, isRecognised) => {
    await using subject = await Subject.start(role);
    subject.peer.write(bytes);
    expect(await subject.peer.farewell()).toEqual([...opening, 'FIN']);
    // A listener names the protocol that a stranger spoke, where it is known.
    const code = role === 'acceptor' && isRecognised ? 'OVERLAY_NOT_STELLAR' : 'OVERLAY_RECORD_LENGTH';
    expect(await subject.outcome()).toMatchObject({ code, stage: 'hello', told: null });
  });

  it('ends the connection in stage auth when FIN follows HELLO', async () => {
    await using subject = await Subject.start(role);
    const { peer } = subject;
    if (role === 'initiator') await peer.expect('HELLO');
    peer.write(peer.hello());
    peer.end();
    expect(await peer.farewell()).toEqual([role === 'acceptor' ? 'HELLO' : 'AUTH', 'FIN']);
    expect(await subject.outcome()).toMatchObject({
      code: 'OVERLAY_CONNECTION_CLOSED',
      causeName: 'closed-before-auth',
      remote: { peerID: peer.peerID },
    });
  });

  it('ends the connection when the peer closes its sending side after the handshake', async () => {
    await using subject = await Subject.authenticated(role);
    const connection = await subject.connection;
    subject.peer.end();
    expect(await subject.peer.farewell()).toEqual(['FIN']);
    expect(await connection.ended).toMatchObject({ code: 'OVERLAY_CONNECTION_CLOSED', stage: 'channel' });
    await expect(connection[Symbol.asyncIterator]().next()).resolves.toEqual({ value: undefined, done: true });
  });

  it('delivers the last complete message, then throws, when FIN comes inside a record', async () => {
    await using subject = await Subject.authenticated(role);
    const messages = (await subject.connection)[Symbol.asyncIterator]();
    const { peer } = subject;
    peer.write(peer.seal({ type: 'GET_SCP_STATE', ledgerSeq: 5 }), peer.seal(grant()).subarray(0, 30));
    peer.end();
    expect((await messages.next()).value).toMatchObject({ type: 'GET_SCP_STATE', ledgerSeq: 5 });
    await expect(messages.next()).rejects.toMatchObject({ code: 'OVERLAY_CONNECTION_CLOSED', stage: 'channel' });
  });

  it.each(['hello', 'auth', 'channel'] as const)(
    'reports a RST inside a record as OVERLAY_CONNECTION_RESET in stage %s',
    async (stage) => {
      const begin = { hello: Subject.start, auth: Subject.greeted, channel: Subject.authenticated }[stage];
      await using subject = await begin(role);
      const { peer } = subject;
      const { received } = subject.bytes;
      peer.write(peer.plain(grant()).subarray(0, 30));
      await until(() => subject.bytes.received === received + 30);
      peer.reset();
      expect(await subject.outcome()).toMatchObject({ code: 'OVERLAY_CONNECTION_RESET', stage, told: null });
    },
  );

  it('drops a peer that sends nothing for 30 s', async () => {
    await using subject = await Subject.authenticated(role);
    const connection = await subject.connection;
    // The tick at 5 s sends a ping. After that, neither side sends anything.
    subject.clock.advance(5_000);
    await subject.peer.expect('GET_SCP_QUORUMSET');
    subject.clock.advance(29_999);
    expect(subject.clock.timers).toBe(1);
    subject.clock.advance(1);
    expect(await connection.ended).toMatchObject({ code: 'OVERLAY_IDLE_TIMEOUT', stage: 'channel' });
    await expect(connection[Symbol.asyncIterator]().next()).rejects.toThrow('Nothing was read or written for 30000 ms.');
  });

  it('stops reading from a peer that sends requests and does not read the answers', async () => {
    await using subject = await Subject.authenticated(role);
    const connection = await subject.connection;
    const consumed = (async () => {
      for await (const _message of connection);
    })();
    consumed.catch(() => {});
    const { peer, bytes } = subject;
    peer.socket.pause();
    const asked = 16 * MIB;
    const ask = { type: 'GET_SCP_QUORUMSET', qSetHash: new Uint8Array(32) } as const;
    const question = peer.plain(ask).length;
    const batch = 4_000;
    for (let sent = 0; sent < asked; sent += batch * question) peer.sendMany(batch, ask);
    await stalled(bytes);
    // What the kernel holds in both directions, and our MiB.
    expect(peer.socket.writableLength).toBeGreaterThan(asked / 4);
    expect(bytes.received).toBeLessThan(asked / 2);
    // It reads again, and everything is answered.
    peer.socket.resume();
    let answers = 0;
    while (answers * question < asked) answers += (await peer.next())?.type === 'DONT_HAVE' ? 1 : 0;
    peer.end();
    await consumed;
  });

  it('stops the peer when the application takes no message, and delivers all messages in order later', async () => {
    await using subject = await Subject.authenticated(role);
    const connection = await subject.connection;
    const { peer, bytes } = subject;
    const total = 400;
    const size = 64 * 1024;
    for (let i = 0; i < total; i++) {
      const txSet = new Uint8Array(size);
      new DataView(txSet.buffer).setUint32(0, i);
      peer.send({ type: 'TX_SET', txSet });
    }
    await stalled(bytes);
    // At most: 1 MiB of received messages, one more message, one chunk, and the buffer of the stream.
    expect(bytes.received).toBeLessThan(2 * MIB);
    expect(peer.socket.writableLength).toBeGreaterThan(0);
    let next = 0;
    for await (const message of connection) {
      if (message.type !== 'TX_SET') continue;
      expect(new DataView(message.txSet.buffer, message.txSet.byteOffset).getUint32(0)).toBe(next++);
      if (next === total) break;
    }
    peer.end();
    expect((await connection.ended).code).toBe('OVERLAY_CONNECTION_CLOSED');
  });

  it('stops the peer when the application leaves too many small messages', async () => {
    await using subject = await Subject.authenticated(role);
    const connection = await subject.connection;
    const { peer, bytes } = subject;
    const total = 100_000;
    const message = { type: 'GET_SCP_STATE', ledgerSeq: 1 } as const;
    for (let sent = 0; sent < total; sent += 1_000) peer.sendMany(1_000, message);
    await stalled(bytes);
    expect(bytes.received).toBeLessThan(MIB);
    let taken = 0;
    for await (const _message of connection) if (++taken === total) break;
    expect(taken).toBe(total);
  });
});

/** Resolves when no more bytes are received while another listener serves its peer. */
async function stalled(bytes: { readonly received: number }): Promise<void> {
  const clock = new ManualClock();
  await using listener = await listen({ port: 0, network, clock, identity: NodeIdentity.random() });
  for (let last = -1; bytes.received !== last; ) {
    last = bytes.received;
    for (let i = 0; i < 5; i++) await honest(listener, clock);
  }
}
