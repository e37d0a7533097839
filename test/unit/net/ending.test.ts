import { Duplex, duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type Connection, connect, listen, networks, OverlayError } from '../../../src/index.ts';
import { newConnection } from '../../../src/net/connection-info.ts';
import { peerOptions, resolveOptions } from '../../../src/net/options.ts';
import { Session } from '../../../src/net/session.ts';
import { Peer } from '../../../src/protocol/peer.ts';
import { annotateRecord } from '../../../src/protocol/wire/annotate.ts';
import { writeRecord } from '../../../src/protocol/wire/authenticated-message.ts';
import type { SCPQuorumSet } from '../../../src/protocol/wire/messages.ts';
import { XdrWriter } from '../../../src/protocol/xdr/writer.ts';
import { ManualClock, MockPeer, type MockScript, mockDial, mockNode, mockPair } from '../../../src/testing/index.ts';

const network = networks.standalone;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A dialling session in memory whose peer the test controls: its output is taken only when the test reads. */
function unreadSession(): { clock: ManualClock; session: Session; written: () => number; readSome: () => Promise<void> } {
  const clock = new ManualClock();
  const [ours, theirs] = duplexPair({ highWaterMark: 64 });
  const resolved = resolveOptions({ network, clock, handshakeTimeoutMs: 3_600_000 });
  const begun = newConnection({ role: 'WE_CALLED_REMOTE' });
  const peer = new Peer({ ...peerOptions(resolved, begun), authenticationTimeoutMs: 3_600_000 });
  const session = new Session(peer, ours, { clock, handshakeTimeoutMs: 3_600_000, connection: begun.info });
  const readSome = async (): Promise<void> => {
    theirs.read();
    await turn();
  };
  return { clock, session, written: () => ours.writableLength, readSome };
}

it('a peer that reads nothing for 120 s is dropped as straggling', async () => {
  const { clock, session, written } = unreadSession();
  await turn();
  expect(written()).toBeGreaterThan(0);
  clock.advance(115_000);
  expect(session.error).toBeUndefined();
  clock.advance(5_000);
  expect(session.error?.code).toBe('OVERLAY_STRAGGLING');
  expect(session.error?.dropReason).toBe('straggling (cannot keep up)');
  clock.advance(10_000);
  await session.closed;
  expect(clock.timers).toBe(0);
});

it('a peer that reads all within two minutes is not dropped as straggling', async () => {
  const { clock, session, written, readSome } = unreadSession();
  await turn();
  clock.advance(115_000);
  while (written() > 0) await readSome();
  clock.advance(300_000);
  expect(session.error).toBeUndefined();
  session.end('OVERLAY_ABORTED');
  clock.advance(10_000);
  await session.closed;
});

it('a peer that always has unread bytes, but none for two minutes, is not dropped as straggling', async () => {
  const clock = new ManualClock();
  /** Writes that the operating system has not taken; null while it takes everything at once. */
  let held: (() => void)[] | null = null;
  const theirs: Duplex = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      ours.push(chunk);
      done();
    },
  });
  const ours: Duplex = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      theirs.push(chunk);
      if (held === null) done();
      else held.push(done);
    },
  });
  const mock = new MockPeer(theirs, 'REMOTE_CALLED_US', { network, clock });
  const resolved = resolveOptions({ network, clock });
  const begun = newConnection({ role: 'WE_CALLED_REMOTE' });
  const session = new Session(new Peer(peerOptions(resolved, begun)), ours, {
    clock,
    handshakeTimeoutMs: 10_000,
    connection: begun.info,
  });
  await Promise.all([mock.handshake(), session.authenticated]);
  await turn();
  const waiting: (() => void)[] = [];
  held = waiting;
  const send = async (): Promise<void> => {
    session.send({ type: 'GET_SCP_STATE', ledgerSeq: 1 }).catch(() => {});
    await turn();
  };
  for (let i = 0; i < 3; i++) await send();
  for (let step = 0; step < 80; step++) {
    clock.advance(3_000);
    await send();
    expect(ours.writableLength).toBeGreaterThan(0);
    // One write is taken, and the stream passes on the next one. Some bytes always wait.
    waiting.shift()?.();
    await turn();
    expect(ours.writableLength).toBeGreaterThan(0);
    expect(session.error).toBeUndefined();
  }
  session.end('OVERLAY_ABORTED');
  clock.advance(10_000);
  await session.closed;
});

it.each([
  ['between two records', [], 'header'],
  ['inside a header', [0x80, 0], 'header'],
  ['inside a body', [0x80, 0, 0, 52, 0, 0], 'body'],
])('the dropReason after a FIN %s has the words of stellar-core', async (_where, bytes, part) => {
  await using node = await mockNode({ network }, async (peer) => {
    await peer.expect('HELLO');
    peer.sendRaw(Uint8Array.from(bytes as number[]));
  });
  const error = await connect({ host: node.host, port: node.port, network }).catch((reason: OverlayError) => reason);
  expect(error).toBeInstanceOf(OverlayError);
  expect((error as OverlayError).dropReason).toBe(`error reading message ${part}: End of file`);
});

it('a dropped peer counts as pending until its socket is closed, and its slot is free at once', async () => {
  const clock = new ManualClock();
  const listener = await listen({ network, port: 0, clock });
  const counts: unknown[] = [];
  const accepted = listener[Symbol.asyncIterator]().next();
  await mockDial(listener.port, { network, clock }, async (peer) => {
    await peer.handshake();
    const connection = (await accepted).value;
    counts.push(listener.counts);
    // This side keeps its half of the connection open.
    peer.replay();
    expect((await connection?.ended)?.code).toBe('OVERLAY_UNEXPECTED_SEQUENCE');
    counts.push(listener.counts);
    await peer.expectEnd();
    clock.advance(500);
    while (listener.counts.pending > 0) await turn();
    counts.push(listener.counts);
  });
  expect(counts).toEqual([
    { pending: 0, authenticated: 1 },
    { pending: 1, authenticated: 0 },
    { pending: 0, authenticated: 0 },
  ]);
  await listener.close();
});

it('a dialler that drops without a message sends everything before its FIN', async () => {
  const types: string[] = [];
  await using node = await mockNode({ network }, async (peer) => {
    types.push((await peer.expect('HELLO')).type);
    peer.hello();
    types.push((await peer.expect('AUTH')).type);
    peer.auth();
    peer.send({ type: 'SEND_MORE', numMessages: 1 });
    types.push((await peer.expect('SEND_MORE_EXTENDED')).type);
    await peer.expectEnd();
  });
  await expect(connect({ host: node.host, port: node.port, network })).rejects.toMatchObject({ code: 'OVERLAY_SEND_MORE' });
  await node.finished();
  expect(types).toEqual(['HELLO', 'AUTH', 'SEND_MORE_EXTENDED']);
});

/** Moves a clock on in small steps, with time for streams in between, until something has happened. */
async function until(clock: ManualClock, over: () => boolean): Promise<void> {
  while (!over()) {
    for (let i = 0; i < 5; i++) await turn();
    clock.advance(10);
  }
}

/** The records that reach a peer which takes 100 ms for each, and at our FIN loses those it has not processed. */
async function reaches(script: MockScript, act: (connection: Promise<Connection>) => Promise<unknown>): Promise<number> {
  const clock = new ManualClock();
  const { connection, finished } = mockPair({ network, clock }, script, { handlingMs: 100 });
  let over = false;
  const all = Promise.all([act(connection), finished]).finally(() => {
    over = true;
  });
  await until(clock, () => over);
  await all;
  return clock.now().monotonicMs;
}

describe('a peer that handles messages slowly and loses the rest at our FIN', () => {
  it('receives the ERROR_MSG of the handshake', async () => {
    await reaches(
      async (peer) => {
        await peer.expect('HELLO');
        peer.hello({ networkID: new Uint8Array(32) });
        expect((await peer.expect('ERROR_MSG')).msg).toBe('wrong network passphrase');
      },
      (connection) => expect(connection).rejects.toMatchObject({ code: 'OVERLAY_WRONG_NETWORK' }),
    );
  });

  it('receives a message that was sent right before close()', async () => {
    await reaches(
      async (peer) => {
        await peer.handshake();
        await peer.expect('SEND_MORE_EXTENDED');
        await peer.expect('GET_SCP_STATE');
        expect((await peer.expect('TX_SET')).txSet).toHaveLength(8);
        await peer.expectEnd();
      },
      async (connecting) => {
        const connection = await connecting;
        void connection.send({ type: 'TX_SET', txSet: new Uint8Array(8) });
        await connection.close();
      },
    );
  });

  it('delays close() by half a second at most', async () => {
    const endedMs = await reaches(
      async (peer) => {
        await peer.handshake();
        await peer.expectEnd();
      },
      async (connecting) => {
        const connection = await connecting;
        await connection.send({ type: 'TX_SET', txSet: new Uint8Array(8) });
        await connection.close();
      },
    );
    expect(endedMs).toBeLessThan(1_000);
  });
});

describe('a peer that closes five seconds late', () => {
  /** A node with a manual clock, like ours. A wait for the node would never end. */
  async function late(script: MockScript, act: (connection: Connection) => Promise<void>): Promise<void> {
    const clock = new ManualClock();
    await using node = await mockNode({ network, clock, closingMs: 5_000 }, script);
    const connection = await connect({ host: node.host, port: node.port, network, clock });
    await act(connection);
    await connection.close();
    expect(clock.now().monotonicMs).toBe(0);
    await node.finished();
    expect(clock.timers).toBe(1); // The timer of the node, whose side is still open.
  }

  const honest: MockScript = async (peer) => {
    await peer.handshake();
    for (let body = await peer.receiveBody(); body !== undefined; body = await peer.receiveBody()) {
      const message = peer.read(body);
      if (message.type === 'GET_SCP_QUORUMSET')
        peer.send({ type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: message.qSetHash });
    }
  };

  it('does not delay close() when nothing has to arrive', () => late(honest, async () => {}));

  it('does not delay close() when only requests were sent to it', () =>
    late(honest, (connection) => connection.send({ type: 'GET_SCP_STATE', ledgerSeq: 0 })));

  it('does not delay close() when a ping has confirmed the messages', () =>
    late(honest, async (connection) => {
      await connection.send({ type: 'TX_SET', txSet: new Uint8Array(8) });
      await connection.ping();
    }));

  it('does not delay an acceptor that drops it without a message', async () => {
    const clock = new ManualClock();
    await using listener = await listen({ network, port: 0, clock });
    const dialling = mockDial(listener.port, { network, clock, closingMs: 5_000 }, async (peer) => {
      peer.sendHeader(0);
      await peer.expectEnd();
    });
    while (clock.timers === 0 || listener.counts.pending > 0) await turn();
    expect(clock.now().monotonicMs).toBe(0);
    while (clock.timers < 2) await turn();
    clock.advance(5_000);
    await dialling;
  });
});

it('a peer that is sending when we close receives FIN, not RST', async () => {
  await using listener = await listen({ network, port: 0 });
  const accepted = listener[Symbol.asyncIterator]().next();
  const connection = await connect({ host: '127.0.0.1', port: listener.port, network });
  const sender = (await accepted).value as Connection;
  const sending = (async () => {
    for (;;) await sender.send({ type: 'TX_SET', txSet: new Uint8Array(1_000) });
  })();
  const stopped = expect(sending).rejects.toMatchObject({ code: 'OVERLAY_CONNECTION_CLOSED' });
  await connection[Symbol.asyncIterator]().next();
  await connection.close();
  expect((await sender.ended).code).toBe('OVERLAY_CONNECTION_CLOSED');
  await stopped;
});

function nested(levels: number): SCPQuorumSet {
  return levels === 1
    ? { threshold: 1, validators: [], innerSets: [] }
    : { threshold: 1, validators: [], innerSets: [nested(levels - 1)] };
}

it('writeRecord() refuses a quorum set that is nested too deep, and the writer can still be used', () => {
  const writer = new XdrWriter();
  expect(() => writeRecord(writer, { type: 'SCP_QUORUMSET', qSet: nested(101) })).toThrow(RangeError);
  expect(writer.length).toBe(0);
  const body = writeRecord(writer, { type: 'SCP_QUORUMSET', qSet: nested(100) });
  expect(annotateRecord(writer.take().subarray(body)).length).toBeGreaterThan(300);
});

it('annotateRecord() refuses a quorum set of 2,000 levels with an XdrError', () => {
  const level = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
  const message = Uint8Array.from([
    0,
    0,
    0,
    10,
    ...Array.from({ length: 2_000 }, () => level).flat(),
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  ]);
  const body = new Uint8Array(12 + message.length + 32);
  body.set(message, 12);
  expect(() => annotateRecord(body)).toThrow('nested deeper than 745 levels');
});
