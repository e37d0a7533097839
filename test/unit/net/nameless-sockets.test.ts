/** Sockets without addresses from the operating system. Nothing is dialled. */
import type * as Net from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { connect, type ListenerEvent, listen, networks } from '../../../src/index.ts';
import { ManualClock, MockPeer } from '../../../src/testing/index.ts';

const realNet = await vi.importActual<typeof Net>('node:net');
/** What the next attempt gets. */
let stream: Duplex;
let server: Net.Server;

vi.mock('node:net', async (original) => ({
  ...(await original<typeof Net>()),
  createServer: (...args: Parameters<typeof Net.createServer>) => {
    server = realNet.createServer(...args);
    return server;
  },
  Socket: function Socket() {
    const connect = (): void => process.nextTick(() => stream.emit('connect'));
    return Object.assign(stream, { setNoDelay: () => stream, connect });
  },
}));

describe('a socket without addresses from the operating system', () => {
  it('is used by connect(), with the address that was dialled', async () => {
    const [ours, theirs] = duplexPair() as [Duplex, Duplex];
    stream = ours;
    const clock = new ManualClock();
    const { standalone: network } = networks;
    const connecting = connect({ host: '::1', port: 7, network, clock });
    const peer = new MockPeer(theirs, 'REMOTE_CALLED_US', { network, clock });
    await peer.handshake();
    const connection = await connecting;
    expect(connection.remoteAddress).toEqual({ host: '::1', port: 7 });
    peer.close();
    await connection.close();
    expect(clock.timers).toBe(0);
  });

  it('is used by listen(), with an empty address', async () => {
    const clock = new ManualClock();
    const events: ListenerEvent[] = [];
    const { standalone: network } = networks;
    await using listener = await listen({ port: 0, network, clock, onEvent: (event) => events.push(event) });
    const [ours, theirs] = duplexPair() as [Duplex, Duplex];
    server.emit('connection', ours);
    theirs.resume().end();
    await new Promise((resolve) => theirs.once('close', resolve));
    expect(events).toMatchObject([
      { event: 'connected', remoteAddress: { host: '', port: 0 } },
      { event: 'refused', error: { code: 'OVERLAY_CONNECTION_CLOSED', stage: 'hello' } },
    ]);
    ours.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    expect(listener.counts).toEqual({ pending: 0, authenticated: 0 });
  });
});
