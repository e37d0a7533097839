/**
 * Which addresses may be probed. Everyone who can reach the exporter can make it dial. Without limits it would be a port
 * scanner inside another network.
 * @module
 */
import { formatIP, parseIP } from '../protocol/wire/ip.ts';

/** Addresses that begin with the same bits. */
interface Range {
  /** 4 or 16 bytes. The bits after the prefix are zero. */
  readonly bytes: Uint8Array;
  readonly prefixBits: number;
}

/** IPv4-mapped IPv6 addresses. */
const MAPPED_IPV4: Range = { bytes: parseIP('::ffff:0:0'), prefixBits: 96 };

/** IPv4 ranges that are not globally routable (IANA's IPv4 Special-Purpose Address Registry, and multicast). */
const SPECIAL_IPV4 = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // behind a carrier's NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local; metadata services of clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays, deprecated
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
].map(parseRange);

/**
 * The only IPv6 range from which global unicast addresses are assigned. Loopback, ULA, link-local and multicast are outside of
 * it.
 */
const GLOBAL_IPV6 = parseRange('2000::/3');
/** Special ranges inside it (IANA's IPv6 Special-Purpose Address Registry). */
const SPECIAL_IPV6 = [
  '2001::/23', // protocol assignments: Teredo, benchmarks, ORCHID
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4: an IPv4 address of any kind is in it
  '3fff::/20', // documentation
].map(parseRange);
/** RFC 6052: an IPv4 address behind a NAT64 is in the last 4 bytes. */
const NAT64 = parseRange('64:ff9b::/96');

/** Decides about addresses, never about names: a name can resolve to another address at each look-up. */
export class AllowList {
  readonly #ranges: readonly Range[];

  /**
   * @param cidrs the ranges that are allowed, `10.0.0.0/8` or a single address. Empty: all globally routable addresses
   * @throws {TypeError} naming the text that is not an address range
   */
  constructor(cidrs: readonly string[]) {
    this.#ranges = cidrs.map(parseRange);
  }

  /** Whether the address may be dialled. False for a text that is not an address. */
  permits(address: string): boolean {
    const bytes = addressBytes(address);
    if (bytes === undefined) return false;
    return this.#ranges.length > 0 ? this.#ranges.some((range) => isIn(range, bytes)) : isGlobal(bytes);
  }
}

function isGlobal(bytes: Uint8Array): boolean {
  if (bytes.length === 4) return !SPECIAL_IPV4.some((range) => isIn(range, bytes));
  if (isIn(NAT64, bytes)) return isGlobal(bytes.subarray(12));
  return isIn(GLOBAL_IPV6, bytes) && !SPECIAL_IPV6.some((range) => isIn(range, bytes));
}

/**
 * The canonical form of an address (RFC 5952). An IPv4-mapped address becomes the IPv4 address that the kernel dials for it.
 * Undefined when the text is not an address.
 */
export function plainAddress(text: string): string | undefined {
  const bytes = addressBytes(text);
  return bytes && formatIP(bytes);
}

/** Whether the text is an IP address, which needs no look-up. */
export function isAddress(text: string): boolean {
  return addressBytes(text) !== undefined;
}

/**
 * 4 or 16 bytes. An IPv4-mapped address becomes the IPv4 address that the kernel dials for it. A zone (`%eth0`) is ignored.
 * Subtle: only IPv6 has zones, and only of these characters. Node would look up anything else as a name.
 */
export function addressBytes(address: string): Uint8Array | undefined {
  try {
    const bytes = parseIP(address.replace(/(:.*)%[0-9a-zA-Z.-]+$/, '$1'));
    return isIn(MAPPED_IPV4, bytes) ? bytes.slice(12) : bytes;
  } catch {
    return undefined;
  }
}

function isIn({ bytes, prefixBits }: Range, address: Uint8Array): boolean {
  if (bytes.length !== address.length) return false;
  return address.every((byte, i) => ((byte ^ (bytes[i] as number)) & mask(prefixBits, i)) === 0);
}

/** The mask for the byte at an index: the bits that belong to the prefix. */
function mask(prefixBits: number, index: number): number {
  const bits = Math.min(8, Math.max(0, prefixBits - 8 * index));
  return 0xff & (0xff << (8 - bits));
}

function parseRange(text: string): Range {
  const match = /^([^/]+?)(?:\/(\d{1,3}))?$/.exec(text);
  const wrong = (why: string): TypeError => new TypeError(`not a range of addresses: ${JSON.stringify(text)}; ${why}`);
  let bytes: Uint8Array;
  try {
    bytes = parseIP(match?.[1] ?? '');
  } catch {
    throw wrong('write 10.0.0.0/8, fd00::/8 or a single address');
  }
  const bits = 8 * bytes.length;
  const prefixBits = match?.[2] === undefined ? bits : Number(match[2]);
  if (prefixBits > bits) throw wrong(`a prefix is at most ${bits} bits long here`);
  if (bytes.some((byte, i) => (byte & ~mask(prefixBits, i)) !== 0)) throw wrong('bits after the prefix are set');
  // An IPv4-mapped range means the IPv4 range, as with addresses.
  if (prefixBits >= 96 && isIn(MAPPED_IPV4, bytes)) return { bytes: bytes.slice(12), prefixBits: prefixBits - 96 };
  return { bytes, prefixBits };
}
