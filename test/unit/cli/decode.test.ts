import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { listen, networks } from '../../../src/index.ts';
import { concatBytes, fromHex } from '../../../src/protocol/bytes.ts';
import { framesOf, keyLineOf, talkOf } from '../../support/captures.ts';
import { callCli, finished, jsonLines, runCli, startCli } from '../../support/cli.ts';
import { pcapOf, TcpTalk } from '../../support/pcap.ts';
import { transcript } from '../../support/vectors.ts';

const directory = mkdtempSync(join(tmpdir(), 'decode-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
function file(content: Uint8Array | string): string {
  const path = join(directory, `file${++files}`);
  writeFileSync(path, content);
  return path;
}

const dialCore = transcript('dial-core');
const frames = framesOf(dialCore);
const auth = frames[2]?.frame ?? new Uint8Array(0);
const pcap = file(pcapOf(talkOf(dialCore)));
const keyFile = file(`${keyLineOf(dialCore)}\n`);
const NOT_ENCRYPTED = 'Overlay messages are authenticated, not encrypted: no secret is needed to read them.';

async function runWithStdin(args: readonly string[], input: Uint8Array | string): ReturnType<typeof finished> {
  const child = startCli(args);
  child.stdin.end(input);
  return finished(child);
}

describe.concurrent('decode', () => {
  it('prints a line for each record, and first that nothing is encrypted', async () => {
    const { code, stdout, stderr } = await runCli(['decode', pcap]);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual([
      `pcap. ${NOT_ENCRYPTED} MACs are not verified: no keys (--keylog FILE).`,
      'connection 1: A 10.0.0.1:50000 dialled B 10.0.0.2:11625, 2023-11-14T22:13:20.003000Z',
    ]);
    expect(lines).toHaveLength(2 + frames.length);
    expect(lines[3]).toMatch(
      /^22:13:20\.004000Z 1 B→A HELLO +240 B {2}no MAC {2}GCADMDS\w+ “v27\.1\.0”, standalone, overlay 40 to 41/,
    );
    expect(lines[4]).toMatch(/^22:13:20\.005000Z 1 A→B AUTH +8 B {2}no key {2}flags 200$/);
    expect(stderr).toBe(`${frames.length} records, 1 connection, MACs not verified: no keys\n`);
  });

  it('prints XDR-JSON in the form of --json-form', async () => {
    const key = async (...args: readonly string[]): Promise<unknown> => {
      const { code, stdout } = await callCli(['decode', pcap, '--json', '--type', 'HELLO', ...args]);
      expect(code).toBe(0);
      return JSON.parse(stdout.split('\n')[0] as string).message.hello.cert.pubkey.key;
    };
    const hex = (await key()) as string;
    expect(hex).toMatch(/^[0-9a-f]{64}$/);
    expect(await key('--json-form', 'sep-51')).toBe(hex);
    expect(await key('--json-form', 'stellar-xdr')).toEqual([...fromHex(hex)]);
    const wrong = await callCli(['decode', pcap, '--json', '--json-form', 'json']);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toContain('--json-form: choose from sep-51, stellar-xdr');
  });

  it('verifies MACs with a key log, and exits with 6 when a MAC is bad', async () => {
    const good = await runCli(['decode', pcap, '--keylog', keyFile]);
    expect(good.code).toBe(0);
    expect(good.stdout).toMatch(/A→B AUTH +8 B {2}good {4}flags 200/);
    const macs = frames.filter(({ type }) => type !== 'HELLO' && type !== 'ERROR_MSG').length;
    expect(good.stderr).toBe(`${frames.length} records, 1 connection, ${macs} of ${macs} MACs good\n`);

    const forged = transcript('reject-unexpected-mac-core-dials-us');
    const bad = await callCli(['decode', file(pcapOf(talkOf(forged))), '--keylog', file(keyLineOf(forged) as string)]);
    expect(bad.code).toBe(6);
    expect(bad.stdout).toContain('BAD MAC');
  });

  it('prints every byte and its field with --hex', async () => {
    const { code, stdout } = await runCli(['decode', pcap, '--hex', '--type', 'auth,hello']);
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines).toContain('Offsets count from the record body, after the header of 4 bytes.');
    expect(lines.filter((line) => /^ {6}12 {2}0{7}2 +type = 2 \(AUTH\)$/.test(line))).toHaveLength(2);
    expect(lines).toContain('      16  000000c8                          flags = 200');
    const bytes = lines.flatMap((line) => /^ +\d+ {2}([0-9a-f]+)/.exec(line)?.[1] ?? []).join('');
    const shown = frames.filter(({ type }) => type === 'HELLO' || type === 'AUTH').map(({ frame }) => frame.subarray(4));
    expect(bytes).toBe(Buffer.from(concatBytes(...shown)).toString('hex'));
  });

  it('prints an object for each record with --json, with XDR-JSON', async () => {
    const { code, stdout, stderr } = await runCli(['decode', pcap, '--json', '--keylog', keyFile]);
    expect(code).toBe(0);
    expect(stderr).toContain(NOT_ENCRYPTED);
    const objects = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects).toHaveLength(frames.length);
    expect(objects[2]).toEqual({
      connection: 1,
      from: 'A',
      time: '2023-11-14T22:13:20.005000Z',
      type: 'AUTH',
      sequence: '0',
      size: 8,
      mac: 'good',
      xdr: 'AAAAAgAAAMg=',
      message: { auth: { flags: 200 } },
    });
    for (const [i, { xdr, message }] of objects.entries()) {
      expect(Buffer.from(xdr, 'base64')).toEqual(Buffer.from(frames[i]?.frame.subarray(16, -32) ?? []));
      expect(message).not.toBeNull();
    }
  });

  it('prints one connection with --connection or some types with --type, and counts the rest', async () => {
    const other = talkOf(transcript('reject-bad-address'), new TcpTalk('10.0.0.7:7'));
    const both = file(pcapOf([...talkOf(dialCore), ...other]));
    const one = await callCli(['decode', both, '--connection', '2', '--json']);
    expect(
      one.stdout
        .trimEnd()
        .split('\n')
        .every((line) => JSON.parse(line).connection === 2),
    ).toBe(true);
    const types = await callCli(['decode', both, '--type', 'ERROR_MSG']);
    expect(types.stdout).toMatch(/ERROR_MSG +\d+ B {2}no MAC {2}ERR_CONF “bad address”/);
    expect(types.stderr).toContain('1 of them shown, 2 connections');
  });

  it.each([
    ['records', frames.map(({ frame }) => frame), 'hex of records'],
    ['a record body', [auth.subarray(4)], 'hex of a record body (AuthenticatedMessage), its header left out'],
    ['a message', [auth.subarray(16, -32)], 'hex of a message (StellarMessage) without its record'],
  ])('reads hex of %s from stdin and names the format', async (_, parts, source) => {
    const hex = Buffer.from(concatBytes(...parts))
      .toString('hex')
      .replace(/../g, '$& ');
    const { code, stdout } = await runWithStdin(['decode', '-'], `# pasted\n${hex}\n`);
    expect(code).toBe(0);
    const macs = source.includes('(StellarMessage)') ? '' : ' MACs are not verified: no keys (--keylog FILE).';
    expect(stdout.startsWith(`${source}. ${NOT_ENCRYPTED}${macs}\n`)).toBe(true);
    expect(stdout).toMatch(/AUTH +8 B .* flags 200/);
  });

  it('reads compressed and binary input from a file and from stdin', async () => {
    const raw = concatBytes(...frames.map(({ frame }) => frame));
    const zipped = await callCli(['decode', file(gzipSync(pcapOf(talkOf(dialCore))))]);
    expect(zipped.code).toBe(0);
    expect(zipped.stdout.split('\n')[0]).toContain(`pcap. ${NOT_ENCRYPTED}`);
    expect(zipped.stderr).toContain(`${frames.length} records, 1 connection`);
    const bytes = await runWithStdin(['decode', '-'], gzipSync(raw));
    expect(bytes.code).toBe(0);
    expect(bytes.stdout.split('\n')[0]).toContain(`bytes of records. ${NOT_ENCRYPTED}`);
    const cut = await callCli(['decode', file(gzipSync(raw).subarray(0, -9))]);
    expect(cut.code).toBe(2);
    expect(cut.stderr).toContain('damaged or incomplete gzip');
  });

  it('exits with 2 when --connection does not exist, and prints the last connection number', async () => {
    for (const [given, there] of [
      [pcap, '1'],
      [file(concatBytes(...frames.map(({ frame }) => frame))), '1'],
      [file('{"format":"stellar-handshake recording","version":1,"started":"2026-01-01T00:00:00.000Z"}\n'), 'none'],
    ] as const) {
      const { code, stderr } = await callCli(['decode', given, '--connection', '5']);
      expect(code).toBe(2);
      expect(stderr).toContain(`${given} has no connection 5; there is ${there}`);
    }
    expect((await callCli(['decode', pcap, '--connection', '1'])).code).toBe(0);
  });

  it('reads a capture from stdin while it is written', async () => {
    const child = startCli(['decode', '-', '--json']);
    const next = jsonLines(child);
    const bytes = pcapOf(talkOf(dialCore));
    child.stdin.write(bytes.subarray(0, 3000));
    expect(await next()).toMatchObject({ type: 'HELLO', from: 'A' });
    expect(await next()).toMatchObject({ type: 'HELLO', from: 'B' });
    child.stdin.end(bytes.subarray(3000));
    for (let i = 2; i < frames.length; i++) expect(await next()).toMatchObject({ type: frames[i]?.type });
    expect((await once(child, 'close'))[0]).toBe(0);
  });

  it('exits with 130 when it is interrupted', async () => {
    const child = startCli(['decode', '-', '--json']);
    const next = jsonLines(child);
    child.stdin.write(pcapOf(talkOf(dialCore)));
    await next();
    child.kill('SIGINT');
    expect((await once(child, 'close'))[0]).toBe(130);
  });

  it('prints malformed bytes with their position, and exits with 6', async () => {
    const [hello] = frames.map(({ frame }) => Buffer.from(frame).toString('hex')) as [string];
    const text = await runWithStdin(['decode', '-', '--hex'], `${hello}80000008 0000000000000000`);
    expect(text.code).toBe(6);
    expect(text.stdout).toMatch(/^1 ✗ .*ends early.*\n {7}0 {2}0000000000000000$/m);
    const json = await runWithStdin(['decode', '-', '--json'], `${hello}80000000`);
    expect(json.code).toBe(6);
    expect(json.stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(json.stderr).toContain('A record header announces 0 bytes');
  });

  it('prints text of a peer without control characters', async () => {
    const text = Buffer.from('\u001b[2Jx'.padEnd(8, '\u202e').slice(0, 5));
    const message = Buffer.concat([
      fromHex('0000000000000002'),
      Buffer.from([0, 0, 0, text.length]),
      text,
      Buffer.alloc(-text.length & 3),
    ]);
    const { code, stdout } = await runWithStdin(['decode', '-', '--hex'], message.toString('hex'));
    expect(code).toBe(0);
    expect(stdout).toContain('ERR_CONF “·[2Jx”');
    expect(stdout).not.toContain('\u001b');
  });

  it.each([
    ['a missing file', ['decode', '/nonexistent'], /ENOENT/],
    ['a directory', ['decode', directory], /EISDIR/],
    ['an unknown format', ['decode', file('what?')], /neither pcap, pcapng, a recording, bytes of records, nor these as hex/],
    ['a damaged file', ['decode', file(concatBytes(pcapOf([]), new Uint8Array(16).fill(255)))], /damaged at byte 24/],
    ['a key log without keys', ['decode', pcap, '--keylog', file('# nothing\n')], /no line in .* has MAC keys/],
    ['a missing key log', ['decode', pcap, '--keylog', '/nonexistent'], /--keylog: ENOENT/],
    ['an unknown type', ['decode', pcap, '--type', 'NONSENSE'], /no such type of message; choose from ERROR_MSG/],
    ['a connection that is not a number', ['decode', pcap, '--connection', 'x'], /--connection takes a whole number/],
    ['--hex and --json at once', ['decode', pcap, '--hex', '--json'], /exclude each other/],
    ['no file', ['decode'], /FILE/i],
  ])('refuses %s with exit code 2', async (_, args, message) => {
    const { code, stderr } = await callCli(args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});

describe.concurrent('--record and --keylog', () => {
  it('make probe write files that decode reads, with good MACs', async () => {
    const listener = await listen({ network: networks.standalone, port: 0 });
    const [record, keylog] = [join(directory, 'probe.rec'), join(directory, 'probe.keys')];
    const target = `${listener.host}:${listener.port}`;
    const probed = await runCli(['probe', target, '--network', 'standalone', '--record', record, '--keylog', keylog]);
    await listener.close();
    expect(probed.code).toBe(0);
    expect(statSync(record).mode & 0o777).toBe(0o644 & ~process.umask());
    expect(statSync(keylog).mode & 0o777).toBe(0o600);
    const { code, stdout, stderr } = await callCli(['decode', record, '--keylog', keylog]);
    expect(code).toBe(0);
    expect(stdout).toContain(`dialled B ${target}`);
    expect(stderr).toMatch(/^9 records, 1 connection, 7 of 7 MACs good\n$/);
  });

  it('make listen write complete files before it exits on Ctrl-C', async () => {
    const [record, keylog] = [join(directory, 'listen.rec'), join(directory, 'listen.keys')];
    const child = startCli(['listen', '0', '--network', 'standalone', '--json', '--record', record, '--keylog', keylog]);
    const next = jsonLines(child);
    const { port } = (await next()) as { port: number };
    const probed = await callCli(['probe', `127.0.0.1:${port}`, '--network', 'standalone']);
    expect(probed.code).toBe(0);
    child.kill('SIGINT');
    expect((await once(child, 'close'))[0]).toBe(130);
    const { code, stderr } = await callCli(['decode', record, '--keylog', keylog]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^\d+ records, 1 connection, (\d+) of \1 MACs good\n/);
  });

  it('never overwrite a recording, and write no keys into a file that others can read', async () => {
    const existing = file('mine');
    chmodSync(existing, 0o644);
    const recorded = await callCli(['probe', '127.0.0.1:1', '--record', existing]);
    expect(recorded.code).toBe(2);
    expect(recorded.stderr).toContain(`--record: ${existing} exists already and was not changed`);
    const record = join(directory, 'not made');
    const logged = await callCli(['probe', '127.0.0.1:1', '--keylog', existing, '--record', record]);
    expect(logged.code).toBe(2);
    expect(logged.stderr).toMatch(/--keylog: .* has mode 644/);
    expect(readFileSync(existing, 'utf8')).toBe('mine');
    expect(existsSync(record)).toBe(false);
  });
});
