/** Nodes at addresses of their own, whose keys, names and answers a test decides. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { NodeIdentity, networks } from '../../../src/index.ts';
import type { PeerAddress, SCPEnvelope, StellarMessage } from '../../../src/protocol/wire/messages.ts';
import { MockPeer } from '../../../src/testing/index.ts';

export const network = networks.standalone;

/** An identity that depends on the number alone. */
export function identityOf(number: number): NodeIdentity {
  return NodeIdentity.fromSeed(new Uint8Array(32).fill(number & 255).fill(number >> 8, 0, 16));
}

/** How a node behaves. */
export interface NodeOptions {
  readonly ip: string;
  /** Default: one that is free. */
  readonly port?: number;
  /** Its identity; a function is asked for every connection. */
  readonly identity: NodeIdentity | (() => NodeIdentity);
  readonly names?: readonly { readonly ip: string; readonly port: number }[];
  readonly versionStr?: string;
  /** Peers that are connected now. Addresses that share it belong to one node, which accepts each peer once. */
  readonly connected?: Set<string>;
  /** What it answers to GET_SCP_STATE. */
  readonly statements?: readonly SCPEnvelope[];
  /** Answers a message. @returns whether it did, even by silence; if not, the node says that it has no quorum set of this hash */
  readonly answer?: (message: StellarMessage, peer: MockPeer) => boolean;
}

/** A running node. */
export interface TestNode {
  readonly ip: string;
  readonly port: number;
  /** `HOST:PORT`. */
  readonly address: string;
  /** Number of connections so far. */
  readonly connects: number;
}

/** Nodes of one test, which are closed together. */
export class Nodes implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #closers: (() => Promise<unknown>)[] = [];

  /** Starts one. */
  async start(options: NodeOptions): Promise<TestNode> {
    let connects = 0;
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      connects++;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket)).on('error', () => {});
      const { identity } = options;
      const own = typeof identity === 'function' ? identity() : identity;
      const peer = new MockPeer(socket, 'REMOTE_CALLED_US', { network, identity: own });
      void play(peer, options)
        .catch(() => {})
        .finally(() => peer.close());
    });
    server.listen(options.port ?? 0, options.ip);
    await once(server, 'listening');
    this.#closers.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as { readonly port: number };
    return {
      ip: options.ip,
      port,
      address: `${options.ip}:${port}`,
      get connects() {
        return connects;
      },
    };
  }

  /** Stops all of them. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#closers.splice(0).map((close) => close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function play(peer: MockPeer, options: NodeOptions): Promise<void> {
  const { names = [], versionStr = 'test node', connected = new Set<string>(), statements = [], answer } = options;
  const { peerID } = await peer.expect('HELLO');
  peer.hello({ versionStr });
  if (connected.has(peerID)) {
    peer.error('ERR_CONF', `already-connected peer: ${peerID.slice(0, 5)}`);
    return peer.expectEnd();
  }
  connected.add(peerID);
  try {
    await peer.expect('AUTH');
    peer.together(() => {
      peer.auth();
      if (names.length > 0) peer.send({ type: 'PEERS', peers: names.map((name): PeerAddress => ({ ...name, numFailures: 0 })) });
      peer.grant();
    });
    for (let body = await peer.receiveBody(); body !== undefined; body = await peer.receiveBody()) {
      const message = peer.read(body) as StellarMessage;
      if (message.type === 'GET_SCP_STATE') for (const envelope of statements) peer.send({ type: 'SCP_MESSAGE', envelope });
      if (answer?.(message, peer) || message.type !== 'GET_SCP_QUORUMSET') continue;
      peer.send({ type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: message.qSetHash });
    }
  } finally {
    connected.delete(peerID);
  }
}
