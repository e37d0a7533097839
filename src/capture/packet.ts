/**
 * A packet to its TCP segment: link layer, IPv4 or IPv6, TCP.
 * @module
 */

import { formatTarget } from '../net/target.ts';
import { formatIP } from '../protocol/wire/ip.ts';
import type { Packet } from './pcap.ts';

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
  /** What was captured of its bytes: a view. */
  readonly data: Uint8Array;
  /** Bytes after those that the capture has cut off. */
  readonly missing: number;
}

/** Why a packet is none of ours. */
export type NoSegment = 'not TCP' | 'IP fragment' | 'cut off in its headers' | 'unknown link type';

/** LINKTYPE_ numbers: bytes before the next header, and where its EtherType is; IP itself where there is none. */
const LINK_TYPES: ReadonlyMap<number, { readonly length: number; readonly etherType?: number }> = new Map([
  [0, { length: 4 }], // NULL: loopback of BSD and macOS, an address family in the order of the host
  [1, { length: 14, etherType: 12 }], // ETHERNET
  [12, { length: 0 }], // RAW, as some systems number it
  [14, { length: 0 }],
  [101, { length: 0 }], // RAW
  [108, { length: 4 }], // LOOP: the same in network order
  [113, { length: 16, etherType: 14 }], // LINUX_SLL
  [228, { length: 0 }], // IPV4
  [229, { length: 0 }], // IPV6
  [276, { length: 20, etherType: 0 }], // LINUX_SLL2
]);
const ETHER_TYPE_IPV4 = 0x0800;
const ETHER_TYPE_IPV6 = 0x86dd;
/** 802.1Q, 802.1ad and what was used before it. */
const ETHER_TYPES_VLAN = [0x8100, 0x88a8, 0x9100];
const VLAN_TAG_BYTES = 4;
const PROTOCOL_TCP = 6;
const IPV6_HEADER_BYTES = 40;
/** Extension headers that carry their length in units of 8 bytes: hop-by-hop, routing, destination, mobility. */
const IPV6_EXTENSIONS = [0, 43, 60, 135];
const IPV6_FRAGMENT = 44;
const IPV6_AUTHENTICATION = 51;

/** The TCP segment in a packet, or why there is none. */
export function segmentOf(packet: Packet): Segment | NoSegment {
  try {
    return linkLayer(packet);
  } catch (error) {
    // Reading beyond the end of what was captured.
    if (error instanceof RangeError) return 'cut off in its headers';
    throw error;
  }
}

/** An IP packet's payload: where it is, and where it would end had nothing been cut off. */
interface Payload {
  readonly at: number;
  readonly end: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

function linkLayer(packet: Packet): Segment | NoSegment {
  const { data, linkType } = packet;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const link = LINK_TYPES.get(linkType);
  if (link === undefined) return 'unknown link type';
  let at = link.length;
  if (link.etherType !== undefined) {
    let etherType = view.getUint16(link.etherType);
    while (ETHER_TYPES_VLAN.includes(etherType)) {
      etherType = view.getUint16(at + 2);
      at += VLAN_TAG_BYTES;
    }
    if (etherType !== ETHER_TYPE_IPV4 && etherType !== ETHER_TYPE_IPV6) return 'not TCP';
  }
  // The version is in IP itself, so that nothing depends on what the link layer calls it.
  const version = view.getUint8(at) >> 4;
  const originalEnd = Math.max(packet.originalLength, data.length);
  const payload =
    version === 4 ? ipv4(data, view, at, originalEnd) : version === 6 ? ipv6(data, view, at, originalEnd) : 'not TCP';
  return typeof payload === 'string' ? payload : tcp(packet, view, payload);
}

function ipv4(data: Uint8Array, view: DataView, at: number, originalEnd: number): Payload | NoSegment {
  if (view.getUint8(at + 9) !== PROTOCOL_TCP) return 'not TCP';
  // More fragments, or not the first one.
  if ((view.getUint16(at + 6) & 0x3fff) !== 0) return 'IP fragment';
  const headerLength = (view.getUint8(at) & 15) * 4;
  if (headerLength < 20) return 'not TCP';
  return {
    at: at + headerLength,
    end: ipEnd(at, view.getUint16(at + 2), originalEnd),
    source: data.subarray(at + 12, at + 16),
    destination: data.subarray(at + 16, at + 20),
  };
}

function ipv6(data: Uint8Array, view: DataView, start: number, originalEnd: number): Payload | NoSegment {
  const payloadLength = view.getUint16(start + 4);
  let next = view.getUint8(start + 6);
  let at = start + IPV6_HEADER_BYTES;
  while (next !== PROTOCOL_TCP) {
    if (next === IPV6_FRAGMENT) {
      // Offset and "more": a packet that was not cut may have the header too (RFC 6946).
      if ((view.getUint16(at + 2) & 0xfff9) !== 0) return 'IP fragment';
      next = view.getUint8(at);
      at += 8;
    } else if (IPV6_EXTENSIONS.includes(next) || next === IPV6_AUTHENTICATION) {
      const length = view.getUint8(at + 1);
      const bytes = next === IPV6_AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8;
      next = view.getUint8(at);
      at += bytes;
    } else return 'not TCP';
  }
  return {
    at,
    end: ipEnd(start, payloadLength === 0 ? 0 : IPV6_HEADER_BYTES + payloadLength, originalEnd),
    source: data.subarray(start + 8, start + 24),
    destination: data.subarray(start + 24, start + 40),
  };
}

/** Where the IP packet ends. What follows is padding; length 0 is one that the network card was going to cut up. */
function ipEnd(at: number, length: number, originalEnd: number): number {
  return length === 0 ? originalEnd : Math.min(at + length, originalEnd);
}

function tcp({ unixMs, data }: Packet, view: DataView, { at, end, source, destination }: Payload): Segment | NoSegment {
  const flags = view.getUint8(at + 13);
  const begin = at + (view.getUint8(at + 12) >> 4) * 4;
  if (begin < at + 20 || begin > end) return 'not TCP';
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
