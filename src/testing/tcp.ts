/**
 * Plain TCP connections, for tests that act as a peer byte by byte.
 * @module
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { TcpAddress } from '../net/connection-info.ts';

/** Time limit for a TCP connection, in milliseconds. */
const CONNECT_MS = 10_000;
/** Age from which a connection that was not taken is useless: the other side will have given up. In milliseconds. */
const STALE_MS = 3_000;
/** Maximum number of connections that wait to be taken. Further ones are closed at once. */
const MAX_WAITING = 64;

/**
 * Connects. Our side stays open when the other one closes.
 * @throws {Error} of the operating system, with its `code`
 */
export async function dialTcp({ host, port }: TcpAddress): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
  // It may break before the caller listens; `close` follows.
  socket.on('error', () => {});
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Accepted connections, to be taken one by one. */
export interface TcpAcceptor extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /**
   * The next connection. A connection that has waited too long is closed instead. @throws the reason of the signal, when it
   * aborts
   */
  next(signal?: AbortSignal): Promise<Socket>;
  /** Stops listening and closes the connections that were not taken. */
  close(): Promise<void>;
}

/** Listens. @throws {Error} of the operating system, with its `code` */
export async function acceptTcp({ host, port }: TcpAddress): Promise<TcpAcceptor> {
  const waiting: { readonly socket: Socket; readonly atMs: number }[] = [];
  let taker: ((socket: Socket) => void) | undefined;
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    if (taker !== undefined) taker(socket);
    else if (waiting.length < MAX_WAITING) waiting.push({ socket, atMs: performance.now() });
    else socket.destroy();
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address() as { readonly address: string; readonly port: number };
  const close = async (): Promise<void> => {
    for (const { socket } of waiting.splice(0)) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return {
    host: address.address,
    port: address.port,
    async next(signal) {
      for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) {
        if (performance.now() - first.atMs < STALE_MS && !first.socket.destroyed) return first.socket;
        first.socket.destroy();
      }
      return new Promise((resolve, reject) => {
        const onAbort = (): void => {
          taker = undefined;
          reject(signal?.reason);
        };
        taker = (socket) => {
          taker = undefined;
          signal?.removeEventListener('abort', onAbort);
          resolve(socket);
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        if (signal?.aborted) onAbort();
      });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
