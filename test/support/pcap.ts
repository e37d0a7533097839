/** Builds capture files byte by byte. */
import { concatBytes, utf8Encode } from '../../src/protocol/bytes.ts';
import { parseIP } from '../../src/protocol/wire/ip.ts';

/** A TCP segment to be captured. */
export interface SegmentSpec {
  /** `host:port`, IPv6 in brackets. */
  readonly from: string;
  readonly to: string;
  readonly sequence: number;
  /** Of `S`, `A`, `F`, `R`. */
  readonly flags?: string;
  readonly data?: Uint8Array;
  /** Bytes of TCP options, a multiple of 4. */
  readonly tcpOptions?: number;
  /** Bytes of IPv4 options, a multiple of 4. */
  readonly ipOptions?: number;
  /** Flags and fragment offset of IPv4. */
  readonly fragment?: number;
  /** IPv6 extension headers, each with the number of its kind; their first byte is filled in. */
  readonly extensions?: readonly (readonly [kind: number, bytes: Uint8Array])[];
  readonly protocol?: number;
  /** Total length of IPv4, payload length of IPv6, when it is not the real one. */
  readonly ipLength?: number;
}

/** Number in big-endian bytes. */
export function be(value: number, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  let rest = value;
  for (let i = bytes - 1; i >= 0; i--) {
    out[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return out;
}

/** Number in bytes of either order. */
export function number(value: number, bytes: number, littleEndian: boolean): Uint8Array {
  const out = be(value, bytes);
  return littleEndian ? out.reverse() : out;
}

/** An IP packet with a TCP segment. */
export function ipPacket(spec: SegmentSpec): Uint8Array {
  const [source, sourcePort] = endpoint(spec.from);
  const [destination, destinationPort] = endpoint(spec.to);
  const { flags = 'A', data = new Uint8Array(0), tcpOptions = 0, ipOptions = 0, fragment = 0x4000, protocol = 6 } = spec;
  const bits = [...flags].reduce((sum, flag) => sum | ({ F: 1, S: 2, R: 4, A: 16 }[flag] ?? 0), 0);
  const tcp = concatBytes(
    be(sourcePort, 2),
    be(destinationPort, 2),
    be(spec.sequence, 4),
    be(0, 4),
    Uint8Array.of((5 + tcpOptions / 4) << 4, bits),
    be(65535, 2),
    be(0, 4),
    new Uint8Array(tcpOptions).fill(1),
    data,
  );
  if (source.length === 4) {
    const total = 20 + ipOptions + tcp.length;
    return concatBytes(
      Uint8Array.of(0x40 | (5 + ipOptions / 4), 0),
      be(spec.ipLength ?? total, 2),
      be(0, 2),
      be(fragment, 2),
      Uint8Array.of(64, protocol),
      be(0, 2),
      source,
      destination,
      new Uint8Array(ipOptions).fill(1),
      tcp,
    );
  }
  const extensions = spec.extensions ?? [];
  const chain = [...extensions.map(([kind]) => kind), protocol];
  const headers = extensions.map(([, bytes], i) => concatBytes(Uint8Array.of(chain[i + 1] as number), bytes.subarray(1)));
  const payload = concatBytes(...headers, tcp);
  return concatBytes(
    Uint8Array.of(0x60, 0, 0, 0),
    be(spec.ipLength ?? payload.length, 2),
    Uint8Array.of(chain[0] as number, 64),
    source,
    destination,
    payload,
  );
}

/** LINKTYPE_ numbers, and the header of each before an IP packet. */
export const LINKS: Readonly<Record<string, readonly [linkType: number, wrap: (ip: Uint8Array) => Uint8Array]>> = {
  ethernet: [1, (ip) => concatBytes(new Uint8Array(12).fill(2), etherType(ip), ip)],
  'ethernet with a VLAN': [1, (ip) => concatBytes(new Uint8Array(12), be(0x8100, 2), be(7, 2), etherType(ip), ip)],
  'ethernet with two VLANs': [
    1,
    (ip) => concatBytes(new Uint8Array(12), be(0x88a8, 2), be(7, 2), be(0x8100, 2), be(8, 2), etherType(ip), ip),
  ],
  'ethernet with padding': [1, (ip) => concatBytes(new Uint8Array(12), etherType(ip), ip, new Uint8Array(60).fill(9))],
  'Linux cooked': [113, (ip) => concatBytes(new Uint8Array(14), etherType(ip), ip)],
  'Linux cooked 2': [276, (ip) => concatBytes(etherType(ip), new Uint8Array(18), ip)],
  'raw IP': [101, (ip) => ip],
  'raw IP, numbered 12': [12, (ip) => ip],
  'loopback, little-endian': [0, (ip) => concatBytes(number(isV4(ip) ? 2 : 30, 4, true), ip)],
  'loopback, big-endian': [0, (ip) => concatBytes(be(isV4(ip) ? 2 : 24, 4), ip)],
  LOOP: [108, (ip) => concatBytes(be(isV4(ip) ? 2 : 24, 4), ip)],
};

/** What goes into a file. */
export interface PacketSpec {
  readonly bytes: Uint8Array;
  /** Microseconds since 1970. */
  readonly micros?: number;
  /** Bytes captured, when fewer than all. */
  readonly captured?: number;
  /** Interface of pcapng. */
  readonly interface?: number;
}

/** How a pcap file is written. */
export interface PcapSpec {
  readonly linkType?: number;
  readonly littleEndian?: boolean;
  readonly nanoseconds?: boolean;
}

/** A pcap file. */
export function pcapFile(packets: readonly PacketSpec[], spec: PcapSpec = {}): Uint8Array {
  const { linkType = 101, littleEndian = true, nanoseconds = false } = spec;
  const n = (value: number, bytes: number): Uint8Array => number(value, bytes, littleEndian);
  const header = [n(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, 4), n(2, 2), n(4, 2), n(0, 8), n(262144, 4), n(linkType, 4)];
  const records = packets.flatMap(({ bytes, micros = 0, captured = bytes.length }) => [
    n(Math.floor(micros / 1e6), 4),
    n((micros % 1e6) * (nanoseconds ? 1000 : 1), 4),
    n(captured, 4),
    n(bytes.length, 4),
    bytes.subarray(0, captured),
  ]);
  // Files of 50,000 packets are more arguments than a call takes.
  return new Uint8Array(Buffer.concat([...header, ...records]));
}

/** An interface of a pcapng file. */
export interface InterfaceSpec {
  readonly linkType: number;
  readonly snapLength?: number;
  /** Value of if_tsresol. */
  readonly resolution?: number;
  /** Value of if_tsoffset, in seconds. */
  readonly offsetSeconds?: number;
}

/** A block of pcapng. */
export function block(type: number, body: Uint8Array, littleEndian: boolean): Uint8Array {
  const padded = concatBytes(body, new Uint8Array(-body.length & 3));
  const n = (value: number): Uint8Array => number(value, 4, littleEndian);
  return concatBytes(n(type), n(12 + padded.length), padded, n(12 + padded.length));
}

/** One section of a pcapng file: header, interfaces, an EPB a packet. */
export function pcapngFile(
  packets: readonly PacketSpec[],
  interfaces: readonly InterfaceSpec[] = [{ linkType: 101 }],
  littleEndian = true,
): Uint8Array {
  const n = (value: number, bytes: number): Uint8Array => number(value, bytes, littleEndian);
  const option = (code: number, value: Uint8Array): Uint8Array =>
    concatBytes(n(code, 2), n(value.length, 2), value, new Uint8Array(-value.length & 3));
  const section = block(0x0a0d0d0a, concatBytes(n(0x1a2b3c4d, 4), n(1, 2), n(0, 2), new Uint8Array(8).fill(255)), littleEndian);
  const described = interfaces.map(({ linkType, snapLength = 0, resolution, offsetSeconds }) =>
    block(
      1,
      concatBytes(
        n(linkType, 2),
        n(0, 2),
        n(snapLength, 4),
        option(2, utf8Encode('lo')),
        resolution === undefined ? new Uint8Array(0) : option(9, Uint8Array.of(resolution)),
        offsetSeconds === undefined ? new Uint8Array(0) : option(14, n(offsetSeconds, 8)),
        option(0, new Uint8Array(0)),
      ),
      littleEndian,
    ),
  );
  const blocks = packets.map(({ bytes, micros = 0, captured = bytes.length, interface: id = 0 }) => {
    const { resolution = 6, offsetSeconds = 0 } = interfaces[id] ?? {};
    const perSecond = resolution & 0x80 ? 2 ** (resolution & 0x7f) : 10 ** resolution;
    const ticks = Math.floor((micros / 1e6 - offsetSeconds) * perSecond);
    const body = concatBytes(
      n(id, 4),
      n(Math.floor(ticks / 2 ** 32), 4),
      n(ticks % 2 ** 32, 4),
      n(captured, 4),
      n(bytes.length, 4),
      bytes.subarray(0, captured),
    );
    return block(6, body, littleEndian);
  });
  return concatBytes(section, ...described, block(0xbad, Uint8Array.of(1, 2, 3), littleEndian), ...blocks);
}

/** Two ends that talk over TCP: makes the segments of each. */
export class TcpTalk {
  readonly #ends: Readonly<Record<'A' | 'B', string>>;
  readonly #next: Record<'A' | 'B', number>;

  constructor(a = '10.0.0.1:50000', b = '10.0.0.2:11625', first: Readonly<Record<'A' | 'B', number>> = { A: 1000, B: 9000 }) {
    this.#ends = { A: a, B: b };
    this.#next = { ...first };
  }

  /** A segment, at the next sequence number of its sender. */
  send(from: 'A' | 'B', data: Uint8Array = new Uint8Array(0), flags = 'A'): SegmentSpec {
    const sequence = this.#next[from];
    const counted = data.length + (flags.includes('S') ? 1 : 0) + (flags.includes('F') ? 1 : 0);
    this.#next[from] = (sequence + counted) % 2 ** 32;
    return { from: this.#ends[from], to: this.#ends[from === 'A' ? 'B' : 'A'], sequence, flags, data };
  }

  /** SYN, its answer, and the acknowledgement. */
  open(): readonly SegmentSpec[] {
    return [this.send('A', undefined, 'S'), this.send('B', undefined, 'SA'), this.send('A')];
  }

  /** FIN of both. */
  close(): readonly SegmentSpec[] {
    return [this.send('A', undefined, 'FA'), this.send('B', undefined, 'FA'), this.send('A')];
  }
}

/** A pcap file of raw IP with these segments, a millisecond apart. */
export function pcapOf(segments: readonly SegmentSpec[]): Uint8Array {
  return pcapFile(segments.map((segment, i) => ({ bytes: ipPacket(segment), micros: 1_700_000_000_000_000 + 1000 * i })));
}

function endpoint(text: string): readonly [Uint8Array, number] {
  const at = text.lastIndexOf(':');
  return [parseIP(text.slice(0, at).replace(/^\[|\]$/g, '')), Number(text.slice(at + 1))];
}

function isV4(ip: Uint8Array): boolean {
  return (ip[0] as number) >> 4 === 4;
}

function etherType(ip: Uint8Array): Uint8Array {
  return be(isV4(ip) ? 0x0800 : 0x86dd, 2);
}
