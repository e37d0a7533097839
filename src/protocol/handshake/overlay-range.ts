/**
 * The overlay versions that our HELLO advertises when the peer has none in common with us: the peer's own range. What a client
 * needs has been the same in every version so far (protocol.md section 7).
 * @module
 */
import { OVERLAY_MIN_VERSION, OVERLAY_VERSION } from '../constants.ts';
import type { OverlayErrorCode } from '../error-table.ts';
import type { PeerError } from '../violation.ts';

/** The overlay versions in a HELLO, oldest and newest. */
export interface OverlayRange {
  readonly overlayVersion: number;
  readonly overlayMinVersion: number;
}

/** The failure of a handshake: an OverlayError. */
interface Failure {
  readonly code: OverlayErrorCode;
  readonly peerError?: PeerError | undefined;
  readonly remote?: OverlayRange | undefined;
}

/** The range that is advertised by default. */
export const DEFAULT_OVERLAY_RANGE: OverlayRange = { overlayVersion: OVERLAY_VERSION, overlayMinVersion: OVERLAY_MIN_VERSION };

/** Whether two ranges have a common version. A range whose oldest version is above its newest has none. */
export function sharesVersion(ours: OverlayRange, theirs: OverlayRange): boolean {
  const overlap = theirs.overlayVersion >= ours.overlayMinVersion && theirs.overlayMinVersion <= ours.overlayVersion;
  return overlap && theirs.overlayMinVersion <= theirs.overlayVersion;
}

/** The range to advertise to a peer whose HELLO we know: its own range when that is valid and has no common version with ours. */
export function rangeFor(ours: OverlayRange, { overlayVersion, overlayMinVersion }: OverlayRange): OverlayRange {
  const theirs = { overlayVersion, overlayMinVersion };
  return overlayMinVersion > overlayVersion || sharesVersion(ours, theirs) ? ours : theirs;
}

/**
 * The range to advertise in the next attempt after a failed handshake.
 * @param said the range that the peer refused
 * @returns the peer's own range; undefined when the versions were not the reason, or that range was already advertised
 */
export function rangeAfter({ code, peerError, remote }: Failure, said: OverlayRange): OverlayRange | undefined {
  if (code !== 'OVERLAY_WRONG_PROTOCOL_VERSION' && peerError?.message !== 'wrong protocol version') return undefined;
  if (remote === undefined || remote.overlayMinVersion > remote.overlayVersion) return undefined;
  const { overlayVersion, overlayMinVersion } = remote;
  if (overlayVersion === said.overlayVersion && overlayMinVersion === said.overlayMinVersion) return undefined;
  return { overlayVersion, overlayMinVersion };
}

/**
 * A sentence about a range that is not the default one; undefined for the default.
 * @param did what was done with it: `probed` for example
 */
export function adaptedRangeText({ overlayVersion, overlayMinVersion }: OverlayRange, did = 'contacted'): string | undefined {
  if (overlayVersion === OVERLAY_VERSION && overlayMinVersion === OVERLAY_MIN_VERSION) return undefined;
  return `The node refuses overlay ${OVERLAY_MIN_VERSION} to ${OVERLAY_VERSION}, our default; it was ${did} with its own range, overlay ${overlayMinVersion} to ${overlayVersion}.`;
}
