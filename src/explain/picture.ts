/**
 * A handshake as data for `explain`'s page: what was seen, and nothing that follows from it. The page works out the rest
 * with `protocol/` itself. Types only, so that the page shares them.
 * @module
 */
import type { OverlayErrorJson } from '../protocol/errors.ts';
import type { Network } from '../protocol/networks.ts';
import type { PeerError } from '../protocol/violation.ts';

/** Side of a connection: A dialled, B accepted. */
export type Side = 'A' | 'B';

/** A connection, complete or as far as it has come. Bytes are lower-case hex. */
export interface Picture {
  readonly version: 1;
  /** `demo`: an embedded peer; `live`: a connection of ours; `capture`: read from a file. */
  readonly source: 'demo' | 'live' | 'capture';
  /** Whom it is with: `HOST:PORT`, or the name of the file. */
  readonly target: string;
  /** The side that is ours; undefined where nobody says, or both are. */
  readonly own?: Side;
  /** The network that was named; what the HELLOs say may differ. */
  readonly network?: Network;
  /** When it began, in milliseconds since 1970; undefined when the capture does not say. */
  readonly startUnixMs?: number;
  /** `host:port` of either end, as far as they are known. */
  readonly addresses: Readonly<Partial<Record<Side, string>>>;
  /** What came and went, in order. */
  readonly events: readonly PictureEvent[];
  /** Events that were left out because there were too many. */
  readonly omitted: number;
  /** Keys that may be shown. */
  readonly secrets: PictureSecrets;
  /** Milliseconds of each phase of a connection of ours. */
  readonly timings?: PictureTimings;
  /** Why it ended early, as this side saw it. */
  readonly error?: PictureError;
  /** Network the other side was found to be on when it had closed without a word: 32 bytes. */
  readonly foundNetworkID?: string;
  /** Our pin, `G…`. */
  readonly expectedPeerID?: string;
  /** Whether more may come. */
  readonly running: boolean;
}

/** Where the page gets its picture from. */
export type PageContent =
  | Picture
  /** From the server it came from, as it happens: path of the event stream. */
  | { readonly live: string };

/** Something that was seen, so many milliseconds after the beginning. */
export type PictureEvent =
  | {
      readonly kind: 'record';
      readonly from: Side;
      readonly ms: number;
      /** The record as on the wire, its 4-byte header included. */
      readonly hex: string;
      readonly mac: MacVerdict;
    }
  /** Bytes that are no complete record. */
  | { readonly kind: 'stray'; readonly from: Side; readonly ms: number; readonly hex: string; readonly length: number }
  /** What whoever read the capture found. */
  | { readonly kind: 'note'; readonly from?: Side; readonly ms: number; readonly text: string; readonly isFault: boolean };

/** What is known of a MAC: HELLO and ERROR_MSG have none, and without its key a MAC cannot be judged. */
export type MacVerdict = 'good' | 'bad' | 'none' | 'unknown';

/** Keys that may be shown: of the demo, which are thrown away, or because the run was told to. */
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

/** Milliseconds by phase, of those that were completed. */
export type PictureTimings = Partial<Record<'dnsMs' | 'tcpMs' | 'helloMs' | 'authMs' | 'totalMs', number>>;

/** A failure, with what the other side was told of it; null: nothing. */
export interface PictureError extends OverlayErrorJson {
  readonly told: PeerError | null;
  readonly ms: number;
}
