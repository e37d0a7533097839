/**
 * connect: from a host name to an authenticated peer.
 * @module
 */
import { HANDSHAKE_TIMEOUT_MS } from '../protocol/constants.ts';
import { OverlayError } from '../protocol/errors.ts';
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import { DEFAULT_OVERLAY_RANGE, rangeAfter } from '../protocol/handshake/overlay-range.ts';
import type { PeerAddress } from '../protocol/wire/messages.ts';
import { type Clock, systemClock } from './clock.ts';
import { Connection } from './connection.ts';
import { Departure } from './departure.ts';
import { dial } from './dial.ts';
import { adaptsOverlayRange, type ConnectOptions } from './options.ts';
import type { Session } from './session.ts';

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
  const departure = new Departure(options);
  const session = departure.begin(await dial(departure));
  // Subtle: not awaited, so that this function is not kept until a slow node has answered.
  return connected(departure, session, options.settle === true);
}

/** The connection, when the handshake is complete. */
function connected(departure: Departure, session: Session, settle: boolean): Promise<Connection> {
  const toFailure = (error: OverlayError): Promise<never> => failed(error, session);
  return session.authenticated.then((remote) => {
    const { clock, connection: info } = departure;
    const totalMs = departure.elapsedMs();
    const connection = (pingMs?: number): Connection =>
      new Connection(session, { info, remote, timings: departure.timings(totalMs, pingMs) });
    return settle ? settled(session, clock).then(connection, toFailure) : connection();
  }, toFailure);
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
