/** A session on a stream in memory, whose buffered bytes can be counted. */

import { type Duplex, duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type Connection, listen, NodeIdentity, networks, type ReceivedMessage } from '../../../src/index.ts';
import { newConnection } from '../../../src/net/connection-info.ts';
import { type NodeOptions, peerOptions, resolveOptions } from '../../../src/net/options.ts';
import { Session } from '../../../src/net/session.ts';
import { concatBytes } from '../../../src/protocol/bytes.ts';
import { FLOOD_CAPACITY_MESSAGES, SEND_MORE_BATCH_MESSAGES } from '../../../src/protocol/constants.ts';
import { Peer } from '../../../src/protocol/peer.ts';
import { ManualClock, MockPeer, mockDial } from '../../../src/testing/index.ts';
import { until } from '../../support/raw-peer.ts';

const network = networks.standalone;

/** Our acceptor's session, and a scripted peer that has done the handshake. */
async function facing(options: Partial<NodeOptions> = {}) {
  const clock = new ManualClock();
  const [ours, theirs] = duplexPair() as [Duplex, Duplex];
  const resolved = resolveOptions({ network, clock, scpStateLedgerSeq: null, ...options });
  const begun = newConnection({ role: 'REMOTE_CALLED_US' });
  const session = new Session(new Peer(peerOptions(resolved, begun)), ours, {
    ...{ connection: begun.info, clock, handshakeTimeoutMs: 10_000, signal: options.signal },
  });
  const peer = new MockPeer(theirs, 'WE_CALLED_REMOTE', { network, clock });
  return { session, peer, clock, ours, theirs };
}

async function authenticated(options: Partial<NodeOptions> = {}) {
  const facts = await facing(options);
  await facts.peer.handshake();
  await facts.peer.expect('SEND_MORE_EXTENDED');
  await facts.session.authenticated;
  return facts;
}

/** The chunks that are written to a stream from now on. */
function writesTo(stream: Duplex): readonly Uint8Array[] {
  const writes: Uint8Array[] = [];
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = (...args: unknown[]) => {
    writes.push(args[0] as Uint8Array);
    return write(...args);
  };
  return writes;
}

/** The next message, as a loop takes it. */
const next = async (session: Session): Promise<ReceivedMessage | undefined> => session.take() ?? session.wait();

describe('a session', () => {
  it('buffers at most 1 MiB and one record of answers for a peer that does not read', async () => {
    const { session, peer, ours } = await authenticated();
    peer.stopReading();
    let taken = 0;
    const consumer = (async () => {
      while ((await next(session)) !== undefined) taken++;
    })();
    const asked = 40_000;
    for (let i = 0; i < asked; i++) peer.send({ type: 'GET_SCP_QUORUMSET', qSetHash: new Uint8Array(32) });
    await until(() => ours.writableLength >= 0x100000);
    await until(() => ours.isPaused());
    expect(ours.writableLength).toBeLessThan(0x100000 + 88);
    expect(taken).toBeLessThan(asked);
    session.end('OVERLAY_CLOSED');
    await consumer;
    ours.destroy();
    await session.closed;
  });

  it('drops a peer that has not read for 120 s, even if it sends', async () => {
    const { session, peer, clock, ours } = await authenticated();
    peer.stopReading();
    const sent = session.send({ type: 'TX_SET', txSet: new Uint8Array(0x80000) });
    const failed = expect(sent).rejects.toMatchObject({ code: 'OVERLAY_STRAGGLING' });
    await until(() => ours.writableNeedDrain);
    for (let seconds = 0; seconds < 115; seconds += 5) {
      peer.send({ type: 'GET_SCP_STATE', ledgerSeq: seconds });
      expect(await next(session)).toMatchObject({ ledgerSeq: seconds });
      clock.advance(5_000);
    }
    expect(session.error).toBeUndefined();
    peer.send({ type: 'GET_SCP_STATE', ledgerSeq: 115 });
    await next(session);
    clock.advance(5_000);
    expect(session.error).toMatchObject({ code: 'OVERLAY_STRAGGLING', dropReason: 'straggling (cannot keep up)' });
    await failed;
    clock.advance(1_000);
    await session.closed;
    expect(clock.timers).toBe(0);
  });

  it('does not drop a peer that has read in the meantime', async () => {
    const { session, peer, clock, ours, theirs } = await authenticated();
    peer.stopReading();
    const sent = session.send({ type: 'TX_SET', txSet: new Uint8Array(0x80000) });
    await until(() => ours.writableNeedDrain);
    clock.advance(4_000);
    theirs.resume();
    await sent;
    for (let seconds = 0; seconds < 200; seconds += 5) {
      peer.send({ type: 'GET_SCP_STATE', ledgerSeq: seconds });
      await next(session);
      clock.advance(5_000);
    }
    expect(session.error).toBeUndefined();
    session.end('OVERLAY_CLOSED');
    peer.close();
    await session.closed;
  });

  it('ends with the error of the stream', async () => {
    const { session, ours, clock } = await authenticated();
    const cause = Object.assign(new Error('read EIO'), { code: 'EIO' });
    ours.destroy(cause);
    expect(await session.ended).toMatchObject({
      ...{ code: 'OVERLAY_CONNECTION_RESET', stage: 'channel', cause, message: 'The connection broke: read EIO.' },
    });
    await session.closed;
    expect(clock.timers).toBe(0);
  });

  it('ends at once without HELLO when its signal has aborted before', async () => {
    const { session, theirs, clock } = await facing({ signal: AbortSignal.abort('no') });
    await expect(session.authenticated).rejects.toMatchObject({ code: 'OVERLAY_ABORTED', cause: 'no' });
    theirs.end();
    await session.closed;
    expect(clock.timers).toBe(0);
  });

  it('refuses send() and ping() before AUTH', async () => {
    const { session, peer, ours } = await facing();
    peer.hello();
    await peer.expect('HELLO');
    await expect(session.send({ type: 'GET_SCP_STATE', ledgerSeq: 0 })).rejects.toMatchObject({ stage: 'auth' });
    await expect(session.ping()).rejects.toMatchObject({ code: 'OVERLAY_CLOSED', stage: 'auth' });
    expect(session.remote?.peerID).toBe(peer.peerID);
    ours.destroy();
    await session.closed;
  });

  it('delivers the messages that came before the end, then nothing', async () => {
    const { session, peer } = await authenticated();
    peer.send({ type: 'GET_SCP_STATE', ledgerSeq: 1 });
    peer.send({ type: 'GET_SCP_STATE', ledgerSeq: 2 });
    peer.close();
    await session.ended;
    expect(session.endedCleanly).toBe(true);
    expect(await next(session)).toMatchObject({ ledgerSeq: 1 });
    expect(session.take()).toMatchObject({ ledgerSeq: 2 });
    expect(await next(session)).toBeUndefined();
    expect(session.take()).toBeUndefined();
    await session.closed;
  });

  it('delivers a DONT_HAVE that answers no request', async () => {
    const { session, peer, ours } = await authenticated();
    peer.send({ type: 'DONT_HAVE', reqType: 'TX_SET', reqHash: new Uint8Array(32) });
    expect(await next(session)).toMatchObject({ type: 'DONT_HAVE' });
    ours.destroy();
    await session.closed;
  });

  it('sends the peerID of its identity in HELLO', async () => {
    const identity = NodeIdentity.random();
    const { session, peer, ours } = await facing({ identity });
    peer.hello();
    expect((await peer.expect('HELLO')).peerID).toBe(identity.peerID);
    ours.destroy();
    await session.closed;
    expect(session.error?.code).toBe('OVERLAY_CONNECTION_RESET');
  });
});

describe('a turn of the event loop', () => {
  /** Small records in one write, as fast as a socket takes them; how many are handled before others get their turn. */
  it('handles less than 5,000 of 25,000 small messages, so that others get their turn', async () => {
    await using listener = await listen({ network, port: 0, scpStateLedgerSeq: null });
    const accepted = listener[Symbol.asyncIterator]().next();
    let handled = 0;
    let most = 0;
    let over = false;
    await mockDial(listener.port, { network }, async (peer) => {
      await peer.handshake();
      const connection = (await accepted).value as Connection;
      const reading = (async () => {
        for await (const _message of connection) handled++;
      })();
      const watching = (async () => {
        while (!over) {
          const before = handled;
          await new Promise((resolve) => setImmediate(resolve));
          most = Math.max(most, handled - before);
        }
      })();
      const records = Array.from({ length: 25_000 }, (_, i) => peer.seal(peer.record({ type: 'GET_SCP_STATE', ledgerSeq: i })));
      await peer.push(concatBytes(...records));
      await until(() => handled === 25_000);
      over = true;
      await watching;
      await connection.close();
      await reading;
    });
    expect(most).toBeLessThan(5_000);
  });

  it.each<[string, (session: Session) => Promise<void>]>([
    [
      'a loop',
      async (session) => {
        for (let taken = 0; taken < FLOOD_CAPACITY_MESSAGES; taken++) session.release((await next(session)) as ReceivedMessage);
      },
    ],
    [
      'an application that releases all of them at once',
      async (session) => {
        const messages: ReceivedMessage[] = [];
        while (messages.length < FLOOD_CAPACITY_MESSAGES) messages.push((await next(session)) as ReceivedMessage);
        for (const message of messages) session.release(message);
      },
    ],
  ])('has one write for all grants that fall due in it: %s', async (_name, take) => {
    const { session, peer, ours } = await authenticated();
    const writes = writesTo(ours);
    const taking = take(session);
    peer.together(() => {
      for (let i = 0; i < FLOOD_CAPACITY_MESSAGES; i++)
        peer.send({ type: 'FLOOD_ADVERT', txHashes: [new Uint8Array(32).fill(i)] });
    });
    await taking;
    for (let i = 0; i < FLOOD_CAPACITY_MESSAGES / SEND_MORE_BATCH_MESSAGES; i++)
      expect(await peer.expect('SEND_MORE_EXTENDED')).toMatchObject({ numMessages: SEND_MORE_BATCH_MESSAGES });
    expect(writes).toHaveLength(1);
    ours.destroy();
    await session.closed;
  });

  it('is followed by others until all received messages are handled', async () => {
    const { session, peer } = await authenticated();
    let taken = 0;
    const consumer = (async () => {
      while ((await next(session)) !== undefined) taken++;
    })();
    const records = Array.from({ length: 5_000 }, (_, i) => peer.seal(peer.record({ type: 'GET_SCP_STATE', ledgerSeq: i })));
    await peer.push(concatBytes(...records));
    await until(() => taken === 5_000);
    peer.close();
    await consumer;
    await session.closed;
  });
});
