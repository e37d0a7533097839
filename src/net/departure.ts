/**
 * Departure: one connection that this side dials, from the checked options until it has ended.
 * @module
 */
import type { Socket } from 'node:net';
import type { PeerAuth } from '../protocol/auth/peer-auth.ts';
import type { DialAttempt } from '../protocol/errors.ts';
import { Peer } from '../protocol/peer.ts';
import type { Clock } from './clock.ts';
import {
  type ConnectionInfo,
  type NewConnection,
  newConnection,
  type PeerIDRegistry,
  type Phase,
  type Timings,
} from './connection-info.ts';
import type { DialOptions } from './dial.ts';
import {
  type ConnectOptions,
  peerOptions,
  preparedAuth,
  type ResolvedOptions,
  resolveOptions,
  resolveTarget,
} from './options.ts';
import { Session, type SessionOptions } from './session.ts';

/** What `dial` and `Session` ask. Subtle: an object with methods instead of closures, as `Arrival` is. */
export class Departure implements DialOptions, SessionOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly #options: ConnectOptions;
  readonly #resolved: ResolvedOptions;
  readonly #peerAuth: PeerAuth;
  #begun: NewConnection | undefined;
  #release: (() => void) | undefined;
  #startMs = 0;
  #dnsMs = 0;
  #tcpMs = 0;
  #helloMs = 0;

  /** @throws {TypeError | RangeError} naming the option */
  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#resolved = resolveOptions(options);
    const { host, port } = resolveTarget(options);
    this.host = host;
    this.port = port;
    this.clock = this.#resolved.clock;
    this.#peerAuth = preparedAuth(this.#resolved);
  }

  get family(): DialOptions['family'] {
    return this.#options.family;
  }

  get lookup(): DialOptions['lookup'] {
    return this.#options.lookup;
  }

  get signal(): AbortSignal | undefined {
    return this.#options.signal;
  }

  get onBytes(): SessionOptions['onBytes'] {
    return this.#options.onBytes;
  }

  get connection(): ConnectionInfo {
    return (this.#begun as NewConnection).info;
  }

  get timeoutMs(): number {
    return this.#resolved.handshakeTimeoutMs;
  }

  /** What dialling has left of it. */
  get handshakeTimeoutMs(): number {
    return Math.max(1, this.timeoutMs - this.#connectedMs);
  }

  get #connectedMs(): number {
    return this.#dnsMs + this.#tcpMs;
  }

  elapsedMs(): number {
    return this.clock.now().monotonicMs - this.#startMs;
  }

  onPhase(phase: Phase, ms: number): void {
    if (phase === 'dns') this.#dnsMs = ms;
    else if (phase === 'tcp') this.#tcpMs = ms;
    else if (phase === 'hello') this.#helloMs = ms;
    this.#options.onPhase?.(phase, ms);
  }

  onDialled(attempts: readonly DialAttempt[]): void {
    this.#options.onDialled?.(attempts);
  }

  onHello(): void {
    this.onPhase('hello', this.elapsedMs() - this.#connectedMs);
  }

  onAuth(): void {
    this.onPhase('auth', this.elapsedMs() - this.#connectedMs - this.#helloMs);
  }

  onEnded(): void {
    this.#release?.();
  }

  /** Begins the handshake. */
  begin(socket: Socket): Session {
    const { clock, host, port } = this;
    const { expectedPeerID, listener } = this.#options;
    this.#startMs = clock.now().monotonicMs - this.#connectedMs;
    this.#begun = newConnection({
      role: 'WE_CALLED_REMOTE',
      localAddress: { host: socket.localAddress ?? '', port: socket.localPort ?? 0 },
      remoteAddress: { host: socket.remoteAddress ?? host, port: socket.remotePort ?? port },
    });
    const own = {
      peerAuth: this.#peerAuth,
      // The dialler waits for a slow node until the handshake deadline. So before AUTH the idle timeout is off, and the error is
      // that of the deadline.
      authenticationTimeoutMs: Number.POSITIVE_INFINITY,
      expectedPeerID,
      claimPeerID: listener && ((peerID: string) => this.#claim(listener, peerID)),
    };
    return new Session(new Peer(peerOptions(this.#resolved, this.#begun, own)), socket, this);
  }

  #claim(listener: PeerIDRegistry, peerID: string): boolean {
    this.#release = listener.claimPeerID(peerID);
    return this.#release !== undefined;
  }

  timings(totalMs: number, pingMs: number | undefined): Timings {
    const [dnsMs, tcpMs, helloMs] = [this.#dnsMs, this.#tcpMs, this.#helloMs];
    const authMs = totalMs - this.#connectedMs - helloMs;
    return { dnsMs, tcpMs, helloMs, authMs, totalMs, ...(pingMs !== undefined && { pingMs }) };
  }
}
