import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { CaptureDecoder } from '../../../src/capture/capture.ts';
import { CaptureFileError } from '../../../src/capture/pcap.ts';
import { describeRecord, hexLines } from '../../../src/capture/text.ts';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { concatBytes, toHex, utf8Encode } from '../../../src/protocol/bytes.ts';
import { XdrReader } from '../../../src/protocol/xdr/reader.ts';
import { decodeAll, framesOf, keyLineOf, keyLog, talkOf } from '../../support/captures.ts';
import { ipPacket, LINKS, pcapFile, pcapngFile, pcapOf, type SegmentSpec, TcpTalk } from '../../support/pcap.ts';
import { transcript } from '../../support/vectors.ts';

const dialCore = transcript('dial-core');
const keys = keyLog(keyLineOf(dialCore));
const segments = talkOf(dialCore).slice(0, 20);

/** A file of each kind. */
const FILES: readonly Uint8Array[] = [
  pcapOf(segments),
  pcapFile(
    segments.map((segment) => ({ bytes: ipPacket(segment) })),
    { littleEndian: false, nanoseconds: true },
  ),
  pcapngFile(
    segments.map((segment) => ({ bytes: LINKS.ethernet?.[1](ipPacket(segment)) as Uint8Array })),
    [{ linkType: 1 }],
  ),
  utf8Encode(
    [
      '{"format":"stellar-handshake recording","version":1,"started":"2026-01-01T00:00:00.000Z"}',
      '{"connection":1,"role":"WE_CALLED_REMOTE","local":"a:1","remote":"b:2"}',
      ...framesOf(dialCore)
        .slice(0, 12)
        .map(({ from, frame }) =>
          JSON.stringify({ connection: 1, ms: 1, direction: from === 'A' ? 'sent' : 'received', hex: toHex(frame) }),
        ),
    ].join('\n'),
  ),
  utf8Encode(
    framesOf(dialCore)
      .map(({ frame }) => toHex(frame))
      .join('\n'),
  ),
];

/** Decodes any bytes and prints the results. The only allowed exception is CaptureFileError. */
function survive(bytes: Uint8Array): number {
  const decoder = new CaptureDecoder(keys);
  let items = 0;
  const take = (found: ReturnType<CaptureDecoder['push']>): void => {
    for (const item of found) {
      items++;
      if (item.kind === 'record') items += describeRecord(item).length > 0 ? [...hexLines(item)].length : 0;
    }
  };
  try {
    take(decoder.push(bytes));
    take(decoder.end());
  } catch (error) {
    if (!(error instanceof CaptureFileError)) throw error;
  }
  return items;
}

/** As many beginnings of a record as fit into a segment: the first 20 bytes, without or with another length. */
function beginnings(length?: number): Uint8Array {
  const start = Uint8Array.from(framesOf(dialCore)[0]?.frame.subarray(0, 20) ?? []);
  if (length !== undefined) new DataView(start.buffer).setUint32(0, (0x80000000 | length) >>> 0);
  return concatBytes(...Array.from({ length: 3_000 }, () => start));
}

/** A measure of work without time: the bytes that are copied and the fields that are read in a call. */
function workOf(call: () => void): number {
  const arrays = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;
  const { set, slice } = arrays;
  const { uint32 } = XdrReader.prototype;
  let work = 0;
  const spies = [
    vi.spyOn(arrays, 'set').mockImplementation(function (this: Uint8Array, source, at) {
      work += source.length;
      set.call(this, source, at);
    }),
    vi.spyOn(arrays, 'slice').mockImplementation(function (this: Uint8Array, from, to) {
      const copy = slice.call(this, from, to);
      work += copy.length;
      return copy;
    }),
    vi.spyOn(XdrReader.prototype, 'uint32').mockImplementation(function (this: XdrReader) {
      work++;
      return uint32.call(this);
    }),
  ];
  try {
    call();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return work;
}

/** Numbers that are the same in every run. */
function* randomNumbers(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 8;
  }
}

describe('the decoder of captures', () => {
  it('throws nothing but CaptureFileError for random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => void survive(bytes)),
      { numRuns: 500 },
    );
  });

  it('throws nothing but CaptureFileError for files that are cut off anywhere', () => {
    for (const file of FILES) for (let length = 0; length < file.length; length += 211) survive(file.subarray(0, length));
  });

  it('throws nothing but CaptureFileError for 10,000 files with bytes changed, moved and removed', () => {
    const random = randomNumbers(1);
    const below = (limit: number): number => random.next().value % limit;
    let items = 0;
    for (let i = 0; i < 10_000; i++) {
      const original = FILES[i % FILES.length] as Uint8Array;
      let file: Uint8Array = original.slice(0, 200 + below(original.length));
      for (let changes = 1 + below(6); changes > 0; changes--) {
        const at = below(file.length);
        switch (below(4)) {
          case 0:
            file[at] = below(256);
            break;
          case 1:
            file.fill(below(2) * 255, at, at + 1 + below(8));
            break;
          case 2:
            file = concatBytes(file.subarray(0, at), file.subarray(at + 1 + below(60)));
            break;
          default:
            file = concatBytes(
              file.subarray(0, at),
              original.subarray(below(original.length)).subarray(0, 80),
              file.subarray(at),
            );
        }
        if (file.length === 0) break;
      }
      items += survive(file);
    }
    expect(items).toBeGreaterThan(10_000);
  });

  it('finds no Stellar connection in TCP connections with random bytes', () => {
    const random = randomNumbers(2);
    const all: SegmentSpec[] = [];
    for (let i = 0; i < 50; i++) {
      const talk = new TcpTalk(`10.1.0.1:${1000 + i}`);
      all.push(...talk.open());
      for (let n = 0; n < 20; n++)
        all.push(
          talk.send(
            n % 2 === 0 ? 'A' : 'B',
            Uint8Array.from({ length: 400 }, () => random.next().value & 255),
          ),
        );
    }
    const { records, decoder } = decodeAll(pcapOf(all));
    expect(records).toEqual([]);
    expect(decoder.passedOver.otherConnections).toBe(50);
  });

  it('finds no record in many zeros and in thousands of record beginnings', () => {
    const talk = new TcpTalk();
    const all = [talk.send('A', new Uint8Array(60_000)), ...Array.from({ length: 20 }, () => talk.send('A', beginnings()))];
    expect(decodeAll(pcapOf(all)).records).toEqual([]);
  });

  it.each<[string, Uint8Array]>([
    ['zeros', new Uint8Array(60_000)],
    ['record beginnings', beginnings()],
    ['record beginnings that announce 3,000 bytes', beginnings(3_000)],
    ['record beginnings that announce 30,000 bytes', beginnings(30_000)],
    ['record beginnings that announce 16 MiB', beginnings(0x1000000)],
    ['record beginnings that announce too much', beginnings(0x7ffffffc)],
  ])('does work in proportion to the number and to the length of segments: %s', (_name, data) => {
    const work = (segments: number, bytes: number): number => {
      const talk = new TcpTalk();
      const opening = talk.open();
      const sent = Array.from({ length: segments }, () => talk.send('A', data.subarray(0, bytes)));
      const file = pcapOf([...opening, ...sent]);
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < file.length; at += 0x10000) chunks.push(file.subarray(at, at + 0x10000));
      return workOf(() => void decodeAll(chunks));
    };
    const [once, more, longer] = [work(20, 30_000), work(40, 30_000), work(20, 60_000)];
    expect(once).toBeGreaterThan(2 * 20 * 30_000);
    // A buffer that doubles may have grown just before the end.
    expect(more).toBeLessThan(2.5 * once);
    expect(longer).toBeLessThan(2.5 * once);
  });

  it('refuses a file with too many interfaces, with the position', () => {
    const interfaces = (count: number) => Array.from({ length: count }, () => ({ linkType: 101 }));
    expect(decodeAll(pcapngFile([], interfaces(4_096))).records).toEqual([]);
    const tooMany = pcapngFile([], interfaces(4_097));
    expect(() => decodeAll(tooMany)).toThrow(`damaged at byte ${28 + 4_096 * 32}: more than 4096 interfaces`);
  });

  it('limits its trials of keys for a long key log, and reports records that were not tried', () => {
    const keys = keyLog();
    for (let i = 0; i < 400; i++)
      keys.add(`STELLAR_MAC_KEYS ${String(i).padStart(64, '0')} ${'11'.repeat(32)} ${'22'.repeat(32)} ${'33'.repeat(32)}`);
    const record = framesOf(dialCore).find(({ frame }) => frame[19] === 2)?.frame as Uint8Array;
    const hex = Buffer.from(`${Buffer.from(record).toString('hex')}\n`.repeat(150));
    const made = vi.spyOn(nodeCrypto, 'macKey');
    const { records, decoder } = decodeAll(hex, keys);
    expect(records).toHaveLength(150);
    expect(made.mock.calls.length).toBeLessThan((0x4000000 + 16 * hex.length) / 1_024);
    made.mockRestore();
    expect(decoder.passedOver.untried).toBeGreaterThan(0);
  });

  it('uses less than 200 MB for 12,000 connections that announce long records', () => {
    const [helloA, , authA] = framesOf(dialCore).map(({ frame }) => frame);
    const announced = Uint8Array.from([0x81, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 8]);
    const decoder = new CaptureDecoder();
    const before = process.memoryUsage();
    let problems = 0;
    for (let i = 0; i < 12_000; i++) {
      const talk = new TcpTalk(`10.1.${i >> 8}.${i & 255}:1000`);
      const opening = [...talk.open(), ...[helloA, authA, announced].map((data) => talk.send('A', data))];
      const file = pcapOf(opening);
      for (const item of decoder.push(i === 0 ? file : file.subarray(24))) if (item.kind === 'problem') problems++;
    }
    const after = process.memoryUsage();
    // The oldest connections were ended to free memory.
    expect(problems).toBe(2000);
    expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(200e6);
  });
});
