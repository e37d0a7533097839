/**
 * probe: one real handshake, and everything it tells about a node.
 * @module
 */
import { type Clock, systemClock } from '../../net/clock.ts';
import { connect } from '../../net/connect.ts';
import type { Connection, Timings } from '../../net/connection.ts';
import type { NodeOptions, OnBytes } from '../../net/options.ts';
import { OverlayError, type OverlayErrorJson } from '../../protocol/errors.ts';
import type { RemotePeer } from '../../protocol/handshake/hello.ts';
import { type ClockSkew, clockSkew, type RemoteJson, remoteJson, roundMs } from '../json.ts';
import { formatTarget, type Target } from '../target.ts';
import { diagnose } from './diagnose.ts';

/** Options of a probe. */
export interface ProbeOptions extends NodeOptions {
  /** The only peerID accepted, `G…`. */
  readonly expectedPeerID?: string | undefined;
}

/** What a probe found, in the form `--json` prints. */
export interface ProbeResult {
  readonly target: string;
  readonly ok: boolean;
  readonly role: 'WE_CALLED_REMOTE';
  /** Whenever the peer's certificate was good, also when the handshake failed later. */
  readonly remote?: RemoteJson;
  readonly timings?: Timings & { readonly pingMs?: number };
  readonly clockSkew?: ClockSkew;
  readonly error?: OverlayErrorJson;
  /** What is worth knowing although the handshake succeeded. */
  readonly warnings?: readonly string[];
}

/** How long a node that has just accepted us is given to refuse us after all, or to answer a ping, in milliseconds. */
const SETTLE_MS = 1_000;
/** Clock skew that is not worth a word, in seconds. */
const SKEW_TOLERANCE_SECONDS = 10;

/**
 * Probes one target. It asks for nothing it does not need, and closes.
 * @throws {TypeError | RangeError} when an option is wrong; every failure of the connection is in the result
 */
export async function probe(target: Target, options: ProbeOptions): Promise<ProbeResult> {
  const first = await attempt(target, options);
  const range = first.remote;
  const chosen = options.overlayVersion !== undefined || options.overlayMinVersion !== undefined;
  if (first.error === undefined || range === undefined || chosen || !isVersionRefusal(first.error)) return first;
  // The node is newer or older than this package: its own range is what it understands.
  const { overlayVersion, overlayMinVersion } = range;
  if (overlayMinVersion > overlayVersion) return first;
  const second = await attempt(target, { ...options, overlayVersion, overlayMinVersion });
  const warning = `The node speaks overlay ${overlayMinVersion} to ${overlayVersion}, outside the default range; probed again inside it.`;
  return { ...second, warnings: [...(second.warnings ?? []), warning] };
}

async function attempt(target: Target, options: ProbeOptions): Promise<ProbeResult> {
  const base = { target: formatTarget(target), role: 'WE_CALLED_REMOTE' } as const;
  const clock = options.clock ?? systemClock;
  const start = clock.now().monotonicMs;
  let firstBytes = new Uint8Array(0);
  const onBytes: OnBytes = (direction, bytes, connection) => {
    if (direction === 'received' && firstBytes.length === 0) firstBytes = bytes.slice(0, 64);
    options.onBytes?.(direction, bytes, connection);
  };
  try {
    const connection = await connect({ scpStateLedgerSeq: null, ...options, onBytes, ...target });
    try {
      const { remote, timings } = connection;
      const pingMs = await settle(connection);
      const all = { ...timings, ...(pingMs !== undefined && { pingMs }) };
      return { ...base, ok: true, ...facts(remote, clock), timings: roundMs(all), ...warningsOf(remote, pingMs, clock) };
    } finally {
      await connection.close();
    }
  } catch (failure) {
    if (!(failure instanceof OverlayError)) throw failure;
    const error = await diagnose(failure, { firstBytes, lastedMs: clock.now().monotonicMs - start }, target, options);
    return { ...base, ok: false, ...facts(error.remote, clock), error: error.toJSON() };
  }
}

/**
 * A full node completes the handshake and refuses right behind it, so success is only known when it has answered once.
 * @returns the round trip, or undefined when nothing came: not every peer answers pings
 * @throws {OverlayError} when the connection ended instead
 */
async function settle(connection: Connection): Promise<number | undefined> {
  try {
    return await connection.ping({ signal: AbortSignal.timeout(SETTLE_MS) });
  } catch (error) {
    if (error instanceof OverlayError && error.code === 'OVERLAY_ABORTED') return undefined;
    throw error;
  }
}

function facts(remote: RemotePeer | undefined, clock: Clock): Pick<ProbeResult, 'remote' | 'clockSkew'> {
  if (remote === undefined) return {};
  const skew = clockSkew(remote, clock.now().unixSeconds);
  return { remote: remoteJson(remote), ...(skew && { clockSkew: skew }) };
}

/** What is odd about a node that lets us in. */
function warningsOf(remote: RemotePeer, pingMs: number | undefined, clock: Clock): Pick<ProbeResult, 'warnings'> {
  const warnings: string[] = [];
  const skew = clockSkew(remote, clock.now().unixSeconds);
  if (skew === undefined) {
    const inMs = Number(remote.certExpirationSeconds) / 1000 - clock.now().unixSeconds;
    const unit = Math.abs(inMs) < 366 * 86_400 ? 'in milliseconds instead of seconds' : 'far from now';
    warnings.push(`Its certificate is dated ${unit}: it works, but never expires for those who check it.`);
  } else if (skew.minSeconds > SKEW_TOLERANCE_SECONDS || skew.maxSeconds < -SKEW_TOLERANCE_SECONDS) {
    const by = skew.minSeconds > 0 ? `at least ${skew.minSeconds} s ahead` : `at least ${-skew.maxSeconds} s behind`;
    warnings.push(`Its clock is ${by} of ours, if it dates certificates as stellar-core does: synchronise both with NTP.`);
  }
  if (pingMs === undefined) warnings.push(`It did not answer a ping within ${SETTLE_MS} ms after the handshake.`);
  return warnings.length > 0 ? { warnings } : {};
}

function isVersionRefusal({ code, peerError }: OverlayErrorJson): boolean {
  return code === 'OVERLAY_WRONG_PROTOCOL_VERSION' || peerError?.message === 'wrong protocol version';
}
