/**
 * A second look at a failed probe. The protocol answers a wrong network passphrase, a ban, a full node and more with the
 * same silence; what tells them apart is how it came, and whether another attempt fares better.
 * @module
 */
import { connect } from '../../net/connect.ts';
import { NodeIdentity } from '../../net/identity.ts';
import { OverlayError } from '../../protocol/errors.ts';
import type { RemotePeer } from '../../protocol/handshake/hello.ts';
import { type Network, networks } from '../../protocol/networks.ts';
import type { Target } from '../target.ts';
import type { ProbeOptions } from './probe.ts';

/** What was seen of the connection that failed. */
export interface Evidence {
  /** The first bytes that came, 64 at most. */
  readonly firstBytes: Uint8Array;
  /** How long it lasted, in milliseconds. */
  readonly lastedMs: number;
}

/** stellar-core closes so long after it has dropped a peer, in milliseconds; more or less. */
const CORE_CLOSES_AFTER_MS = [4_500, 7_000] as const;

/** Beginnings of answers of other services. */
const OTHERS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^HTTP\/\d|^<(?:!doctype|html)/i, 'an HTTP server'],
  [/^SSH-/, 'an SSH server'],
  [/^220[ -]/, 'a mail or FTP server'],
  [/^\* OK/, 'an IMAP server'],
  [/^(?:-ERR|\+OK|\+PONG)/, 'a Redis or POP3 server'],
  [/^[\t\r\n\x20-\x7e]{8}/, 'a service that speaks text'],
];

/**
 * Finds out more about a failure where more can be found out.
 * @returns the same error, or one that says more; what could not be decided is said to be undecided
 */
export async function diagnose(
  error: OverlayError,
  evidence: Evidence,
  target: Target,
  options: ProbeOptions,
): Promise<OverlayError> {
  if (error.stage !== 'hello') return error;
  switch (error.code) {
    case 'OVERLAY_RECORD_LENGTH':
    case 'OVERLAY_CORRUPT_XDR':
      return notStellar(error, evidence);
    case 'OVERLAY_CONNECTION_CLOSED':
    case 'OVERLAY_CONNECTION_RESET':
      return evidence.firstBytes.length > 0 ? error : closedWithoutAWord(error, evidence, target, options);
    default:
      return error;
  }
}

function notStellar(error: OverlayError, { firstBytes }: Evidence): OverlayError {
  const text = String.fromCharCode(...firstBytes);
  // A TLS record: alert or handshake, version 3.x.
  const isTls = (firstBytes[0] === 0x15 || firstBytes[0] === 0x16) && firstBytes[1] === 3;
  const name = isTls ? 'a TLS server' : OTHERS.find(([pattern]) => pattern.test(text))?.[1];
  if (name === undefined) return error;
  const start = text.split(/[\r\n]/)[0]?.replace(/[^\x20-\x7e]/g, '·') ?? '';
  return new OverlayError('OVERLAY_NOT_STELLAR', {
    stage: 'hello',
    cause: error,
    message: `It answers like ${name}${isTls ? '' : `: “${start}”`}.`,
  });
}

/** The peer closed after our HELLO: does it let in another key, or somebody of another network? */
async function closedWithoutAWord(
  error: OverlayError,
  { lastedMs }: Evidence,
  target: Target,
  options: ProbeOptions,
): Promise<OverlayError> {
  const others = Object.values(networks).filter(({ networkID }) => networkID !== options.network.networkID);
  const candidates = options.identity === undefined ? others : [options.network, ...others];
  const answers = await Promise.all(candidates.map((network) => helloOf(target, network, options)));
  const at = answers.findIndex((remote) => remote !== undefined);
  const network = candidates[at];
  const remote = answers[at];
  if (network === options.network) return new OverlayError('OVERLAY_BANNED_THERE', { stage: 'hello', cause: error, remote });
  if (network !== undefined) {
    const message = `The node is on ${network.name}, not on ${options.network.name ?? 'the network that was named'}.`;
    return new OverlayError('OVERLAY_OTHER_NETWORK', { stage: 'hello', cause: error, remote, message });
  }
  const [from, to] = CORE_CLOSES_AFTER_MS;
  const how =
    lastedMs >= from && lastedMs <= to
      ? 'as stellar-core does with a HELLO it does not accept. It is on none of the networks known here, or our clock is more than half an hour behind its: undecided'
      : 'sooner or later than stellar-core does with a HELLO it does not accept. It may have no free pending slot, or be no Stellar node: undecided';
  const message = `The peer closed the connection without a word ${(lastedMs / 1000).toFixed(1)} s after our HELLO, ${how}.`;
  return new OverlayError(error.code, { stage: 'hello', cause: error, message });
}

/** Who answers with a HELLO on this network, if anyone does. A random identity: ours may be what is refused. */
async function helloOf(target: Target, network: Network, options: ProbeOptions): Promise<RemotePeer | undefined> {
  const { handshakeTimeoutMs, signal, clock, overlayVersion, overlayMinVersion } = options;
  const { onBytes, onStep, unsafeStepSecrets } = options;
  const limits = { handshakeTimeoutMs, signal, clock, overlayVersion, overlayMinVersion };
  const observers = { onBytes, onStep, unsafeStepSecrets };
  try {
    const identity = NodeIdentity.random();
    const connection = await connect({ ...limits, ...observers, ...target, network, identity, scpStateLedgerSeq: null });
    await connection.close();
    return connection.remote;
  } catch (error) {
    return error instanceof OverlayError ? error.remote : undefined;
  }
}
