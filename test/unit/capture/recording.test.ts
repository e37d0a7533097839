import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { KeyLog, keyLogLine } from '../../../src/capture/keylog.ts';
import { CaptureFileError } from '../../../src/capture/pcap.ts';
import { RecordingWriter, readRecordingLine } from '../../../src/capture/recording.ts';
import { connect, type HandshakeStep, listen, networks } from '../../../src/index.ts';
import { toHex, utf8Encode } from '../../../src/protocol/bytes.ts';
import { decodeAll, keyLineOf, keyLog } from '../../support/captures.ts';
import { until } from '../../support/raw-peer.ts';
import { transcript } from '../../support/vectors.ts';

const directory = mkdtempSync(join(tmpdir(), 'capture-'));
afterAll(() => rmSync(directory, { recursive: true }));

const UNIX_MS = 1_795_503_236_123;
const HEAD = '{"format":"stellar-handshake recording","version":1,"started":"2026-11-24T06:53:56.123Z"}\n';
const OPENED = '{"connection":1,"role":"WE_CALLED_REMOTE","local":"127.0.0.1:5","remote":"127.0.0.1:11625"}\n';

describe('a recording', () => {
  it('decodes to the same records of both sides, with good MACs if the key log is given', async () => {
    const texts = { A: '', B: '' };
    const keyLines: string[] = [];
    const recorded = (side: 'A' | 'B') => {
      const writer = new RecordingWriter(
        (line) => (texts[side] += line),
        UNIX_MS,
        () => performance.now(),
      );
      const onStep = (step: HandshakeStep): void => void keyLines.push(...[keyLogLine(step) ?? []].flat());
      return { onBytes: writer.onBytes, onStep, unsafeStepSecrets: true };
    };
    const network = networks.standalone;
    const answering = recorded('B');
    const listener = await listen({ ...answering, network, port: 0 });
    const calling = recorded('A');
    for (let i = 0; i < 3; i++) {
      const connection = await connect({ ...calling, network, host: listener.host, port: listener.port });
      const { value: accepted } = await listener[Symbol.asyncIterator]().next();
      await connection.ping();
      await connection.close();
      // The listener sends nothing to a peer after it has noticed its close.
      await accepted?.ended;
    }
    // Otherwise the listener may send "shutdown" to a peer that has closed and does not receive it.
    await until(() => listener.counts.authenticated === 0);
    await listener.close();

    expect(new Set(keyLines).size).toBe(3);
    const found = (['A', 'B'] as const).map((side) => decodeAll(utf8Encode(texts[side]), keyLog(...keyLines)));
    for (const { source, problems, all } of found) {
      expect(source).toEqual({ kind: 'source', format: 'recording' });
      expect(problems).toEqual([]);
      expect(all.filter(({ kind }) => kind === 'connection')).toHaveLength(3);
    }
    const lines = found.map(({ records }) =>
      records.map(
        ({ connection, from, type, sequence, mac, xdr }) => `${connection} ${from} ${type} ${sequence} ${mac} ${toHex(xdr)}`,
      ),
    );
    expect([...(lines[0] ?? [])].sort()).toEqual([...(lines[1] ?? [])].sort());
    expect(lines[0]?.filter((line) => line.includes(' good '))).toHaveLength(3 * 8);
  });

  it('has a line for each connection and each chunk, with the time since its start', () => {
    let text = '';
    let now = 5;
    const writer = new RecordingWriter(
      (line) => (text += line),
      UNIX_MS,
      () => now,
    );
    const info = {
      id: '0011223344556677',
      role: 'WE_CALLED_REMOTE' as const,
      localAddress: { host: '::1', port: 5 },
      remoteAddress: { host: '127.0.0.1', port: 11625 },
    };
    writer.onBytes('sent', Uint8Array.of(1, 2), info);
    now = 6.2504;
    writer.onBytes('received', Uint8Array.of(3), { id: '8899aabbccddeeff', role: 'REMOTE_CALLED_US' });
    writer.onBytes('received', Uint8Array.of(255), info);
    expect(
      text
        .split('\n')
        .slice(1, -1)
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { connection: 1, role: 'WE_CALLED_REMOTE', local: '[::1]:5', remote: '127.0.0.1:11625' },
      { connection: 1, ms: 0, direction: 'sent', hex: '0102' },
      { connection: 2, role: 'REMOTE_CALLED_US', local: '', remote: '' },
      { connection: 2, ms: 1.25, direction: 'received', hex: '03' },
      { connection: 1, ms: 1.25, direction: 'received', hex: 'ff' },
    ]);
    expect(text.startsWith(HEAD)).toBe(true);
  });

  it('gives everything before its last line when this line is cut off', () => {
    const [first, second] = transcript('dial-core').records;
    const line = (direction: string, hex = ''): string => `${JSON.stringify({ connection: 1, ms: 1, direction, hex })}\n`;
    const before = HEAD + OPENED + line('sent', first?.frameHex);
    const last = line('received', second?.frameHex);
    for (let length = 0; length < last.length - 1; length++) {
      const { records, decoder } = decodeAll(utf8Encode(before + last.slice(0, length)));
      expect(records.map(({ type, from }) => `${from} ${type}`)).toEqual(['A HELLO']);
      expect(decoder.passedOver.incomplete).toBe(length);
    }
    expect(decodeAll(utf8Encode(before + last.slice(0, -1))).records).toHaveLength(2);
  });

  it.each([
    ['not JSON', `${HEAD}nonsense\n${OPENED}`, 'damaged in line 2: not JSON'],
    ['not an object', `${HEAD}5\n${OPENED}`, 'damaged in line 2: not a JSON object'],
    [
      'of a later version',
      HEAD.replace('1,"s', '2,"s'),
      'damaged in line 1: a recording of version 2, which this program does not know',
    ],
    ['without a start', HEAD.replace('2026-', 'x'), 'damaged in line 1: a recording without the time of its start'],
    [
      'without bytes',
      `${HEAD}${OPENED}{"connection":1,"ms":1,"direction":"sent"}\n`,
      'damaged in line 3: a line without time or bytes',
    ],
    [
      'with odd hex',
      `${HEAD}{"connection":1,"ms":1,"direction":"sent","hex":"123"}\n`,
      'damaged in line 2: expected an even number of hex digits',
    ],
  ])('is refused as damaged, with the line number, when a line is %s', (_, text, message) => {
    expect(() => decodeAll(utf8Encode(text))).toThrow(new CaptureFileError(message));
  });

  it('may contain lines of unknown kinds', () => {
    expect(readRecordingLine('{"connection":1,"closed":true}')).toBeUndefined();
    expect(readRecordingLine('{"comment":"x"}')).toBeUndefined();
    expect(readRecordingLine('  ')).toBeUndefined();
  });

  it('may contain bytes of a connection that was not announced', () => {
    const [hello] = transcript('dial-core').records;
    const line = JSON.stringify({ connection: 7, ms: 1, direction: 'sent', hex: hello?.frameHex });
    expect(decodeAll(utf8Encode(`${HEAD}${line}\n`)).records).toMatchObject([{ connection: 7, from: 'A', type: 'HELLO' }]);
  });
});

describe('a key log', () => {
  const line = keyLineOf(transcript('dial-core')) as string;

  it('is read with comments, lines of other kinds, hex in either case and an incomplete last line', () => {
    const keys = new KeyLog();
    expect(
      keys.add(`# comment\r\n\nCLIENT_RANDOM 00 11\n${line.replace(/ .*/, (hex) => hex.toUpperCase())}\r\n${line.slice(0, 90)}`),
    ).toBe(1);
    expect(keys.all).toHaveLength(1);
  });

  it('gets no line for a step without secrets, or for another step', () => {
    const inputAB = new Uint8Array(66);
    expect(keyLogLine({ step: 'mac-keys', inputAB, inputBA: inputAB, sendsWith: 'K_AB' })).toBeUndefined();
    expect(keyLogLine({ step: 'check', check: 'x', ok: true, detail: '' })).toBeUndefined();
  });
});
