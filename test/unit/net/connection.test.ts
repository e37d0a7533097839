import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Connection,
  connect,
  type ListenOptions,
  listen,
  networks,
  type ReceivedMessage,
  type SendableMessage,
} from '../../../src/index.ts';
import { toHex } from '../../../src/protocol/bytes.ts';
import { ManualClock } from '../../../src/testing/index.ts';
import { grant, openHandles, RawNode, type RawPeer, until } from '../../support/raw-peer.ts';

const network = networks.standalone;
let handles: string[];

beforeEach(() => {
  handles = openHandles();
});

afterEach(() => until(() => openHandles().length === handles.length));

/** Both ends of a connection over loopback. */
class Ends implements AsyncDisposable {
  readonly #closers: (() => Promise<void>)[];
  readonly dialled: Connection;
  readonly accepted: Connection;

  private constructor(dialled: Connection, accepted: Connection, closers: (() => Promise<void>)[]) {
    this.dialled = dialled;
    this.accepted = accepted;
    this.#closers = closers;
  }

  static async open(options: Partial<ListenOptions> = {}): Promise<Ends> {
    const listener = await listen({ port: 0, network, scpStateLedgerSeq: null, ...options });
    const accepting = listener[Symbol.asyncIterator]().next();
    const dialled = await connect({ host: '127.0.0.1', port: listener.port, network, scpStateLedgerSeq: null });
    const accepted = (await accepting).value as Connection;
    return new Ends(dialled, accepted, [() => dialled.close(), () => listener.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closers) await close();
  }
}

/** Our connection to a raw peer, on a manual clock. */
class Faced implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly peer: RawPeer;
  readonly connection: Connection;
  readonly #node: RawNode;

  private constructor(node: RawNode, clock: ManualClock, peer: RawPeer, connection: Connection) {
    this.#node = node;
    this.clock = clock;
    this.peer = peer;
    this.connection = connection;
  }

  static async open(options: { signal?: AbortSignal; peerTimeoutMs?: number } = {}, granted = grant()): Promise<Faced> {
    const node = await RawNode.start();
    const clock = new ManualClock();
    const connecting = connect({ host: '127.0.0.1', port: node.port, network, clock, scpStateLedgerSeq: null, ...options });
    const peer = await node.peer();
    await peer.greet();
    await peer.expect('AUTH');
    peer.send({ type: 'AUTH', flags: 200 }, granted);
    await peer.expect('SEND_MORE_EXTENDED');
    return new Faced(node, clock, peer, await connecting);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node[Symbol.asyncDispose]();
    await this.connection.close();
    expect(this.clock.timers).toBe(0);
  }
}

const advert = (byte = 0): SendableMessage => ({ type: 'FLOOD_ADVERT', txHashes: [new Uint8Array(32).fill(byte)] });
const ask = (ledgerSeq: number): SendableMessage => ({ type: 'GET_SCP_STATE', ledgerSeq });
const seqOf = (message: ReceivedMessage | undefined): number =>
  message?.type === 'GET_SCP_STATE' ? message.ledgerSeq : Number.NaN;

/** The next messages, as many as asked for. */
async function take(connection: Connection, count: number): Promise<ReceivedMessage[]> {
  const messages: ReceivedMessage[] = [];
  for await (const message of connection) if (messages.push(message) === count) break;
  return messages;
}

describe('a loop over a connection', () => {
  it('gives the messages in order, also those that came before the loop', async () => {
    await using ends = await Ends.open();
    for (let i = 0; i < 150; i++) await ends.dialled.send(ask(i));
    await ends.dialled.ping();
    await ends.dialled.send(ask(150));
    const messages = await take(ends.accepted, 152);
    const asked = messages.filter(({ type }) => type === 'GET_SCP_STATE');
    expect(asked.map(seqOf)).toEqual(Array.from({ length: 151 }, (_, i) => i));
  });

  it('continues where the previous loop stopped', async () => {
    await using ends = await Ends.open();
    for (let i = 0; i < 6; i++) await ends.dialled.send(ask(i));
    expect((await take(ends.accepted, 2)).map(seqOf)).toEqual([0, 1]);
    expect((await take(ends.accepted, 3)).map(seqOf)).toEqual([2, 3, 4]);
    expect((await take(ends.accepted, 1)).map(seqOf)).toEqual([5]);
  });

  it('gives each message to only one of several loops', async () => {
    await using ends = await Ends.open();
    const loops = [1, 2, 3].map(async () => {
      const seen: number[] = [];
      for await (const message of ends.accepted) seen.push(seqOf(message));
      return seen;
    });
    for (let i = 0; i < 90; i++) await ends.dialled.send(ask(i));
    await ends.dialled.close();
    const seen = await Promise.all(loops);
    expect(seen.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 90 }, (_, i) => i));
    for (const some of seen) expect(some).toEqual(some.toSorted((a, b) => a - b));
  });

  it('answers next() calls in the order of the calls', async () => {
    await using ends = await Ends.open();
    const messages = ends.accepted[Symbol.asyncIterator]();
    expect(messages[Symbol.asyncIterator]()).toBe(messages);
    const ahead = [messages.next(), messages.next(), messages.next()];
    for (let i = 0; i < 3; i++) await ends.dialled.send(ask(i));
    expect((await Promise.all(ahead)).map(({ value }) => seqOf(value))).toEqual([0, 1, 2]);
  });

  it('ends when the peer closes, after all messages that it had sent', async () => {
    await using ends = await Ends.open();
    const waiting = ends.accepted[Symbol.asyncIterator]();
    await ends.dialled.send(ask(1));
    await ends.dialled.send(ask(2));
    await ends.dialled.close();
    expect((await take(ends.accepted, 2)).map(seqOf)).toEqual([1, 2]);
    expect(await take(ends.accepted, 1)).toEqual([]);
    expect(await waiting.next()).toEqual({ value: undefined, done: true });
    expect(await waiting.return?.()).toEqual({ value: undefined, done: true });
  });

  it('ends without an error on the side that closes', async () => {
    await using ends = await Ends.open();
    const loop = take(ends.dialled, 1);
    await ends.dialled.close();
    expect(await loop).toEqual([]);
  });

  it('throws the ERROR_MSG of the peer once in each loop, after the last message', async () => {
    await using faced = await Faced.open();
    const { peer, connection } = faced;
    const messages = connection[Symbol.asyncIterator]();
    peer.write(
      peer.seal({ type: 'GET_SCP_STATE', ledgerSeq: 3 }),
      peer.plain({ type: 'ERROR_MSG', code: 'ERR_LOAD', msg: 'preferred peer selected instead' }),
    );
    expect(seqOf((await messages.next()).value)).toBe(3);
    await expect(messages.next()).rejects.toMatchObject({ causeName: 'peer-prefers-another' });
    expect(await messages.next()).toEqual({ value: undefined, done: true });
    await expect(take(connection, 1)).rejects.toMatchObject({ code: 'OVERLAY_PEER_ERROR' });
  });

  it('returns the credit of a flood message when the next one is requested, or the loop ends', async () => {
    await using faced = await Faced.open();
    const { peer, connection } = faced;
    const flood = (count: number): void =>
      peer.send(...Array.from({ length: count }, () => ({ type: 'FLOOD_ADVERT', txHashes: [new Uint8Array(32)] }) as const));
    flood(40);
    const messages = connection[Symbol.asyncIterator]();
    for (let i = 0; i < 40; i++) await messages.next();
    await peer.ping(); // 39 messages are released, so no grant came before the answer.
    await messages.return?.();
    expect(await peer.expect('SEND_MORE_EXTENDED')).toMatchObject({ numMessages: 40, numBytes: 40 * 40 });
    flood(40);
    const asking = take(connection, 42); // The request of ping() is a message too.
    expect(await peer.expect('SEND_MORE_EXTENDED')).toMatchObject({ numMessages: 40 });
    peer.send({ type: 'GET_SCP_STATE', ledgerSeq: 1 });
    await asking;
  });

  it('delivers a message of an unknown type unchanged, and it can be sent to another peer', async () => {
    await using ends = await Ends.open();
    const xdr = Uint8Array.of(0, 0, 0, 77, 1, 2, 3, 4);
    await ends.dialled.send({ type: 'UNKNOWN', typeNumber: 77, xdr });
    const [message] = await take(ends.accepted, 1);
    expect(message).toEqual({ type: 'UNKNOWN', typeNumber: 77, xdr });
    await ends.accepted.send(message as ReceivedMessage);
    expect(await take(ends.dialled, 1)).toEqual([message]);
  });

  it('refuses a message of an unknown type with unknownMessages: refuse', async () => {
    await using ends = await Ends.open({ unknownMessages: 'refuse' });
    await ends.dialled.send({ type: 'UNKNOWN', typeNumber: 77, xdr: Uint8Array.of(0, 0, 0, 77) });
    expect(await ends.dialled.ended).toMatchObject({ peerError: { code: 'ERR_DATA', message: 'received corrupt XDR' } });
  });
});

describe('send()', () => {
  it('sends a TX_SET of 1 MiB in both directions', async () => {
    await using ends = await Ends.open();
    const txSet = Uint8Array.from({ length: 0x100000 }, (_, i) => i * 7);
    for (const [from, to] of [
      [ends.dialled, ends.accepted],
      [ends.accepted, ends.dialled],
    ] as const) {
      const sent = from.send({ type: 'TX_SET', txSet });
      const [message] = await take(to, 1);
      await sent;
      expect(message?.type === 'TX_SET' && Buffer.compare(message.txSet, txSet)).toBe(0);
    }
  });

  it('sends the longest allowed record, and refuses a longer one', async () => {
    await using ends = await Ends.open();
    const longest = 0x1000000 - 48;
    await expect(ends.dialled.send({ type: 'TX_SET', txSet: new Uint8Array(longest + 4) })).rejects.toThrow(RangeError);
    const sent = ends.dialled.send({ type: 'TX_SET', txSet: new Uint8Array(longest) });
    const [message] = await take(ends.accepted, 1);
    await sent;
    expect(message?.type === 'TX_SET' && message.txSet.length).toBe(longest);
  });

  it('sends received messages of every kind to another connection, with the same bytes', async () => {
    await using left = await Ends.open({ serves: ['GET_TX_SET', 'GET_SCP_QUORUMSET'] });
    await using right = await Ends.open({ serves: ['GET_TX_SET', 'GET_SCP_QUORUMSET'] });
    const hash = new Uint8Array(32).fill(9);
    const peerID = left.dialled.remote.peerID;
    const messages: SendableMessage[] = [
      advert(1),
      { type: 'FLOOD_DEMAND', txHashes: [hash, hash] },
      { type: 'TRANSACTION', transaction: Uint8Array.of(0, 0, 0, 2, 5, 5, 5, 5) },
      { type: 'GET_TX_SET', txSetHash: hash },
      { type: 'GENERALIZED_TX_SET', generalizedTxSet: Uint8Array.of(0, 0, 0, 1) },
      { type: 'SCP_QUORUMSET', qSet: { threshold: 1, validators: [peerID], innerSets: [] } },
      {
        type: 'SCP_MESSAGE',
        envelope: {
          statement: {
            nodeID: peerID,
            slotIndex: 5n,
            pledges: { type: 'SCP_ST_NOMINATE', quorumSetHash: hash, votes: [hash], accepted: [] },
          },
          signature: new Uint8Array(64),
        },
      },
      { type: 'DONT_HAVE', reqType: 'TX_SET', reqHash: hash },
      ask(3),
    ];
    const relay = (async () => {
      for await (const message of left.accepted) await right.dialled.send(message);
    })();
    const direct = take(right.accepted, messages.length);
    for (const message of messages) await left.dialled.send(message);
    const relayed = await direct;
    expect(relayed.map(({ type }) => type)).toEqual(messages.map(({ type }) => type));
    expect(relayed[6]).toMatchObject({ envelope: { statement: { nodeID: peerID, slotIndex: 5n } } });
    expect(new Set(relayed.map(({ xdr }) => toHex(xdr))).size).toBe(messages.length);
    await left.dialled.close();
    await relay;
  });

  it('waits for credit, keeps the order, and counts the remaining credit', async () => {
    await using faced = await Faced.open({}, grant(2, 1_000));
    const { peer, connection } = faced;
    await until(() => connection.credit.messages === 2n);
    const done: number[] = [];
    const sends = [0, 1, 2, 3].map((i) => connection.send(advert(i)).then(() => done.push(i)));
    expect(await peer.take(2)).toEqual(['FLOOD_ADVERT', 'FLOOD_ADVERT']);
    await connection.send(ask(1)); // This message needs no credit.
    expect(await peer.take(1)).toEqual(['GET_SCP_STATE']);
    expect(done).toEqual([0, 1]);
    expect(connection.credit).toEqual({ messages: 0n, bytes: 1_000n - 80n });
    peer.send(grant(5, 80));
    const third = await peer.expect('FLOOD_ADVERT');
    expect(third.txHashes[0]?.[0]).toBe(2);
    await Promise.all(sends);
    expect(done).toEqual([0, 1, 2, 3]);
    expect(connection.credit).toEqual({ messages: 3n, bytes: 920n });
  });

  it('fails with OVERLAY_ABORTED when its signal aborts while it waits; later messages are sent', async () => {
    await using faced = await Faced.open({}, grant(1, 1_000));
    const { peer, connection } = faced;
    await until(() => connection.credit.messages === 1n);
    const stop = new AbortController();
    const big = connection.send(
      { type: 'FLOOD_ADVERT', txHashes: Array.from({ length: 100 }, () => new Uint8Array(32)) },
      { signal: stop.signal },
    );
    const small = connection.send(advert(), { signal: new AbortController().signal });
    stop.abort('too long');
    await expect(big).rejects.toMatchObject({ code: 'OVERLAY_ABORTED', cause: 'too long' });
    await small;
    expect((await peer.expect('FLOOD_ADVERT')).txHashes).toHaveLength(1);
    await expect(connection.send(ask(1), { signal: stop.signal })).rejects.toMatchObject({ code: 'OVERLAY_ABORTED' });
    await peer.ping(); // The aborted messages were not sent.
  });

  it('ignores a signal that aborts after the message was sent', async () => {
    await using faced = await Faced.open();
    const stop = new AbortController();
    await until(() => faced.connection.credit.messages > 0n);
    await faced.connection.send(advert(), { signal: stop.signal });
    stop.abort();
    await faced.peer.expect('FLOOD_ADVERT');
    await faced.peer.ping();
  });

  it('fails with OVERLAY_SEND_QUEUE_FULL when 3 MiB wait for credit, and the connection continues', async () => {
    await using faced = await Faced.open({}, grant(0, 1));
    const { connection, peer } = faced;
    const transaction = new Uint8Array(0x100000 - 4);
    const waiting = [1, 2, 3].map(() => connection.send({ type: 'TRANSACTION', transaction }));
    await expect(connection.send(advert())).rejects.toMatchObject({ code: 'OVERLAY_SEND_QUEUE_FULL', stage: 'channel' });
    peer.send(grant(1, 0x100000));
    await waiting[0];
    await peer.expect('TRANSACTION');
    const later = connection.send(advert());
    peer.send(grant(10, 0x300000));
    await Promise.all([...waiting, later]);
  });

  it('fails with the reason when the connection ends during the wait, and after that', async () => {
    await using faced = await Faced.open({}, grant(0, 1));
    const { connection } = faced;
    const waiting = expect(connection.send(advert())).rejects.toMatchObject({ code: 'OVERLAY_CONNECTION_RESET' });
    const ping = expect(connection.ping()).rejects.toMatchObject({ code: 'OVERLAY_CONNECTION_RESET' });
    await faced.peer.expect('GET_SCP_QUORUMSET');
    faced.peer.reset();
    await waiting;
    await ping;
    await expect(connection.send(ask(1))).rejects.toMatchObject({ code: 'OVERLAY_CONNECTION_RESET' });
    await expect(connection.ping()).rejects.toMatchObject({ code: 'OVERLAY_CONNECTION_RESET' });
  });

  it('fails with OVERLAY_CLOSED after close()', async () => {
    await using ends = await Ends.open();
    await ends.dialled.close();
    await expect(ends.dialled.send(ask(1))).rejects.toMatchObject({ code: 'OVERLAY_CLOSED' });
  });

  it.each(['RST', 'close()'] as const)(
    'fails when the connection ends before the peer has read everything, by %s',
    async (end) => {
      await using faced = await Faced.open();
      const { clock, connection, peer } = faced;
      peer.socket.pause();
      const sends = [1, 2].map(() => connection.send({ type: 'TX_SET', txSet: new Uint8Array(0xfff000) }));
      const outcome = Promise.allSettled(sends);
      if (end === 'RST') peer.reset();
      else {
        const closing = connection.close();
        clock.advance(1_000);
        await closing;
      }
      const codes = (await outcome).map((result) => (result.status === 'rejected' ? result.reason.code : 'sent'));
      const code = end === 'RST' ? 'OVERLAY_CONNECTION_RESET' : 'OVERLAY_CLOSED';
      expect(codes).toEqual([code, code]);
    },
  );

  it('waits until the peer reads', async () => {
    await using faced = await Faced.open();
    const { connection, peer } = faced;
    peer.socket.pause();
    const order: string[] = [];
    const sent = connection.send({ type: 'TX_SET', txSet: new Uint8Array(0xfff000) }).then(() => order.push('sent'));
    await until(() => peer.socket.readableLength > 0);
    order.push('reading');
    peer.socket.resume();
    await sent;
    await peer.expect('TX_SET');
    expect(order).toEqual(['reading', 'sent']);
  });

  it.each<[string, unknown]>([
    ['a message of the channel itself', { type: 'AUTH', flags: 200 }],
    ['HELLO', { type: 'HELLO' }],
    ['an ERROR_MSG', { type: 'ERROR_MSG', code: 'ERR_MISC', msg: '' }],
    ['SEND_MORE_EXTENDED', { type: 'SEND_MORE_EXTENDED', numMessages: 1, numBytes: 1 }],
    ['an unknown name', { type: 'GET_EVERYTHING' }],
    ['a missing field', { type: 'GET_TX_SET' }],
    ['a hash of 31 bytes', { type: 'GET_TX_SET', txSetHash: new Uint8Array(31) }],
    ['a negative number', { type: 'GET_SCP_STATE', ledgerSeq: -1 }],
    ['1001 hashes', { type: 'FLOOD_DEMAND', txHashes: Array.from({ length: 1001 }, () => new Uint8Array(32)) }],
    ['a known type as UNKNOWN', { type: 'UNKNOWN', typeNumber: 2, xdr: Uint8Array.of(0, 0, 0, 2) }],
  ])('refuses %s, and sends nothing', async (_name, message) => {
    await using faced = await Faced.open();
    const error = await faced.connection.send(message as SendableMessage).catch((reason) => reason);
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
    await faced.peer.ping();
  });
});

describe('ping()', () => {
  it('measures the time between request and answer', async () => {
    await using faced = await Faced.open();
    const pinging = faced.connection.ping();
    const { qSetHash } = await faced.peer.expect('GET_SCP_QUORUMSET');
    expect(qSetHash.subarray(8)).toEqual(new Uint8Array(24));
    faced.clock.advance(123);
    faced.peer.send({ type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: qSetHash });
    expect(await pinging).toBe(123);
  });

  it('works in both directions, several at a time', async () => {
    await using ends = await Ends.open();
    const times = await Promise.all([ends.dialled, ends.accepted, ends.dialled].map((connection) => connection.ping()));
    for (const time of times) expect(time).toBeGreaterThanOrEqual(0);
  });

  it('fails with OVERLAY_ABORTED when its signal aborts, before or during it', async () => {
    await using faced = await Faced.open();
    await expect(faced.connection.ping({ signal: AbortSignal.abort('early') })).rejects.toMatchObject({
      ...{ code: 'OVERLAY_ABORTED', cause: 'early' },
    });
    const stop = new AbortController();
    const ping = faced.connection.ping({ signal: stop.signal });
    stop.abort('late');
    await expect(ping).rejects.toMatchObject({ code: 'OVERLAY_ABORTED', cause: 'late' });
  });

  it('works with a signal that never aborts', async () => {
    await using ends = await Ends.open();
    expect(await ends.dialled.ping({ signal: new AbortController().signal })).toBeGreaterThanOrEqual(0);
  });

  it('is sent every 5 s, one at a time, and keeps an idle connection open', async () => {
    await using faced = await Faced.open();
    const { clock, peer } = faced;
    for (let i = 0; i < 10; i++) {
      clock.advance(5_000);
      const { qSetHash } = await peer.expect('GET_SCP_QUORUMSET');
      peer.send({ type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: qSetHash });
      await peer.ping();
    }
    clock.advance(5_000);
    await peer.expect('GET_SCP_QUORUMSET');
    clock.advance(5_000);
    await peer.ping(); // The previous ping is not answered, so no other ping was sent.
  });
});

describe('the time limits of a connection', () => {
  it('end it when it is silent for peerTimeoutMs', async () => {
    await using faced = await Faced.open({ peerTimeoutMs: 7_000 });
    faced.clock.advance(5_000);
    await faced.peer.expect('GET_SCP_QUORUMSET');
    faced.clock.advance(5_000);
    await faced.peer.ping();
    faced.clock.advance(5_000);
    expect(faced.clock.timers).toBe(1);
    faced.clock.advance(5_000);
    expect(await faced.connection.ended).toMatchObject({ code: 'OVERLAY_IDLE_TIMEOUT' });
    expect(await faced.peer.farewell()).toEqual(['FIN']);
  });

  it('end it when the peer grants nothing for 60 s while a message waits', async () => {
    await using faced = await Faced.open({}, grant(0, 1));
    const waiting = expect(faced.connection.send(advert())).rejects.toMatchObject({ code: 'OVERLAY_NO_NEW_FLOOD_REQUESTS' });
    faced.clock.advance(5_000);
    await faced.peer.expect('GET_SCP_QUORUMSET');
    for (let seconds = 5; seconds < 65; seconds += 5) {
      await faced.peer.ping();
      faced.clock.advance(5_000);
    }
    await waiting;
    expect((await faced.peer.farewell()).at(-1)).toBe('FIN');
  });
});

describe('close()', () => {
  it('sends all earlier messages, then FIN', async () => {
    await using faced = await Faced.open();
    const sent = faced.connection.send(ask(8));
    const closing = faced.connection.close();
    expect(await faced.peer.expect('GET_SCP_STATE')).toMatchObject({ ledgerSeq: 8 });
    expect(await faced.peer.farewell()).toEqual(['FIN']);
    faced.peer.end();
    await closing;
    await sent;
    await faced.connection.close();
    expect(faced.clock.timers).toBe(0);
  });

  it('does not wait for a peer that does not close', async () => {
    await using faced = await Faced.open();
    const closing = faced.connection.close();
    expect(await faced.peer.farewell()).toEqual(['FIN']);
    await closing;
    expect(faced.clock.timers).toBe(0);
  });

  it('is called at the end of an `await using` block', async () => {
    await using ends = await Ends.open();
    {
      await using connection = ends.dialled;
      await connection.ping();
    }
    expect((await ends.dialled.ended).code).toBe('OVERLAY_CLOSED');
    expect((await ends.accepted.ended).code).toBe('OVERLAY_CONNECTION_CLOSED');
  });
});
