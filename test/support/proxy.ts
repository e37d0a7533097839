/** A port that closes every connection after the same time, whatever is said, as a proxy does whose back end is away. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { ManualClock } from '../../src/testing/index.ts';

/** Starts it; the time is that of a manual clock. */
export async function closingAfter(ms: number, clock: ManualClock): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.resume().on('error', () => {});
    clock.setTimer(() => socket.destroy(), ms);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Lets the clock go on, a little at a time, until the promise settles. */
export async function whileTimePasses<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  promise.then(over, over);
  while (!isOver) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(5);
  }
  return promise;
}
