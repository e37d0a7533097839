/**
 * connect: from a host name to an authenticated peer.
 * @module
 */
import { HANDSHAKE_TIMEOUT_MS } from '../protocol/constants.ts';
import { OverlayError } from '../protocol/errors.ts';
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import { DEFAULT_OVERLAY_RANGE, rangeAfter } from '../protocol/handshake/overlay-range.ts';
import { Peer } from '../protocol/peer.ts';
import type { PeerAddress } from '../protocol/wire/messages.ts';
import { type Clock, systemClock } from './clock.ts';
import { Connection } from './connection.ts';
import { newConnection, type Phase } from './connection-info.ts';
import { dial } from './dial.ts';
import { adaptsOverlayRange, type ConnectOptions, peerOptions, preparedAuth, resolveOptions, resolveTarget } from './options.ts';
import { Session } from './session.ts';

/**
 * Dials a node and does the whole handshake (protocol.md section 4).
 *
 * @example
 * const connection = await connect({ host: 'core.example.org', network: networks.pubnet })
 * for await (const message of connection) console.log(message.type)
 *
 * @returns the connection, once the peer has proved its identity
 * @throws {OverlayError} with code and stage; no socket or timer stays open
 * @throws {TypeError | RangeError} when an option is wrong; nothing is sent
 */
export function connect(options: ConnectOptions): Promise<Connection> {
  return adaptsOverlayRange(options) ? connectAdapting(options) : connectOnce(options);
}

/** Dials once more with the peer's own range of overlay versions, when that has none in common with ours. */
async function connectAdapting(options: ConnectOptions): Promise<Connection> {
  const { clock = systemClock, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
  const startMs = clock.now().monotonicMs;
  let address: string | undefined;
  const onDialled: ConnectOptions['onDialled'] = (attempts) => {
    address = attempts.find(({ outcome }) => outcome === 'connected')?.address;
    options.onDialled?.(attempts);
  };
  try {
    return await connectOnce({ ...options, onDialled });
  } catch (error) {
    const range = error instanceof OverlayError ? rangeAfter(error, DEFAULT_OVERLAY_RANGE) : undefined;
    if (range === undefined) throw error;
    const leftMs = Math.max(1, Math.round(handshakeTimeoutMs - (clock.now().monotonicMs - startMs)));
    // A name can have several nodes: dial the one that answered.
    const again = address === undefined ? options : { ...options, lookup: async () => [address as string] };
    return connectOnce({ ...again, ...range, handshakeTimeoutMs: leftMs });
  }
}

async function connectOnce(options: ConnectOptions): Promise<Connection> {
  const resolved = resolveOptions(options);
  const { host, port } = resolveTarget(options);
  const { clock, handshakeTimeoutMs } = resolved;
  const peerAuth = preparedAuth(resolved);
  const spent: Record<Phase, number> = { dns: 0, tcp: 0, hello: 0, auth: 0 };
  const onPhase = (phase: Phase, ms: number): void => {
    spent[phase] = ms;
    options.onPhase?.(phase, ms);
  };
  const { family, lookup, signal, onDialled } = options;
  const socket = await dial({ host, port, family, lookup, clock, timeoutMs: handshakeTimeoutMs, signal, onPhase, onDialled });
  const connectedMs = spent.dns + spent.tcp;
  const start = clock.now().monotonicMs - connectedMs;
  const elapsed = (): number => clock.now().monotonicMs - start;
  const remoteAddress = { host: socket.remoteAddress ?? host, port: socket.remotePort ?? port };
  const localAddress = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 };
  const connection = newConnection({ role: 'WE_CALLED_REMOTE', localAddress, remoteAddress });
  const { info } = connection;
  // The dialler waits for a slow node until the handshake deadline. So before AUTH the idle timeout is off, and the error is
  // that of the deadline.
  let release: (() => void) | undefined;
  const { listener } = options;
  const peer = new Peer(
    peerOptions(resolved, connection, {
      peerAuth,
      authenticationTimeoutMs: Number.POSITIVE_INFINITY,
      expectedPeerID: options.expectedPeerID,
      claimPeerID:
        listener &&
        ((peerID) => {
          release = listener.claimPeerID(peerID);
          return release !== undefined;
        }),
    }),
  );
  const session = new Session(peer, socket, {
    connection: info,
    clock,
    handshakeTimeoutMs: Math.max(1, handshakeTimeoutMs - connectedMs),
    signal: options.signal,
    onBytes: options.onBytes,
    onHello: () => onPhase('hello', elapsed() - connectedMs),
    onAuth: () => onPhase('auth', elapsed() - connectedMs - spent.hello),
    onEnded: () => release?.(),
  });
  const remote = await authenticated(session);
  const totalMs = elapsed();
  const pingMs = options.settle ? await settled(session, clock).catch((error) => failed(error, session)) : undefined;
  return new Connection(session, {
    info,
    remote,
    timings: {
      ...{ dnsMs: spent.dns, tcpMs: spent.tcp, helloMs: spent.hello, authMs: totalMs - connectedMs - spent.hello, totalMs },
      ...(pingMs !== undefined && { pingMs }),
    },
  });
}

/** How long to wait after the handshake for the peer's refusal or its answer to a ping, in milliseconds. */
export const SETTLE_MS = 1_000;

/**
 * A full node completes the handshake and sends its refusal right after it. So the connection is only known to last when the
 * peer has answered once.
 * @returns the round trip time in milliseconds, or undefined when nothing came in time: not every peer answers pings
 * @throws {OverlayError} when the connection ended instead
 */
export function settled(connection: { ping(): Promise<number> }, clock: Clock): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => resolve(undefined), SETTLE_MS);
    connection
      .ping()
      .finally(() => timer.cancel())
      .then(resolve, reject);
  });
}

/**
 * Waits for the handshake. @throws {OverlayError} when it fails and the stream is closed; the error has all that the peer sent
 */
export function authenticated(session: Session): Promise<RemotePeer> {
  return session.authenticated.catch((error) => failed(error, session));
}

async function failed(error: OverlayError, session: Session): Promise<never> {
  await session.closed;
  throw withLastWords(error, session);
}

/**
 * The failure, completed with what the peer sent before or at the same moment: its own refusal when the reason is the same, and
 * the addresses that a full node sends in PEERS.
 */
function withLastWords(error: OverlayError, session: Session): OverlayError {
  const said = error.told === null ? undefined : session.lastWords();
  let peers: readonly PeerAddress[] | undefined;
  for (let message = session.take(); message !== undefined; message = session.take())
    if (message.type === 'PEERS') peers = message.peers;
  if (said === undefined && peers === undefined) return error;
  const { code, stage, message, cause, remote, told, dropReason, peerError = said } = error;
  return new OverlayError(code, { stage, message, cause, remote, told: told ?? undefined, dropReason, peerError, peers });
}
