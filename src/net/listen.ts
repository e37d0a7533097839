/**
 * listen: accepts connections, limited in number, with one connection for each peerID.
 * @module
 */
import { createServer, type Server, type Socket } from 'node:net';
import { assertInteger } from '../protocol/bytes.ts';
import { DEFAULT_PORT, MAX_AUTHENTICATED_CONNECTIONS, MAX_PEERS, MAX_PENDING_CONNECTIONS } from '../protocol/constants.ts';
import { OverlayError } from '../protocol/errors.ts';
import { parseIP } from '../protocol/wire/ip.ts';
import type { PeerAddress } from '../protocol/wire/messages.ts';
import { type AbortWatch, offAbort, onAbort } from './abort.ts';
import { Arrival, type ArrivalHost, type ListenerEvent } from './arrival.ts';
import type { Connection } from './connection.ts';
import type { PeerIDRegistry } from './connection-info.ts';
import { type NodeOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { Roster } from './roster.ts';
import type { Session } from './session.ts';
import { Slots } from './slots.ts';

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
  readonly #host: ArrivalHost;
  readonly #sessions = new Roster<Session>();
  readonly #watch: AbortWatch | undefined;
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
    const { maxPendingConnections = MAX_PENDING_CONNECTIONS, maxAuthenticatedConnections = MAX_AUTHENTICATED_CONNECTIONS } =
      options;
    const slots = (most: number): Slots => new Slots(most, options.maxPerAddress ?? Math.ceil(most / 2));
    this.#pending = slots(maxPendingConnections);
    this.#authenticated = slots(maxAuthenticatedConnections);
    this.#host = {
      resolved,
      listeningPort: options.listeningPort ?? this.port,
      peers: options.peers,
      pending: this.#pending,
      authenticated: this.#authenticated,
      peerIDs: this,
      sessions: this.#sessions,
      onBytes: options.onBytes,
      tell: (event) => options.onEvent?.(event),
      offer: (connection) => this.#offer(connection),
      withdraw: (connection) => this.#withdraw(connection),
    };
    server.removeAllListeners('error');
    // A failed accept, for want of file descriptors for example, affects that connection only.
    server.on('error', () => {});
    server.on('connection', (socket) => this.#onConnection(socket));
    this.#watch = onAbort(options.signal, () => void this.close());
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
    offAbort(this.#options.signal, this.#watch);
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const sessions = this.#sessions.members().map(({ value }) => value);
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

  #nextConnection(): Promise<Connection | undefined> {
    if (this.#closing) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  #offer(connection: Connection): void {
    const taker = this.#takers.shift();
    if (taker !== undefined) taker(connection);
    else this.#ready.push(connection);
  }

  /** Nobody will take the connection when the listener is closed, and it would stay in the queue. */
  #withdraw(connection: Connection): void {
    const untaken = this.#ready.indexOf(connection);
    if (untaken >= 0) this.#ready.splice(untaken, 1);
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
    const arrival = new Arrival(this.#host, socket);
    const { host } = arrival.remoteAddress;
    const refusal = this.#refusal(host, arrival.key);
    if (refusal === undefined) arrival.start();
    else arrival.refuse(refusal);
  }
}
