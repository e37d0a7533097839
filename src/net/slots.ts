/**
 * Slots for connections: a limit in total and a limit for each address, so that one address cannot use all slots.
 * @module
 */
import { toHex } from '../protocol/bytes.ts';
import { addressBytes } from './allow-list.ts';

/** Part of an IPv6 address that counts as one host: the prefix that a single host is usually given (RFC 6177). */
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

  /** Number of slots in use. */
  get taken(): number {
    return this.#taken;
  }

  /** Number of addresses that use a slot: no others are kept. */
  get addresses(): number {
    return this.#byAddress.size;
  }

  /** Whether all slots are in use. */
  get isFull(): boolean {
    return this.#taken >= this.#most;
  }

  /** Whether the address uses all slots it may have. @param key see `addressKey` */
  isFullFor(key: string): boolean {
    return (this.#byAddress.get(key) ?? 0) >= this.#mostPerAddress;
  }

  /** Takes a slot, also when none is free. */
  take(key: string): void {
    this.#taken++;
    this.#byAddress.set(key, (this.#byAddress.get(key) ?? 0) + 1);
  }

  /** Releases a slot. */
  release(key: string): void {
    this.#taken--;
    const left = (this.#byAddress.get(key) ?? 0) - 1;
    if (left > 0) this.#byAddress.set(key, left);
    else this.#byAddress.delete(key);
  }
}

/** The key for counting: an IPv4 address, also for its IPv6 form, or the first 64 bits of an IPv6 address. */
export function addressKey(address: string): string {
  const bytes = addressBytes(address);
  if (bytes === undefined) return address;
  return toHex(bytes.length === 4 ? bytes : bytes.subarray(0, IPV6_PREFIX_BYTES));
}
