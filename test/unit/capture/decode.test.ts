import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decoded } from '../../../src/capture/decode.ts';
import { concatBytes, fromHex } from '../../../src/protocol/bytes.ts';
import { encodeRecord } from '../../../src/protocol/wire/framing.ts';
import { decodeAll, framesOf, keyLineOf, keyLog, linesOf, recordLine, talkOf } from '../../support/captures.ts';
import { ipPacket, pcapFile, pcapngFile, pcapOf, type SegmentSpec, TcpTalk } from '../../support/pcap.ts';
import { split, transcript, transcripts } from '../../support/vectors.ts';

const dialCore = transcript('dial-core');
const frames = framesOf(dialCore);
const expected = linesOf(dialCore, 'good');
const keys = keyLog(keyLineOf(dialCore));
/** Recorded sessions with a wrong sequence or MAC. */
const WRONG = /unexpected|skipped-sequence|corrupt/;

function lines(segments: readonly SegmentSpec[]): readonly string[] {
  return decodeAll(pcapOf(segments), keys).records.map(recordLine);
}

/** The lines of each direction. Their order between the directions depends on the time when each record is complete. */
function bySide(found: readonly string[]): readonly (readonly string[])[] {
  return ['A', 'B'].map((side) => found.filter((line) => line.startsWith(side)));
}

function problemsOf(all: readonly Decoded[]): readonly string[] {
  return all.flatMap((item) =>
    item.kind === 'problem' ? [`${item.from} ${item.problem} ${item.isFault ? 'fault' : 'note'}`] : [],
  );
}

/** The frame with another length in its header. */
function resized(frame: Uint8Array, length: number): Uint8Array {
  const out = frame.slice();
  new DataView(out.buffer).setUint32(0, 0x80000000 + length);
  return out;
}

describe('recorded sessions of stellar-core', () => {
  it.each(transcripts.filter(([name]) => !WRONG.test(name)))(
    '%s: every record is decoded, with a good MAC if the keys are given',
    (_, recorded) => {
      const line = keyLineOf(recorded);
      const file = pcapOf(talkOf(recorded));
      const judged = line === undefined ? 'unknown' : 'good';
      expect(decodeAll(file, keyLog(line)).records.map(recordLine)).toEqual(linesOf(recorded, judged));
      expect(decodeAll(file).records.map(recordLine)).toEqual(linesOf(recorded, 'unknown'));
    },
  );

  it.each(transcripts.filter(([name]) => /unexpected|skipped-sequence/.test(name)))(
    '%s: the wrong MAC or sequence is found',
    (_, recorded) => {
      const { records, all } = decodeAll(pcapOf(talkOf(recorded)), keyLog(keyLineOf(recorded)));
      expect(records.map(({ type }) => type)).toEqual(recorded.records.map(({ type }) => type));
      const bad = records.filter(({ mac }) => mac === 'bad').map(({ type }) => `bad MAC of ${type}`);
      expect([...bad, ...problemsOf(all)].length).toBeGreaterThan(0);
    },
  );

  it.each(transcripts.filter(([name]) => name.includes('corrupt')))(
    '%s: the corrupt record is reported with its bytes, and the records after it are decoded',
    (_, recorded) => {
      const { problems, records } = decodeAll(pcapOf(talkOf(recorded)));
      expect(problems.map(({ problem, isFault }) => [problem, isFault])).toContainEqual(['xdr', true]);
      expect(problems[0]?.body?.length).toBeGreaterThan(0);
      expect(records.map(({ type }) => type)).toContain('ERROR_MSG');
    },
  );
});

describe('a connection in a capture', () => {
  it('is reported with its addresses before its records, and records have the time of their packet', () => {
    const { all, records } = decodeAll(pcapOf(talkOf(dialCore)));
    const [first] = all;
    expect(first).toMatchObject({ kind: 'connection', connection: 1, a: '10.0.0.1:50000', b: '10.0.0.2:11625', isGuess: false });
    expect(records[0]?.unixMs).toBe(1_700_000_000_003);
  });

  it('gets its sides from SYN, not from the order of the addresses', () => {
    for (const [a, b] of [
      ['10.0.0.9:50000', '10.0.0.1:11625'],
      ['[::2]:11625', '[::1]:11626'],
    ] as const) {
      const { all, records } = decodeAll(pcapOf(talkOf(dialCore, new TcpTalk(a, b))), keys);
      expect(all[0]).toMatchObject({ a, b });
      expect(records.map(recordLine)).toEqual(expected);
    }
  });

  it('gets its sides from the first HELLO when the SYN is missing', () => {
    const segments = talkOf(dialCore, new TcpTalk('10.0.0.2:1', '10.0.0.1:60000')).slice(3);
    const { all, records } = decodeAll(pcapOf(segments), keys);
    expect(all[0]).toMatchObject({ a: '10.0.0.2:1', isGuess: false });
    expect(records.map(recordLine)).toEqual(expected);
  });

  it('gets its sides from the key that verifies its MACs when its beginning is missing', () => {
    const talk = new TcpTalk('10.0.0.2:11625', '10.0.0.1:60000');
    const segments = talkOf(dialCore, talk).slice(3 + 4);
    const other = keyLineOf(transcript('core-dials-us'));
    const { all, records } = decodeAll(pcapOf(segments), keyLog(keyLineOf(dialCore), other));
    expect(all[0]).toMatchObject({ a: '10.0.0.2:11625', isGuess: false });
    expect(records.map(recordLine)).toEqual(expected.slice(4));
  });

  it('gets its sides from the ports, as a guess, when its beginning and the keys are missing', () => {
    const { all } = decodeAll(pcapOf(talkOf(dialCore).slice(8)));
    expect(all[0]).toMatchObject({ a: '10.0.0.1:50000', b: '10.0.0.2:11625', isGuess: true });
  });

  it('is decoded from the next record when the capture begins inside a record', () => {
    const stream = concatBytes(...frames.filter(({ from }) => from === 'B').map(({ frame }) => frame));
    const talk = new TcpTalk();
    const { records, problems } = decodeAll(pcapOf([talk.send('B', stream.subarray(100))]), keys);
    expect(records.map(recordLine)).toEqual(bySide(expected)[1]?.slice(1));
    expect(problems).toMatchObject([{ problem: 'skipped', isFault: false }]);
  });

  it('is decoded separately from others at the same time, with its own number and keys', () => {
    const names = ['dial-core', 'core-dials-us', 'traffic', 'reject-bad-address'];
    const talks = names.map((name, i) => talkOf(transcript(name), new TcpTalk(`10.0.0.1:${50000 + i}`)));
    const longest = Math.max(...talks.map(({ length }) => length));
    const mixed = Array.from({ length: longest }, (_, i) => talks.flatMap((talk) => talk[i] ?? [])).flat();
    const { records } = decodeAll(pcapOf(mixed), keyLog(...names.map((name) => keyLineOf(transcript(name)))));
    for (const [i, name] of names.entries()) {
      const own = records.filter(({ connection }) => connection === i + 1).map(recordLine);
      expect(own).toEqual(linesOf(transcript(name), 'good'));
    }
  });

  it('is a new connection when it reuses the ports of an earlier one', () => {
    const again = talkOf(dialCore, new TcpTalk(undefined, undefined, { A: 77, B: 88 }));
    const { records } = decodeAll(pcapOf([...talkOf(dialCore), ...again]), keys);
    expect(records.map(recordLine)).toEqual([...expected, ...expected]);
    expect(new Set(records.map(({ connection }) => connection))).toEqual(new Set([1, 2]));
    const cut = talkOf(dialCore).slice(0, 5);
    expect(
      decodeAll(pcapOf([...cut, ...again]), keys)
        .records.map(({ connection }) => connection)
        .at(-1),
    ).toBe(2);
  });

  it('is counted and otherwise ignored when it is of another protocol', () => {
    const http = new TcpTalk('10.0.0.3:50001', '10.0.0.4:80');
    const text = (what: string): Uint8Array => new TextEncoder().encode(what);
    const segments = [
      ...http.open(),
      http.send('A', text('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n')),
      http.send('B', text('HTTP/1.1 200 OK\r\n\r\n')),
      ...talkOf(dialCore),
      ...new TcpTalk('10.0.0.5:1').open(),
    ];
    const { records, problems, decoder } = decodeAll(pcapOf(segments), keys);
    expect(records.map(recordLine)).toEqual(expected);
    expect(problems).toEqual([]);
    expect(decoder.passedOver).toEqual({ otherConnections: 1, packets: {}, incomplete: 0 });
  });

  it('has a length fault when one side sends something else than records', () => {
    const talk = new TcpTalk();
    const [hello] = frames;
    const segments = [...talk.open(), talk.send('B', fromHex('deadbeef')), talk.send('A', hello?.frame)];
    expect(problemsOf(decodeAll(pcapOf(segments)).all)).toEqual(['B length fault']);
  });

  it('has a fault for a length that is not allowed, and decoding continues with the next record', () => {
    const talk = new TcpTalk();
    const [helloA, helloB, authA, authB] = frames.map(({ frame }) => frame) as Uint8Array[];
    for (const length of [0, 4097, 0x1000001, 0x7fffffff]) {
      const bad = resized(authB as Uint8Array, length);
      const segments = [...talk.open(), talk.send('A', helloA), talk.send('B', helloB), talk.send('A', authA)];
      const { all, records } = decodeAll(pcapOf([...segments, talk.send('B', concatBytes(bad, authB as Uint8Array))]), keys);
      expect(problemsOf(all)).toEqual(['B length fault', 'B skipped fault']);
      expect(records.map(({ type }) => type)).toEqual(['HELLO', 'HELLO', 'AUTH', 'AUTH']);
    }
  });

  it('may have a message of an unknown type, with its number and bytes', () => {
    const body = concatBytes(new Uint8Array(12), fromHex('00000063cafe0000'), new Uint8Array(32));
    const talk = new TcpTalk();
    const segments = [...talk.open(), talk.send('A', frames[0]?.frame), talk.send('A', encodeRecord(body))];
    expect(decodeAll(pcapOf(segments)).records[1]).toMatchObject({
      type: 'UNKNOWN',
      typeNumber: 99,
      xdr: fromHex('00000063cafe0000'),
    });
  });

  it('has one bad MAC when a bit of a message is flipped', () => {
    for (const place of [20, 12 + 4, 30]) {
      const segments = talkOf(dialCore).map((segment, i) => {
        if (i !== 3 + 6) return segment;
        const data = (segment.data as Uint8Array).slice();
        data[data.length - place] = (data[data.length - place] as number) ^ 1;
        return { ...segment, data };
      });
      const { records } = decodeAll(pcapOf(segments), keys);
      expect(records.filter(({ mac }) => mac === 'bad')).toHaveLength(1);
    }
  });

  it('has a sequence fault when a record is missing, even without keys', () => {
    const talk = new TcpTalk();
    const sent = frames.filter((_, i) => i !== 4).map(({ from, frame }) => talk.send(from, frame));
    expect(problemsOf(decodeAll(pcapOf([...talk.open(), ...sent].slice(3))).all)).toEqual([`${frames[4]?.from} sequence fault`]);
  });

  it('is reported as incomplete when it ends inside a record', () => {
    const talk = new TcpTalk();
    const [helloA] = frames;
    const segments = [
      ...talk.open(),
      talk.send('A', helloA?.frame),
      talk.send('B', frames[1]?.frame.subarray(0, 50)),
      ...talk.close(),
    ];
    const { problems } = decodeAll(pcapOf(segments));
    expect(problems).toMatchObject([{ problem: 'end', from: 'B', message: 'The stream ends after 50 bytes of a record.' }]);
  });
});

describe('a TCP stream in a capture', () => {
  const whole = talkOf(dialCore);

  it('gives the same records for any segments, also when sequence numbers wrap', () => {
    const cuts = fc.array(fc.nat(6000), { maxLength: 40 });
    fc.assert(
      fc.property(cuts, cuts, fc.nat(3000), (cutsA, cutsB, back) => {
        const talk = new TcpTalk(undefined, undefined, { A: 2 ** 32 - 1 - back, B: 2 ** 32 - 1 - 2 * back });
        const sides = (['A', 'B'] as const).map((side) => frames.filter(({ from }) => from === side).map(({ frame }) => frame));
        const opening = talk.open();
        const [a = [], b = []] = sides.map((own, i) =>
          split(concatBytes(...own), i === 0 ? cutsA : cutsB).map((data) => talk.send(i === 0 ? 'A' : 'B', data)),
        );
        expect(bySide(lines([...opening, ...a, ...b]))).toEqual(bySide(expected));
      }),
      { numRuns: 60 },
    );
  });

  it('gives the same records when segments are reordered, repeated or overlapping, and for any chunks of the file', () => {
    const [syn, synAck, ...rest] = whole as [SegmentSpec, SegmentSpec, ...SegmentSpec[]];
    const segment = fc.record({ delay: fc.nat(40), repeats: fc.nat(2), back: fc.nat(300) });
    const plan = fc.array(segment, { minLength: rest.length, maxLength: rest.length });
    fc.assert(
      fc.property(plan, fc.array(fc.nat(60_000), { maxLength: 20 }), (delays, cuts) => {
        const sent = rest.flatMap((spec, i) => {
          const { delay, repeats, back } = delays[i] as { delay: number; repeats: number; back: number };
          const again = Array.from({ length: repeats }, (_, n) => ({
            at: i + delay * (n + 1),
            spec: overlapping(rest, spec, back),
          }));
          return [{ at: i + delay, spec }, ...again];
        });
        const inOrder = sent.sort((x, y) => x.at - y.at).map(({ spec }) => spec);
        const found = decodeAll(split(pcapOf([syn, synAck, ...inOrder]), cuts), keys);
        expect(bySide(found.records.map(recordLine))).toEqual(bySide(expected));
        expect(found.problems).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('has a gap where a segment is lost, and decoding continues with the next record', () => {
    const at = 3 + frames.findIndex(({ from, type }, i) => from === 'B' && type !== 'HELLO' && i > 4);
    const { all, records } = decodeAll(pcapOf(whole.filter((_, i) => i !== at)), keys);
    expect(problemsOf(all)).toEqual(['B gap note']);
    expect(records).toHaveLength(expected.length - 1);
    expect(records.every(({ mac }) => mac !== 'bad')).toBe(true);
  });

  it('waits for a missing segment for 64 segments, not longer', () => {
    const talk = new TcpTalk();
    const [hello] = frames.map(({ frame }) => frame) as [Uint8Array];
    const head = [...talk.open(), talk.send('A', hello)];
    const lost = talk.send('A', frames[2]?.frame);
    const later = Array.from({ length: 65 }, () => talk.send('A', new Uint8Array(8)));
    const late = decodeAll(pcapOf([...head, ...later.slice(0, 64), lost, ...later.slice(64)]));
    expect(late.records.map(({ type }) => type)).toEqual(['HELLO', 'AUTH']);
    const tooLate = decodeAll(pcapOf([...head, ...later, lost]));
    expect(tooLate.records.map(({ type }) => type)).toEqual(['HELLO']);
    expect(problemsOf(tooLate.all)).toEqual(['A gap note', 'A skipped note']);
  });

  it('waits for a missing segment for 1 MiB, not longer', () => {
    const talk = new TcpTalk();
    const head = [...talk.open(), talk.send('A', frames[0]?.frame)];
    talk.send('A', new Uint8Array(100));
    const later = Array.from({ length: 20 }, () => talk.send('A', new Uint8Array(60_000)));
    const segments = [...head, ...later, talk.send('A', frames[2]?.frame)];
    const { all } = decodeAll(pcapOf(segments));
    expect(all.findIndex((item) => item.kind === 'problem')).toBeLessThan(all.findLastIndex((item) => item.kind === 'record'));
    expect(problemsOf(all)).toContain('A gap note');
  });

  it('has gaps that name the snapshot length when its packets were cut off', () => {
    const packets = whole.map((segment) => ipPacket(segment)).map((bytes) => ({ bytes, captured: Math.min(bytes.length, 100) }));
    for (const file of [pcapFile(packets), pcapngFile(packets)]) {
      const { problems, records } = decodeAll(file);
      expect(problems[0]?.message).toBe(
        '244 bytes are missing: the capture has cut them off (snapshot length); this makes a record incomplete.',
      );
      expect(records.length).toBeGreaterThan(5);
      expect(records.every(({ xdr }) => xdr.length <= 60)).toBe(true);
    }
  });

  /** A RST of the sender of a segment, a number of bytes after its end. */
  const rst = (after: SegmentSpec, ahead = 0, data = new Uint8Array(0)): SegmentSpec => ({
    ...after,
    ...{ flags: 'R', data, sequence: (after.sequence + (after.data?.length ?? 0) + ahead) >>> 0 },
  });
  const head = whole.slice(0, 8);
  const last = head.at(-1) as SegmentSpec;
  const side = last.from === '10.0.0.1:50000' ? 'A' : 'B';

  it('is decoded up to a RST at its end, without a report', () => {
    const { records, problems } = decodeAll(pcapOf([...head, rst(last)]), keys);
    expect(records.map(recordLine)).toEqual(expected.slice(0, 5));
    expect(problems).toEqual([]);
  });

  it.each([1, -1, 1_000_000, -1_000_000, 2 ** 31])(
    'continues after a RST %i away from the expected sequence, and the RST is reported',
    (ahead) => {
      const { records, problems } = decodeAll(pcapOf([...head, rst(last, ahead), ...whole.slice(8)]), keys);
      expect(records.map(recordLine)).toEqual(expected);
      expect(problems).toMatchObject([{ problem: 'reset', from: side, isFault: false }]);
      expect(problems[0]?.message).toMatch(/^A RST of [AB] with sequence \d+ where \d+ is due is ignored\.$/);
    },
  );

  it('continues with data after an expected RST, and this is reported once', () => {
    const text = new TextEncoder().encode('reset by a firewall');
    for (const resets of [[rst(last)], [rst(last, 0, text)], [rst(last), rst(last)]]) {
      const { records, problems } = decodeAll(pcapOf([...head, ...resets, ...whole.slice(8)]), keys);
      expect(records.map(recordLine)).toEqual(expected);
      expect(problems).toMatchObject([{ problem: 'reset', message: `More data follows a RST of ${side}: it is decoded.` }]);
    }
  });

  it('is reported as incomplete, at once and only once, after a RST inside a record', () => {
    const talk = new TcpTalk();
    const opening = talk.open();
    const [hello, begun] = [talk.send('A', frames[0]?.frame), talk.send('B', frames[1]?.frame.subarray(0, 50))];
    const { problems } = decodeAll(pcapOf([...opening, hello, begun, rst(begun)]));
    expect(problems).toMatchObject([{ problem: 'end', from: 'B', message: 'The stream ends after 50 bytes of a record.' }]);
    expect(problems[0]?.unixMs).toBe(1_700_000_000_005);
  });

  it.each([1_000_000, -1_000_000, 100_000_000])(
    'continues after a SYN %i away from the expected sequence, and the SYN is reported',
    (ahead) => {
      for (const flags of ['S', 'SA']) {
        const syn = { ...rst(last, ahead), flags };
        const { all, records, problems } = decodeAll(pcapOf([...head, syn, syn, ...whole.slice(8)]), keys);
        expect(records.map(recordLine)).toEqual(expected);
        expect(all.filter(({ kind }) => kind === 'connection')).toHaveLength(1);
        expect(problems).toMatchObject([{ problem: 'reset', from: side, isFault: false }]);
        expect(problems[0]?.message).toMatch(/^A SYN of [AB] with sequence \d+ where \d+ is due is ignored\.$/);
      }
    },
  );

  it('is separated from the next one between the same ports when its end is missing', () => {
    const first = { A: 5_000_000_0, B: 7_000_000_0 };
    const again = talkOf(dialCore, new TcpTalk(undefined, undefined, first));
    for (const skipped of [0, 1]) {
      // The second time without the answer to its SYN.
      const second = again.filter((_, i) => i !== skipped || skipped === 0);
      const { all, records } = decodeAll(pcapOf([...whole.slice(0, -3), ...second]), keys);
      expect(all.filter(({ kind }) => kind === 'connection')).toHaveLength(2);
      const [one = [], two = []] = [1, 2].map((number) => records.filter(({ connection }) => connection === number));
      expect(one.map(recordLine)).toEqual(expected);
      expect(bySide(two.map(recordLine))).toEqual(bySide(expected));
    }
  });

  it('ends without a report at a RST after its FIN', () => {
    const closing = whole.slice(0, -1);
    for (const ahead of [0, 1]) {
      const fin = closing.at(-1) as SegmentSpec;
      const { records, problems } = decodeAll(pcapOf([...closing, rst(fin, ahead)]), keys);
      expect(records.map(recordLine)).toEqual(expected);
      expect(problems).toEqual([]);
    }
  });

  it('is one connection even if its SYN comes after the first data', () => {
    const [syn, ...rest] = whole;
    expect(lines([...rest.slice(0, 3), syn as SegmentSpec, ...rest.slice(3)])).toEqual(expected);
  });

  it('gives the same records with data in its SYN, keep-alives and zero-window probes', () => {
    const talk = new TcpTalk();
    const sent = frames.flatMap(({ from, frame }, i) => {
      if (i === 0) return [talk.send(from, frame, 'S')];
      const segment = talk.send(from, frame);
      const keepAlive = { ...segment, sequence: (segment.sequence - 1) >>> 0, data: new Uint8Array(1) };
      const probe = { ...segment, data: frame.subarray(0, 1) };
      return i === 1 ? [{ ...segment, sequence: segment.sequence }, probe] : [keepAlive, probe, segment];
    });
    expect(bySide(lines(sent))).toEqual(bySide(expected));
  });
});

/** The same bytes again, with up to a number of the sender's bytes before them. */
function overlapping(all: readonly SegmentSpec[], spec: SegmentSpec, back: number): SegmentSpec {
  const { data = new Uint8Array(0) } = spec;
  const before = all.find(
    ({ from, data: other = new Uint8Array(0), sequence }) =>
      from === spec.from && other.length > 0 && sequence + other.length === spec.sequence,
  );
  if (data.length === 0 || before?.data === undefined) return spec;
  const tail = before.data.subarray(Math.max(0, before.data.length - back));
  return { ...spec, sequence: spec.sequence - tail.length, data: concatBytes(tail, data) };
}
