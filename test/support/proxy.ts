/** Ports that accept connections although no Stellar node listens there. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { ManualClock } from '../../src/testing/index.ts';

/** A port to dial. */
export interface Port extends AsyncDisposable {
  readonly port: number;
}

/**
 * Closes every connection after the same time of a manual clock, as a proxy does whose back end is away.
 * @param heardMs if given, it closes this time after it has received bytes
 */
export function closingAfter(ms: number, clock: ManualClock, heardMs = ms): Promise<Port> {
  return serving((socket) => {
    clock.setTimer(() => socket.destroy(), ms);
    if (heardMs < ms) socket.once('data', () => clock.setTimer(() => socket.destroy(), heardMs));
  });
}

/** Sends back the received bytes. */
export function echoing(): Promise<Port> {
  return serving((socket) => socket.pipe(socket));
}

async function serving(serve: (socket: Socket) => void): Promise<Port> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket.resume());
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
