/** What the operating system says of a connection attempt, and what becomes of it. No socket is opened. */
import { EventEmitter } from 'node:events';
import type * as Net from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connect, networks } from '../../../src/index.ts';
import { ManualClock } from '../../../src/testing/index.ts';

let error: Error;
const looked: unknown[] = [];

type Lookup = (host: string, options: { all?: boolean }, callback: (...args: unknown[]) => void) => void;

vi.mock('node:net', async (original) => ({
  ...(await original<typeof Net>()),
  connect: ({ lookup }: { lookup: Lookup }) => {
    lookup('name', { all: true }, (...args) => looked.push(args));
    lookup('name', { all: false }, (...args) => looked.push(args));
    const socket = Object.assign(new EventEmitter(), { destroy: () => socket.emit('error', new Error('late')) });
    process.nextTick(() => socket.emit('error', error));
    return socket;
  },
}));

const withCode = (code: string): Error => Object.assign(new Error(code), { code });

afterEach(() => {
  looked.length = 0;
});

describe('an attempt to connect that ends with', () => {
  it.each<[string, Error, string, string]>([
    ['ETIMEDOUT', withCode('ETIMEDOUT'), 'OVERLAY_CONNECT_TIMEOUT', '[::1]:7 did not answer.'],
    ['ECONNREFUSED', withCode('ECONNREFUSED'), 'OVERLAY_CONNECTION_REFUSED', 'nothing listens there'],
    ['ECONNRESET', withCode('ECONNRESET'), 'OVERLAY_CONNECTION_RESET', '[::1]:7 reset the connection.'],
    ['ENETUNREACH', withCode('ENETUNREACH'), 'OVERLAY_UNREACHABLE', 'There is no way to [::1]:7 (ENETUNREACH).'],
    ['EHOSTUNREACH', withCode('EHOSTUNREACH'), 'OVERLAY_UNREACHABLE', '(EHOSTUNREACH)'],
    [
      'ETIMEDOUT of one address and ENETUNREACH of the other',
      new AggregateError([withCode('ETIMEDOUT'), withCode('ENETUNREACH')]),
      'OVERLAY_UNREACHABLE',
      '(ETIMEDOUT, ENETUNREACH)',
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
