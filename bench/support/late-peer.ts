/**
 * A slow peer, like stellar-core: its answers come late, and it keeps its socket open after the other side has closed.
 * @module
 */
import { connect, createServer, type Socket } from 'node:net';

/** Delay of each answer, in milliseconds: a node on another continent. */
export const ANSWER_MS = 40;
/** How long stellar-core keeps a socket that its peer has closed, in milliseconds. */
export const CLOSE_MS = 5_000;

/** Stands before the peer on a port of the loopback. */
export interface LatePeer {
  readonly port: number;
  close(): void;
}

/** @param answerMs 0: answers are passed on at once */
export async function latePeer(port: number, answerMs: number = ANSWER_MS): Promise<LatePeer> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (caller) => {
    const peer = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    for (const socket of [caller, peer]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    caller.on('data', (bytes) => void peer.write(bytes));
    peer.on('data', (bytes) => {
      if (answerMs === 0) caller.write(bytes);
      else setTimeout(() => caller.writable && caller.write(bytes), answerMs);
    });
    const end = (): void => {
      peer.end();
      setTimeout(() => caller.destroy(), CLOSE_MS).unref();
    };
    caller.on('end', end);
    peer.on('close', () => caller.destroyed || end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
