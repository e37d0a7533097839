/**
 * The facts of a connection that every part of net/ and its users talk of.
 * @module
 */
import type { PeerRole } from '../protocol/auth/key-schedule.ts';

/** The other end of the TCP connection. */
export interface RemoteAddress {
  readonly host: string;
  readonly port: number;
}

/** Which connection a callback is told of: one object for each, the same one every time. */
export interface ConnectionInfo {
  readonly role: PeerRole;
  readonly localAddress?: RemoteAddress | undefined;
  readonly remoteAddress?: RemoteAddress | undefined;
}

/** Sees the raw stream of a connection. */
export type OnBytes = (direction: 'sent' | 'received', bytes: Uint8Array, connection: ConnectionInfo) => void;

/** Part of the way to an authenticated peer. */
export type Phase = 'dns' | 'tcp' | 'hello' | 'auth';

/** How long each phase took, in milliseconds. An accepted connection has no name to resolve and no TCP to wait for: 0. */
export interface Timings {
  readonly dnsMs: number;
  readonly tcpMs: number;
  /** From TCP to the peer's HELLO being accepted. */
  readonly helloMs: number;
  /** From there to its AUTH being accepted. */
  readonly authMs: number;
  readonly totalMs: number;
}

/** Knows which peers a node is connected to, so that none is connected twice. */
export interface PeerIDRegistry {
  /**
   * Takes a peerID (`G…`) for one connection.
   * @returns gives it back; undefined when another connection has it
   */
  claimPeerID(peerID: string): (() => void) | undefined;
}
