/** What the operating system says of a connection, and what becomes of it. Nobody is dialled. */
import { EventEmitter } from 'node:events';
import type * as Net from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connect, type ListenerEvent, listen, networks } from '../../../src/index.ts';
import { ManualClock, MockPeer } from '../../../src/testing/index.ts';

const realNet = await vi.importActual<typeof Net>('node:net');
let error: Error;
/** What the next attempt gets instead of an error. */
let stream: Duplex | undefined;
let server: Net.Server;
const looked: unknown[] = [];

type Lookup = (host: string, options: { all?: boolean }, callback: (...args: unknown[]) => void) => void;

vi.mock('node:net', async (original) => ({
  ...(await original<typeof Net>()),
  createServer: (...args: Parameters<typeof Net.createServer>) => {
    server = realNet.createServer(...args);
    return server;
  },
  connect: ({ lookup }: { lookup: Lookup }) => {
    lookup('name', { all: true }, (...args) => looked.push(args));
    lookup('name', { all: false }, (...args) => looked.push(args));
    if (stream !== undefined) {
      process.nextTick(() => stream?.emit('connect'));
      return stream;
    }
    const socket = Object.assign(new EventEmitter(), { destroy: () => socket.emit('error', new Error('late')) });
    process.nextTick(() => socket.emit('error', error));
    return socket;
  },
}));

const withCode = (code: string): Error => Object.assign(new Error(code), { code });

afterEach(() => {
  stream = undefined;
  looked.length = 0;
});

describe('an attempt to connect that ends with', () => {
  it.each<[string, Error, string, string]>([
    ['ETIMEDOUT', withCode('ETIMEDOUT'), 'OVERLAY_CONNECT_TIMEOUT', '[::1]:7 did not answer.'],
    ['ECONNREFUSED', withCode('ECONNREFUSED'), 'OVERLAY_CONNECTION_REFUSED', 'nothing listens there'],
    ['ECONNRESET', withCode('ECONNRESET'), 'OVERLAY_CONNECTION_RESET', '[::1]:7 reset the connection.'],
    [
      'ENETUNREACH',
      withCode('ENETUNREACH'),
      'OVERLAY_UNREACHABLE',
      'There is no way to [::1]:7: this machine has no route there (ENETUNREACH).',
    ],
    ['EHOSTUNREACH', withCode('EHOSTUNREACH'), 'OVERLAY_UNREACHABLE', '(EHOSTUNREACH)'],
    [
      'ETIMEDOUT of one address and ENETUNREACH of the other',
      new AggregateError([withCode('ETIMEDOUT'), withCode('ENETUNREACH')]),
      'OVERLAY_UNREACHABLE',
      'ETIMEDOUT; this machine has no route there (ENETUNREACH)',
    ],
    [
      'ENETUNREACH of one address and ECONNREFUSED of the other',
      new AggregateError([withCode('ENETUNREACH'), withCode('ECONNREFUSED')]),
      'OVERLAY_CONNECTION_REFUSED',
      'nothing listens there',
    ],
    [
      'ETIMEDOUT of all addresses',
      new AggregateError([withCode('ETIMEDOUT'), withCode('ETIMEDOUT')]),
      'OVERLAY_CONNECT_TIMEOUT',
      'did not answer',
    ],
  ])('%s is told as what it means', async (_name, cause, code, message) => {
    error = cause;
    const clock = new ManualClock();
    const connecting = connect({ host: '::1', port: 7, network: networks.standalone, clock });
    await expect(connecting).rejects.toMatchObject({ code, stage: 'tcp', cause, told: null, remote: undefined });
    await expect(connecting).rejects.toThrow(message);
    expect(clock.timers).toBe(0);
    // The addresses are those that were resolved before: a name is looked up once.
    expect(looked).toEqual([
      [null, [{ address: '::1', family: 6 }]],
      [null, '::1', 6],
    ]);
  });
});

describe('a socket that does not know its addresses any more', () => {
  it('is served by the side that dialled, under the address that was dialled', async () => {
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

  it('is served by the side that listens, and ends like any other', async () => {
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
