/**
 * A handshake as data for the page of `explain`: only what was seen. The page derives the rest with `protocol/`. This file has
 * types only, so that the page can share them.
 * @module
 */
import type { OverlayErrorJson } from '../protocol/errors.ts';
import type { Network } from '../protocol/networks.ts';
import type { PeerError } from '../protocol/violation.ts';

/** Side of a connection: A dialled, B accepted. */
export type Side = 'A' | 'B';

/** A connection, complete or in progress. Bytes are lower-case hex. */
export interface Picture {
  readonly version: 1;
  /** `demo`: an embedded peer; `live`: our own connection; `capture`: read from a file. */
  readonly source: 'demo' | 'live' | 'capture';
  /** The other end: `HOST:PORT`, or the name of the file. */
  readonly target: string;
  /** Our side; undefined when it is unknown, or both sides are ours. */
  readonly own?: Side;
  /** The network given by the user. The HELLOs may name another. */
  readonly network?: Network;
  /** Start, in milliseconds since 1970; undefined when the capture does not contain it. */
  readonly startUnixMs?: number;
  /** `host:port` of each end, as far as known. */
  readonly addresses: Readonly<Partial<Record<Side, string>>>;
  /** Everything that was sent, in order. */
  readonly events: readonly PictureEvent[];
  /** Number of events left out because there were too many. */
  readonly omitted: number;
  /** Keys that may be shown. */
  readonly secrets: PictureSecrets;
  /** Duration of each phase of our own connection, in milliseconds. */
  readonly timings?: PictureTimings;
  /** Why it ended early, as seen by this side. */
  readonly error?: PictureError;
  /** ID of the network that the peer was found to be on after it closed without an answer: 32 bytes. */
  readonly foundNetworkID?: string;
  /** The expected peerID, `G…`. */
  readonly expectedPeerID?: string;
  /** Whether more may come. */
  readonly running: boolean;
}

/** Source of the page's picture. */
export type PageContent =
  | Picture
  /** From the server of the page, as it happens: path of the event stream. */
  | { readonly live: string };

/** An event, with its time in milliseconds since the start. */
export type PictureEvent =
  | {
      readonly kind: 'record';
      readonly from: Side;
      readonly ms: number;
      /** The record as on the wire, with its 4-byte header. */
      readonly hex: string;
      readonly mac: MacVerdict;
    }
  /** Bytes that are no complete record. */
  | { readonly kind: 'stray'; readonly from: Side; readonly ms: number; readonly hex: string; readonly length: number }
  /** A finding of the capture reader. */
  | { readonly kind: 'note'; readonly from?: Side; readonly ms: number; readonly text: string; readonly isFault: boolean };

/** Verdict on a MAC. HELLO and ERROR_MSG have none; without its key a MAC cannot be verified. */
export type MacVerdict = 'good' | 'bad' | 'none' | 'unknown';

/** Keys that may be shown: those of the demo, which are thrown away, or those that the user asked to show. */
export interface PictureSecrets {
  readonly A?: SideSecrets;
  readonly B?: SideSecrets;
  /** 32 bytes each. */
  readonly macKeys?: { readonly K_AB: string; readonly K_BA: string };
}

/** Secrets of one side, 32 bytes each. */
export interface SideSecrets {
  readonly seed: string;
  readonly ecdhSecret: string;
}

/** Milliseconds of each completed phase. */
export type PictureTimings = Partial<Record<'dnsMs' | 'tcpMs' | 'helloMs' | 'authMs' | 'totalMs', number>>;

/** A failure, with the ERROR_MSG sent to the other side; null: none. */
export interface PictureError extends OverlayErrorJson {
  readonly told: PeerError | null;
  readonly ms: number;
}
