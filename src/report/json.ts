/**
 * How connections look in JSON output.
 * @module
 */
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import { type NetworkName, networkName } from '../protocol/networks.ts';

/** A peer in JSON output. */
export interface RemoteJson extends Omit<RemotePeer, 'certExpirationSeconds'> {
  /** Short name of a well-known network. */
  readonly network?: NetworkName;
  /** ISO 8601; Unix seconds as digits when the date is beyond what ISO 8601 can say. */
  readonly certExpiration: string;
}

/** By how much the peer's clock may be ahead of ours. */
export interface ClockSkew {
  readonly minSeconds: number;
  readonly maxSeconds: number;
}

/** The JSON form of a peer. */
export function remoteJson(remote: RemotePeer): RemoteJson {
  const { certExpirationSeconds, ...rest } = remote;
  const network = networkName(remote.networkID);
  return { ...rest, ...(network && { network }), certExpiration: isoDate(certExpirationSeconds) };
}

/**
 * Bounds on the clock skew from the age a cert can have: the reference signs for 3,600 s and renews below 1,800 s left.
 * @returns undefined for a cert the reference could not have signed within a day (or so many seconds) of our time, one dated
 *   in milliseconds for example
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

/** Milliseconds rounded to microseconds: more digits only look precise. */
export function roundMs<T extends object>(timings: T): T {
  return Object.fromEntries(Object.entries(timings).map(([name, ms]) => [name, Math.round((ms as number) * 1000) / 1000])) as T;
}

/** ISO 8601 to the second. */
function isoDate(unixSeconds: bigint): string {
  const date = new Date(Number(unixSeconds) * 1000);
  return Number.isNaN(date.getTime()) ? String(unixSeconds) : date.toISOString().replace('.000Z', 'Z');
}
