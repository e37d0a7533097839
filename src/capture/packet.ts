/**
 * Finds the TCP segment of a packet: link layer, IPv4 or IPv6, TCP, also inside tunnels.
 * @module
 */

import { formatTarget } from '../net/target.ts';
import { formatIP } from '../protocol/wire/ip.ts';
import type { Packet } from './pcap.ts';
import { encapsulated, type Inner } from './tunnel.ts';

/** A TCP segment. */
export interface Segment {
  readonly unixMs: number | undefined;
  /** `host:port`. */
  readonly source: string;
  readonly destination: string;
  /** Sequence number of the first byte of `data`, of SYN when there is one. */
  readonly sequence: number;
  readonly syn: boolean;
  readonly ack: boolean;
  readonly fin: boolean;
  readonly rst: boolean;
  /** The captured bytes: a view. */
  readonly data: Uint8Array;
  /** The number of further bytes that the capture has cut off. */
  readonly missing: number;
}

/** Why a packet is skipped: its kind, for example `UDP` or `ARP`, or the reason why it cannot be read. */
export type NoSegment = string;

/** The largest number of headers of a packet that are unwrapped; real packets have fewer. */
const MAX_LAYERS = 24;

/** The TCP segment in a packet, or why there is none. */
export function segmentOf(packet: Packet): Segment | NoSegment {
  const { data, linkType, originalLength } = packet;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let inner: Inner = { is: 'link', type: linkType, at: 0, end: Math.max(originalLength, data.length) };
  try {
    for (let layers = 0; layers < MAX_LAYERS; layers++) {
      const next = inner.is === 'ip' ? ip(view, inner) : encapsulated(view, inner);
      if (typeof next === 'string') return next;
      if (next.is === 'tcp') return tcp(packet, view, next);
      inner = next;
    }
    return `more than ${MAX_LAYERS} headers`;
  } catch (error) {
    // Reading beyond the end of what was captured.
    if (error instanceof RangeError) return 'cut off in its headers';
    throw error;
  }
}

/** A TCP segment: where it begins, where it would end without cuts, and its addresses. */
interface Tcp {
  readonly is: 'tcp';
  readonly at: number;
  readonly end: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

const PROTOCOL_TCP = 6;
const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
/** Extension headers that carry their length in units of 8 bytes: hop-by-hop, routing, destination, mobility. */
const IPV6_EXTENSIONS = [0, 43, 60, 135];
const IPV6_FRAGMENT = 44;
const AUTHENTICATION = 51;

function ip(view: DataView, { at, end }: Inner): Inner | Tcp | NoSegment {
  // The version is taken from the IP header, not from the layer below.
  const version = view.getUint8(at) >> 4;
  if (version === 4) return ipv4(view, at, end);
  return version === 6 ? ipv6(view, at, end) : `IP version ${version}`;
}

function ipv4(view: DataView, start: number, outerEnd: number): Inner | Tcp | NoSegment {
  // More fragments, or not the first one.
  if ((view.getUint16(start + 6) & 0x3fff) !== 0) return 'IP fragment';
  const headerLength = (view.getUint8(start) & 15) * 4;
  if (headerLength < IPV4_HEADER_BYTES) return 'damaged IPv4 header';
  const end = ipEnd(start, view.getUint16(start + 2), outerEnd);
  let protocol = view.getUint8(start + 9);
  let at = start + headerLength;
  while (protocol === AUTHENTICATION) [protocol, at] = afterAuthentication(view, at);
  return payload(view, protocol, { at, end }, [start + 12, 4]);
}

function ipv6(view: DataView, start: number, outerEnd: number): Inner | Tcp | NoSegment {
  const payloadLength = view.getUint16(start + 4);
  let next = view.getUint8(start + 6);
  let at = start + IPV6_HEADER_BYTES;
  for (;;) {
    if (next === IPV6_FRAGMENT) {
      // Offset and "more": a packet that was not cut may have the header too (RFC 6946).
      if ((view.getUint16(at + 2) & 0xfff9) !== 0) return 'IP fragment';
      next = view.getUint8(at);
      at += 8;
    } else if (next === AUTHENTICATION) [next, at] = afterAuthentication(view, at);
    else if (IPV6_EXTENSIONS.includes(next)) {
      const bytes = (view.getUint8(at + 1) + 1) * 8;
      next = view.getUint8(at);
      at += bytes;
    } else break;
  }
  const end = ipEnd(start, payloadLength === 0 ? 0 : IPV6_HEADER_BYTES + payloadLength, outerEnd);
  return payload(view, next, { at, end }, [start + 8, 16]);
}

function afterAuthentication(view: DataView, at: number): [protocol: number, at: number] {
  return [view.getUint8(at), at + (view.getUint8(at + 1) + 2) * 4];
}

/** @param addresses where the two are, and how long each is */
function payload(
  view: DataView,
  protocol: number,
  place: { readonly at: number; readonly end: number },
  [from, length]: readonly [number, number],
): Inner | Tcp {
  if (protocol !== PROTOCOL_TCP) return { is: 'protocol', type: protocol, ...place };
  const address = (at: number): Uint8Array => {
    // Subtle: the view checks that all of it was captured, `subarray` would not.
    view.getUint8(at + length - 1);
    return new Uint8Array(view.buffer, view.byteOffset + at, length);
  };
  return { is: 'tcp', ...place, source: address(from), destination: address(from + length) };
}

/** Where the IP packet ends. What follows is padding; length 0 is one that the network card was going to cut up. */
function ipEnd(at: number, length: number, outerEnd: number): number {
  return length === 0 ? outerEnd : Math.min(at + length, outerEnd);
}

function tcp({ unixMs, data }: Packet, view: DataView, { at, end, source, destination }: Tcp): Segment | NoSegment {
  const flags = view.getUint8(at + 13);
  const begin = at + (view.getUint8(at + 12) >> 4) * 4;
  if (begin < at + 20 || begin > end) return 'damaged TCP header';
  const captured = data.subarray(begin, Math.min(end, data.length));
  return {
    unixMs,
    source: formatTarget({ host: formatIP(source), port: view.getUint16(at) }),
    destination: formatTarget({ host: formatIP(destination), port: view.getUint16(at + 2) }),
    sequence: view.getUint32(at + 4),
    syn: (flags & 0x02) !== 0,
    ack: (flags & 0x10) !== 0,
    fin: (flags & 0x01) !== 0,
    rst: (flags & 0x04) !== 0,
    data: captured,
    missing: end - begin - captured.length,
  };
}
