/**
 * What probes of one target have found out, so that later probes need not find it again.
 * @module
 */
import type { OverlayError } from '../protocol/errors.ts';
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import type { OverlayRange } from '../protocol/handshake/overlay-range.ts';
import type { Network } from '../protocol/networks.ts';

/** Finding of a second look at a node that closes without an answer. */
export type Finding =
  /** It answers on another network. */
  | { readonly is: 'other-network'; readonly network: Network; readonly remote: RemotePeer }
  /**
   * It answers a certificate with a later expiration: by its clock ours has expired, so its clock is at least this much ahead.
   */
  | { readonly is: 'own-clock-behind'; readonly seconds: number; readonly remote: RemotePeer }
  /** It answers another key of the same network. */
  | { readonly is: 'lets-others-in'; readonly remote: RemotePeer }
  /** It closes connections on which we sent nothing. */
  | { readonly is: 'closes-at-once' }
  /** It closes them after the same time as connections on which we sent something, in milliseconds. */
  | { readonly is: 'closes-unheard'; readonly afterMs: number }
  | { readonly is: 'nothing' }
  /** The look was aborted. */
  | { readonly is: 'cut-short' }
  /** No look was requested. */
  | { readonly is: 'not-taken' };

/** How long a finding stays valid while the same failure continues, in milliseconds. */
const FINDING_KEPT_MS = 600_000;

/** The knowledge about one target on one network. Pass it to every probe of that target. */
export class Knowledge {
  /** The overlay range the node accepted after it refused the default one. */
  overlayRange: OverlayRange | undefined;
  #finding: { readonly finding: Finding; readonly code: OverlayError['code']; readonly atMs: number } | undefined;

  /** The finding for the same failure, unless it is too old. */
  findingOf({ code }: OverlayError, nowMs: number): Finding | undefined {
    const known = this.#finding;
    return known?.code === code && nowMs - known.atMs < FINDING_KEPT_MS ? known.finding : undefined;
  }

  /** Stores the finding for a failure. */
  learn({ code }: OverlayError, finding: Finding, atMs: number): void {
    this.#finding = { finding, code, atMs };
  }

  /** The node behaves differently now: the finding is dropped. */
  forget(): void {
    this.#finding = undefined;
  }
}
