/**
 * A message as the object `watch --json` prints.
 * @module
 */
import type { ReceivedMessage } from '../protocol/wire/authenticated-message.ts';

/** What an SCP message's signature is worth. */
export type SignatureVerdict = 'good' | 'bad';

/** One line of `watch --json`. */
export interface WatchedMessageJson {
  /** When it came: ISO 8601, UTC, to the millisecond. */
  readonly at: string;
  readonly type: ReceivedMessage['type'];
  /** Discriminant of an unknown type. */
  readonly typeNumber?: number;
  /** Bytes of the StellarMessage: what flow control counts. */
  readonly size: number;
  /** The StellarMessage as it came, base64. */
  readonly xdr: string;
  /** The same as XDR-JSON (docs/xdr-json.md); null when the converter does not know something in it, and above 4 MiB. */
  readonly message: unknown;
  /** Of SCP_MESSAGE, when signatures are verified. */
  readonly signature?: SignatureVerdict;
}

/** What is known of a message besides its bytes. */
export interface WatchedMessageFacts {
  /** When it came, in milliseconds since 1970. */
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
