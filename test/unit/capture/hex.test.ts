import { describe, expect, it } from 'vitest';
import { readHexText, recogniseHex } from '../../../src/capture/hex.ts';
import { CaptureFileError } from '../../../src/capture/pcap.ts';
import { fromHex, toHex, utf8Encode } from '../../../src/protocol/bytes.ts';
import { decodeAll, keyLineOf, keyLog } from '../../support/captures.ts';
import { transcript, transcripts, vectors } from '../../support/vectors.ts';

const dialCore = transcript('dial-core');
const keys = keyLog(keyLineOf(dialCore));
const allHex = dialCore.records.map(({ frameHex }) => frameHex);

describe('hex', () => {
  it('may have white space, colons, commas, 0x and comments', () => {
    const text = '# a comment\n80:00 01,04\t0x000000 // more\r\n0X0000cafe ; and more\n\n';
    expect(toHex(readHexText(text))).toBe('800001040000000000cafe');
  });

  it('that is none names the line', () => {
    expect(() => readHexText('00\n0g\n')).toThrow('line 2 is not hex');
    expect(() => readHexText('000')).toThrow('even number');
  });

  it('of any recorded record, its body and its message is recognised for what it is', () => {
    for (const [name, { records }] of transcripts)
      for (const { frameHex } of name.includes('corrupt') ? [] : records) {
        const bytes = fromHex(frameHex);
        expect(recogniseHex(bytes)).toBe('records');
        expect(recogniseHex(bytes.subarray(4))).toBe('record body');
        expect(recogniseHex(bytes.subarray(16, -32))).toBe('message');
      }
  });

  it('of every message of the vectors is recognised', () => {
    for (const { stellarMessageHex, type } of vectors.messages) {
      const { source, records } = decodeAll(utf8Encode(stellarMessageHex));
      expect(source).toEqual({ kind: 'source', format: 'hex', form: 'message' });
      expect(records).toMatchObject([{ type, sequence: undefined, body: undefined, mac: 'none', from: undefined }]);
      expect(toHex(records[0]?.xdr as Uint8Array)).toBe(stellarMessageHex);
    }
  });

  it('of a whole session shows who sent what where a key tells', () => {
    const { records, problems } = decodeAll(utf8Encode(allHex.join('\n')), keys);
    expect(problems).toEqual([]);
    expect(records.map(({ from }) => from)).toEqual(dialCore.records.map(({ from }) => (from === 'ours' ? 'A' : 'B')));
    expect(records.every(({ type, mac }) => mac === (type === 'HELLO' ? 'none' : 'good'))).toBe(true);
  });

  it('of a whole session without keys does not judge MACs', () => {
    const { records } = decodeAll(utf8Encode(allHex.join('')));
    expect(records.map(({ mac }) => mac)).toEqual(records.map(({ type }) => (type === 'HELLO' ? 'none' : 'unknown')));
    expect(records.slice(0, 3).map(({ from }) => from)).toEqual(['A', 'B', undefined]);
  });

  it('with a flipped bit has a bad MAC when both HELLOs and the key are there', () => {
    const wrong = [...allHex];
    wrong[2] = (wrong[2] as string).replace(/c8(?=.{64}$)/, 'c9');
    expect(decodeAll(utf8Encode(wrong.join('')), keys).records[2]?.mac).toBe('bad');
  });

  it('of a record body has sequence and MAC', () => {
    const { source, records } = decodeAll(utf8Encode((allHex[4] as string).slice(8)), keys);
    expect(source).toMatchObject({ form: 'record body' });
    expect(records).toMatchObject([{ mac: 'good', sequence: BigInt(dialCore.records[4]?.sequence as string) }]);
  });

  it('that is faulty is taken for what it begins like, and the fault is named', () => {
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

  it.each([
    ['', 'hex, but neither of records nor of a message of the overlay'],
    ['cafe', 'hex, but neither of records nor of a message of the overlay'],
    ['7fffffffffff', 'hex, but neither of records nor of a message of the overlay'],
    ['hello', 'neither pcap, pcapng, a recording, nor hex: line 1 is not hex'],
    ['\0\0\0', 'neither pcap, pcapng, a recording, nor hex'],
  ])('that is none of it (%j) is refused', (text, message) => {
    expect(() => decodeAll(utf8Encode(text))).toThrow(new CaptureFileError(message));
  });
});
