/**
 * Arrival: one connection that a listener gets, from the accepted socket until it is closed.
 * @module
 */
import type { Socket } from 'node:net';
import { concatBytes } from '../protocol/bytes.ts';
import type { OverlayError } from '../protocol/errors.ts';
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import { Peer } from '../protocol/peer.ts';
import type { PeerAddress } from '../protocol/wire/messages.ts';
import type { Clock } from './clock.ts';
import { Connection } from './connection.ts';
import {
  type ConnectionInfo,
  type NewConnection,
  newConnection,
  type OnBytes,
  type PeerIDRegistry,
  type TcpAddress,
} from './connection-info.ts';
import { peerOptions, type ResolvedOptions } from './options.ts';
import type { Member, Roster } from './roster.ts';
import { Session, type SessionOptions } from './session.ts';
import { addressKey, type Slots } from './slots.ts';
import { asAcceptor, STRANGER_BYTES } from './stranger.ts';

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

/** What the arrivals of one listener share. */
export interface ArrivalHost {
  readonly resolved: ResolvedOptions;
  readonly listeningPort: number;
  readonly peers: readonly PeerAddress[] | undefined;
  /** Connections in the handshake, and those that end. */
  readonly pending: Slots;
  readonly authenticated: Slots;
  readonly peerIDs: PeerIDRegistry;
  readonly onBytes: OnBytes | undefined;
  /** Those whose socket is not closed. */
  readonly sessions: Roster<Session>;
  tell(event: ListenerEvent): void;
  /** Hands a connection to the application. */
  offer(connection: Connection): void;
  /** The connection has ended, and nobody needs to take it. */
  withdraw(connection: Connection): void;
}

/** An event without the facts that every event has. */
type EventFacts = ListenerEvent extends infer E ? (E extends ListenerEvent ? Omit<E, 'id' | 'remoteAddress'> : never) : never;

const NOTHING = new Uint8Array(0);

/** Subtle: an object with methods instead of closures, which would take a kilobyte of each idle connection. */
export class Arrival implements SessionOptions {
  readonly remoteAddress: TcpAddress;
  /** The key of its address in `Slots`. */
  readonly key: string;
  readonly #host: ArrivalHost;
  readonly #socket: Socket;
  readonly #begun: NewConnection;
  readonly #startMs: number;
  /** Its session among those of the listener. */
  #member: Member<Session> | undefined;
  /** What the application gets, once the peer is authenticated. */
  #offered: Connection | undefined;
  #helloMs = 0;
  /** The first bytes of a peer in the handshake. */
  #firstBytes: Uint8Array = NOTHING;
  #isPending = false;
  #hasSlot = false;
  #releasePeerID: (() => void) | undefined;

  constructor(host: ArrivalHost, socket: Socket) {
    this.remoteAddress = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    this.key = addressKey(this.remoteAddress.host);
    this.#host = host;
    this.#socket = socket;
    const localAddress = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    this.#begun = newConnection({ role: 'REMOTE_CALLED_US', localAddress, remoteAddress: this.remoteAddress });
    this.#startMs = this.clock.now().monotonicMs;
  }

  get connection(): ConnectionInfo {
    return this.#begun.info;
  }

  get clock(): Clock {
    return this.#host.resolved.clock;
  }

  get handshakeTimeoutMs(): number {
    return this.#host.resolved.handshakeTimeoutMs;
  }

  /** Closes the socket. Nothing is sent. */
  refuse(error: OverlayError): void {
    this.#socket.on('error', () => {});
    this.#socket.destroy();
    this.#tell({ event: 'refused', error });
  }

  /** Begins the handshake. */
  start(): void {
    this.#tell({ event: 'connected' });
    const { resolved, listeningPort, peers, pending, sessions } = this.#host;
    const peer = new Peer(
      peerOptions(resolved, this.#begun, {
        listeningPort,
        peers,
        claimPeerID: (peerID) => this.#claimPeerID(peerID),
        takeSlot: () => this.#takeSlot(),
      }),
    );
    pending.take(this.key);
    this.#isPending = true;
    this.#member = sessions.add(new Session(peer, this.#socket, this));
  }

  onBytes(direction: 'sent' | 'received', bytes: Uint8Array, connection: ConnectionInfo): void {
    const missing = STRANGER_BYTES - this.#firstBytes.length;
    if (direction === 'received' && missing > 0 && this.#offered === undefined)
      this.#firstBytes = concatBytes(this.#firstBytes, bytes.subarray(0, missing));
    this.#host.onBytes?.(direction, bytes, connection);
  }

  onHello(): void {
    this.#helloMs = this.#elapsedMs();
  }

  onAuthenticated(remote: RemotePeer): void {
    this.#leavePending();
    this.#firstBytes = NOTHING;
    const totalMs = this.#elapsedMs();
    const timings = { dnsMs: 0, tcpMs: 0, helloMs: this.#helloMs, authMs: totalMs - this.#helloMs, totalMs };
    const connection = new Connection((this.#member as Member<Session>).value, { info: this.connection, remote, timings });
    this.#offered = connection;
    this.#tell({ event: 'authenticated', connection });
    this.#host.offer(connection);
  }

  onEnded(error: OverlayError): void {
    this.#releasePeerID?.();
    if (this.#hasSlot) this.#host.authenticated.release(this.key);
    // The slot is free for the next peer, but the socket exists until it is closed and must still be counted.
    if (!this.#isPending) this.#host.pending.take(this.key);
    this.#isPending = true;
    const connection = this.#offered;
    if (connection === undefined) {
      this.#tell({ event: 'refused', error: asAcceptor(error, this.#firstBytes, this.#elapsedMs()) });
    } else {
      this.#host.withdraw(connection);
      this.#tell({ event: 'closed', remote: connection.remote, error });
    }
  }

  onClosed(): void {
    this.#leavePending();
    this.#host.sessions.remove(this.#member as Member<Session>);
  }

  #claimPeerID(peerID: string): boolean {
    this.#releasePeerID = this.#host.peerIDs.claimPeerID(peerID);
    return this.#releasePeerID !== undefined;
  }

  #takeSlot(): boolean {
    const { authenticated } = this.#host;
    this.#hasSlot = !authenticated.isFull && !authenticated.isFullFor(this.key);
    if (this.#hasSlot) authenticated.take(this.key);
    return this.#hasSlot;
  }

  #leavePending(): void {
    if (this.#isPending) this.#host.pending.release(this.key);
    this.#isPending = false;
  }

  #elapsedMs(): number {
    return this.clock.now().monotonicMs - this.#startMs;
  }

  #tell({ event, ...facts }: EventFacts): void {
    this.#host.tell({ event, id: this.connection.id, remoteAddress: this.remoteAddress, ...facts } as ListenerEvent);
  }
}
