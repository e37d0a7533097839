/**
 * Options of connections: they are checked before anything is sent, and converted to the options of the protocol.
 * @module
 */
import { isIP } from 'node:net';
import { nodeCrypto } from '../crypto/node.ts';
import type { CryptoProvider } from '../protocol/auth/crypto.ts';
import type { PeerAuth } from '../protocol/auth/peer-auth.ts';
import { assertInteger, utf8Encode } from '../protocol/bytes.ts';
import type { ServedRequest } from '../protocol/channel/channel.ts';
import {
  DEFAULT_PORT,
  HANDSHAKE_TIMEOUT_MS,
  LEDGER_VERSION,
  MAX_STRING_BYTES,
  OVERLAY_MIN_VERSION,
  OVERLAY_VERSION,
} from '../protocol/constants.ts';
import type { DialAttempt } from '../protocol/errors.ts';
import type { HandshakeStep } from '../protocol/handshake/steps.ts';
import { makeNetwork, type Network } from '../protocol/networks.ts';
import type { PeerOptions } from '../protocol/peer.ts';
import { decodePublicKey } from '../protocol/strkey.ts';
import { type Clock, systemClock } from './clock.ts';
import type { ConnectionInfo, NewConnection, OnBytes, PeerIDRegistry, Phase } from './connection-info.ts';
import { NodeIdentity } from './identity.ts';
import type { Family, Lookup } from './lookup.ts';
import { refuseHost } from './target.ts';
import { VERSION } from './version.ts';

const DEFAULT_VERSION_STR = `stellar-handshake ${VERSION}`;

/** Options of both `connect` and `listen`. */
export interface NodeOptions {
  /** The network: `networks.pubnet` for example, or `networkFromPassphrase('…')`. */
  readonly network: Network;
  /** Our identity. Default: a fresh random one. */
  readonly identity?: NodeIdentity | undefined;
  /**
   * Computes signatures, shared secrets and MACs. Default: `nodeCrypto` of `stellar-handshake/crypto/node`, which has no
   * dependency. `stellar-handshake/crypto/sodium` verifies faster. Pass the same object each time: caches belong to it.
   */
  readonly crypto?: CryptoProvider | undefined;
  /** Newest overlay version advertised. Default 42. */
  readonly overlayVersion?: number | undefined;
  /** Oldest overlay version advertised. Default 38. */
  readonly overlayMinVersion?: number | undefined;
  /**
   * What to do with a peer that has no overlay version in common with us. True: advertise the peer's own range; `connect` dials
   * once more with it, `listen` answers with it. False: the peer is refused. Without effect when overlayVersion or
   * overlayMinVersion is given. Default false.
   */
  readonly adaptOverlayRange?: boolean | undefined;
  /** Ledger protocol version advertised; no node checks it. Default 27. */
  readonly ledgerVersion?: number | undefined;
  /** Free text advertised, at most 100 bytes. Default: name and version of this package. */
  readonly versionStr?: string | undefined;
  /**
   * Port advertised as our listening port, 1 to 65535. Nodes store it with our IP address and pass it on in PEERS, even if
   * nothing listens there. Default 11625 (docs/security.md has the reason); `listen` advertises its own port.
   */
  readonly listeningPort?: number | undefined;
  /** Time limit for the whole handshake, in milliseconds; with `connect` it includes name resolution and TCP. Default 10,000. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** After the handshake, a connection on which nothing moves for this time ends, in milliseconds. Default 30,000. */
  readonly peerTimeoutMs?: number | undefined;
  /** One X25519 key for all connections of the identity, as stellar-core does, or a fresh one for each. Default `per-process`. */
  readonly ecdh?: 'per-process' | 'per-connection' | undefined;
  /** Authenticated messages of an unknown type: delivered unchanged, or refused as stellar-core does. Default `deliver`. */
  readonly unknownMessages?: 'deliver' | 'refuse' | undefined;
  /** Flow control capacity granted to the peer: number of flood messages, and bytes. Default 200 and 300,000. */
  readonly floodCapacity?: { readonly messages: number; readonly bytes: number } | undefined;
  /** Ledger from which to request SCP messages right after AUTH. Null: no request. Default 0, the latest. */
  readonly scpStateLedgerSeq?: number | null | undefined;
  /** Requests that the application answers itself. Every other request is answered with DONT_HAVE. */
  readonly serves?: readonly ServedRequest[] | undefined;
  /** Whether a peerID is banned. A banned peer is dropped and nothing is sent. */
  readonly isBanned?: ((peerID: string) => boolean) | undefined;
  /** Aborting it ends everything, also after the handshake. */
  readonly signal?: AbortSignal | undefined;
  /** Is called for each step of each handshake. The steps contain no secret. */
  readonly onStep?: ((step: HandshakeStep, connection: ConnectionInfo) => void) | undefined;
  /** Adds seed, ECDH secret, shared secret and MAC keys to the steps. Only for keys that are thrown away afterwards. */
  readonly unsafeStepSecrets?: boolean | undefined;
  /** Is called with all bytes written to and read from the socket. It must not change them. */
  readonly onBytes?: OnBytes | undefined;
  /** Time and timers; for tests. */
  readonly clock?: Clock | undefined;
}

/** Options of `connect`. */
export interface ConnectOptions extends NodeOptions {
  /** Host name, IPv4 or IPv6 address (without brackets). */
  readonly host: string;
  /** TCP port. Default 11625. */
  readonly port?: number | undefined;
  /** Only addresses of this IP version are dialled; 0: both. Default 0. */
  readonly family?: Family | undefined;
  /** Finds the addresses of `host`; not called when it is an address. Default: the system's resolver, in a process of its own. */
  readonly lookup?: Lookup | undefined;
  /** Public key (`G…`) of the expected peer. It is checked right after the peer's certificate; another peer is refused. */
  readonly expectedPeerID?: string | undefined;
  /**
   * The listener of the same node. With it no peer is connected twice, whichever side dialled (protocol.md section 4.4, checks
   * 14 and 15).
   */
  readonly listener?: PeerIDRegistry | undefined;
  /** Is called with the duration of each phase when the phase ends, in milliseconds; also when a later phase fails. */
  readonly onPhase?: ((phase: Phase, ms: number) => void) | undefined;
  /** Is called once, when dialling is over, with the outcome of each address of the host, in the order they were dialled. */
  readonly onDialled?: ((attempts: readonly DialAttempt[]) => void) | undefined;
  /**
   * Whether `connect` waits until it is clear that the peer keeps the connection: a full node completes the handshake and sends
   * its refusal right after it. `connect` then waits for the answer to a ping, or for one second without a refusal. Default
   * false: the next message may be the refusal.
   */
  readonly settle?: boolean | undefined;
}

/** The checked options that are the same for every connection of a node. */
export interface ResolvedOptions {
  readonly options: NodeOptions;
  readonly identity: NodeIdentity;
  readonly crypto: CryptoProvider;
  readonly clock: Clock;
  readonly handshakeTimeoutMs: number;
}

/** The network of a passphrase. Two passphrases that differ in one character are two networks. */
export function networkFromPassphrase(passphrase: string): Network {
  if (typeof passphrase !== 'string' || passphrase === '') throw new TypeError('passphrase must be a string that is not empty');
  return makeNetwork(passphrase, nodeCrypto);
}

/**
 * Checks the options of an application.
 * @throws {TypeError | RangeError} naming the option
 */
export function resolveOptions(options: NodeOptions): ResolvedOptions {
  const { network, identity = NodeIdentity.random(), crypto = nodeCrypto, clock = systemClock, signal } = options;
  if (!/^[0-9a-f]{64}$/.test(network?.networkID ?? ''))
    throw new TypeError('network must be one of networks or come from networkFromPassphrase()');
  if (!(identity instanceof NodeIdentity)) throw new TypeError('identity must be a NodeIdentity');
  if (typeof crypto?.verify !== 'function' || typeof crypto.ecdhKey !== 'function')
    throw new TypeError('crypto must be a CryptoProvider');
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal must be an AbortSignal');
  const check = (name: keyof NodeOptions, min: number, max: number): void => {
    const value = options[name];
    if (value !== undefined) assertInteger(value as number, min, max, name);
  };
  check('overlayVersion', 0, 0xffffffff);
  check('overlayMinVersion', 0, 0xffffffff);
  check('ledgerVersion', 0, 0xffffffff);
  check('listeningPort', 1, 65535);
  check('handshakeTimeoutMs', 1, 0x7fffffff);
  check('peerTimeoutMs', 1, 0x7fffffff);
  if (options.scpStateLedgerSeq !== null) check('scpStateLedgerSeq', 0, 0xffffffff);
  const { overlayVersion = OVERLAY_VERSION, overlayMinVersion = OVERLAY_MIN_VERSION, floodCapacity } = options;
  if (overlayMinVersion > overlayVersion)
    throw new RangeError(`overlayMinVersion ${overlayMinVersion} is above overlayVersion ${overlayVersion}`);
  if (floodCapacity !== undefined) {
    assertInteger(floodCapacity.messages, 1, 0xffffffff, 'floodCapacity.messages');
    assertInteger(floodCapacity.bytes, 1, 0xffffffff, 'floodCapacity.bytes');
  }
  if (options.versionStr !== undefined && utf8Encode(options.versionStr).length > MAX_STRING_BYTES) {
    throw new RangeError(`versionStr must be at most ${MAX_STRING_BYTES} bytes`);
  }
  oneOf(options.ecdh, ['per-process', 'per-connection'], 'ecdh');
  oneOf(options.unknownMessages, ['deliver', 'refuse'], 'unknownMessages');
  return { options, identity, crypto, clock, handshakeTimeoutMs: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS };
}

/** Checks where to connect to. @throws {TypeError | RangeError} naming the option */
export function resolveTarget({ host, port = DEFAULT_PORT, family = 0, lookup, expectedPeerID, listener }: ConnectOptions): {
  readonly host: string;
  readonly port: number;
} {
  if (typeof host !== 'string' || host === '') throw new TypeError('host must be a host name or an IP address');
  const version = isIP(host);
  if (version === 0 && /[\s:/[\]]/.test(host))
    throw new TypeError('host must be a host name or an IP address, without port or brackets');
  if (version !== 4) refuseHost(host);
  if (family !== 0 && family !== 4 && family !== 6) throw new RangeError('family must be 0, 4 or 6');
  if (lookup !== undefined && typeof lookup !== 'function') throw new TypeError('lookup must be a function');
  if (expectedPeerID !== undefined) decodePublicKey(expectedPeerID);
  if (listener !== undefined && typeof listener?.claimPeerID !== 'function') throw new TypeError('listener must be a Listener');
  return { host, port: assertInteger(port, 1, 65535, 'port') };
}

/** Keys, cert and caches of a connection about to begin. They are made before any of its time limits starts. */
export function preparedAuth({ options, identity, crypto, clock }: ResolvedOptions): PeerAuth {
  const peerAuth = identity.peerAuth(options.network, options.ecdh, crypto);
  peerAuth.cert(clock.now().unixSeconds);
  return peerAuth;
}

/** What differs from one connection of a node to the next. */
type OwnOptions = Partial<
  Pick<
    PeerOptions,
    'peerAuth' | 'listeningPort' | 'expectedPeerID' | 'peers' | 'claimPeerID' | 'takeSlot' | 'authenticationTimeoutMs' | 'onStep'
  >
>;

/**
 * Options of the protocol for one connection. Subtle: one literal, as long as a connection has it. Objects that are put
 * together from others and as large as this have a shape of their own each, which takes half a kilobyte.
 */
export function peerOptions(
  { options, identity, crypto }: ResolvedOptions,
  { info, nonce }: NewConnection,
  own: OwnOptions = {},
): PeerOptions {
  const { onStep } = options;
  return {
    role: info.role,
    crypto,
    nonce,
    peerAuth: own.peerAuth ?? identity.peerAuth(options.network, options.ecdh, crypto),
    overlayVersion: options.overlayVersion ?? OVERLAY_VERSION,
    overlayMinVersion: options.overlayMinVersion ?? OVERLAY_MIN_VERSION,
    adaptOverlayRange: adaptsOverlayRange(options),
    ledgerVersion: options.ledgerVersion ?? LEDGER_VERSION,
    versionStr: options.versionStr ?? DEFAULT_VERSION_STR,
    listeningPort: own.listeningPort ?? options.listeningPort ?? DEFAULT_PORT,
    expectedPeerID: own.expectedPeerID,
    peers: own.peers,
    claimPeerID: own.claimPeerID,
    takeSlot: own.takeSlot,
    authenticationTimeoutMs: own.authenticationTimeoutMs,
    peerTimeoutMs: options.peerTimeoutMs,
    unknownMessages: options.unknownMessages,
    floodCapacity: options.floodCapacity,
    scpStateLedgerSeq: options.scpStateLedgerSeq,
    serves: options.serves,
    isBanned: options.isBanned,
    onStep: own.onStep ?? (onStep && ((step) => onStep(step, info))),
    unsafeStepSecrets: options.unsafeStepSecrets,
  };
}

/** Whether the peer's range may replace ours: only when the application has not chosen a range. */
export function adaptsOverlayRange({ adaptOverlayRange, overlayVersion, overlayMinVersion }: NodeOptions): boolean {
  return adaptOverlayRange === true && overlayVersion === undefined && overlayMinVersion === undefined;
}

function oneOf(value: string | undefined, allowed: readonly string[], name: string): void {
  if (value !== undefined && !allowed.includes(value)) throw new TypeError(`${name} must be ${allowed.join(' or ')}`);
}
