/**
 * Which overlay versions we say that we speak, when the peer shares none with us: its own. What a client needs has been the
 * same in every version so far (protocol.md section 7).
 * @module
 */
import { OVERLAY_MIN_VERSION, OVERLAY_VERSION } from '../constants.ts';
import type { OverlayErrorCode } from '../error-table.ts';
import type { PeerError } from '../violation.ts';

/** The overlay versions that a HELLO names, from the oldest to the newest. */
export interface OverlayRange {
  readonly overlayVersion: number;
  readonly overlayMinVersion: number;
}

/** How a handshake has failed: an OverlayError. */
interface Failure {
  readonly code: OverlayErrorCode;
  readonly peerError?: PeerError | undefined;
  readonly remote?: OverlayRange | undefined;
}

/** What is said where nobody has chosen. */
export const DEFAULT_OVERLAY_RANGE: OverlayRange = { overlayVersion: OVERLAY_VERSION, overlayMinVersion: OVERLAY_MIN_VERSION };

/** Whether two ranges have a version in common; a range whose oldest version is above its newest has none. */
export function sharesVersion(ours: OverlayRange, theirs: OverlayRange): boolean {
  const overlap = theirs.overlayVersion >= ours.overlayMinVersion && theirs.overlayMinVersion <= ours.overlayVersion;
  return overlap && theirs.overlayMinVersion <= theirs.overlayVersion;
}

/** What to say to a peer whose HELLO we know: its own range when it shares no version with ours, and is one. */
export function rangeFor(ours: OverlayRange, { overlayVersion, overlayMinVersion }: OverlayRange): OverlayRange {
  const theirs = { overlayVersion, overlayMinVersion };
  return overlayMinVersion > overlayVersion || sharesVersion(ours, theirs) ? ours : theirs;
}

/**
 * What to say the next time to a peer with which the handshake has failed.
 * @param said what it has refused
 * @returns its own range; undefined when it did not fail for the versions, or that is what was said
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
 * @param did what was done in it: `probed` for example
 */
export function adaptedRangeText({ overlayVersion, overlayMinVersion }: OverlayRange, did = 'spoken to'): string | undefined {
  if (overlayVersion === OVERLAY_VERSION && overlayMinVersion === OVERLAY_MIN_VERSION) return undefined;
  return `The node refuses overlay ${OVERLAY_MIN_VERSION} to ${OVERLAY_VERSION}, our default; ${did} with its own range, overlay ${overlayMinVersion} to ${overlayVersion}.`;
}
