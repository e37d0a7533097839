/**
 * The layers around an IP packet: link layers and tunnels. Removes one header at a time.
 *
 * Sources: RFC 2784 and 2890 (GRE), 2637 (PPTP), 2003 and 4213 (IP in IP), 2516 (PPPoE), 1661 (PPP), 3032 and 4385 (MPLS), 7510
 * (MPLS in UDP), 7348 (VXLAN), draft-ietf-nvo3-vxlan-gpe, 8926 (GENEVE), draft-foschiano-erspan.
 * @module
 */

/** The content after a header. */
export interface Inner {
  /**
   * `link`: of a LINKTYPE_ number. `ethertype`, `protocol`: of an IEEE EtherType or an IP protocol number. `ethernet`, `mpls`,
   * `ppp`: such a frame. `ip`: IPv4 or IPv6.
   */
  readonly is: 'link' | 'ethertype' | 'protocol' | 'ethernet' | 'mpls' | 'ppp' | 'ip';
  /** The number, for the first three kinds. */
  readonly type?: number;
  /** First byte. */
  readonly at: number;
  /** Where it would end if nothing had been cut off. */
  readonly end: number;
}

/**
 * Removes one header.
 * @returns its content, or its name when it cannot contain TCP or is not supported
 * @throws {RangeError} when the header is incomplete
 */
export function encapsulated(view: DataView, inner: Inner): Inner | string {
  const { at, end, type = 0 } = inner;
  switch (inner.is) {
    case 'link':
      return linkLayer(view, type, end);
    case 'ethernet':
      return { is: 'ethertype', type: view.getUint16(at + 12), at: at + 14, end };
    case 'ethertype':
      return etherType(view, type, at, end);
    case 'mpls':
      return mpls(view, at, end);
    case 'ppp':
      return ppp(view, at, end);
    case 'protocol':
      return protocol(view, type, at, end);
    case 'ip':
      return inner;
  }
}

/** By LINKTYPE_ number: the length of the header and the kind of its content, or the offset of its EtherType. */
const LINK_TYPES: ReadonlyMap<number, { readonly length: number; readonly is?: Inner['is']; readonly etherType?: number }> =
  new Map([
    [0, { length: 4, is: 'ip' }], // NULL: loopback of BSD and macOS, an address family in the order of the host
    [1, { length: 0, is: 'ethernet' }],
    [9, { length: 0, is: 'ppp' }],
    [12, { length: 0, is: 'ip' }], // RAW, as some systems number it
    [14, { length: 0, is: 'ip' }],
    [50, { length: 0, is: 'ppp' }], // PPP_HDLC
    [51, { length: 6, is: 'ppp' }], // PPP_ETHER: PPPoE without its Ethernet
    [101, { length: 0, is: 'ip' }], // RAW
    [104, { length: 4, etherType: 2 }], // C_HDLC
    [108, { length: 4, is: 'ip' }], // LOOP: as NULL, in network order
    [113, { length: 16, etherType: 14 }], // LINUX_SLL
    [219, { length: 0, is: 'mpls' }],
    [228, { length: 0, is: 'ip' }], // IPV4
    [229, { length: 0, is: 'ip' }], // IPV6
    [276, { length: 20, etherType: 0 }], // LINUX_SLL2
  ] as const);

function linkLayer(view: DataView, type: number, end: number): Inner | string {
  const link = LINK_TYPES.get(type);
  if (link === undefined) return `link type ${type}`;
  const { length: at, is, etherType } = link;
  return is === undefined ? { is: 'ethertype', type: view.getUint16(etherType ?? 0), at, end } : { is, at, end };
}

const ETHERNET_IN_GRE = 0x6558;
const ERSPAN_II = 0x88be;
const ERSPAN_III = 0x22eb;
const ETHER_TYPE_NAMES: Readonly<Record<number, string>> = {
  2054: 'ARP',
  8944: 'AVTP',
  32821: 'RARP',
  34825: 'LACP',
  34915: 'PPPoE discovery',
  34958: 'EAPOL',
  35020: 'LLDP',
  35045: 'MACsec, encrypted',
  35151: 'NSH',
  36864: 'Ethernet loopback test',
};

function etherType(view: DataView, type: number, at: number, end: number): Inner | string {
  switch (type) {
    case 0x0800:
    case 0x86dd:
      return { is: 'ip', at, end };
    // 802.1Q, 802.1ad and what was used before it.
    case 0x8100:
    case 0x88a8:
    case 0x9100:
      return { is: 'ethertype', type: view.getUint16(at + 2), at: at + 4, end };
    case 0x8847:
    case 0x8848:
      return { is: 'mpls', at, end };
    case 0x8864:
      return { is: 'ppp', at: at + 6, end: Math.min(end, at + 6 + view.getUint16(at + 4)) };
    case ETHERNET_IN_GRE:
      return { is: 'ethernet', at, end };
    default:
      // Up to 1,500 it is a length.
      if (type <= 1500) return 'IEEE 802.2 LLC';
      return ETHER_TYPE_NAMES[type] ?? `EtherType 0x${type.toString(16).padStart(4, '0')}`;
  }
}

/**
 * A stack of labels does not name its content: IP is recognised by its first byte, and a pseudowire has zeros before its Ethernet, or
 * nothing.
 */
function mpls(view: DataView, at: number, end: number): Inner | string {
  if ((view.getUint8(at + 2) & 1) === 0) return { is: 'mpls', at: at + 4, end };
  const below = at + 4;
  const nibble = view.getUint8(below) >> 4;
  if (nibble === 4 || nibble === 6) return { is: 'ip', at: below, end };
  if (nibble === 1) return 'MPLS associated channel';
  return { is: 'ethernet', at: nibble === 0 && view.getUint16(below) === 0 ? below + 4 : below, end };
}

function ppp(view: DataView, start: number, end: number): Inner | string {
  const at = view.getUint16(start) === 0xff03 ? start + 2 : start;
  // A number with an odd first byte has only one byte (protocol field compression).
  const isShort = (view.getUint8(at) & 1) === 1;
  const number = isShort ? view.getUint8(at) : view.getUint16(at);
  const inner = { at: at + (isShort ? 1 : 2), end };
  switch (number) {
    case 0x0021:
    case 0x0057:
      return { is: 'ip', ...inner };
    case 0x0281:
    case 0x0283:
      return { is: 'mpls', ...inner };
    default:
      return number >= 0x8000 ? 'PPP control' : `PPP protocol 0x${number.toString(16).padStart(4, '0')}`;
  }
}

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  1: 'ICMP',
  2: 'IGMP',
  50: 'ESP, encrypted',
  58: 'ICMPv6',
  59: 'IPv6 without content',
  88: 'EIGRP',
  89: 'OSPF',
  103: 'PIM',
  112: 'VRRP',
  115: 'L2TPv3',
  132: 'SCTP',
};

function protocol(view: DataView, number: number, at: number, end: number): Inner | string {
  switch (number) {
    case 4:
    case 41:
      return { is: 'ip', at, end };
    case 17:
      return udp(view, at, end);
    case 47:
      return gre(view, at, end);
    case 137:
      return { is: 'mpls', at, end };
    default:
      return PROTOCOL_NAMES[number] ?? `IP protocol ${number}`;
  }
}

const UDP_NAMES: Readonly<Record<number, string>> = {
  443: 'QUIC, encrypted',
  1194: 'OpenVPN, encrypted',
  1701: 'L2TP',
  2152: 'GTP-U',
  4500: 'IPsec in UDP, encrypted',
  51820: 'WireGuard, encrypted',
};

function udp(view: DataView, start: number, end: number): Inner | string {
  const port = view.getUint16(start + 2);
  const at = start + 8;
  switch (port) {
    // 8472 is Linux's number from before there was one.
    case 4789:
    case 8472:
      return { is: 'ethernet', at: at + 8, end };
    case 4790:
      return vxlanGpe(view, at, end);
    case 6081:
      return { is: 'ethertype', type: view.getUint16(at + 2), at: at + 8 + (view.getUint8(at) & 0x3f) * 4, end };
    case 6635:
      return { is: 'mpls', at, end };
    default:
      return UDP_NAMES[port] ?? UDP_NAMES[view.getUint16(start)] ?? 'UDP';
  }
}

function vxlanGpe(view: DataView, at: number, end: number): Inner | string {
  const next = view.getUint8(at + 3);
  const inner = { at: at + 8, end };
  if (next === 1 || next === 2) return { is: 'ip', ...inner };
  if (next === 3) return { is: 'ethernet', ...inner };
  return next === 5 ? { is: 'mpls', ...inner } : `VXLAN-GPE protocol ${next}`;
}

function gre(view: DataView, start: number, end: number): Inner | string {
  const flags = view.getUint16(start);
  const type = view.getUint16(start + 2);
  const [hasChecksum, hasRouting, hasKey, hasSequence] = [0x8000, 0x4000, 0x2000, 0x1000].map((bit) => (flags & bit) !== 0);
  if (hasRouting) return 'GRE with routing';
  let at = start + 4 + (hasChecksum ? 4 : 0) + (hasKey ? 4 : 0) + (hasSequence ? 4 : 0);
  if ((flags & 7) === 1) {
    // PPTP: an acknowledgement may follow.
    if ((flags & 0x80) !== 0) at += 4;
    return { is: 'ppp', at, end };
  }
  // Without a sequence number it is the first version of ERSPAN, which has no header.
  if (type === ERSPAN_II) return { is: 'ethernet', at: at + (hasSequence ? 8 : 0), end };
  if (type === ERSPAN_III) return { is: 'ethernet', at: at + 12 + ((view.getUint8(at + 11) & 1) === 1 ? 8 : 0), end };
  return type === 0 ? 'GRE keepalive' : { is: 'ethertype', type, at, end };
}
