import { execFileSync } from 'node:child_process';
import * as zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { recogniseBytes } from '../../../src/capture/bytes-form.ts';
import { decompressed } from '../../../src/capture/decompress.ts';
import { readBytesText, readHexText } from '../../../src/capture/dump.ts';
import { CaptureFileError } from '../../../src/capture/pcap.ts';
import { concatBytes, fromHex, toHex, utf8Encode } from '../../../src/protocol/bytes.ts';
import { decodeAll, framesOf, keyLineOf, keyLog, recordLine } from '../../support/captures.ts';
import { has } from '../../support/programs.ts';
import { split, transcript, transcripts, vectors } from '../../support/vectors.ts';

const dialCore = transcript('dial-core');
const keys = keyLog(keyLineOf(dialCore));
const allHex = dialCore.records.map(({ frameHex }) => frameHex);

/** What a program prints of these bytes. Fails when the program does. */
function printed(program: string, options: readonly string[], bytes: Uint8Array): string {
  return execFileSync(program, options, { input: bytes, encoding: 'utf8', maxBuffer: 1 << 26 });
}

describe('a text of hex', () => {
  it('may contain white space, colons, commas, 0x and comments', () => {
    const text = '# a comment\n80:00 01,04\t0x000000 // more\r\n0X0000cafe ; and more\n\n';
    expect(toHex(readHexText(text))).toBe('800001040000000000cafe');
  });

  it('is refused with the line number when it is not hex', () => {
    expect(() => readHexText('00\n0g\n')).toThrow('line 2 is not hex');
    expect(() => readHexText('000')).toThrow('even number');
  });

  it('is recognised as a record, a record body or a message, for every recorded record', () => {
    for (const [name, { records }] of transcripts)
      for (const { frameHex } of name.includes('corrupt') ? [] : records) {
        const bytes = fromHex(frameHex);
        expect(recogniseBytes(bytes)).toBe('records');
        expect(recogniseBytes(bytes.subarray(4))).toBe('record body');
        expect(recogniseBytes(bytes.subarray(16, -32))).toBe('message');
      }
  });

  it('is recognised as a message, for every message of the vectors', () => {
    for (const { stellarMessageHex, type } of vectors.messages) {
      const { source, records } = decodeAll(utf8Encode(stellarMessageHex));
      expect(source).toEqual({ kind: 'source', format: 'hex', form: 'message' });
      expect(records).toMatchObject([{ type, sequence: undefined, body: undefined, mac: 'none', from: undefined }]);
      expect(toHex(records[0]?.xdr as Uint8Array)).toBe(stellarMessageHex);
    }
  });

  it('has the sender of each record of a session when a key is given', () => {
    const { records, problems } = decodeAll(utf8Encode(allHex.join('\n')), keys);
    expect(problems).toEqual([]);
    expect(records.map(({ from }) => from)).toEqual(dialCore.records.map(({ from }) => (from === 'ours' ? 'A' : 'B')));
    expect(records.every(({ type, mac }) => mac === (type === 'HELLO' ? 'none' : 'good'))).toBe(true);
  });

  it('has unknown MACs for a session without keys', () => {
    const { records } = decodeAll(utf8Encode(allHex.join('')));
    expect(records.map(({ mac }) => mac)).toEqual(records.map(({ type }) => (type === 'HELLO' ? 'none' : 'unknown')));
    expect(records.slice(0, 3).map(({ from }) => from)).toEqual(['A', 'B', undefined]);
  });

  it('has one bad MAC for a flipped bit when both HELLOs and the key are given', () => {
    const wrong = [...allHex];
    wrong[2] = (wrong[2] as string).replace(/c8(?=.{64}$)/, 'c9');
    expect(decodeAll(utf8Encode(wrong.join('')), keys).records[2]?.mac).toBe('bad');
  });

  it('may be one record body, which has a sequence and a MAC', () => {
    const { source, records } = decodeAll(utf8Encode((allHex[4] as string).slice(8)), keys);
    expect(source).toMatchObject({ form: 'record body' });
    expect(records).toMatchObject([{ mac: 'good', sequence: BigInt(dialCore.records[4]?.sequence as string) }]);
  });

  it('may have a fault, which is reported', () => {
    const [hello] = allHex as [string];
    const faults = (hex: string): readonly unknown[] =>
      decodeAll(utf8Encode(hex)).problems.map(({ problem, isFault }) => [problem, isFault]);
    expect(faults('80000000')).toEqual([['length', true]]);
    expect(faults('ffffffff')).toEqual([['length', true]]);
    expect(faults(hello.slice(0, 100))).toEqual([['end', false]]);
    expect(faults(`${hello.slice(0, 128)}ff${hello.slice(130)}`)).toEqual([['xdr', true]]);
    expect(faults(hello.slice(8, -8))).toEqual([['xdr', true]]);
    expect(faults('0000000200')).toEqual([['xdr', true]]);
  });

  const NO_FORMAT = 'neither pcap, pcapng, a recording, bytes of records, nor these as hex, base64 or a hex dump';

  it.each([
    ['', 'hex or base64, but these bytes are neither records nor a message of the overlay'],
    ['cafe', 'hex or base64, but these bytes are neither records nor a message of the overlay'],
    ['7fffffffffff', 'hex or base64, but these bytes are neither records nor a message of the overlay'],
    ['aGVsbG8gd29ybGQ=', 'base64, but these bytes are neither records nor a message of the overlay'],
    ['hello', `${NO_FORMAT}: line 1 is not hex`],
    ['00000000  80 00 00 01  |....|\n00000008  80  |.|', `${NO_FORMAT}: line 2 has offset 00000008 where 4 is due`],
    ['00000000  80 00 zz', `${NO_FORMAT}: line 1 is not of a hex dump`],
    ['\0\0\0', NO_FORMAT],
    ['\u0089PNG\r\n\u001a\n\0\0\0\rIHDR', NO_FORMAT],
  ])('is refused when it is no known format: %j', (text, message) => {
    expect(() => decodeAll(Buffer.from(text, 'latin1'))).toThrow(new CaptureFileError(message));
  });
});

describe('the bytes of a stream', () => {
  const all = fromHex(allHex.join(''));
  const expected = decodeAll(utf8Encode(allHex.join('')), keys).records.map(recordLine);
  const linesOf = (file: Uint8Array): readonly string[] => decodeAll(file, keys).records.map(recordLine);
  const groups = (bytes: Uint8Array, size: number): string[] => toHex(bytes).match(new RegExp(`.{1,${2 * size}}`, 'g')) ?? [];
  const ascii = (bytes: Uint8Array): string =>
    Array.from(bytes, (byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
  const rows = function* (bytes: Uint8Array): Generator<readonly [number, Uint8Array]> {
    for (let at = 0; at < bytes.length; at += 16) yield [at, bytes.subarray(at, at + 16)];
  };
  const offset = (at: number, digits: number): string => at.toString(16).padStart(digits, '0');

  it('are read when saved as they are, in chunks of any size', () => {
    for (const cuts of [[], [1, 2, 3], [64], [5000]]) {
      const found = decodeAll(split(all, cuts), keys);
      expect(found.source).toEqual({ kind: 'source', format: 'bytes', form: 'records' });
      expect(found.records.map(recordLine)).toEqual(expected);
    }
  });

  it('are read when they are of one side only', () => {
    const frames = framesOf(dialCore).filter(({ from }) => from === 'B');
    const { records, problems } = decodeAll(concatBytes(...frames.map(({ frame }) => frame)), keys);
    expect(records.map(({ type }) => type)).toEqual(frames.map(({ type }) => type));
    expect(problems).toEqual([]);
  });

  it('are read when they are one record body or one message', () => {
    const [, , auth = ''] = allHex;
    expect(decodeAll(fromHex(auth.slice(8))).source).toMatchObject({ format: 'bytes', form: 'record body' });
    expect(decodeAll(fromHex(auth.slice(32, -64))).source).toMatchObject({ format: 'bytes', form: 'message' });
  });

  it.each([
    ['plain', (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')],
    ['wrapped', (bytes: Uint8Array) => Buffer.from(bytes).toString('base64').replace(/.{76}/g, '$&\r\n')],
    ['for URLs, without padding', (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')],
    ['in quotes', (bytes: Uint8Array) => `"${Buffer.from(bytes).toString('base64')}",\n`],
  ])('are read as base64, %s', (_name, write) => {
    const found = decodeAll(utf8Encode(write(all)), keys);
    expect(found.source).toEqual({ kind: 'source', format: 'base64', form: 'records' });
    expect(found.records.map(recordLine)).toEqual(expected);
  });

  it('are read as base64 of one message, as watch --json prints it', () => {
    expect(decodeAll(utf8Encode('AAAADAAAABs=')).records).toMatchObject([{ type: 'GET_SCP_STATE' }]);
    // These digits are also valid hex, but the bytes of that hex are no message.
    expect(decodeAll(utf8Encode('AAAAFAAAAAAAAAAA')).source).toMatchObject({ format: 'base64' });
  });

  it.each([
    [
      'hexdump -C',
      (bytes: Uint8Array) =>
        [...rows(bytes)]
          .map(([at, row]) => {
            const [left = '', right = ''] = [groups(row.subarray(0, 8), 1).join(' '), groups(row.subarray(8), 1).join(' ')];
            return `${offset(at, 8)}  ${`${left}  ${right}`.padEnd(48)}  |${ascii(row)}|`;
          })
          .concat(offset(bytes.length, 8))
          .join('\n'),
    ],
    [
      'xxd',
      (bytes: Uint8Array) =>
        [...rows(bytes)].map(([at, row]) => `${offset(at, 8)}: ${groups(row, 2).join(' ').padEnd(39)}  ${ascii(row)}`).join('\n'),
    ],
    ['xxd -p', (bytes: Uint8Array) => groups(bytes, 30).join('\n')],
    [
      'Wireshark and tshark -x',
      (bytes: Uint8Array) =>
        [...rows(bytes)]
          .map(([at, row]) => `${offset(at, 4)}  ${groups(row, 1).join(' ').padEnd(47)}   ${ascii(row)}`)
          .join('\n'),
    ],
    [
      'od -A x -t x1',
      (bytes: Uint8Array) =>
        [...rows(bytes)]
          .map(([at, row]) => `${offset(at, 6)} ${groups(row, 1).join(' ')}`)
          .concat(offset(bytes.length, 6))
          .join('\n'),
    ],
  ])('are read in the format of %s', (_name, write) => {
    expect(linesOf(utf8Encode(`# pasted\n${write(all)}\n`))).toEqual(expected);
  });

  it('are read from Wireshark’s hex dump of a stream, with the second side indented', () => {
    const at = { A: 0, B: 0 };
    const text = framesOf(dialCore)
      .flatMap(({ from, frame }) =>
        [...rows(frame)].map(([, row]) => {
          const line = `${from === 'A' ? '' : '    '}${offset(at[from], 8)}  ${groups(row, 1).join(' ').padEnd(48)}   ${ascii(row)}`;
          at[from] += row.length;
          return line;
        }),
      )
      .join('\n');
    expect(linesOf(utf8Encode(text))).toEqual(expected);
  });

  it('are read from a dump with repeated lines left out', () => {
    const text = '00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n*\n00000040  01\n00000041\n';
    expect([...readBytesText(text)]).toEqual([{ format: 'hex dump', bytes: concatBytes(new Uint8Array(64), Uint8Array.of(1)) }]);
    expect(() => [...readBytesText('00000000  00\n*\nffffffff\n')]).toThrow('too many bytes');
    expect(() => [...readBytesText(`00000000  00\n*\n${'f'.repeat(16)}\n`)]).toThrow('too many bytes');
  });

  it('are read from plain hexdump, which prints 16-bit words in host byte order', () => {
    expect([...readBytesText('0000000 0080 2c01 0000\n0000005\n')]).toEqual([
      { format: 'hex dump', bytes: fromHex('8000012c00') },
    ]);
  });

  for (const [tool, ...options] of [
    ['hexdump', '-C'],
    ['hexdump'],
    ['xxd'],
    ['xxd', '-c', '32', '-g', '4'],
    ['od', '-A', 'x', '-t', 'x1z'],
    ['base64'],
  ] as const)
    it.skipIf(!has(tool))(`are read from the output of ${[tool, ...options].join(' ')} (needs ${tool})`, () => {
      expect(linesOf(utf8Encode(printed(tool, options, all)))).toEqual(expected);
    });

  it.skipIf(!has('hexdump'))('are read from the output of hexdump with lines of zeros left out (needs hexdump)', () => {
    const bytes = concatBytes(new Uint8Array(100), all.subarray(0, 50), new Uint8Array(1000), Uint8Array.of(7));
    const stdout = printed('hexdump', ['-C'], bytes);
    expect(stdout).toContain('\n*\n');
    expect(toHex([...readBytesText(stdout)][0]?.bytes as Uint8Array)).toBe(toHex(bytes));
  });
});

describe('compressed input', () => {
  const bytes = fromHex(allHex.join(''));
  async function* chunks(whole: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
  }
  async function read(whole: Uint8Array, size = 1000): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for await (const part of decompressed(chunks(whole, size))) parts.push(part);
    return concatBytes(...parts);
  }
  const zstd = (zlib as unknown as { readonly zstdCompressSync?: (bytes: Uint8Array) => Uint8Array }).zstdCompressSync;

  it('is decompressed from gzip in chunks of any size, with several members, or compressed twice', async () => {
    const once = zlib.gzipSync(bytes);
    for (const size of [1, 3, 1000, 1_000_000]) expect(await read(once, size)).toEqual(bytes);
    expect(await read(concatBytes(zlib.gzipSync(bytes.subarray(0, 99)), zlib.gzipSync(bytes.subarray(99))))).toEqual(bytes);
    expect(await read(zlib.gzipSync(once))).toEqual(bytes);
  });

  it('is passed on unchanged when it is not compressed, even when it is very short', async () => {
    for (const length of [0, 1, 2, 3, 4, bytes.length])
      expect(await read(bytes.subarray(0, length), 1)).toEqual(bytes.slice(0, length));
  });

  it('is reported when it is damaged or incomplete, after the bytes before the damage', async () => {
    const whole = zlib.gzipSync(Buffer.from(Array.from({ length: 1 << 18 }, (_, i) => (i * i * 31) >> 3)));
    let length = 0;
    const reading = (async () => {
      for await (const part of decompressed(chunks(whole.subarray(0, -20), 999))) length += part.length;
    })();
    await expect(reading).rejects.toThrow(/^damaged or incomplete gzip: /);
    expect(length).toBeGreaterThan(1 << 17);
    const damaged = zlib.gzipSync(bytes);
    damaged.fill(0xff, 40, 60);
    await expect(read(damaged)).rejects.toBeInstanceOf(CaptureFileError);
  });

  it('is decompressed from zstd where Node supports it, and otherwise refused with advice', async () => {
    if (zstd !== undefined) expect(await read(zstd(bytes))).toEqual(bytes);
    else await expect(read(fromHex('28b52ffd00'))).rejects.toThrow('decompress it first (zstd -d)');
  });

  it('is closed when its reader stops', async () => {
    let isClosed = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (const part = zlib.gzipSync(bytes); ; ) yield part;
      } finally {
        isClosed = true;
      }
    }
    for await (const part of decompressed(endless())) if (part.length > 0) break;
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(true);
  });
});
