import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, listen, networks } from '../../../src/index.ts';
import { offAbort, onAbort } from '../../../src/net/abort.ts';
import { connectedPair } from '../../../src/testing/index.ts';

const network = networks.standalone;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const warnings: Error[] = [];
const onWarning = (warning: Error): void => void warnings.push(warning);

beforeEach(() => {
  warnings.length = 0;
  process.on('warning', onWarning);
});
afterEach(() => process.off('warning', onWarning));

describe('one AbortSignal for many connections', () => {
  it('causes no warning in connect(), ends all connections, and keeps no listener', async () => {
    await using listener = await listen({ port: 0, network });
    const ending = new AbortController();
    const { signal } = ending;
    const { host, port } = listener;
    const connections = await Promise.all(Array.from({ length: 20 }, () => connect({ host, port, network, signal })));
    const pings = connections.map((connection) => connection.ping({ signal }));
    await turn();
    expect(warnings).toEqual([]);
    expect(getEventListeners(signal, 'abort').length).toBe(1);
    await Promise.all(pings);
    ending.abort('enough');
    const ends = await Promise.all(connections.map(({ ended }) => ended));
    expect(new Set(ends.map(({ code }) => code))).toEqual(new Set(['OVERLAY_ABORTED']));
    expect(new Set(ends.map(({ cause }) => cause))).toEqual(new Set(['enough']));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('causes no warning in listen(), and keeps no listener after close()', async () => {
    const { signal } = new AbortController();
    const listeners = await Promise.all(Array.from({ length: 12 }, () => listen({ port: 0, network, signal })));
    await turn();
    expect(warnings).toEqual([]);
    await Promise.all(listeners.map((listener) => listener.close()));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('causes no warning in send(), and ends each waiting message', async () => {
    const ending = new AbortController();
    const [connection, other] = await connectedPair({ network }, { floodCapacity: { messages: 1, bytes: 1000 } });
    const advert = { type: 'FLOOD_ADVERT', txHashes: [new Uint8Array(32)] } as const;
    await connection.send(advert);
    const waiting = Array.from({ length: 15 }, () =>
      connection.send(advert, { signal: ending.signal }).catch(({ code }) => code),
    );
    await turn();
    expect(warnings).toEqual([]);
    ending.abort();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['OVERLAY_ABORTED']));
    await Promise.all([connection.close(), other.close()]);
    expect(getEventListeners(ending.signal, 'abort')).toEqual([]);
  });
});

describe('onAbort', () => {
  it('calls the listeners in order and once, except removed ones', () => {
    const ending = new AbortController();
    const called: number[] = [];
    const watches = [0, 1, 2, 3].map((i) =>
      onAbort(ending.signal, () => {
        called.push(i);
        if (i === 0) offAbort(ending.signal, watches[3]);
      }),
    );
    offAbort(ending.signal, watches[1]);
    ending.abort();
    expect(called).toEqual([0, 2]);
    onAbort(ending.signal, () => called.push(9));
    expect(called).toEqual([0, 2]);
  });

  it('ignores an undefined signal, and a listener that was removed before', () => {
    const ending = new AbortController();
    const callback = (): void => {};
    expect(onAbort(undefined, callback)).toBeUndefined();
    offAbort(undefined, undefined);
    offAbort(ending.signal, undefined);
    const watch = onAbort(ending.signal, callback);
    expect(getEventListeners(ending.signal, 'abort')).toHaveLength(1);
    offAbort(ending.signal, watch);
    offAbort(ending.signal, watch);
    expect(getEventListeners(ending.signal, 'abort')).toEqual([]);
  });
});
