/**
 * A connection of this package in memory, with a mock peer at its other end.
 * @module
 */
import { duplexPair } from 'node:stream';
import type { Connection } from '../net/connection.ts';
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import { MockPeer, type MockPeerOptions, type MockScript, play } from './mock-peer.ts';
import { openSide, type PairSideOptions } from './pair.ts';

/** Options of our side. */
export interface MockPairOptions extends PairSideOptions {
  /** Our role; the mock peer has the other one. Default `WE_CALLED_REMOTE`. */
  readonly role?: PeerRole | undefined;
}

/** Our connection and the end of the script. */
export interface MockPair {
  /** Our end, when the handshake is complete. @throws {OverlayError} when it fails, as connect() does */
  readonly connection: Promise<Connection>;
  /** Resolves when the script has ended. @throws what the script has thrown */
  readonly finished: Promise<void>;
}

/**
 * Connects to a mock peer without a socket. By default the mock peer has our network and clock.
 *
 * @example
 * const { connection, finished } = mockPair({ network, clock }, async (peer) => {
 *   await peer.handshake()
 *   peer.sendBadMac({ type: 'GET_SCP_STATE', ledgerSeq: 0 })
 *   await peer.expectEnd()
 * })
 * assert.equal((await (await connection).ended).code, 'OVERLAY_UNEXPECTED_MAC')
 * await finished
 */
export function mockPair(options: MockPairOptions, script: MockScript, mock: Partial<MockPeerOptions> = {}): MockPair {
  const { role = 'WE_CALLED_REMOTE', network, clock, ...rest } = options;
  const [ours, theirs] = duplexPair();
  const peer = new MockPeer(theirs, role === 'WE_CALLED_REMOTE' ? 'REMOTE_CALLED_US' : 'WE_CALLED_REMOTE', {
    network,
    clock,
    ...mock,
  });
  const finished = play(peer, script);
  const connection = openSide(role, ours, { ...rest, network, clock });
  // Callers may ignore this promise, so a rejection must not count as unhandled.
  finished.catch(() => {});
  connection.catch(() => {});
  return { connection, finished };
}
