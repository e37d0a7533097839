/** Packets inside tunnels, byte by byte. */
import { concatBytes } from '../../src/protocol/bytes.ts';
import { be, LINKS } from './pcap.ts';

/** The payload is Ethernet with a control word. Some readers need to be told. */
export const PSEUDOWIRE_LABEL = 17;

type Wrap = (inner: Uint8Array) => Uint8Array;

const MAC_ADDRESSES = Uint8Array.of(2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2);
const isV4 = (ip: Uint8Array): boolean => (ip[0] as number) >> 4 === 4;
const etherType = (ip: Uint8Array): number => (isV4(ip) ? 0x0800 : 0x86dd);

/** An IPv4 packet with documentation addresses around a payload of a protocol. */
export function ipv4Around(protocol: number, content: Uint8Array): Uint8Array {
  return concatBytes(
    ...[be(0x4500, 2), be(20 + content.length, 2), be(0, 2), be(0x4000, 2)],
    ...[Uint8Array.of(64, protocol), be(0, 2), Uint8Array.of(192, 0, 2, 1, 192, 0, 2, 2), content],
  );
}

/** The same in IPv6. */
export function ipv6Around(protocol: number, content: Uint8Array): Uint8Array {
  const address = (last: number): Uint8Array => Uint8Array.of(0x20, 1, 0x0d, 0xb8, ...new Array(11).fill(0), last);
  return concatBytes(be(0x60000000, 4), be(content.length, 2), Uint8Array.of(protocol, 64), address(1), address(2), content);
}

/** Ethernet with a payload of this EtherType. */
export function ethernetAround(type: number, content: Uint8Array): Uint8Array {
  return concatBytes(MAC_ADDRESSES, be(type, 2), content);
}

const ethernet: Wrap = (ip) => ethernetAround(etherType(ip), ip);
const udp = (port: number, content: Uint8Array): Uint8Array =>
  concatBytes(be(50_000, 2), be(port, 2), be(8 + content.length, 2), be(0, 2), content);
const label = (isLast: boolean, number = 16): Uint8Array => be((number << 12) | (isLast ? 0x100 : 0) | 64, 4);
const ppp: Wrap = (ip) => concatBytes(be(isV4(ip) ? 0x0021 : 0x0057, 2), ip);
const gre = (flags: number, type: number, options: Uint8Array, content: Uint8Array): Uint8Array =>
  concatBytes(be(flags, 2), be(type, 2), options, content);
const NONE = new Uint8Array(0);

/** Tunnels as an IP packet around an IP packet. */
export const IP_TUNNELS: Readonly<Record<string, Wrap>> = {
  'IP in IPv4': (ip) => ipv4Around(isV4(ip) ? 4 : 41, ip),
  'IP in IPv6': (ip) => ipv6Around(isV4(ip) ? 4 : 41, ip),
  GRE: (ip) => ipv4Around(47, gre(0, etherType(ip), NONE, ip)),
  'GRE with checksum, key and sequence': (ip) => ipv4Around(47, gre(0xb000, etherType(ip), new Uint8Array(12), ip)),
  'GRE with Ethernet': (ip) => ipv6Around(47, gre(0x2000, 0x6558, new Uint8Array(4), ethernet(ip))),
  'GRE with MPLS': (ip) => ipv4Around(47, gre(0, 0x8847, NONE, concatBytes(label(true), ip))),
  PPTP: (ip) =>
    ipv4Around(
      47,
      gre(0x3081, 0x880b, concatBytes(be(ip.length + 4, 2), be(1, 2), be(5, 4), be(4, 4)), concatBytes(be(0xff03, 2), ppp(ip))),
    ),
  'ERSPAN II': (ip) => ipv4Around(47, gre(0x1000, 0x88be, be(1, 4), concatBytes(be(0x10010000, 4), be(0, 4), ethernet(ip)))),
  VXLAN: (ip) => ipv4Around(17, udp(4789, concatBytes(be(0x08000000, 4), be(7 << 8, 4), ethernet(ip)))),
  'VXLAN in IPv6, with a VLAN inside': (ip) =>
    ipv6Around(
      17,
      udp(
        4789,
        concatBytes(be(0x08000000, 4), be(7 << 8, 4), ethernetAround(0x8100, concatBytes(be(5, 2), be(etherType(ip), 2), ip))),
      ),
    ),
  'VXLAN-GPE': (ip) => ipv4Around(17, udp(4790, concatBytes(be(0x0c000000 | (isV4(ip) ? 1 : 2), 4), be(7 << 8, 4), ip))),
  GENEVE: (ip) => ipv4Around(17, udp(6081, concatBytes(be(0x00006558, 4), be(7 << 8, 4), ethernet(ip)))),
  'GENEVE with options, without Ethernet': (ip) =>
    ipv4Around(17, udp(6081, concatBytes(be(0x0200, 2), be(etherType(ip), 2), be(7 << 8, 4), be(0x01020101, 4), be(9, 4), ip))),
  'MPLS in UDP': (ip) => ipv4Around(17, udp(6635, concatBytes(label(true), ip))),
  'MPLS in IP': (ip) => ipv4Around(137, concatBytes(label(true), ip)),
  'an authentication header': (ip) =>
    ipv4Around(51, concatBytes(Uint8Array.of(isV4(ip) ? 4 : 41, 4, 0, 0), new Uint8Array(20), ip)),
};

/** Tunnels that are no IP packets themselves, and link layers that hold them. */
export const LINK_TUNNELS: Readonly<Record<string, readonly [linkType: number, wrap: Wrap]>> = {
  'MPLS, one label': [1, (ip) => ethernetAround(0x8847, concatBytes(label(true), ip))],
  'MPLS, three labels': [1, (ip) => ethernetAround(0x8847, concatBytes(label(false), label(false), label(true), ip))],
  'an MPLS pseudowire': [
    1,
    (ip) => ethernetAround(0x8847, concatBytes(label(false), label(true, PSEUDOWIRE_LABEL), be(0, 4), ethernet(ip))),
  ],
  PPPoE: [1, (ip) => ethernetAround(0x8864, concatBytes(be(0x1100, 2), be(1, 2), be(ip.length + 2, 2), ppp(ip)))],
  'PPPoE with padding': [
    1,
    (ip) =>
      concatBytes(
        ethernetAround(0x8864, concatBytes(be(0x1100, 2), be(1, 2), be(ip.length + 2, 2), ppp(ip))),
        new Uint8Array(9).fill(7),
      ),
  ],
  PPP: [9, (ip) => concatBytes(be(0xff03, 2), ppp(ip))],
  'PPP with a short protocol': [9, (ip) => concatBytes(Uint8Array.of(isV4(ip) ? 0x21 : 0x57), ip)],
  'PPP in HDLC': [50, (ip) => concatBytes(be(0xff03, 2), ppp(ip))],
  'Cisco HDLC': [104, (ip) => concatBytes(be(0x0f00, 2), be(etherType(ip), 2), ip)],
  ...LINKS,
};
