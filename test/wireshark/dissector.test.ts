/** The Wireshark dissector is the output of its script, and tshark with it shows what `decode` shows. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DISSECTOR, dissectorText } from '../../scripts/wireshark-dissector.ts';
import type { DecodedRecord } from '../../src/capture/decode.ts';
import { concatBytes, fromHex, toHex } from '../../src/protocol/bytes.ts';
import { checkAuthenticatedMessage } from '../../src/protocol/wire/authenticated-message.ts';
import { decodeAll, framesOf, keyLineOf, keyLog, talkOf } from '../support/captures.ts';
import { be, pcapOf, type SegmentSpec, TcpTalk } from '../support/pcap.ts';
import { has } from '../support/programs.ts';
import { Random } from '../support/random.ts';
import { Batch, bothWays, type Captured, countsOf, ourLines, type ShownRecord, Tshark } from '../support/tshark.ts';
import { transcript, transcripts, vectors } from '../support/vectors.ts';

const hasTshark = has('tshark');
const MAX_MS = 300_000;
const MUTATIONS = 50_000;

it('dissector/stellar.lua is the output of scripts/wireshark-dissector.ts', () => {
  expect(readFileSync(DISSECTOR, 'utf8')).toBe(dissectorText());
});

/** Each transcript between addresses of its own. */
const talks = transcripts.map(([, one], i) => talkOf(one, new TcpTalk(`10.0.1.${i + 1}:50000`, '10.0.0.2:11625')));
const dialCore = transcript('dial-core');
/** SCP_QUORUMSET. */
const TYPE_10 = Uint8Array.of(0, 0, 0, 10);

const field = (record: ShownRecord | undefined, name: string): string | undefined =>
  record?.fields.find((one) => one.name === name)?.show;
const isWellFormed = (record: ShownRecord): boolean => field(record, 'malformed') === undefined;

describe.skipIf(!hasTshark)('the dissector in tshark', { timeout: MAX_MS }, () => {
  let tshark: Tshark;
  beforeAll(() => {
    tshark = new Tshark();
  });
  afterAll(() => tshark[Symbol.dispose]());

  const batch = (...args: readonly string[]): Batch => new Batch(() => tshark, ...args);
  const plain = batch();
  const twoPasses = batch('-2');
  const outOfOrder = batch('-o', 'tcp.reassemble_out_of_order:TRUE');
  const absolute = batch('-o', 'tcp.relative_sequence_numbers:FALSE');
  const noAnalysis = batch('-o', 'tcp.analyze_sequence_numbers:FALSE');

  /** Compares every field of every record of a capture with our decoder. */
  async function compare(capture: Captured): Promise<readonly ShownRecord[]> {
    const { records } = decodeAll(pcapOf(capture.segments));
    const shown = await capture.shown();
    expectSame(records, shown.filter(isWellFormed));
    return shown;
  }

  function expectSame(records: readonly DecodedRecord[], shown: readonly ShownRecord[]): void {
    expect(shown.map((one) => field(one, 'type'))).toEqual(records.map(({ typeNumber }) => String(typeNumber)));
    for (const [i, record] of records.entries()) {
      const [ours, theirs] = bothWays(record, shown[i] as ShownRecord);
      expect(theirs).toEqual(ours);
    }
  }

  it('shows the same fields as decode for every recorded session, good MACs with keys, and a bad MAC', async () => {
    const frames = framesOf(dialCore).map((one, i) =>
      i === 6 ? { ...one, frame: flipped(one.frame, one.frame.length - 1) } : one,
    );
    const talk = new TcpTalk('10.0.2.1:50000', '10.0.0.2:11625');
    const forged = [...talk.open(), ...frames.map(({ from, frame }) => talk.send(from, frame))];
    // One capture for each session, merged by time.
    const files = [...talks, forged].map((one) => tshark.file(pcapOf(one)));
    const merged = tshark.path('merged.pcapng');
    execFileSync('mergecap', ['-w', merged, ...files]);
    const lines = transcripts.map(([, one]) => keyLineOf(one)).filter((line) => line !== undefined);
    const { records, problems } = decodeAll(readFileSync(merged), keyLog(...lines));
    const all = await tshark.records(merged, '-o', `stellar.keylog:${tshark.file(lines.join('\n'))}`);
    const shown = all.filter(isWellFormed);
    expectSame(records, shown);
    expect(all.length - shown.length).toBe(problems.filter(({ problem }) => problem === 'xdr').length);
    for (const [i, { mac, from }] of records.entries()) {
      expect(field(shown[i], 'mac.status')).toBe(mac === 'unknown' ? 'no key' : mac);
      expect(field(shown[i], 'from')).toBe(from);
    }
    expect(shown.filter((one) => field(one, 'mac.status') === 'good').length).toBeGreaterThan(200);
    const bad = shown.filter((one) => field(one, 'mac.status') === 'bad');
    expect(shown.filter((one) => field(one, 'bad_mac') !== undefined)).toEqual(bad);
    expect(bad.map((one) => [field(one, 'sequence'), field(one, 'from')])).toContainEqual([frames[6]?.sequence, frames[6]?.from]);
  });

  const everyType = new TcpTalk();
  const messages = vectors.messages.map(({ stellarMessageHex }, i) => record(fromHex(stellarMessageHex), i));
  const allMessages = plain.add([...everyType.open(), ...messages.map((frame) => everyType.send('A', frame))]);
  it('supports every message type', async () => {
    const shown = await compare(allMessages);
    expect(new Set(shown.map((one) => field(one, 'type'))).size).toBeGreaterThan(15);
  });

  it.each(
    (
      [
        [1, plain],
        [3, twoPasses],
        [7, outOfOrder],
        [53, absolute],
        [53, noAnalysis],
        [1448, plain],
      ] as const
    ).map(([size, batch]) => {
      const talk = new TcpTalk();
      const segments: SegmentSpec[] = [...talk.open()];
      for (const { from, frame } of framesOf(dialCore).slice(0, size === 1 ? 12 : 60)) {
        for (let at = 0; at < frame.length; at += size) segments.push(talk.send(from, frame.subarray(at, at + size)));
      }
      return [size, batch.args, batch.add(segments)] as const;
    }),
  )('reassembles records from segments of %i bytes (%j)', async (_size, _args, capture) => {
    await compare(capture);
  });

  const [hello, answer] = framesOf(dialCore).map(({ frame }) => frame) as [Uint8Array, Uint8Array];
  const splits = Array.from({ length: hello.length - 1 }, (_, i) => i + 1);
  const splitInTwo = plain.add(
    splits.flatMap((at) => {
      const talk = new TcpTalk(`10.0.${at >> 7}.${1 + (at & 127)}:50000`, '10.1.0.2:11625');
      const halves = (from: 'A' | 'B', frame: Uint8Array): SegmentSpec[] =>
        [frame.subarray(0, at), frame.subarray(at)].map((half) => talk.send(from, half));
      return [...talk.open(), ...halves('A', hello), ...halves('B', answer)];
    }),
  );
  it('reassembles a record that is split in two anywhere', async () => {
    expect((await compare(splitInTwo)).length).toBe(2 * splits.length);
  });

  const swapped = outOfOrder.add(segmentsOutOfOrder());
  it('separates the records of one segment, and of segments out of order', async () => {
    await compare(swapped);
  });

  const twice = talkOf(dialCore).flatMap((segment) => (segment.data?.length ? [segment, segment] : [segment]));
  const retransmitted = plain.add(twice);
  const notAnalysed = noAnalysis.add(twice);
  it('shows retransmitted records once, or marks them as repeated without TCP analysis', async () => {
    const shown = await compare(retransmitted);
    expect(shown.filter((one) => field(one, 'repeated') !== undefined || field(one, 'sequence_gap') !== undefined)).toEqual([]);
    const all = await notAnalysed.shown();
    const sealed = framesOf(dialCore).filter(({ type }) => type !== 'HELLO' && type !== 'ERROR_MSG');
    expect(all.filter((one) => field(one, 'repeated') !== undefined)).toHaveLength(sealed.length);
    expect(all.some((one) => field(one, 'sequence_gap') !== undefined)).toBe(false);
  });

  it.each([0, 1, 20, 303, 304, 305, 1000].map((skipped) => [skipped, plain.add(segmentsAfter(skipped))] as const))(
    'finds the next record when the capture begins %i bytes after the handshake',
    async (_skipped, capture) => {
      expect((await compare(capture)).length).toBeGreaterThan(20);
    },
  );

  const cut = talkOf(dialCore).flatMap((segment) => {
    const { data = new Uint8Array(0), sequence } = segment;
    return data.length < 100
      ? [segment]
      : [segment, segment].map((one, half) => ({
          ...one,
          sequence: sequence + (half === 0 ? 0 : 90),
          data: half === 0 ? data.subarray(0, 90) : data.subarray(90),
        }));
  });
  const lost = cut.findIndex(({ from, data }, i) => i > 30 && from.startsWith('10.0.0.2') && data?.length === 90);
  const withoutOne = plain.add(cut.filter((_, i) => i !== lost));
  it('finds the next record after a missing segment', async () => {
    const { records } = decodeAll(pcapOf(withoutOne.segments));
    const shown = await withoutOne.shown();
    expect(records.length).toBe(framesOf(dialCore).length - 1);
    // decode waits for the missing segment, so other records come first. The order of each side is the same.
    const inOrder = records.toSorted(bySide(({ from, sequence }) => [from ?? '', Number(sequence)]));
    const shownInOrder = shown.toSorted(bySide((one) => [field(one, 'from') ?? '', Number(field(one, 'sequence'))]));
    expectSame(inOrder, shownInOrder);
    expect(shown.filter((one) => field(one, 'sequence_gap') !== undefined)).toHaveLength(1);
  });

  const session = plain.add(talkOf(dialCore));
  it('links requests and answers, with the time between them', async () => {
    const shown = await session.shown();
    const answers = shown.filter((one) => field(one, 'response_to') !== undefined);
    for (const answer of answers) {
      const request = shown.find(({ frame }) => String(frame) === field(answer, 'response_to'));
      expect(field(request, 'from')).not.toBe(field(answer, 'from'));
      // A millisecond between two segments of the capture.
      expect(Number(field(answer, 'time'))).toBeCloseTo((answer.frame - (request?.frame ?? 0)) / 1000, 6);
    }
    const types = answers.map((one) => field(one, 'type'));
    expect(types.slice(0, 2)).toEqual(['13', '2']);
    // Pings: GET_SCP_QUORUMSET of an unknown hash, answered by DONT_HAVE of the same hash.
    const hash = (one: ShownRecord | undefined): string | undefined =>
      one?.fields.find(({ name }) => name.endsWith('_hash'))?.value;
    for (const answer of answers.filter((one) => field(one, 'type') === '3')) {
      expect(hash(answer)).toBe(hash(shown.find(({ frame }) => String(frame) === field(answer, 'response_to'))));
    }
    // A quorum set by its hash, a transaction set in its turn.
    expect(types).toEqual(expect.arrayContaining(['3', '10', '17']));
  });

  it('filters by name, number, StrKey and network', async () => {
    const scp = framesOf(dialCore).filter(({ type }) => type === 'SCP_MESSAGE').length;
    const expected = {
      'stellar.type == "SCP_MESSAGE"': scp,
      'stellar.type == 11': scp,
      'stellar.hello.version_str == "v27.1.0"': 1,
      'stellar.hello.network == "standalone"': 2,
      [`stellar.hello.peer_id == "${dialCore.core?.peerIdStrKey}"`]: 1,
      'stellar.malformed': 0,
    };
    const filters = Object.keys(expected);
    const counts = await tshark.count(tshark.file(pcapOf(talkOf(dialCore))), ...filters);
    expect(Object.fromEntries(filters.map((filter, i) => [filter, counts[i]]))).toEqual(expected);
  });

  it('reports malformed records, unknown types and other networks', async () => {
    const talk = new TcpTalk();
    const otherNetwork = Uint8Array.from(hello);
    otherNetwork[4 + 28] = 1;
    const unknown = record(Uint8Array.of(0, 0, 0, 99, 1, 2, 3, 4), 0);
    const padding = record(concatBytes(fromHex('00000000000000020000000161010000')), 1);
    const short = Uint8Array.of(0x80, 0, 0, 2, 1, 2);
    const empty = Uint8Array.of(0x80, 0, 0, 0);
    const segments = [
      ...talk.open(),
      talk.send('A', hello),
      talk.send('B', otherNetwork),
      talk.send('A', unknown),
      talk.send('A', padding),
      talk.send('A', short),
      talk.send('A', record(fromHex('0000000c00000001'), 2)),
      talk.send('B', empty),
    ];
    const text = await tshark.run(
      tshark.file(pcapOf(segments)),
      '-Y',
      'stellar',
      '-T',
      'fields',
      '-e',
      'frame.number',
      '-e',
      '_ws.expert.message',
    );
    const said = Object.fromEntries(
      text
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t') as [string, string]),
    );
    expect(said['5']).toBe('The two sides are on different networks');
    expect(said['6']).toBe('Type 99 is not in use');
    expect(said['7']).toBe('Malformed record: msg: padding that is not zero');
    expect(said['8']).toBe('Malformed record: length not a multiple of 4');
    expect(said['9']).toBe('');
    expect(said['10']).toBe('Malformed record: length 0, where 1 to 16777216 are allowed');
  });

  it.each(
    (
      [
        [5, 5, true],
        [745, 100, true],
        [746, 100, false],
      ] as const
    ).map(([levels, shownLevels, isTaken]) => {
      const set = Buffer.concat(Array.from({ length: levels }, (_, i) => quorumSetLevel(i + 1 < levels ? 1 : 0)));
      const talk = new TcpTalk();
      const segments = [...talk.open(), talk.send('A', hello), talk.send('A', record(concatBytes(TYPE_10, set), 0))];
      return [levels, shownLevels, isTaken, plain.add(segments)] as const;
    }),
  )('checks a quorum set of %i levels, and shows %i of them', async (_levels, shownLevels, isTaken, capture) => {
    const [, shown] = await capture.shown();
    expect(shown?.fields.filter(({ name }) => name === 'scp_quorumset.threshold').length).toBe(shownLevels);
    expect(field(shown, 'malformed') === undefined).toBe(isTaken);
  });

  const large = plain.add(segmentsOfLargeSet());
  it('shows the first 20,000 fields of a message', async () => {
    const [, shown] = await large.shown();
    expect(shown?.fields.filter(({ name }) => name === 'scp_quorumset.validators').length).toBeGreaterThan(19_000);
    expect(shown?.fields.length).toBeLessThan(20_100);
    expect(field(shown, 'malformed')).toBeUndefined();
  });

  const elsewhere = plain.add(talkOf(dialCore, new TcpTalk('10.0.0.1:50000', '10.0.0.2:4000')));
  it('recognises a connection on another port, and ignores other protocols on every port', async () => {
    await compare(elsewhere);
    const random = Uint8Array.from({ length: 4000 }, (_, i) => (i * i * 31 + 7 * i) & 255);
    const texts = [
      'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n',
      'SSH-2.0-OpenSSH_9.2\r\n',
      '\x16\x03\x01\x00\x05hello',
      '\0'.repeat(400),
      '\x80\0\x01\0'.repeat(200),
    ];
    // ONC RPC has the same record marking: a call with transaction 0, of the port mapper.
    const rpc = fromHex(`80000028${'00000000'.repeat(2)}00000002000186a00000000200000003${'00000000'.repeat(4)}`);
    const payloads = [random, rpc, ...texts.map((text) => Buffer.from(text, 'latin1'))];
    // On Stellar's own port, too, none of these is taken for a record.
    const segments = [4000, 11625].flatMap((port) =>
      payloads.flatMap((payload, i) => {
        const strange = new TcpTalk(`10.0.0.${i + 10}:50000`, `10.0.0.2:${port}`);
        return [...strange.open(), strange.send('A', payload), strange.send('B', payload), ...strange.close()];
      }),
    );
    const fields = ['tcp.port', 'frame.number', 'frame.protocols'].flatMap((name) => ['-e', name]);
    const text = await tshark.run(tshark.file(pcapOf(segments)), '-T', 'fields', ...fields);
    expect(text.trimEnd().split('\n')).toHaveLength(segments.length);
    expect(text.split('\n').filter((line) => line.includes('stellar'))).toEqual([]);
  });

  it(
    'agrees with our decoder on 50,000 damaged records, without a Lua error',
    async () => {
      const random = new Random(11);
      const frames = [
        ...transcripts.flatMap(([, one]) => framesOf(one).map(({ frame }) => frame)),
        ...vectors.messages.map(({ stellarMessageHex }, i) => record(fromHex(stellarMessageHex), i)),
      ].filter((frame) => frame.length < 4096);
      const segments: SegmentSpec[] = [];
      const expected: string[] = [];
      let talk = new TcpTalk();
      for (let i = 0; i < MUTATIONS; i++) {
        // A HELLO every 100 records, so that the beginning of records is certain.
        const isFirst = i % 100 === 0;
        if (isFirst) talk = new TcpTalk(`10.0.${(i / 100) >> 7}.${1 + ((i / 100) & 127)}:50000`, '10.1.0.2:11625');
        const frame = damaged(random.pick(frames), random);
        segments.push(talk.send('A', isFirst ? concatBytes(hello, frame) : frame));
        expected.push(isMalformed(frame.subarray(4)) ? 'malformed' : '');
      }
      const capture = tshark.file(pcapOf(segments));
      const fields = ['-T', 'fields', '-e', 'stellar.malformed', '-e', 'stellar.version'];
      const text = await tshark.run(capture, ...fields, '-z', 'io,stat,0,_ws.lua.error');
      expect(countsOf(text)).toEqual([0]);
      const lines = text
        .slice(0, text.indexOf('\n===='))
        .trimEnd()
        .split('\n')
        .map((line) => (line.startsWith('\t') ? '' : 'malformed'));
      expect(lines).toEqual(expected);
      expect(expected.filter((verdict) => verdict === 'malformed').length).toBeGreaterThan(MUTATIONS / 5);
    },
    MAX_MS,
  );
});

/** Debian's tshark has Lua 5.2, newer Wiresharks 5.4: that one is asked with a stand-in for Wireshark. */
describe.each(['lua5.2', 'lua5.4'])('the dissector in %s without Wireshark', (lua) => {
  it.skipIf(!has(lua))('reads every record of every session, and its MAC, as our decoder does', () => {
    using files = new Tshark();
    let total = 0;
    for (const [, one] of transcripts) {
      const keys = keyLineOf(one);
      const { records, problems } = decodeAll(pcapOf(talkOf(one)), keyLog(keys));
      // Our decoder has no fields of malformed records; the tests with tshark cover those.
      if (problems.some(({ problem }) => problem === 'xdr')) continue;
      const args = [fileURLToPath(new URL('stub.lua', import.meta.url)), fileURLToPath(DISSECTOR), files.file(keys ?? '')];
      // In pieces, so that records have to be put together.
      const input = framesOf(one).flatMap(({ from, frame }) =>
        [frame.subarray(0, 30), frame.subarray(30)].map((piece) => `${from} ${toHex(piece)}\n`),
      );
      const lines = execFileSync(lua, args, { input: input.join(''), encoding: 'utf8' }).split('\n');
      const beside = /^stellar\.(response_|time |from |hello\.network |error$|other_network$|sequence_gap$|repeated$|bad_mac$)/;
      const shown = lines.filter((line) => line !== '' && !beside.test(line)).map((line) => line.slice('stellar.'.length));
      const expected = records.flatMap((record) => [
        ...ourLines(record),
        `mac.status ${record.mac === 'unknown' ? 'no key' : record.mac}`,
      ]);
      expect(shown).toEqual(expected);
      total += records.length;
    }
    expect(total).toBeGreaterThan(300);
  });
});

function isMalformed(body: Uint8Array): boolean {
  try {
    checkAuthenticatedMessage(body, true);
    return false;
  } catch {
    return true;
  }
}

/** A session whose first HELLOs are in order, and the first two of the larger segments after them are not. */
function segmentsOutOfOrder(): readonly SegmentSpec[] {
  const talk = new TcpTalk();
  const [hello, answer] = framesOf(dialCore).map(({ frame }) => frame);
  const segments = [...talk.open(), talk.send('A', hello), talk.send('B', answer)];
  const rest = concatBytes(
    ...framesOf(dialCore)
      .filter(({ from }) => from === 'B')
      .slice(1)
      .map(({ frame }) => frame),
  );
  const pieces: SegmentSpec[] = [];
  for (let at = 0; at < rest.length; at += 3000) pieces.push(talk.send('B', rest.subarray(at, at + 3000)));
  const [first, second, ...others] = pieces as [SegmentSpec, SegmentSpec, ...SegmentSpec[]];
  return [...segments, second, first, ...others];
}

/** What B sends in a session, without so many bytes after the handshake. */
function segmentsAfter(skipped: number): readonly SegmentSpec[] {
  const talk = new TcpTalk();
  talk.open();
  const frames = framesOf(dialCore).flatMap(({ from, frame }) => (from === 'B' ? [frame] : []));
  const stream = concatBytes(...frames.slice(3)).subarray(skipped);
  talk.send('B', concatBytes(...frames.slice(0, 3)));
  talk.send('B', new Uint8Array(skipped));
  const segments: SegmentSpec[] = [];
  for (let at = 0; at < stream.length; at += 700) segments.push(talk.send('B', stream.subarray(at, at + 700)));
  return segments;
}

/** A session with an SCP_QUORUMSET of 25,000 validators. */
function segmentsOfLargeSet(): readonly SegmentSpec[] {
  const count = 25_000;
  const set = concatBytes(TYPE_10, new Uint8Array(4), be(count, 4), new Uint8Array(36 * count), new Uint8Array(4));
  const talk = new TcpTalk();
  const segments = [...talk.open(), talk.send('A', framesOf(dialCore)[0]?.frame)];
  const frame = record(set, 0);
  for (let at = 0; at < frame.length; at += 60_000) segments.push(talk.send('A', frame.subarray(at, at + 60_000)));
  return segments;
}

/** Threshold 1, no validators, a number of inner sets. */
function quorumSetLevel(innerSets: number): Uint8Array {
  return Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, innerSets);
}

/** Compares by side, then by sequence. */
function bySide<T>(keyOf: (item: T) => readonly [string, number]): (a: T, b: T) => number {
  return (a, b) => {
    const [[sideA, sequenceA], [sideB, sequenceB]] = [keyOf(a), keyOf(b)];
    return sideA < sideB ? -1 : sideA > sideB ? 1 : sequenceA - sequenceB;
  };
}

/** A record of a message, with an invalid MAC. */
function record(message: Uint8Array, sequence: number): Uint8Array {
  const body = concatBytes(new Uint8Array(8), Uint8Array.of(0, 0, 0, sequence), message, new Uint8Array(32).fill(7));
  const header = new Uint8Array(4);
  new DataView(header.buffer).setUint32(0, 0x80000000 | body.length);
  return concatBytes(header, body);
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}

/** A record with one to three bytes or words changed, cut, lengthened, or its header's length changed with it. */
function damaged(frame: Uint8Array, random: Random): Uint8Array {
  let bytes = Uint8Array.from(frame);
  for (let i = random.below(3); i >= 0; i--) {
    const at = 16 + random.below(bytes.length - 16);
    if (random.below(3) === 0)
      new DataView(bytes.buffer).setUint32(
        Math.min(at & ~3, bytes.length - 4),
        random.below(2) * 0xffffffff || random.below(300),
      );
    else bytes[at] = random.below(256);
  }
  if (random.below(4) === 0) {
    const length = 5 + random.below(bytes.length + 32);
    const other = new Uint8Array(length);
    other.set(bytes.subarray(0, length));
    new DataView(other.buffer).setUint32(0, 0x80000000 | (length - 4));
    bytes = other;
  }
  return bytes;
}
