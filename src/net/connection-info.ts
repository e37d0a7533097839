/**
 * The facts of a connection that every part of net/ and its users talk of.
 * @module
 */
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import { toHex } from '../protocol/bytes.ts';
import { randomBytes } from './random.ts';

/** One end of a TCP connection. */
export interface TcpAddress {
  /** IPv4 or IPv6 address, or a name where one is dialled. */
  readonly host: string;
  readonly port: number;
}

/** Which connection a callback is told of: one object for each, the same one every time. */
export interface ConnectionInfo {
  /**
   * Names the connection: 16 hex digits, the first 8 bytes of the nonce in our HELLO. So it is another one in every process,
   * no secret, and to be found in a capture, a recording and a key log of the same connection.
   */
  readonly id: string;
  readonly role: PeerRole;
  /** Absent when the connection is not one of TCP. */
  readonly localAddress?: TcpAddress | undefined;
  readonly remoteAddress?: TcpAddress | undefined;
}

/** What a connection is begun with. */
export interface NewConnection {
  readonly info: ConnectionInfo;
  /** Of our HELLO, 32 random bytes. */
  readonly nonce: Uint8Array;
}

/** Draws the nonce of a new connection, which names it. */
export function newConnection(facts: Omit<ConnectionInfo, 'id'>): NewConnection {
  const nonce = randomBytes(32);
  return { info: { id: toHex(nonce.subarray(0, 8)), ...facts }, nonce };
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
  /** The round trip after it, when `settle` has asked for one and it was answered. */
  readonly pingMs?: number;
}

/** Knows which peers a node is connected to, so that none is connected twice. */
export interface PeerIDRegistry {
  /**
   * Takes a peerID (`G…`) for one connection.
   * @returns gives it back; undefined when another connection has it
   */
  claimPeerID(peerID: string): (() => void) | undefined;
}
