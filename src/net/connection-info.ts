/**
 * The facts of a connection that net/ and its users share.
 * @module
 */
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import { toHex } from '../protocol/bytes.ts';
import { randomBytes } from './random.ts';

/** One end of a TCP connection. */
export interface TcpAddress {
  /** IPv4 or IPv6 address; also a host name when it is the target of a dial. */
  readonly host: string;
  readonly port: number;
}

/** Identifies the connection in callbacks. Each connection has one such object, and every callback gets the same one. */
export interface ConnectionInfo {
  /**
   * Identifies the connection: 16 hex digits, the first 8 bytes of the nonce in our HELLO. It is different in every process and
   * not secret. A capture, a recording and a key log of the same connection contain it too.
   */
  readonly id: string;
  readonly role: PeerRole;
  /** Absent when the stream is not a TCP connection. */
  readonly localAddress?: TcpAddress | undefined;
  readonly remoteAddress?: TcpAddress | undefined;
}

/** The facts of a new connection. */
export interface NewConnection {
  readonly info: ConnectionInfo;
  /** Nonce of our HELLO, 32 random bytes. */
  readonly nonce: Uint8Array;
}

/** Draws the nonce of a new connection and derives its id. */
export function newConnection(facts: Omit<ConnectionInfo, 'id'>): NewConnection {
  const nonce = randomBytes(32);
  return { info: { id: toHex(nonce.subarray(0, 8)), ...facts }, nonce };
}

/** Gets the raw bytes of a connection. */
export type OnBytes = (direction: 'sent' | 'received', bytes: Uint8Array, connection: ConnectionInfo) => void;

/** Phase of connecting. */
export type Phase = 'dns' | 'tcp' | 'hello' | 'auth';

/** Duration of each phase, in milliseconds. An accepted connection resolves no name and waits for no TCP: 0. */
export interface Timings {
  readonly dnsMs: number;
  readonly tcpMs: number;
  /** From TCP until the peer's HELLO is accepted. */
  readonly helloMs: number;
  /** From there until its AUTH is accepted. */
  readonly authMs: number;
  readonly totalMs: number;
  /** Round trip time after AUTH, when `settle` is set and the peer answered. */
  readonly pingMs?: number;
}

/** Records which peers a node is connected to, so that no peer is connected twice. */
export interface PeerIDRegistry {
  /**
   * Reserves a peerID (`G…`) for one connection.
   * @returns a function that releases it; undefined when another connection has the peerID
   */
  claimPeerID(peerID: string): (() => void) | undefined;
}
