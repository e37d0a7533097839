import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Segment, segmentOf } from '../../../src/capture/packet.ts';
import { CaptureFileError, type Packet, PcapReader } from '../../../src/capture/pcap.ts';
import { concatBytes, toHex } from '../../../src/protocol/bytes.ts';
import { be, block, ipPacket, LINKS, number, pcapFile, pcapngFile } from '../../support/pcap.ts';
import { has } from '../../support/programs.ts';
import { ethernetAround, IP_TUNNELS, ipv4Around, ipv6Around, LINK_TUNNELS, PSEUDOWIRE_LABEL } from '../../support/tunnels.ts';
import { split } from '../../support/vectors.ts';

const MICROS = 1_795_503_236_123_456;
const DATA = Uint8Array.from({ length: 40 }, (_, i) => i);
const V4 = { from: '10.0.0.1:50000', to: '10.0.0.2:11625', sequence: 0xfffffff0, flags: 'A', data: DATA };
const V6 = { ...V4, from: '[2001:db8::1]:50000', to: '[::1]:11625' };

function packetsOf(...chunks: readonly Uint8Array[]): Packet[] {
  const reader = new PcapReader();
  return chunks.flatMap((chunk) => [...reader.push(chunk)].map((packet) => ({ ...packet, data: packet.data.slice() })));
}

function segmentsOf(file: Uint8Array): Segment[] {
  return packetsOf(file).map((packet) => {
    const segment = segmentOf(packet);
    if (typeof segment === 'string') throw new Error(segment);
    return segment;
  });
}

/** The result for one IP packet. */
function fate(ip: Uint8Array): Segment | string {
  return segmentOf({ unixMs: 0, linkType: 101, data: ip, originalLength: ip.length });
}

describe('pcap files', () => {
  for (const littleEndian of [true, false])
    for (const nanoseconds of [true, false]) {
      const name = `${littleEndian ? 'little' : 'big'}-endian, ${nanoseconds ? 'nano' : 'micro'}seconds`;
      it(`are read in ${name}, whole and byte by byte`, () => {
        const bytes = ipPacket(V4);
        const file = pcapFile([{ bytes, micros: MICROS }, { bytes: DATA }], { littleEndian, nanoseconds });
        for (const chunks of [[file], split(file, [...file.keys()])]) {
          const [first, second] = packetsOf(...chunks);
          expect(first).toEqual({
            unixMs: expect.closeTo(MICROS / 1000, 3),
            linkType: 101,
            data: bytes,
            originalLength: bytes.length,
          });
          expect(second?.data).toEqual(DATA);
        }
      });
    }

  it('give all packets before the last one when the file ends inside it', () => {
    const file = pcapFile([{ bytes: DATA }, { bytes: DATA }]);
    const reader = new PcapReader();
    expect([...reader.push(file.subarray(0, -1))]).toHaveLength(1);
    expect(reader.pending).toBe(16 + DATA.length - 1);
  });

  it('are refused as damaged, with the position, when a packet is too long', () => {
    const file = pcapFile([{ bytes: DATA }, { bytes: DATA }]);
    file.set(be(0x7fffffff, 4), 24 + 16 + DATA.length + 8);
    expect(() => packetsOf(file)).toThrow(new CaptureFileError('damaged at byte 80: a length of 4294967167 bytes'));
  });

  it('are read when the link type has bits for a frame check sequence', () => {
    expect(packetsOf(pcapFile([{ bytes: DATA }], { linkType: 0x14000001 }))[0]?.linkType).toBe(1);
  });
});

describe('pcapng files', () => {
  for (const littleEndian of [true, false]) {
    it(`are read ${littleEndian ? 'little' : 'big'}-endian, with several interfaces, whole and byte by byte`, () => {
      const interfaces = [
        { linkType: 1 },
        { linkType: 101, resolution: 9 },
        { linkType: 113, resolution: 0x80 | 20, offsetSeconds: 1000 },
      ];
      const packets = interfaces.map((_, i) => ({ bytes: DATA.subarray(i), micros: MICROS, interface: i }));
      const file = pcapngFile(packets, interfaces, littleEndian);
      for (const chunks of [[file], split(file, [...file.keys()])]) {
        const found = packetsOf(...chunks);
        expect(found.map(({ linkType }) => linkType)).toEqual([1, 101, 113]);
        expect(found.map(({ data }) => toHex(data))).toEqual(packets.map(({ bytes }) => toHex(bytes)));
        for (const { unixMs } of found) expect(unixMs).toBeCloseTo(MICROS / 1000, 2);
      }
    });
  }

  it('begin again with each section, which has its own byte order', () => {
    const file = concatBytes(
      pcapngFile([{ bytes: DATA }], [{ linkType: 1 }], true),
      pcapngFile([{ bytes: DATA }], [{ linkType: 101 }], false),
    );
    expect(packetsOf(file).map(({ linkType }) => linkType)).toEqual([1, 101]);
  });

  it('may contain simple packets, without time and limited by the snapshot length', () => {
    const simple = block(3, concatBytes(number(DATA.length, 4, true), DATA.subarray(0, 12)), true);
    const [packet] = packetsOf(concatBytes(pcapngFile([], [{ linkType: 101, snapLength: 12 }]), simple));
    expect(packet).toEqual({ unixMs: undefined, linkType: 101, data: DATA.slice(0, 12), originalLength: DATA.length });
  });

  it('may contain the obsolete packet blocks', () => {
    const fields = [number(0, 2, true), number(0, 2, true), number(0, 4, true), number(5e6, 4, true), number(4, 4, true)];
    const old = block(2, concatBytes(...fields, number(4, 4, true), DATA.subarray(0, 4)), true);
    expect(packetsOf(concatBytes(pcapngFile([]), old))).toEqual([
      { unixMs: 5000, linkType: 101, data: DATA.slice(0, 4), originalLength: 4 },
    ]);
  });

  it.each([
    ['a packet of an undescribed interface', pcapngFile([{ bytes: DATA, interface: 3 }])],
    ['a packet longer than its block', concatBytes(pcapngFile([]), block(6, new Uint8Array(20).fill(1, 12, 13), true))],
    ['a block shorter than its fields', concatBytes(pcapngFile([]), block(6, new Uint8Array(0), true))],
    ['an invalid block length', concatBytes(pcapngFile([]), number(6, 4, true), number(13, 4, true), new Uint8Array(9))],
    ['a section without byte order', concatBytes(be(0x0a0d0d0a, 4), new Uint8Array(24))],
  ])('are refused as damaged when they have %s', (_, file) => {
    expect(() => packetsOf(file)).toThrow(CaptureFileError);
  });
});

describe('a captured packet', () => {
  for (const [name, [linkType, wrap]] of Object.entries(LINKS))
    for (const spec of [V4, V6])
      it(`of link type ${linkType} (${name}) with ${spec === V4 ? 'IPv4' : 'IPv6'} gives its TCP segment`, () => {
        const [segment] = segmentsOf(pcapFile([{ bytes: wrap(ipPacket(spec)) }], { linkType }));
        expect(segment).toMatchObject({ source: spec.from, destination: spec.to, sequence: 0xfffffff0, data: DATA, missing: 0 });
      });

  it('gives its TCP flags', () => {
    expect(fate(ipPacket({ ...V4, flags: 'SA' }))).toMatchObject({ syn: true, ack: true, fin: false, rst: false });
    expect(fate(ipPacket({ ...V4, flags: 'FR' }))).toMatchObject({ syn: false, ack: false, fin: true, rst: true });
  });

  it('may contain options in IPv4 and TCP, and extension headers in IPv6', () => {
    expect(fate(ipPacket({ ...V4, ipOptions: 8, tcpOptions: 12 }))).toMatchObject({ data: DATA });
    const extensions = [0, 43, 60].map((kind) => [kind, new Uint8Array(16).fill(1, 1, 2)] as const);
    const authentication = [51, new Uint8Array(24).fill(4, 1, 2)] as const;
    expect(fate(ipPacket({ ...V6, extensions: [...extensions, authentication] }))).toMatchObject({ data: DATA });
  });

  it('gives no segment if it is a fragment, unless it is the only fragment of its packet', () => {
    expect(fate(ipPacket({ ...V4, fragment: 0x2000 }))).toBe('IP fragment');
    expect(fate(ipPacket({ ...V4, fragment: 0x0010 }))).toBe('IP fragment');
    expect(fate(ipPacket({ ...V6, extensions: [[44, Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0)]] }))).toBe('IP fragment');
    expect(fate(ipPacket({ ...V6, extensions: [[44, new Uint8Array(8)]] }))).toMatchObject({ data: DATA });
  });

  it.each([
    ['UDP', [101, ipv4Around(17, concatBytes(be(53, 2), be(40_000, 2), new Uint8Array(12)))]],
    ['UDP', [101, ipv6Around(17, concatBytes(be(53, 2), be(40_000, 2), new Uint8Array(12)))]],
    ['GTP-U', [101, ipv4Around(17, concatBytes(be(2152, 2), be(2152, 2), new Uint8Array(12)))]],
    ['WireGuard, encrypted', [101, ipv4Around(17, concatBytes(be(40_000, 2), be(51820, 2), new Uint8Array(12)))]],
    ['ESP, encrypted', [101, ipv4Around(50, new Uint8Array(40))]],
    ['ICMPv6', [101, ipv6Around(58, new Uint8Array(40))]],
    ['IP protocol 253', [101, ipv4Around(253, new Uint8Array(40))]],
    ['ARP', [1, ethernetAround(0x0806, new Uint8Array(28))]],
    ['LLDP', [1, ethernetAround(0x88cc, new Uint8Array(28))]],
    ['MACsec, encrypted', [1, ethernetAround(0x88e5, new Uint8Array(28))]],
    ['EtherType 0x1234', [1, ethernetAround(0x1234, new Uint8Array(28))]],
    ['IEEE 802.2 LLC', [1, ethernetAround(38, new Uint8Array(38))]],
    ['PPP control', [9, concatBytes(be(0xff03, 2), be(0xc021, 2), new Uint8Array(20))]],
    ['GRE with routing', [101, ipv4Around(47, concatBytes(be(0x4000, 2), be(0x0800, 2), new Uint8Array(20)))]],
    ['GRE keepalive', [101, ipv4Around(47, new Uint8Array(4))]],
    ['link type 147', [147, new Uint8Array(28)]],
    ['IP version 0', [101, new Uint8Array(28)]],
  ] as const)('gives the name of its protocol if it is not TCP: %s', (name, [linkType, data]) => {
    expect(segmentOf({ unixMs: 0, linkType, data, originalLength: data.length })).toBe(name);
  });

  it('gives the number of missing bytes if it was cut off, or a report if its headers are incomplete', () => {
    const bytes = ipPacket(V4);
    for (let captured = 0; captured <= bytes.length; captured++) {
      const segment = segmentOf({ unixMs: 0, linkType: 101, data: bytes.subarray(0, captured), originalLength: bytes.length });
      if (captured >= 40)
        expect(segment).toMatchObject({ data: DATA.subarray(0, captured - 40), missing: bytes.length - captured });
      else if (captured < 34) expect(segment).toBe('cut off in its headers');
    }
  });

  it('may have length 0 in its IP header, as with segmentation offload', () => {
    expect(fate(ipPacket({ ...V4, ipLength: 0 }))).toMatchObject({ data: DATA, missing: 0 });
    expect(fate(ipPacket({ ...V6, ipLength: 0 }))).toMatchObject({ data: DATA, missing: 0 });
  });

  it('gives no segment if its header lengths are impossible', () => {
    const short = ipPacket(V4);
    short[0] = 0x41;
    expect(fate(short)).toBe('damaged IPv4 header');
    const long = ipPacket(V4);
    long[32] = 0xf0;
    expect(fate(long.slice(0, 60))).toBe('damaged TCP header');
  });
});

describe('a packet in a tunnel', () => {
  const plain = fate(ipPacket(V4));
  const tunnels = Object.entries(IP_TUNNELS);

  it.each(Object.entries(LINK_TUNNELS))('is unwrapped from %s, for IPv4 and IPv6', (_name, [linkType, wrap]) => {
    for (const spec of [V4, V6]) {
      const data = wrap(ipPacket(spec));
      expect(segmentOf({ unixMs: 0, linkType, data, originalLength: data.length })).toEqual(fate(ipPacket(spec)));
    }
  });

  it.each(tunnels)('is unwrapped from %s, for IPv4 and IPv6, on any link', (_name, wrap) => {
    for (const spec of [V4, V6])
      for (const [linkType, link] of Object.values(LINK_TUNNELS)) {
        const data = link(wrap(ipPacket(spec)));
        expect(segmentOf({ unixMs: 0, linkType, data, originalLength: data.length })).toEqual(fate(ipPacket(spec)));
      }
  });

  it('is unwrapped from three tunnels', () => {
    for (const [, outer] of tunnels)
      for (const [, middle] of tunnels)
        for (const [, inner] of tunnels) expect(fate(outer(middle(inner(ipPacket(V4)))))).toEqual(plain);
  });

  it('is refused after 24 headers', () => {
    let packet = ipPacket(V4);
    for (let i = 0; i < 30; i++) packet = ipv4Around(4, packet);
    expect(fate(packet)).toBe('more than 24 headers');
  });

  it('gives the number of missing bytes if it was cut off, or a report if its headers are incomplete', () => {
    for (const [, wrap] of tunnels) {
      const bytes = wrap(ipPacket(V4));
      for (let captured = 0; captured < bytes.length; captured++) {
        const found = segmentOf({ unixMs: 0, linkType: 101, data: bytes.slice(0, captured), originalLength: bytes.length });
        if (typeof found === 'string') expect(found).toBe('cut off in its headers');
        else expect(found.data.length + found.missing).toBe(DATA.length);
      }
    }
  });

  it.skipIf(!has('tshark'))(
    'gives the same segments as tshark (needs tshark)',
    () => {
      const packets = [...Object.values(LINK_TUNNELS), ...tunnels.map(([, wrap]) => [101, wrap] as const)];
      const linkTypes = [...new Set(packets.map(([type]) => type))];
      const folder = mkdtempSync(join(tmpdir(), 'tunnels-'));
      try {
        // One file with an interface for each link type.
        const file = join(folder, 'tunnels.pcapng');
        const inIt = packets.map(([type, wrap]) => ({ bytes: wrap(ipPacket(V4)), interface: linkTypes.indexOf(type) }));
        const interfaces = linkTypes.map((linkType) => ({ linkType }));
        writeFileSync(file, pcapngFile(inIt, interfaces));
        const fields = ['-T', 'fields', '-e', 'tcp.srcport', '-e', 'tcp.dstport', '-e', 'tcp.payload'];
        const told = ['-d', 'udp.port==6635,mpls', '-d', `mpls.label==${PSEUDOWIRE_LABEL},pwethcw`];
        const stdout = execFileSync('tshark', ['-n', '-r', file, ...told, ...fields], { encoding: 'utf8', stdio: 'pipe' });
        const names = [...Object.keys(LINK_TUNNELS), ...Object.keys(IP_TUNNELS)];
        // tshark shows the file's block of an unknown type, too.
        const [, ...lines] = stdout.trimEnd().split('\n');
        expect(lines).toHaveLength(names.length);
        expect(names.map((name, i) => [name, lines[i]])).toEqual(names.map((name) => [name, `50000\t11625\t${toHex(DATA)}`]));
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    120_000,
  );
});
