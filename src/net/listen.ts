/**
 * listen: accepts connections, limited in number, with one connection for each peerID.
 * @module
 */
import { createServer, type Server, type Socket } from 'node:net';
import { assertInteger, concatBytes } from '../protocol/bytes.ts';
import { DEFAULT_PORT, MAX_AUTHENTICATED_CONNECTIONS, MAX_PEERS, MAX_PENDING_CONNECTIONS } from '../protocol/constants.ts';
import { OverlayError } from '../protocol/errors.ts';
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import { Peer } from '../protocol/peer.ts';
import { parseIP } from '../protocol/wire/ip.ts';
import type { PeerAddress } from '../protocol/wire/messages.ts';
import { offAbort, onAbort } from './abort.ts';
import { Connection } from './connection.ts';
import { newConnection, type PeerIDRegistry, type TcpAddress } from './connection-info.ts';
import { type NodeOptions, peerOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { Session } from './session.ts';
import { addressKey, Slots } from './slots.ts';
import { asAcceptor, STRANGER_BYTES } from './stranger.ts';

const NOTHING = new Uint8Array(0);

/** Options of `listen`. */
export interface ListenOptions extends NodeOptions {
  /** Address to listen on. Default 127.0.0.1: other addresses must be chosen explicitly. */
  readonly host?: string | undefined;
  /** TCP port; 0 selects a free one. Default 11625. */
  readonly port?: number | undefined;
  /** Addresses sent to each peer in PEERS after AUTH, at most 100. Empty: PEERS is not sent. */
  readonly peers?: readonly PeerAddress[] | undefined;
  /** Maximum number of connections in the handshake. A connection above it is closed and nothing is sent. Default 444. */
  readonly maxPendingConnections?: number | undefined;
  /** Maximum number of authenticated connections. A connection above it is refused with ERR_LOAD. Default 64. */
  readonly maxAuthenticatedConnections?: number | undefined;
  /**
   * Maximum number of connections of one IP address, applied separately to those in the handshake and those authenticated. A
   * connection above it is refused in the same way as above those limits. IPv6 addresses with the same first 64 bits count as
   * one. Default: half of each limit.
   */
  readonly maxPerAddress?: number | undefined;
  /** Whether to accept connections of an IP address. Others are closed and nothing is sent. */
  readonly accept?: ((address: string) => boolean) | undefined;
  /** Is called for each event of each TCP connection, refused ones included. */
  readonly onEvent?: ((event: ListenerEvent) => void) | undefined;
}

/**
 * Event of a TCP connection: `connected`, then `authenticated` and `closed`, or `refused`. `id` is that of the `ConnectionInfo`
 * which `onStep` gets.
 */
export type ListenerEvent =
  | { readonly event: 'connected'; readonly id: string; readonly remoteAddress: TcpAddress }
  | {
      readonly event: 'authenticated';
      readonly id: string;
      readonly remoteAddress: TcpAddress;
      readonly connection: Connection;
    }
  | { readonly event: 'refused'; readonly id: string; readonly remoteAddress: TcpAddress; readonly error: OverlayError }
  | {
      readonly event: 'closed';
      readonly id: string;
      readonly remoteAddress: TcpAddress;
      readonly remote: RemotePeer;
      readonly error: OverlayError;
    };

/**
 * Listens for peers. Iterate it to take the authenticated connections.
 *
 * @example
 * const listener = await listen({ port: 0, network: networks.standalone })
 * for await (const connection of listener) console.log(connection.remote.peerID)
 *
 * @throws {OverlayError} OVERLAY_LISTEN_FAILED when the address cannot be used
 * @throws {TypeError | RangeError} when an option is wrong
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const resolved = resolveOptions(options);
  const { host = '127.0.0.1', port = DEFAULT_PORT, signal } = options;
  assertInteger(port, 0, 65535, 'port');
  assertInteger(options.maxPendingConnections ?? 1, 1, 0xffff, 'maxPendingConnections');
  assertInteger(options.maxAuthenticatedConnections ?? 0, 0, 0xffff, 'maxAuthenticatedConnections');
  assertInteger(options.maxPerAddress ?? 1, 1, 0xffff, 'maxPerAddress');
  if (options.accept !== undefined && typeof options.accept !== 'function') throw new TypeError('accept must be a function');
  if ((options.peers?.length ?? 0) > MAX_PEERS) throw new RangeError(`peers must be at most ${MAX_PEERS} addresses`);
  for (const { ip, port, numFailures } of options.peers ?? []) {
    parseIP(ip);
    assertInteger(port, 1, 65535, 'port of a peer');
    assertInteger(numFailures, 0, 0xffffffff, 'numFailures of a peer');
  }
  if (signal?.aborted) throw new OverlayError('OVERLAY_ABORTED', { stage: 'tcp', cause: signal.reason });

  const server = createServer({ noDelay: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        new OverlayError('OVERLAY_LISTEN_FAILED', {
          stage: 'tcp',
          cause,
          message: `Cannot listen on ${host}:${port}: ${cause.message}.`,
        }),
      );
    });
    server.listen(port, host, resolve);
  });
  return new Listener(server, options, resolved);
}

/** A listening node. */
export class Listener implements AsyncIterable<Connection>, AsyncDisposable, PeerIDRegistry {
  /** Address and port listened on. */
  readonly host: string;
  readonly port: number;
  /** Our own identity, `G…`. */
  readonly peerID: string;
  readonly #server: Server;
  readonly #options: ListenOptions;
  readonly #resolved: ResolvedOptions;
  readonly #sessions = new Set<Session>();
  /** PeerIDs that are connected or about to be; one connection each. */
  readonly #peerIDs = new Set<string>();
  readonly #pending: Slots;
  readonly #authenticated: Slots;
  #closing = false;
  readonly #ready: Connection[] = [];
  readonly #takers: ((connection: Connection | undefined) => void)[] = [];

  /** @internal */
  constructor(server: Server, options: ListenOptions, resolved: ResolvedOptions) {
    const address = server.address() as { readonly address: string; readonly port: number };
    this.host = address.address;
    this.port = address.port;
    this.peerID = resolved.identity.peerID;
    this.#server = server;
    this.#options = options;
    this.#resolved = resolved;
    const { maxPendingConnections = MAX_PENDING_CONNECTIONS, maxAuthenticatedConnections = MAX_AUTHENTICATED_CONNECTIONS } =
      options;
    const slots = (most: number): Slots => new Slots(most, options.maxPerAddress ?? Math.ceil(most / 2));
    this.#pending = slots(maxPendingConnections);
    this.#authenticated = slots(maxAuthenticatedConnections);
    server.removeAllListeners('error');
    // A failed accept, for want of file descriptors for example, affects that connection only.
    server.on('error', () => {});
    server.on('connection', (socket) => this.#onConnection(socket));
    onAbort(options.signal, this.#onAbort);
  }

  /** Connections in the handshake, and authenticated ones. */
  get counts(): { readonly pending: number; readonly authenticated: number } {
    return { pending: this.#pending.taken, authenticated: this.#authenticated.taken };
  }

  /** The authenticated connections, in order of arrival. Iteration ends when the listener is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Connection, void, undefined> {
    for (;;) {
      const connection = this.#ready.shift() ?? (await this.#nextConnection());
      if (connection === undefined) return;
      yield connection;
    }
  }

  /**
   * Stops listening and closes every connection; each peer gets the ERROR_MSG `shutdown`. @returns when all sockets are closed
   */
  async close(): Promise<void> {
    this.#closing = true;
    offAbort(this.#options.signal, this.#onAbort);
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const sessions = [...this.#sessions];
    for (const session of sessions) session.end('OVERLAY_SHUTDOWN');
    this.#ready.length = 0;
    for (const taker of this.#takers.splice(0)) taker(undefined);
    await Promise.all([stopped, ...sessions.map((session) => session.closed)]);
  }

  /** The same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Reserves a peerID for one connection of this node.
   * @returns a function that releases it; undefined when another connection has the peerID
   * @internal
   */
  claimPeerID(peerID: string): (() => void) | undefined {
    if (this.#peerIDs.has(peerID)) return undefined;
    this.#peerIDs.add(peerID);
    return () => void this.#peerIDs.delete(peerID);
  }

  readonly #onAbort = (): void => void this.close();

  #nextConnection(): Promise<Connection | undefined> {
    if (this.#closing) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** The error with which a connection is refused; undefined when it is accepted. */
  #refusal(address: string, key: string): OverlayError | undefined {
    if (this.#closing || this.#pending.isFull) return new OverlayError('OVERLAY_NO_PENDING_SLOT', { stage: 'hello' });
    if (this.#pending.isFullFor(key)) {
      const message = `Too many connections from ${address} are in the handshake at once.`;
      return new OverlayError('OVERLAY_NO_PENDING_SLOT', { stage: 'hello', message });
    }
    try {
      if (this.#options.accept?.(address) === false) return new OverlayError('OVERLAY_ADDRESS_REFUSED', { stage: 'hello' });
    } catch (cause) {
      return new OverlayError('OVERLAY_INTERNAL', { stage: 'hello', cause });
    }
    return undefined;
  }

  #onConnection(socket: Socket): void {
    const localAddress = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    const remoteAddress = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    const begun = newConnection({ role: 'REMOTE_CALLED_US', localAddress, remoteAddress });
    const { info } = begun;
    const { id } = info;
    const tell = (event: ListenerEvent): void => this.#options.onEvent?.(event);
    const key = addressKey(remoteAddress.host);
    const refusal = this.#refusal(remoteAddress.host, key);
    if (refusal !== undefined) {
      socket.on('error', () => {});
      socket.destroy();
      tell({ event: 'refused', id, remoteAddress, error: refusal });
      return;
    }
    tell({ event: 'connected', id, remoteAddress });
    const { clock, handshakeTimeoutMs } = this.#resolved;
    const start = clock.now().monotonicMs;
    const elapsed = (): number => clock.now().monotonicMs - start;
    const { onBytes } = this.#options;
    let helloMs = 0;
    /** Releases the slots of a peer in the handshake. */
    let firstBytes: Uint8Array = NOTHING;
    let release: (() => void) | undefined;
    let slot = false;
    const options = peerOptions(this.#resolved, begun, {
      listeningPort: this.#options.listeningPort ?? this.port,
      peers: this.#options.peers,
      claimPeerID: (peerID) => {
        release = this.claimPeerID(peerID);
        return release !== undefined;
      },
      takeSlot: () => {
        slot = !this.#authenticated.isFull && !this.#authenticated.isFullFor(key);
        if (slot) this.#authenticated.take(key);
        return slot;
      },
    });
    const peer = new Peer(options);
    const session = new Session(peer, socket, {
      connection: info,
      clock,
      handshakeTimeoutMs,
      onBytes: (direction, bytes, connection) => {
        if (direction === 'received' && firstBytes.length < STRANGER_BYTES && pending)
          firstBytes = concatBytes(firstBytes, bytes.subarray(0, STRANGER_BYTES - firstBytes.length));
        onBytes?.(direction, bytes, connection);
      },
      onHello: () => {
        helloMs = elapsed();
      },
    });
    this.#sessions.add(session);
    this.#pending.take(key);
    let pending = true;
    const leavePending = (): void => {
      if (pending) this.#pending.release(key);
      pending = false;
    };
    session.authenticated.then(
      (remote) => {
        leavePending();
        firstBytes = NOTHING;
        const totalMs = elapsed();
        const timings = { dnsMs: 0, tcpMs: 0, helloMs, authMs: totalMs - helloMs, totalMs };
        const connection = new Connection(session, { info, remote, timings });
        tell({ event: 'authenticated', id, remoteAddress, connection });
        const taker = this.#takers.shift();
        if (taker !== undefined) taker(connection);
        else this.#ready.push(connection);
        void session.ended.then((error) => {
          // The listener is closed: nobody will take this connection, and it would stay in the queue.
          const untaken = this.#ready.indexOf(connection);
          if (untaken >= 0) this.#ready.splice(untaken, 1);
          tell({ event: 'closed', id, remoteAddress, remote, error });
        });
      },
      (error: OverlayError) => tell({ event: 'refused', id, remoteAddress, error: asAcceptor(error, firstBytes, elapsed()) }),
    );
    void session.ended.then(() => {
      release?.();
      if (slot) this.#authenticated.release(key);
      // The slot is free for the next peer, but the socket exists until it is closed and must still be counted.
      if (!pending) this.#pending.take(key);
      pending = true;
    });
    void session.closed.then(() => {
      leavePending();
      this.#sessions.delete(session);
    });
  }
}
