/**
 * What was seen of a connection that failed.
 * @module
 */
import type { ConnectionInfo } from '../net/connection-info.ts';
import { toHex } from '../protocol/bytes.ts';
import { MAC_BYTES, RECORD_HEADER_BYTES } from '../protocol/constants.ts';
import type { Network } from '../protocol/networks.ts';

/** What was seen of the connection that failed. */
export interface Evidence {
  /** The first bytes received, at most 64. */
  readonly firstBytes: Uint8Array;
  /** Whether the received bytes are the ones we sent, our nonce included. Default false. */
  readonly isEcho?: boolean | undefined;
  /** Duration of the connection from the open socket on, in milliseconds. */
  readonly lastedMs: number;
  /** The network that our HELLO named. */
  readonly network: Network;
}

/** More than the longest HELLO. */
const KEPT_BYTES = 512;
/** The number of received bytes that are shown. */
const SHOWN_BYTES = 64;

const NOTHING = new Uint8Array(0);
/** Length of the nonce, with which HELLO ends. Only the MAC follows in its record. */
const NONCE_BYTES = 32;

/** Keeps the first bytes of the latest connection: at least its first record, when that is not longer than a HELLO. */
export class FirstBytes {
  #received: Uint8Array = NOTHING;
  #connection: ConnectionInfo | undefined;

  onBytes(direction: 'sent' | 'received', bytes: Uint8Array, connection: ConnectionInfo): void {
    if (connection !== this.#connection) this.#received = NOTHING;
    this.#connection = connection;
    if (direction === 'received') this.#received = joined(this.#received, bytes);
  }

  get seen(): Pick<Evidence, 'firstBytes' | 'isEcho'> {
    return { firstBytes: this.#received.slice(0, SHOWN_BYTES), isEcho: this.#isEcho };
  }

  /** The id of the connection is the beginning of our random nonce. So only an echo of our HELLO has it in this place. */
  get #isEcho(): boolean {
    const nonce = this.receivedBody?.slice(-MAC_BYTES - NONCE_BYTES);
    return nonce !== undefined && this.#connection !== undefined && toHex(nonce).startsWith(this.#connection.id);
  }

  /** The body of the first record received; undefined when it is incomplete, or longer than a HELLO. */
  get receivedBody(): Uint8Array | undefined {
    const end = recordLength(this.#received);
    return end <= this.#received.length ? this.#received.subarray(RECORD_HEADER_BYTES, end) : undefined;
  }
}

/** Length of the first record, its header included. */
function recordLength(bytes: Uint8Array): number {
  return RECORD_HEADER_BYTES + (((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0));
}

/** Both, up to the number of bytes kept. Most peers send their HELLO in one piece: it is kept as it came, and nothing is copied. */
function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length >= Math.max(SHOWN_BYTES, Math.min(KEPT_BYTES, recordLength(first)))) return first;
  if (first.length === 0 && second.length <= KEPT_BYTES) return second;
  const all = new Uint8Array(Math.min(KEPT_BYTES, first.length + second.length));
  all.set(first);
  all.set(second.subarray(0, all.length - first.length), first.length);
  return all;
}
