/**
 * What probes of one target have learnt, so that the next one need not find it out again.
 * @module
 */
import type { OverlayError } from '../protocol/errors.ts';
import type { RemotePeer } from '../protocol/handshake/hello.ts';
import type { OverlayRange } from '../protocol/handshake/overlay-range.ts';
import type { Network } from '../protocol/networks.ts';

/** What a second look at a node finds that closes without a word. */
export type Finding =
  /** It answers on another network. */
  | { readonly is: 'other-network'; readonly network: Network; readonly remote: RemotePeer }
  /** It answers a certificate that ends later: ours has expired by its clock, which is ahead of ours by at least this. */
  | { readonly is: 'own-clock-behind'; readonly seconds: number; readonly remote: RemotePeer }
  /** It answers another key of the same network. */
  | { readonly is: 'lets-others-in'; readonly remote: RemotePeer }
  /** It closes connections on which nothing has been said. */
  | { readonly is: 'closes-at-once' }
  /** It closes them after the same time as those on which we spoke, in milliseconds. */
  | { readonly is: 'closes-unheard'; readonly afterMs: number }
  | { readonly is: 'nothing' }
  /** It was broken off. */
  | { readonly is: 'cut-short' }
  /** It was not wanted. */
  | { readonly is: 'not-taken' };

/** How long a finding is taken for true while the same goes on, in milliseconds. */
const FINDING_KEPT_MS = 600_000;

/** What is known of one target on one network; to be given to every probe of it. */
export class Knowledge {
  /** The range of overlay versions the node was let in with, when the default was refused. */
  overlayRange: OverlayRange | undefined;
  #finding: { readonly finding: Finding; readonly code: OverlayError['code']; readonly atMs: number } | undefined;

  /** What was found out about the same failure before, unless that is too long ago. */
  findingOf({ code }: OverlayError, nowMs: number): Finding | undefined {
    const known = this.#finding;
    return known?.code === code && nowMs - known.atMs < FINDING_KEPT_MS ? known.finding : undefined;
  }

  /** Keeps what was found out about a failure. */
  learn({ code }: OverlayError, finding: Finding, atMs: number): void {
    this.#finding = { finding, code, atMs };
  }

  /** The node does something else now. */
  forget(): void {
    this.#finding = undefined;
  }
}
