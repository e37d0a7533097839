/**
 * Mock peers on real sockets: a node to dial, and a peer that dials. Loopback only.
 * @module
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { MockPeer, type MockPeerOptions, type MockScript, play } from './mock-peer.ts';
import { dialTcp } from './tcp.ts';

/** A mock node that listens on 127.0.0.1. */
export interface MockNode extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Resolves when the scripts of this number of connections have ended. @throws what the first failing script has thrown */
  finished(connections?: number): Promise<void>;
  /** Stops listening and breaks open connections. */
  close(): Promise<void>;
}

/**
 * Starts a node that runs the script with each connection, as the accepting side.
 *
 * @example
 * await using node = await mockNode({ network: networks.standalone }, async (peer) => {
 *   await peer.expect('HELLO')
 *   peer.hello({ certSeconds: -1 })
 *   await peer.expectEnd()
 * })
 * await assert.rejects(connect({ host: node.host, port: node.port, network }), { code: 'OVERLAY_CERT_EXPIRED' })
 */
export async function mockNode(options: MockPeerOptions, script: MockScript): Promise<MockNode> {
  const sockets = new Set<Socket>();
  const scripts: Promise<void>[] = [];
  let started: (() => void) | undefined;
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const run = play(new MockPeer(socket, 'REMOTE_CALLED_US', options), script);
    run.catch(() => {});
    scripts.push(run);
    started?.();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return {
    host: '127.0.0.1',
    port: (server.address() as { port: number }).port,
    async finished(connections = 1) {
      while (scripts.length < connections) {
        await new Promise<void>((resolve) => {
          started = resolve;
        });
      }
      await Promise.all(scripts);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * Dials a node on this machine and runs the script, as the dialling side.
 * @throws what the script throws; the connection is closed in any case
 */
export async function mockDial(port: number, options: MockPeerOptions, script: MockScript): Promise<void> {
  const socket = await dialTcp({ host: '127.0.0.1', port });
  const peer = new MockPeer(socket, 'WE_CALLED_REMOTE', options);
  try {
    await play(peer, script);
    if (options.closingMs) await peer.wait(options.closingMs);
  } finally {
    socket.destroy();
  }
}
