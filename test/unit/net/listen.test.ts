import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Connection, connect, type ListenerEvent, listen, NodeIdentity, networks } from '../../../src/index.ts';
import { ManualClock } from '../../../src/testing/index.ts';
import { openHandles, RawPeer, until } from '../../support/raw-peer.ts';

const network = networks.standalone;
let handles: string[];

beforeEach(() => {
  handles = openHandles();
});

afterEach(() => until(() => openHandles().length === handles.length));

describe('listen()', () => {
  it('gives the authenticated connections in the order in which they came', async () => {
    await using listener = await listen({ port: 0, network });
    const dialled: string[] = [];
    for (let i = 0; i < 3; i++) {
      const identity = NodeIdentity.random();
      dialled.push(identity.peerID);
      await connect({ host: '127.0.0.1', port: listener.port, network, identity });
      await until(() => listener.counts.authenticated === i + 1 && listener.counts.pending === 0);
    }
    const taken: string[] = [];
    for await (const connection of listener) {
      taken.push(connection.remote.peerID);
      expect(connection.role).toBe('REMOTE_CALLED_US');
      if (taken.length === 3) break;
    }
    expect(taken).toEqual(dialled);
  });

  it('advertises its own port, or listeningPort', async () => {
    for (const listeningPort of [undefined, 1234]) {
      await using listener = await listen({ port: 0, network, listeningPort });
      await using connection = await connect({ host: '127.0.0.1', port: listener.port, network });
      expect(connection.remote.listeningPort).toBe(listeningPort ?? listener.port);
    }
  });

  it('sends PEERS with addresses of both families after AUTH, or none without addresses', async () => {
    const peers = [
      { ip: '192.0.2.1', port: 11625, numFailures: 0 },
      { ip: '2001:db8::1', port: 65535, numFailures: 3 },
    ];
    for (const told of [peers, []]) {
      await using listener = await listen({ port: 0, network, peers: told });
      await using connection = await connect({ host: '127.0.0.1', port: listener.port, network });
      const { value } = await connection[Symbol.asyncIterator]().next();
      expect(value).toMatchObject(told.length > 0 ? { type: 'PEERS', peers } : { type: 'GET_SCP_STATE' });
    }
  });

  it('reports the events of each connection, with its address', async () => {
    const events: ListenerEvent[] = [];
    await using listener = await listen({ port: 0, network, onEvent: (event) => events.push(event) });
    const connection = await connect({ host: '127.0.0.1', port: listener.port, network });
    await connection.close();
    await until(() => events.length === 3);
    await using peer = await RawPeer.dial(listener.port);
    peer.write(new Uint8Array(4));
    await peer.farewell();
    await until(() => events.length === 5);
    expect(events.map(({ event }) => event)).toEqual(['connected', 'authenticated', 'closed', 'connected', 'refused']);
    for (const { remoteAddress } of events) expect(remoteAddress).toMatchObject({ host: '127.0.0.1' });
    expect(events[3]?.remoteAddress.port).toBe(peer.socket.localPort);
    expect(events[2]).toMatchObject({
      error: { code: 'OVERLAY_CONNECTION_CLOSED' },
      remote: { versionStr: expect.stringMatching(/^stellar/) },
    });
    expect(events[4]).toMatchObject({ error: { code: 'OVERLAY_RECORD_LENGTH' } });
  });

  it('drops a banned peer before it sends its own HELLO', async () => {
    const asked: string[] = [];
    const events: ListenerEvent[] = [];
    const clock = new ManualClock();
    await using listener = await listen({
      ...{ port: 0, network, clock, isBanned: (peerID) => asked.push(peerID) > 0, onEvent: (event) => events.push(event) },
    });
    await using peer = await RawPeer.dial(listener.port);
    peer.write(peer.hello());
    expect(await peer.farewell()).toEqual(['FIN']);
    expect(asked).toEqual([peer.peerID]);
    expect(events.at(-1)).toMatchObject({
      event: 'refused',
      error: { code: 'OVERLAY_PEER_BANNED', remote: { peerID: peer.peerID } },
    });
  });

  it('does not give a connection that ended before it was taken', async () => {
    await using listener = await listen({ port: 0, network });
    const first = await connect({ host: '127.0.0.1', port: listener.port, network });
    await until(() => listener.counts.pending === 0);
    await first.close();
    await until(() => listener.counts.authenticated === 0);
    const identity = NodeIdentity.random();
    await using _second = await connect({ host: '127.0.0.1', port: listener.port, network, identity });
    const { value } = await listener[Symbol.asyncIterator]().next();
    expect((value as Connection).remote.peerID).toBe(identity.peerID);
  });

  it('gives one connection to each of several waiting loops', async () => {
    await using listener = await listen({ port: 0, network });
    const takers = Array.from({ length: 3 }, () => listener[Symbol.asyncIterator]().next());
    const connections = await Promise.all(takers.map(() => connect({ host: '127.0.0.1', port: listener.port, network })));
    const taken = await Promise.all(takers);
    expect(new Set(taken.map(({ value }) => value)).size).toBe(3);
    await Promise.all(connections.map((connection) => connection.close()));
  });

  it('fails with OVERLAY_LISTEN_FAILED on a port in use, and on a foreign address', async () => {
    await using listener = await listen({ port: 0, network });
    await expect(listen({ port: listener.port, network })).rejects.toMatchObject({
      code: 'OVERLAY_LISTEN_FAILED',
      stage: 'tcp',
      cause: { code: 'EADDRINUSE' },
    });
    await expect(listen({ host: '192.0.2.1', port: 0, network })).rejects.toMatchObject({
      code: 'OVERLAY_LISTEN_FAILED',
      cause: { code: 'EADDRNOTAVAIL' },
    });
  });
});

describe('Listener.close()', () => {
  it('sends shutdown to every peer, authenticated or not, and ends every loop', async () => {
    const clock = new ManualClock();
    const listener = await listen({ port: 0, network, clock });
    await using authenticated = await RawPeer.dial(listener.port);
    await authenticated.handshake();
    await using pending = await RawPeer.dial(listener.port);
    await pending.greet();
    await using silent = await RawPeer.dial(listener.port);
    await until(() => listener.counts.pending === 2);
    const { value: connection } = await listener[Symbol.asyncIterator]().next();
    const taker = listener[Symbol.asyncIterator]().next();
    const messages = (connection as Connection)[Symbol.asyncIterator]().next();
    const ended = expect(messages).rejects.toMatchObject({ code: 'OVERLAY_SHUTDOWN', told: { message: 'shutdown' } });
    const closing = listener.close();
    for (const peer of [authenticated, pending, silent]) {
      expect(await peer.farewell()).toEqual(['ERR_MISC shutdown', 'FIN']);
      peer.end();
    }
    await closing;
    await ended;
    expect(await taker).toEqual({ value: undefined, done: true });
    expect(await listener[Symbol.asyncIterator]().next()).toEqual({ value: undefined, done: true });
    expect(listener.counts).toEqual({ pending: 0, authenticated: 0 });
    expect(clock.timers).toBe(0);
    await listener.close(); // Again: nothing happens.
  });

  it('waits at most half a second for peers that do not close', async () => {
    const clock = new ManualClock();
    const listener = await listen({ port: 0, network, clock });
    await using peer = await RawPeer.dial(listener.port);
    await peer.handshake();
    const closing = listener.close();
    await peer.expect('ERROR_MSG');
    await until(() => clock.timers === 2);
    clock.advance(500);
    await closing;
    expect(clock.timers).toBe(0);
  });

  it('is called when the signal aborts', async () => {
    const stop = new AbortController();
    const listener = await listen({ port: 0, network, signal: stop.signal });
    const taker = listener[Symbol.asyncIterator]().next();
    await using connection = await connect({ host: '127.0.0.1', port: listener.port, network });
    await taker;
    const loop = listener[Symbol.asyncIterator]().next();
    stop.abort();
    expect(await connection.ended).toMatchObject({ code: 'OVERLAY_PEER_ERROR', peerError: { message: 'shutdown' } });
    expect(await loop).toEqual({ value: undefined, done: true });
  });

  it('is not needed when the signal has aborted before: listen() fails', async () => {
    const signal = AbortSignal.abort('no');
    await expect(listen({ port: 0, network, signal })).rejects.toMatchObject({ code: 'OVERLAY_ABORTED', cause: 'no' });
  });

  it('makes a later abort of the signal have no effect', async () => {
    const stop = new AbortController();
    const listener = await listen({ port: 0, network, signal: stop.signal });
    await listener.close();
    stop.abort();
    expect(listener.counts).toEqual({ pending: 0, authenticated: 0 });
  });
});
