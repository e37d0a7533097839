/** The entry points of the package: each is published, documented and checked, and works alone. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { CaptureDecoder, describeRecord, KeyLog, keyLogLine, RecordingWriter } from '../../src/capture/index.ts';
import { networks, OverlayError } from '../../src/index.ts';
import { diagnose, isSilentRefusal, Knowledge, parseTarget, probe } from '../../src/probe/index.ts';
import { connectedPair, mockNode } from '../../src/testing/index.ts';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, ROOT), 'utf8');
const { exports } = JSON.parse(await read('package.json'));
const entries = Object.entries(exports as Record<string, { readonly default: string; readonly types: string }>).filter(
  ([name]) => name !== './package.json',
);
const network = networks.standalone;

describe.each(entries)('the entry point %s', (name, target) => {
  const source = target.default.replace('./dist/', 'src/').replace(/js$/, 'ts');

  it('has a source, types beside it, and its import name in its first comment', async () => {
    expect(target.types).toBe(target.default.replace(/js$/, 'd.ts'));
    const text = await read(source);
    const imported = `stellar-handshake${name.slice(1)}`;
    const [comment = ''] = /^\/\*\*[\s\S]*?\*\//.exec(text) ?? [];
    // Its name in the API documentation.
    expect(comment).toContain(`@module ${imported}\n`);
  });

  it('is listed in typedoc.json and knip.json', async () => {
    expect(JSON.parse(await read('typedoc.json')).entryPoints).toContain(source);
    const { entry } = JSON.parse(await read('knip.json')) as { entry: readonly string[] };
    const named = entry.flatMap((pattern) => {
      const [, before = pattern, names, after = ''] = /^(.*)\{(.*)\}(.*)$/.exec(pattern) ?? [];
      return names === undefined ? [pattern] : names.split(',').map((each) => before + each + after);
    });
    expect(named).toContain(source);
  });
});

describe('stellar-handshake/probe', () => {
  it('probes a node and reports the cause of a failure', async () => {
    await using node = await mockNode({ network }, async (peer) => {
      await peer.expect('HELLO');
      peer.hello({ overlayVersion: 99, overlayMinVersion: 99 });
      await peer.expectEnd();
    });
    const known = new Knowledge();
    const target = parseTarget(`${node.host}:${node.port}`);
    const result = await probe(target, { network, known, handshakeTimeoutMs: 5_000, overlayVersion: 42 });
    expect(result).toMatchObject({ ok: false, error: { cause: 'wrong-protocol-version', stage: 'hello' } });
  });

  it('finds the cause of a failed connect() for an application', () => {
    const error = new OverlayError('OVERLAY_RECORD_LENGTH', { stage: 'hello' });
    const evidence = { firstBytes: new TextEncoder().encode('HTTP/1.1 400 Bad Request\r\n'), lastedMs: 3, network };
    expect(isSilentRefusal(error, evidence)).toBe(false);
    expect(diagnose(error, evidence)).toMatchObject({ code: 'OVERLAY_NOT_STELLAR', message: expect.stringContaining('HTTP') });
  });
});

describe('stellar-handshake/capture', () => {
  it('records a connection, decodes it and verifies its MACs', async () => {
    let recording = '';
    const keys = new KeyLog();
    const writer = new RecordingWriter(
      (line) => {
        recording += line;
      },
      Date.UTC(2026, 0),
      () => 0,
    );
    const [ours, theirs] = await connectedPair({
      network,
      onBytes: writer.onBytes,
      unsafeStepSecrets: true,
      onStep: (step) => keys.add(keyLogLine(step) ?? ''),
    });
    await ours.ping();
    await Promise.all([ours.close(), theirs.close()]);
    const decoder = new CaptureDecoder(keys);
    const decoded = [...decoder.push(new TextEncoder().encode(recording)), ...decoder.end()];
    expect(decoded[0]).toMatchObject({ kind: 'source', format: 'recording' });
    const records = decoded.filter((item) => item.kind === 'record');
    expect(records.slice(0, 4).map(({ type, mac }) => [type, mac])).toEqual([
      ['HELLO', 'none'],
      ['HELLO', 'none'],
      ['AUTH', 'good'],
      ['AUTH', 'good'],
    ]);
    expect(describeRecord(records[0] as (typeof records)[number])).toContain(theirs.remote.peerID);
  });
});
