/**
 * A message as the object `watch --json` prints.
 * @module
 */
import type { ReceivedMessage } from '../protocol/wire/authenticated-message.ts';

/** Result of verifying the signature of an SCP message. */
export type SignatureVerdict = 'good' | 'bad';

/** One line of `watch --json`. */
export interface WatchedMessageJson {
  /** Time of arrival: ISO 8601, UTC, to the millisecond. */
  readonly at: string;
  readonly type: ReceivedMessage['type'];
  /** Discriminant, for an unknown type. */
  readonly typeNumber?: number;
  /** Size of the StellarMessage in bytes; flow control counts the same number. */
  readonly size: number;
  /** The StellarMessage as received, base64. */
  readonly xdr: string;
  /** The same message as XDR-JSON (docs/xdr-json.md); null when the converter does not know something in it, and above 4 MiB. */
  readonly message: unknown;
  /** Only for SCP_MESSAGE, when signatures are verified. */
  readonly signature?: SignatureVerdict;
}

/** Facts of a message besides its bytes. */
export interface WatchedMessageFacts {
  /** Time of arrival, in milliseconds since 1970. */
  readonly unixMs: number;
  /** Its XDR-JSON. */
  readonly xdrJson: unknown;
  readonly signature?: SignatureVerdict | undefined;
}

/** Makes the object. */
export function watchedMessageJson(
  message: ReceivedMessage,
  { unixMs, xdrJson, signature }: WatchedMessageFacts,
): WatchedMessageJson {
  const { type, xdr } = message;
  return {
    at: new Date(unixMs).toISOString(),
    type,
    ...(message.type === 'UNKNOWN' && { typeNumber: message.typeNumber | 0 }),
    size: xdr.length,
    xdr: Buffer.from(xdr.buffer, xdr.byteOffset, xdr.byteLength).toString('base64'),
    message: xdrJson ?? null,
    ...(signature && { signature }),
  };
}
