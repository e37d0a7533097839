/**
 * Places for connections: so many in all, and so many for each address, so that no address keeps out all others.
 * @module
 */
import { toHex } from '../protocol/bytes.ts';
import { addressBytes } from './allow-list.ts';

/** Bits of an IPv6 address that count as one: what a single host is usually given (RFC 6177). */
const IPV6_PREFIX_BYTES = 8;

/** Counts connections. */
export class Slots {
  readonly #most: number;
  readonly #mostPerAddress: number;
  readonly #byAddress = new Map<string, number>();
  #taken = 0;

  constructor(most: number, mostPerAddress: number) {
    this.#most = most;
    this.#mostPerAddress = mostPerAddress;
  }

  /** Places that are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether all places are taken. */
  get isFull(): boolean {
    return this.#taken >= this.#most;
  }

  /** Whether the address has all the places it may have. @param key see `addressKey` */
  isFullFor(key: string): boolean {
    return (this.#byAddress.get(key) ?? 0) >= this.#mostPerAddress;
  }

  /** Takes a place, whether there is one or not. */
  take(key: string): void {
    this.#taken++;
    this.#byAddress.set(key, (this.#byAddress.get(key) ?? 0) + 1);
  }

  /** Gives a place back. */
  release(key: string): void {
    this.#taken--;
    const left = (this.#byAddress.get(key) ?? 0) - 1;
    if (left > 0) this.#byAddress.set(key, left);
    else this.#byAddress.delete(key);
  }
}

/** What connections are counted by: an IPv4 address, also in its IPv6 form, or the first 64 bits of an IPv6 one. */
export function addressKey(address: string): string {
  const bytes = addressBytes(address);
  if (bytes === undefined) return address;
  return toHex(bytes.length === 4 ? bytes : bytes.subarray(0, IPV6_PREFIX_BYTES));
}
