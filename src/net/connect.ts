/**
 * connect: from a host name to an authenticated peer.
 * @module
 */

import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { connect as connectSocket, isIP, type Socket } from 'node:net';
import type { OverlayErrorCode, Stage } from '../protocol/error-table.ts';
import { OverlayError, type PeerError } from '../protocol/errors.ts';
import { Peer } from '../protocol/peer.ts';
import { Connection } from './connection.ts';
import { type ConnectOptions, peerOptions, resolveOptions, resolveTarget } from './options.ts';
import { Session } from './session.ts';

/**
 * Dials a node and does the whole handshake (protocol.md section 4).
 *
 * @example
 * const connection = await connect({ host: 'core.example.org', network: networks.pubnet })
 * for await (const message of connection) console.log(message.type)
 *
 * @returns the connection, once the peer has proved its identity
 * @throws {OverlayError} with code and stage; nothing is left open then
 * @throws {TypeError | RangeError} when an option is wrong; nothing is sent then
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const resolved = resolveOptions(options);
  const { host, port } = resolveTarget(options);
  const { clock, handshakeTimeoutMs } = resolved;
  const start = clock.now().monotonicMs;
  const elapsed = (): number => clock.now().monotonicMs - start;

  const limits = new Limits(options.signal, (expire) => clock.setTimer(expire, handshakeTimeoutMs));
  let socket: Socket;
  let dnsMs: number;
  try {
    const addresses = await limits.race('dns', resolveHost(host));
    dnsMs = elapsed();
    socket = await openSocket(host, port, addresses, limits);
  } finally {
    limits.release();
  }
  const connectedMs = elapsed();
  let helloAtMs = 0;
  const remoteAddress = { host: socket.remoteAddress ?? host, port: socket.remotePort ?? port };
  const localAddress = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 };
  const connection = { role: 'WE_CALLED_REMOTE', localAddress, remoteAddress } as const;
  // Who dials waits for a slow node as long as it said it would: before AUTH the deadline alone counts.
  let release: (() => void) | undefined;
  const { listener } = options;
  const peer = new Peer({
    ...peerOptions(resolved, connection),
    authenticationTimeoutMs: handshakeTimeoutMs,
    expectedPeerID: options.expectedPeerID,
    ...(listener && {
      claimPeerID: (peerID) => {
        release = listener.claimPeerID(peerID);
        return release !== undefined;
      },
    }),
  });
  const session = new Session(peer, socket, {
    connection,
    clock,
    handshakeTimeoutMs: Math.max(1, handshakeTimeoutMs - connectedMs),
    signal: options.signal,
    onBytes: options.onBytes,
    onHello: () => {
      helloAtMs = elapsed();
    },
  });
  void session.ended.then(() => release?.());
  const remote = await session.authenticated.catch(async (error: OverlayError) => {
    await session.closed;
    throw withLastWords(error, session.lastWords());
  });
  const totalMs = elapsed();
  return new Connection(session, {
    role: 'WE_CALLED_REMOTE',
    remote,
    remoteAddress,
    timings: { dnsMs, tcpMs: connectedMs - dnsMs, helloMs: helloAtMs - connectedMs, authMs: totalMs - helloAtMs, totalMs },
  });
}

/** A refusal of ours together with the peer's, when it refused us for the same reason at the same moment. */
function withLastWords(error: OverlayError, peerError: PeerError | undefined): OverlayError {
  if (peerError === undefined || error.told === null) return error;
  const { code, stage, message, remote, told, dropReason } = error;
  return new OverlayError(code, { stage, message, remote, told, dropReason, peerError });
}

/** Deadline and AbortSignal of the time before there is a session. */
class Limits {
  /** Rejects with what the limit means; never resolves. */
  readonly #reached: Promise<never>;
  readonly #release: () => void;

  constructor(signal: AbortSignal | undefined, setTimer: (expire: () => void) => { cancel(): void }) {
    let reject!: (reason: Limit) => void;
    this.#reached = new Promise((_resolve, no) => {
      reject = no;
    });
    this.#reached.catch(() => {});
    const onAbort = (): void => reject({ code: 'OVERLAY_ABORTED', cause: signal?.reason });
    const timer = setTimer(() => reject({ code: 'OVERLAY_CONNECT_TIMEOUT' }));
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    this.#release = () => {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
    };
  }

  /** The promise, unless a limit is reached first. */
  async race<T>(stage: Stage, promise: Promise<T>): Promise<T> {
    promise.catch(() => {});
    const limit = this.#reached.catch(({ code, cause }: Limit) => {
      throw new OverlayError(code, { stage, cause });
    });
    return Promise.race([limit, promise]);
  }

  release(): void {
    this.#release();
  }
}

interface Limit {
  readonly code: OverlayErrorCode;
  readonly cause?: unknown;
}

async function resolveHost(host: string): Promise<readonly LookupAddress[]> {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  try {
    return await lookup(host, { all: true });
  } catch (cause) {
    throw new OverlayError('OVERLAY_NAME_NOT_FOUND', { stage: 'dns', cause, message: `The host name ${host} has no address.` });
  }
}

/** Tries the addresses as RFC 8305 says (Node's autoSelectFamily) and returns the connected socket. */
async function openSocket(host: string, port: number, addresses: readonly LookupAddress[], limits: Limits): Promise<Socket> {
  const socket = connectSocket({
    host,
    port,
    noDelay: true,
    lookup: (_host, options, callback) => {
      const [first] = addresses;
      if (options.all) callback(null, [...addresses]);
      else callback(null, first?.address ?? '', first?.family);
    },
  });
  try {
    await limits.race(
      'tcp',
      new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', reject);
      }),
    );
    return socket;
  } catch (error) {
    socket.on('error', () => {});
    socket.destroy();
    throw error instanceof OverlayError ? error : tcpError(error as NodeJS.ErrnoException, host, port);
  }
}

function tcpError(cause: NodeJS.ErrnoException, host: string, port: number): OverlayError {
  // With several addresses Node wraps their errors; the first that is not a refusal is worth more.
  const causes: readonly NodeJS.ErrnoException[] = cause instanceof AggregateError ? cause.errors : [cause];
  const codes = causes.map(({ code }) => code);
  const where = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  if (codes.every((code) => code === 'ETIMEDOUT')) return failure('OVERLAY_CONNECT_TIMEOUT', `${where} did not answer.`);
  if (codes.includes('ECONNREFUSED'))
    return failure('OVERLAY_CONNECTION_REFUSED', `${where} refused the connection: nothing listens there.`);
  if (codes.includes('ECONNRESET')) return failure('OVERLAY_CONNECTION_RESET', `${where} reset the connection.`);
  return failure('OVERLAY_UNREACHABLE', `There is no way to ${where} (${codes.join(', ')}).`);

  function failure(code: OverlayErrorCode, message: string): OverlayError {
    return new OverlayError(code, { stage: 'tcp', message, cause });
  }
}
