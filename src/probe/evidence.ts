/**
 * What was seen of a connection that failed.
 * @module
 */
import { RECORD_HEADER_BYTES } from '../protocol/constants.ts';
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

/** Keeps the first bytes of a connection: at least its first record, when that is not longer than a HELLO. */
export class FirstBytes {
  #sent: Uint8Array = NOTHING;
  #received: Uint8Array = NOTHING;

  onBytes(direction: 'sent' | 'received', bytes: Uint8Array): void {
    if (direction === 'sent') this.#sent = joined(this.#sent, bytes);
    else this.#received = joined(this.#received, bytes);
  }

  get seen(): Pick<Evidence, 'firstBytes' | 'isEcho'> {
    const [sent, received] = [this.#sent, this.#received];
    // Our HELLO is the first record and contains a random nonce, so only an echo can be equal.
    const hello = sent.subarray(0, recordLength(sent));
    const isEcho = hello.length > RECORD_HEADER_BYTES && hello.every((byte, i) => byte === received[i]);
    return { firstBytes: received.slice(0, SHOWN_BYTES), isEcho };
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
