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

/** Keeps the first bytes of a connection. */
export class FirstBytes {
  #sent: Uint8Array = new Uint8Array(0);
  #received: Uint8Array = new Uint8Array(0);

  readonly onBytes = (direction: 'sent' | 'received', bytes: Uint8Array): void => {
    if (direction === 'sent') this.#sent = joined(this.#sent, bytes);
    else this.#received = joined(this.#received, bytes);
  };

  get seen(): Pick<Evidence, 'firstBytes' | 'isEcho'> {
    const [sent, received] = [this.#sent, this.#received];
    // Our HELLO is the first record and contains a random nonce, so only an echo can be equal.
    const hello = sent.subarray(0, RECORD_HEADER_BYTES + (((sent[2] ?? 0) << 8) | (sent[3] ?? 0)));
    const isEcho = hello.length > RECORD_HEADER_BYTES && hello.every((byte, i) => byte === received[i]);
    return { firstBytes: received.slice(0, 64), isEcho };
  }
}

/** Both, up to the number of bytes kept. Nothing is copied once that is reached. */
function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length >= KEPT_BYTES) return first;
  const all = new Uint8Array(Math.min(KEPT_BYTES, first.length + second.length));
  all.set(first);
  all.set(second.subarray(0, all.length - first.length), first.length);
  return all;
}
