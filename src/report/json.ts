/**
 * The form of connections in JSON output.
 * @module
 */
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import { type NetworkName, networkName } from '../protocol/networks.ts';

/** A peer in JSON output. */
export interface RemoteJson extends Omit<RemotePeer, 'certExpirationSeconds'> {
  /** Short name of a well-known network. */
  readonly network?: NetworkName;
  /** ISO 8601; Unix seconds as digits when the date is outside the range of ISO 8601. */
  readonly certExpiration: string;
}

/** Bounds of how far the peer's clock may be ahead of ours. */
export interface ClockSkew {
  readonly minSeconds: number;
  readonly maxSeconds: number;
}

/** The JSON form of a peer. */
export function remoteJson(remote: RemotePeer): RemoteJson {
  const { peerID, versionStr, ledgerVersion, overlayVersion, overlayMinVersion, listeningPort, networkID } = remote;
  const network = networkName(networkID);
  return {
    peerID,
    versionStr,
    ledgerVersion,
    overlayVersion,
    overlayMinVersion,
    listeningPort,
    networkID,
    ...(network && { network }),
    certExpiration: isoDate(remote.certExpirationSeconds),
  };
}

/**
 * One object with the properties of all parts; a later part replaces what an earlier one has. Subtle: V8 of Node 20 makes a
 * hidden class, 200 bytes in the old generation, for each single object whose literal begins with a spread and has another
 * property.
 */
export function merged<T extends object>(...parts: readonly (Partial<T> | undefined)[]): T {
  return Object.assign({}, ...parts) as T;
}

/**
 * Bounds on the clock skew, from the age that a cert can have: stellar-core signs for 3,600 s and renews when less than 1,800 s
 * are left.
 * @returns undefined when stellar-core could not have signed the cert within one day (or the given number of seconds) of our
 * time, for example when it is dated in milliseconds
 */
export function clockSkew(
  remote: Pick<RemotePeer, 'certExpirationSeconds'>,
  unixSeconds: number,
  withinSeconds = 86_400,
): ClockSkew | undefined {
  const left = Number(remote.certExpirationSeconds) - Math.floor(unixSeconds);
  if (Math.abs(left) > withinSeconds) return undefined;
  return { minSeconds: left - 3600, maxSeconds: left - 1800 };
}

/** Milliseconds rounded to microseconds: more digits would suggest a precision that is not there. */
export function roundMs<T extends object>(timings: T): T {
  const rounded: Record<string, number> = {};
  for (const name in timings) rounded[name] = Math.round((timings[name] as number) * 1000) / 1000;
  return rounded as T;
}

/** ISO 8601 to the second. */
function isoDate(unixSeconds: bigint): string {
  const date = new Date(Number(unixSeconds) * 1000);
  return Number.isNaN(date.getTime()) ? String(unixSeconds) : date.toISOString().replace('.000Z', 'Z');
}
