/**
 * Two connected peers without a socket.
 * @module
 */
import { duplexPair } from 'node:stream';
import { authenticated } from '../net/connect.ts';
import { Connection } from '../net/connection.ts';
import { newConnection } from '../net/connection-info.ts';
import { type NodeOptions, peerOptions, resolveOptions } from '../net/options.ts';
import { Session } from '../net/session.ts';
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import { Peer } from '../protocol/peer.ts';
import type { PeerAddress } from '../protocol/wire/messages.ts';

/** Options of one side of a pair. */
export interface PairSideOptions extends NodeOptions {
  /** The only peerID accepted, `G…`. */
  readonly expectedPeerID?: string | undefined;
  /** Addresses that an acceptor sends in PEERS. */
  readonly peers?: readonly PeerAddress[] | undefined;
}

/**
 * Does a whole handshake in memory and returns both ends: real connections, but without a socket.
 * @param options options of both sides
 * @param acceptor options in which the accepting side differs
 * @throws {OverlayError} of the dialling side when the handshake fails
 */
export async function connectedPair(
  options: PairSideOptions,
  acceptor: Partial<PairSideOptions> = {},
): Promise<readonly [initiator: Connection, acceptor: Connection]> {
  const [left, right] = duplexPair();
  const accepting = openSide('REMOTE_CALLED_US', right, { ...options, onStep: undefined, onBytes: undefined, ...acceptor });
  const dialling = openSide('WE_CALLED_REMOTE', left, options);
  return Promise.all([dialling, accepting]);
}

/** One side of a pair on a stream. @throws {OverlayError} when the handshake fails */
export async function openSide(
  role: PeerRole,
  stream: ReturnType<typeof duplexPair>[number],
  options: PairSideOptions,
): Promise<Connection> {
  const resolved = resolveOptions(options);
  const { clock, handshakeTimeoutMs } = resolved;
  const begun = newConnection({ role });
  const start = clock.now().monotonicMs;
  let helloMs = 0;
  const session = new Session(
    new Peer({
      ...peerOptions(resolved, begun),
      expectedPeerID: options.expectedPeerID,
      peers: options.peers,
      // As in connect(): the dialler waits until its handshake deadline.
      ...(role === 'WE_CALLED_REMOTE' && { authenticationTimeoutMs: handshakeTimeoutMs }),
    }),
    stream,
    {
      connection: begun.info,
      clock,
      handshakeTimeoutMs,
      signal: options.signal,
      onBytes: options.onBytes,
      onHello: () => {
        helloMs = clock.now().monotonicMs - start;
      },
    },
  );
  const remote = await authenticated(session);
  const totalMs = clock.now().monotonicMs - start;
  const timings = { dnsMs: 0, tcpMs: 0, helloMs, authMs: totalMs - helloMs, totalMs };
  return new Connection(session, { info: begun.info, remote, timings });
}
