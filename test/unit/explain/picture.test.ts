/** Pictures of live handshakes and of captures, with secrets only on request. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { KeyLog } from '../../../src/capture/keylog.ts';
import { capturePicture } from '../../../src/explain/capture-picture.ts';
import { explain } from '../../../src/explain/explain.ts';
import type { Picture } from '../../../src/explain/picture.ts';
import { PictureMaker } from '../../../src/explain/picture-maker.ts';
import { networks } from '../../../src/protocol/networks.ts';
import { mockNode } from '../../../src/testing/index.ts';
import { callCli, runCli } from '../../support/cli.ts';
import { transcript } from '../../support/vectors.ts';

const network = networks.standalone;
const folder = mkdtempSync(join(tmpdir(), 'pictures-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A transcript as `--record` would have written it. */
function recordingOf(name: string, splitAt?: number): string {
  const { initiator, records, recordedAtSeconds } = transcript(name);
  const role = initiator === 'ours' ? 'WE_CALLED_REMOTE' : 'REMOTE_CALLED_US';
  const lines: object[] = [
    { format: 'stellar-handshake recording', version: 1, started: new Date(Number(recordedAtSeconds) * 1000).toISOString() },
    { connection: 1, role, local: '127.0.0.1:50000', remote: '127.0.0.1:11625' },
  ];
  for (const { from, atMs, frameHex } of records) {
    const direction = from === 'ours' ? 'sent' : 'received';
    const at = splitAt === undefined ? frameHex.length : 2 * splitAt;
    for (const hex of [frameHex.slice(0, at), frameHex.slice(at)])
      if (hex) lines.push({ connection: 1, ms: atMs, direction, hex });
  }
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

async function* chunks(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

function keyLogOf(name: string): KeyLog {
  const { initiator, ours, core, derived } = transcript(name);
  const nonces = [ours.nonceHex, core?.hello.nonceHex ?? ''];
  if (initiator === 'core') nonces.reverse();
  const keys = new KeyLog();
  keys.add(
    `STELLAR_MAC_KEYS ${nonces.join(' ')} ${derived?.macKeyInitiatorToAcceptorHex} ${derived?.macKeyAcceptorToInitiatorHex}\n`,
  );
  return keys;
}

async function live(
  showSecrets: boolean,
  target: { host: string; port: number },
): Promise<{ picture: Picture; changes: number }> {
  let changes = 0;
  const frame = { source: 'live', target: 'mock', own: 'A', network } as const;
  const maker = new PictureMaker(
    frame,
    showSecrets,
    Date.now(),
    () => performance.now(),
    () => void changes++,
  );
  const story = await explain(target, { network, unsafeStepSecrets: showSecrets }, maker);
  expect(JSON.stringify(story, (_, value) => (typeof value === 'bigint' ? String(value) : value)).includes('"secrets"')).toBe(
    showSecrets,
  );
  maker.end(story.timings ?? story.phases, story.error);
  return { picture: maker.picture, changes };
}

describe('a picture of a live handshake', () => {
  it('has every record with its MAC verdict, and no secret', async () => {
    await using mock = await mockNode({ network }, async (peer) => {
      await peer.handshake();
      peer.send({ type: 'GET_SCP_STATE', ledgerSeq: 0 });
      await peer.expectEnd();
    });
    const { picture, changes } = await live(false, mock);
    expect(picture.secrets).toEqual({});
    const macs = picture.events.map((event) => event.kind === 'record' && event.mac);
    expect(macs.slice(0, 6)).toEqual(['none', 'none', 'good', 'good', 'good', 'good']);
    expect(macs).not.toContain('bad');
    expect(picture.timings?.totalMs).toBeGreaterThan(0);
    expect(changes).toBeGreaterThan(5);
    expect(picture.running).toBe(false);
  });

  it('has only the secrets of our side with showSecrets', async () => {
    await using mock = await mockNode({ network }, async (peer) => {
      await peer.handshake();
      await peer.expectEnd();
    });
    const { picture } = await live(true, mock);
    expect(Object.keys(picture.secrets).sort()).toEqual(['A', 'macKeys']);
  });

  it('keeps the first bytes that are no record', async () => {
    await using mock = await mockNode({ network }, async (peer) => {
      peer.sendRaw(Buffer.from(`HTTP/1.1 400 Bad Request\r\n${'x'.repeat(2_000)}`));
      await peer.expectEnd();
    });
    const { picture } = await live(false, mock);
    const stray = picture.events.find(({ kind }) => kind === 'stray');
    expect(stray).toMatchObject({ from: 'B', length: 2_026 });
    expect(stray?.kind === 'stray' && stray.hex.length).toBe(1_024);
    expect(picture.error?.code).toBe('OVERLAY_NOT_STELLAR');
  });
});

describe('a picture of a capture', () => {
  it('is the same for any chunks of the recording', async () => {
    const options = { name: 'x', keys: new KeyLog(), showSecrets: false };
    const whole = await capturePicture(chunks(recordingOf('dial-core')), options);
    const cut = await capturePicture(chunks(recordingOf('dial-core', 3)), options);
    const { records } = transcript('dial-core');
    expect(whole.picture.events.map((event) => event.kind === 'record' && event.hex)).toEqual(
      records.map(({ frameHex }) => frameHex),
    );
    expect(cut.picture.events).toEqual(whole.picture.events);
    expect(whole.picture.addresses).toEqual({ A: '127.0.0.1:50000', B: '127.0.0.1:11625' });
  });

  it('has MAC verdicts with a key log, and the keys only with showSecrets', async () => {
    for (const showSecrets of [false, true]) {
      const options = { name: 'x', keys: keyLogOf('core-dials-us'), showSecrets };
      const { picture } = await capturePicture(chunks(recordingOf('core-dials-us')), options);
      const macs = new Set(picture.events.map((event) => event.kind === 'record' && event.mac));
      expect([...macs].sort()).toEqual(['good', 'none']);
      expect(JSON.stringify(picture).includes(transcript('core-dials-us').derived?.macKeyInitiatorToAcceptorHex ?? '-')).toBe(
        showSecrets,
      );
    }
  });

  it('is refused when the connection number does not exist', async () => {
    const options = { name: 'x', keys: new KeyLog(), showSecrets: false, connection: 2 };
    await expect(capturePicture(chunks(recordingOf('dial-core')), options)).rejects.toThrow('it has no connection 2; there is 1');
  });
});

describe('explain on the command line', () => {
  const recording = join(folder, 'dial-core.jsonl');
  writeFileSync(recording, recordingOf('dial-core'));

  it('writes the page of a recording', async () => {
    const file = join(folder, 'recorded.html');
    const { code, stderr, stdout } = await runCli(['explain', '--from', recording, '--html', file]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '! MACs not verified: no keys; --keylog FILE verifies them.\n' });
    expect(stderr).toContain('recorded.html');
    expect(readFileSync(file, 'utf8')).toContain('"target":"dial-core.jsonl"');
  });

  it('reports good MACs only with the keys, and exits with 6 when one is bad', async () => {
    const keylog = join(folder, 'keys.txt');
    const { initiator, ours, core, derived } = transcript('dial-core');
    expect(initiator).toBe('ours');
    const macKeys = `${derived?.macKeyInitiatorToAcceptorHex} ${derived?.macKeyAcceptorToInitiatorHex}`;
    writeFileSync(keylog, `STELLAR_MAC_KEYS ${ours.nonceHex} ${core?.hello.nonceHex} ${macKeys}\n`);
    const page = ['--html', join(folder, 'judged.html'), '--keylog', keylog];
    const good = await callCli(['explain', '--from', recording, ...page]);
    expect(good.code).toBe(0);
    expect(good.stdout).toMatch(/^✓ (\d+) of \1 MACs good\.\n$/);
    const flipped = join(folder, 'flipped.jsonl');
    const lines = readFileSync(recording, 'utf8').split('\n');
    // The last digit of the MAC of the first AUTH.
    lines[4] = (lines[4] ?? '').replace(/(.)("\}?)$/, (_, digit, rest) => (digit === '0' ? '1' : '0') + rest);
    writeFileSync(flipped, lines.join('\n'));
    const bad = await callCli(['explain', '--from', flipped, ...page]);
    expect(bad.code).toBe(6);
    expect(bad.stdout).toMatch(/^✗ \d+ of \d+ MACs good, 1 bad\.\n$/);
    const unknown = await callCli(['explain', '--from', flipped, '--html', join(folder, 'unknown.html')]);
    expect(unknown).toMatchObject({ code: 0, stdout: '! MACs not verified: no keys; --keylog FILE verifies them.\n' });
  });

  it('writes a page with secrets so that only its owner can read it', async () => {
    await using mock = await mockNode({ network }, async (peer) => {
      await peer.handshake();
      peer.send({ type: 'GET_SCP_STATE', ledgerSeq: 0 });
      await peer.expectEnd();
    });
    const file = join(folder, 'secret.html');
    writeFileSync(file, 'old', { mode: 0o644 });
    const args = ['explain', `127.0.0.1:${mock.port}`, '--network', 'standalone', '--unsafe-show-secrets', '--html', file];
    expect((await callCli(args)).code).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it.each([
    [['--from', recording], '--from makes a page'],
    [['127.0.0.1:1', '--from', recording, '--html', '-'], 'exclude each other'],
    [['--connection', '1'], '--connection and --keylog need --from'],
    [['--html', '-', '--json'], '--json has nothing to print here'],
    [['--from', join(folder, 'none'), '--html', '-'], 'no such file'],
    [['--from', recording, '--connection', '7', '--html', '-'], 'it has no connection 7'],
    [['--html', join(folder, 'no', 'such', 'folder.html')], '--html: ENOENT'],
  ])('%j: exits with 2 and prints the reason', async (args, message) => {
    const { code, stderr } = await callCli(['explain', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
