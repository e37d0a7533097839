/**
 * The other side of a measured connection: a real handshake on a bare socket, then the socket and the keys. So records can be
 * sealed beforehand, and only the measured side takes time.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { networks } from '../../src/index.ts';
import {
  MacSender,
  Peer,
  PeerAuth,
  type PeerRole,
  type StellarMessage,
  stellarMessage,
  writeRecord,
  XdrWriter,
} from '../../src/protocol/index.ts';

/** The largest value that fits in the field. */
const NO_LIMIT = { messages: 0xffffffff, bytes: 0xffffffff } as const;
/** The network of all benches. */
export const NETWORK_ID: Uint8Array = Uint8Array.from(Buffer.from(networks.standalone.networkID, 'hex'));

/** A new node. */
export function freshPeerAuth(): PeerAuth {
  return new PeerAuth(
    nodeCrypto,
    nodeCrypto.signingKey(randomBytes(32)),
    nodeCrypto.ecdhKey(randomBytes(32)),
    networks.standalone.networkID,
  );
}

/** An authenticated connection on which the bench writes the bytes. */
export interface RawPeer {
  readonly socket: Socket;
  /** 32 bytes each. */
  readonly sendingKey: Uint8Array;
  readonly receivingKey: Uint8Array;
  /** Seals records that can be written to the socket, in this order. */
  seal(xdrs: Iterable<Uint8Array>): Uint8Array;
}

/**
 * Does the handshake.
 * @returns after the first message of the other side after AUTH: then both sides are authenticated
 */
export function shakeHands(socket: Socket, role: PeerRole, peerAuth: PeerAuth): Promise<RawPeer> {
  let keys!: Pick<RawPeer, 'sendingKey' | 'receivingKey'>;
  const peer = new Peer({
    role,
    crypto: nodeCrypto,
    nonce: randomBytes(32),
    peerAuth,
    overlayVersion: 42,
    overlayMinVersion: 38,
    ledgerVersion: 27,
    versionStr: 'stellar-handshake bench',
    listeningPort: 11625,
    floodCapacity: NO_LIMIT,
    scpStateLedgerSeq: null,
    unsafeStepSecrets: true,
    onStep: (step) => {
      if (step.step !== 'mac-keys' || step.secrets === undefined) return;
      const { K_AB, K_BA } = step.secrets;
      keys = role === 'WE_CALLED_REMOTE' ? { sendingKey: K_AB, receivingKey: K_BA } : { sendingKey: K_BA, receivingKey: K_AB };
    },
  });
  const now = () => ({ unixSeconds: Date.now() / 1000, monotonicMs: performance.now() });
  const flush = (): void => {
    const output = peer.takeOutput(now());
    if (output !== undefined) socket.write(output);
  };
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      peer.push(chunk);
      for (let event = peer.next(now()); event !== undefined; event = peer.next(now())) {
        if (event.type === 'closed') reject(event.error);
      }
      flush();
      if (peer.credit.messages === 0n) return;
      socket.off('data', onData);
      socket.off('error', reject);
      socket.off('close', onClose);
      socket.on('error', () => {});
      // AUTH was 0, SEND_MORE_EXTENDED 1.
      const sender = new MacSender(nodeCrypto.macKey(keys.sendingKey), 2n);
      resolve({ socket, ...keys, seal: (xdrs) => sealAll(sender, xdrs) });
    };
    const onClose = (): void => reject(new Error('closed in the handshake'));
    socket.on('data', onData);
    socket.on('error', reject);
    socket.on('close', onClose);
    peer.start(now());
    flush();
  });
}

function sealAll(sender: MacSender, xdrs: Iterable<Uint8Array>): Uint8Array {
  const writer = new XdrWriter();
  for (const xdr of xdrs) {
    const body = writeRecord(writer, xdr);
    sender.seal(writer.bytes, body, writer.length);
  }
  return writer.take();
}

/** A server on a free port of the loopback whose connections are taken one after another. */
export class Acceptor {
  readonly #server: Server;
  readonly #ready: Socket[] = [];
  readonly #takers: ((socket: Socket) => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      const taker = this.#takers.shift();
      if (taker !== undefined) taker(socket);
      else this.#ready.push(socket);
    });
  }

  static async listen(): Promise<Acceptor> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Acceptor(server);
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  next(): Promise<Socket> {
    const socket = this.#ready.shift();
    if (socket !== undefined) return Promise.resolve(socket);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  close(): void {
    this.#server.close();
  }
}

/** A connected socket. */
export async function dial(port: number): Promise<Socket> {
  const socket = connectSocket({ host: '127.0.0.1', port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.removeAllListeners('error');
  return socket;
}

/** The XDR of a message. */
export function encode(message: StellarMessage): Uint8Array {
  const writer = new XdrWriter();
  stellarMessage.write(writer, message);
  return writer.take();
}
