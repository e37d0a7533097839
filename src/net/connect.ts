/**
 * connect: from a host name to an authenticated peer.
 * @module
 */
import { OverlayError } from '../protocol/errors.ts';
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import { Peer } from '../protocol/peer.ts';
import { Connection } from './connection.ts';
import { newConnection, type Phase } from './connection-info.ts';
import { dial } from './dial.ts';
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
  const spent: Record<Phase, number> = { dns: 0, tcp: 0, hello: 0, auth: 0 };
  const onPhase = (phase: Phase, ms: number): void => {
    spent[phase] = ms;
    options.onPhase?.(phase, ms);
  };
  const socket = await dial({ host, port, clock, timeoutMs: handshakeTimeoutMs, signal: options.signal, onPhase });
  const connectedMs = spent.dns + spent.tcp;
  const remoteAddress = { host: socket.remoteAddress ?? host, port: socket.remotePort ?? port };
  const localAddress = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 };
  const connection = newConnection({ role: 'WE_CALLED_REMOTE', localAddress, remoteAddress });
  const { info } = connection;
  // Who dials waits for a slow node as long as it said it would: before AUTH the deadline alone counts.
  let release: (() => void) | undefined;
  const { listener } = options;
  const peer = new Peer({
    ...peerOptions(resolved, connection),
    authenticationTimeoutMs: handshakeTimeoutMs,
    expectedPeerID: options.expectedPeerID,
    // Subtle: a full node refuses right behind its AUTH, and then nobody but the steps knows that it came.
    ...(options.onPhase && {
      onStep: (step) => {
        if (step.step === 'authenticated') onPhase('auth', elapsed() - connectedMs - spent.hello);
        options.onStep?.(step, info);
      },
    }),
    ...(listener && {
      claimPeerID: (peerID) => {
        release = listener.claimPeerID(peerID);
        return release !== undefined;
      },
    }),
  });
  const session = new Session(peer, socket, {
    connection: info,
    clock,
    handshakeTimeoutMs: Math.max(1, handshakeTimeoutMs - connectedMs),
    signal: options.signal,
    onBytes: options.onBytes,
    onHello: () => onPhase('hello', elapsed() - connectedMs),
  });
  void session.ended.then(() => release?.());
  const remote = await authenticated(session);
  const totalMs = elapsed();
  return new Connection(session, {
    info,
    remote,
    timings: { dnsMs: spent.dns, tcpMs: spent.tcp, helloMs: spent.hello, authMs: totalMs - connectedMs - spent.hello, totalMs },
  });
}

/** Waits for the handshake. @throws {OverlayError} when it fails and the stream is closed, with all the peer has told */
export async function authenticated(session: Session): Promise<RemotePeer> {
  try {
    return await session.authenticated;
  } catch (error) {
    await session.closed;
    throw withLastWords(error as OverlayError, session);
  }
}

/**
 * A failure together with what the peer told before or at the same moment: its own refusal, when it is for the same
 * reason, and the addresses of a node that has no slot.
 */
function withLastWords(error: OverlayError, session: Session): OverlayError {
  const said = error.told === null ? undefined : session.lastWords();
  const first = session.take();
  const peers = first?.type === 'PEERS' ? first.peers : undefined;
  if (said === undefined && peers === undefined) return error;
  const { code, stage, message, cause, remote, told, dropReason, peerError = said } = error;
  return new OverlayError(code, { stage, message, cause, remote, told: told ?? undefined, dropReason, peerError, peers });
}
