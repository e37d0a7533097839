/**
 * The same hostile text goes into every input, and every output is checked: of a process for each verb and each way into or out of
 * a process, and of calls for all others.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { networks } from '../../../src/index.ts';
import { networkFromPassphrase } from '../../../src/net/options.ts';
import { type MockNode, mockDial, mockNode } from '../../../src/testing/index.ts';
import { callCli, type Finished, finished, jsonLines, runCli, startCli } from '../../support/cli.ts';

const network = networks.standalone;
/** Clears a screen, sets a window title, reverses a line, hides text, begins new lines: C0, C1, bidi, tags, separators. */
const NASTY = '\u001b[2J\u001b]0;x\u0007\u009b31m\u202e\u2066\u200b\u00ad\u007f\r\nFAKE\u0085FAKE\u2028FAKE\n\u{e0041}<b>&"\'';
/** The same without characters that arguments and file names cannot have, and without `:` and space, so that it could be a host. */
const HOST = NASTY.replace(/[\s:[\]/%<>&"'\u0085\u2028]/g, '');

/** What is left of both texts. */
const SHOWN = /2J|FAKE/;

const folder = mkdtempSync(join(tmpdir(), 'nasty-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const file = (text: string): string => {
  const path = join(folder, String(++files));
  writeFileSync(path, text);
  return path;
};

/** It contains nothing that moves a cursor or is invisible, and no injected line. */
function expectClean(text: string, what: string): void {
  const bad = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.exec(text);
  const around = bad && JSON.stringify(text.slice(Math.max(0, bad.index - 60), bad.index + 20));
  expect(around, what).toBeNull();
  expect(
    text.split('\n').filter((line) => line.startsWith('FAKE')),
    what,
  ).toEqual([]);
}

function expectCleanRun({ stdout, stderr }: Finished, what: string): void {
  expectClean(stdout, `${what}, stdout`);
  expectClean(stderr, `${what}, stderr`);
}

/** Runs a command line as a process. */
async function run(args: readonly string[]): Promise<Finished> {
  return clean(args, await runCli(args));
}

/** Calls a command line. */
async function call(args: readonly string[]): Promise<Finished> {
  return clean(args, await callCli(args));
}

function clean(args: readonly string[], done: Finished): Finished {
  expectCleanRun(done, args.map((arg) => JSON.stringify(arg)).join(' '));
  return done;
}

/** As `run` or `call`; and the text is there. It would be clean as well if it were missing. */
async function showing(how: typeof run, args: readonly string[]): Promise<Finished> {
  const done = await how(args);
  expect(done.stdout + done.stderr, JSON.stringify(args)).toMatch(SHOWN);
  return done;
}

describe.concurrent('control characters from a node', () => {
  /** Sends it in its HELLO, and accepts everybody. */
  let friendly: MockNode;
  /** Sends it in its HELLO and in an ERROR_MSG. */
  let hostile: MockNode;
  let at: string;
  let hostileAt: string;

  beforeAll(async () => {
    friendly = await mockNode({ network }, async (peer) => {
      await peer.handshake({ versionStr: NASTY });
      peer.grant();
      peer.send({ type: 'GET_SCP_STATE', ledgerSeq: 0 });
      await peer.expectEnd();
    });
    hostile = await mockNode({ network }, async (peer) => {
      await peer.expect('HELLO');
      peer.hello({ versionStr: NASTY });
      peer.error('ERR_CONF', NASTY);
      await peer.expectEnd();
    });
    at = `127.0.0.1:${friendly.port}`;
    hostileAt = `127.0.0.1:${hostile.port}`;
  });
  afterAll(() => Promise.all([friendly, hostile].map((node) => node[Symbol.asyncDispose]())));

  const ON = ['--network', 'standalone'];

  it('are replaced by probe in text, table and JUnit, and escaped in JSON', async () => {
    for (const [text, json, target] of [
      [run, call, at],
      [call, run, hostileAt],
    ] as const) {
      expect((await text(['probe', target, ...ON])).stdout).toContain('·[2J');
      const { stdout } = await json(['probe', target, '--json', ...ON]);
      expect(JSON.parse(stdout).remote.versionStr).toBe(NASTY);
    }
    const junit = join(folder, 'junit.xml');
    await run(['probe', at, hostileAt, '--count', '2', '--interval', '1ms', '--junit', junit, ...ON]);
    expectClean(readFileSync(junit, 'utf8'), 'JUnit');
  });

  it('are replaced by explain in text, JSON and HTML', async () => {
    for (const [text, others, target] of [
      [run, call, at],
      [call, run, hostileAt],
    ] as const) {
      expect((await text(['explain', target, ...ON])).stdout).toContain('[2J');
      JSON.parse((await others(['explain', target, '--json', ...ON])).stdout);
      const { stdout } = await others(['explain', target, '--html', '-', ...ON]);
      expect(stdout).toMatch(/^<!doctype html>/i);
    }
  });

  it('are replaced by watch in text and JSON', async () => {
    for (const form of [[], ['--json']]) await showing(run, ['watch', at, '--for', '300ms', ...form, ...ON]);
    await showing(call, ['watch', hostileAt, ...ON]);
  });

  it('are replaced by audit in text, JSON, TAP, JUnit and HTML', async () => {
    const [junit, html] = [join(folder, 'audit.xml'), join(folder, 'audit.html')];
    const only = [
      '--only',
      'acceptor.answers-pings,acceptor.hello-is-plausible,acceptor.zero-length-record',
      '--timeout',
      '1s',
      ...ON,
    ];
    await Promise.all([
      showing(run, ['audit', at, '--junit', junit, '--html', html, ...only]),
      ...['--json', '--tap'].map((form) => showing(call, ['audit', at, form, ...only])),
      showing(call, ['audit', hostileAt, ...only]),
    ]);
    for (const path of [junit, html]) expectClean(readFileSync(path, 'utf8'), path);
    expect(readFileSync(html, 'utf8')).toMatch(SHOWN);
  });

  it('are replaced by exporter in metrics, debug text and log', async () => {
    const child = startCli(['exporter', '--listen', '127.0.0.1:0', '--allow', '127.0.0.0/8', '--json', ...ON]);
    const { port } = await jsonLines(child)();
    for (const target of [at, hostileAt]) {
      for (const debug of ['', '&debug=true']) {
        const response = await fetch(`http://127.0.0.1:${port}/probe?target=${target}${debug}`);
        const text = await response.text();
        expectClean(text, `exporter ${debug}`);
        expect(text).toMatch(SHOWN);
      }
    }
    child.kill('SIGTERM');
    expectCleanRun(await finished(child), 'exporter');
  });

  it('are replaced by crawl in text, JSON, its file and its exports', async () => {
    const path = (name: string): string => join(folder, `crawl.${name}`);
    const files = ['html', 'graphml', 'quorum-json', 'nodes-json'];
    const exports = files.flatMap((name) => [`--${name}`, path(name)]);
    await showing(run, ['crawl', at, hostileAt, '--out', path('out'), ...exports, ...ON]);
    await showing(call, ['crawl', at, '--json', ...ON]);
    await showing(call, ['crawl', 'export', path('out')]);
    for (const form of [[], ['--json']]) await call(['crawl', 'diff', path('out'), path('out'), ...form]);
    for (const name of ['out', ...files]) expectClean(readFileSync(path(name), 'utf8'), name);
    expect(readFileSync(path('out'), 'utf8')).toContain('\\u202e');
  });

  it('are replaced by decode and explain --from for recordings', async () => {
    const record = join(folder, 'recording');
    await call(['probe', at, hostileAt, '--record', record, ...ON]);
    for (const form of [[], ['--json'], ['--hex']]) await showing(form.length === 0 ? run : call, ['decode', record, ...form]);
    for (const connection of ['1', '2']) await call(['explain', '--from', record, '--connection', connection, '--html', '-']);
  });
});

describe.concurrent('control characters from a dialling node', () => {
  it.each([[[]], [['--json']]])('are replaced by listen: %j', async (form) => {
    const child = startCli(['listen', '0', '--network', 'standalone', ...form]);
    const done = finished(child);
    const port = await new Promise<number>((resolve) => {
      child.stdout.once('data', (chunk: Buffer) => resolve(Number(/(?:"port":|127\.0\.0\.1:)(\d+)/.exec(chunk.toString())?.[1])));
    });
    for (const certSeconds of [3600, -10])
      await mockDial(port, { network }, async (peer) => {
        peer.hello({ versionStr: NASTY, certSeconds });
        if (certSeconds < 0) return peer.expectEnd();
        await peer.expect('HELLO');
        peer.auth();
        await peer.expect('AUTH');
        peer.error('ERR_MISC', NASTY);
        await peer.expectEnd();
      });
    child.kill('SIGTERM');
    const { stdout, stderr } = await done;
    expectCleanRun({ code: 0, stdout, stderr }, `listen ${form}`);
    expect(stdout).toContain('[2J');
  });
});

describe.concurrent('control characters in an input file', () => {
  const line = (value: object): string => `${JSON.stringify(value)}\n`;
  const HEAD = line({ format: 'stellar-handshake recording', version: 1, started: '2026-01-01T00:00:00.000Z' });
  const OPENED = line({ connection: 1, role: 'WE_CALLED_REMOTE', local: NASTY, remote: NASTY });

  it('are replaced for a recording: addresses, version and damaged lines', async () => {
    const bytes = line({ connection: 1, ms: 1, direction: 'sent', hex: '8000002c00000000' });
    for (const text of [
      HEAD + OPENED + bytes,
      HEAD + OPENED,
      line({ format: NASTY }),
      HEAD.replace('"version":1', `"version":${JSON.stringify(NASTY)}`),
    ]) {
      for (const form of [[], ['--json'], ['--hex']]) await call(['decode', file(text), ...form]);
      await call(['explain', '--from', file(text), '--html', '-']);
    }
    await run(['explain', '--from', file(HEAD + OPENED + bytes), '--html', '-']);
  });

  it('are replaced for the file of a crawl', async () => {
    const start = {
      type: 'crawl',
      version: 1,
      network: NASTY,
      networkID: networkFromPassphrase(NASTY).networkID,
      seeds: [NASTY],
      startedAt: NASTY,
      peerID: NASTY,
      options: {},
    };
    const node = { type: 'node', address: NASTY, outcome: NASTY, at: NASTY };
    const error = { code: NASTY, stage: NASTY, cause: NASTY, message: NASTY, advice: NASTY };
    const remote = { versionStr: NASTY, ledgerVersion: 1, overlayVersion: 1, overlayMinVersion: 1 };
    const readable = [
      [start, node],
      [start, { ...node, address: `${HOST}:1`, outcome: 'ok', peerID: NASTY, remote, seed: NASTY, error, peers: [NASTY] }],
    ];
    const made = ['html', 'graphml', 'quorum-json', 'nodes-json'].map((name) => [`--${name}`, join(folder, `made.${name}`)]);
    const written = (lines: readonly object[]): string => file(lines.map((each) => line(each)).join(''));
    const [empty, ...paths] = [[start], ...readable].map(written) as [string, ...string[]];
    for (const path of paths) {
      await showing(run, ['crawl', 'export', path]);
      await call(['crawl', 'export', path, ...made.flat()]);
      for (const [, name = ''] of made) expectClean(readFileSync(name, 'utf8'), name);
      expect(made.map(([, name = '']) => readFileSync(name, 'utf8')).join('')).toMatch(SHOWN);
      await showing(run, ['crawl', 'diff', empty, path]);
      await showing(run, ['crawl', '--resume', path, '--timeout', '300ms']);
    }
    for (const lines of [[{ type: NASTY }], [{ ...start, networkID: NASTY }, node], [start, { ...node, outcome: { NASTY } }]])
      for (const args of [['export'], ['diff', empty], ['--resume']]) await call(['crawl', ...args, written(lines)]);
  });

  it('are replaced for a list of targets: a host, and a line that is not a target', async () => {
    for (const text of [HOST, `${HOST}:1`, `a b ${NASTY}`])
      for (const form of [[], ['--json']])
        await call(['probe', '127.0.0.1:1', '--targets', file(text), '--timeout', '1s', ...form]);
    await run(['probe', '127.0.0.1:1', '--targets', file(HOST), '--timeout', '1s']);
  });

  it('are replaced for a policy: fields, network and targets', async () => {
    for (const policy of [
      { [NASTY]: 1 },
      { network: NASTY },
      { peers: { [NASTY]: {} } },
      { peers: { a: { [NASTY]: 1 } } },
      { peers: { a: { peerID: NASTY } } },
    ])
      await call(['probe', '127.0.0.1:1', '--policy', file(JSON.stringify(policy))]);
    await run(['probe', '127.0.0.1:1', '--policy', file(NASTY)]);
  });

  it('are replaced for a seed, a key log and hex', async () => {
    await run(['probe', '127.0.0.1:1', '--seed-file', file(NASTY)]);
    await run(['decode', file(NASTY), '--keylog', file(NASTY)]);
    await call(['decode', file(NASTY)]);
  });
});

describe.concurrent('control characters on the command line', () => {
  const TEXT = NASTY.replaceAll('\0', '');
  it.each<[verb: string, ...lines: (readonly string[])[]]>([
    [
      'probe',
      [TEXT],
      [HOST],
      ['a', '--network', TEXT],
      ['a', '--expect', TEXT],
      ['a', '--timeout', TEXT],
      ['a', '--count', TEXT],
    ],
    [
      'probe',
      [`--${TEXT}`],
      ['a', `-${TEXT}`],
      ['a', '--version-str', TEXT.repeat(3)],
      ['a', '--targets', TEXT],
      ['a', '--junit', join(TEXT, TEXT)],
    ],
    ['explain', [TEXT], ['--from', TEXT, '--html', '-'], ['--html', join(TEXT, TEXT)], ['--network', TEXT]],
    ['listen', [TEXT], ['0', '--max-pending', TEXT]],
    ['watch', [TEXT], ['a', '--type', TEXT], ['a', '--for', TEXT]],
    ['decode', [TEXT], [TEXT, '--keylog', TEXT], ['-', '--type', TEXT]],
    ['audit', [TEXT], ['a', '--only', TEXT], ['a', '--severity', TEXT], ['--listen', TEXT], ['127.0.0.1:1', '--seed', TEXT]],
    ['exporter', ['--listen', TEXT], ['--allow', TEXT], ['--hostname', TEXT, '--concurrency', TEXT]],
    ['keygen', [join(TEXT, TEXT)]],
    [
      'crawl',
      [TEXT],
      ['a', '--allow', TEXT],
      ['a', '--out', join(TEXT, TEXT)],
      ['a', '--quorum-set', TEXT],
      ['export', TEXT],
      ['diff', TEXT, TEXT],
    ],
    [
      'follow',
      [TEXT, '--quorum-set', TEXT],
      ['verify', TEXT, '--quorum-set', TEXT],
      ['a', '--quorum-set', file(JSON.stringify({ threshold: 1, validators: [TEXT] }))],
    ],
    ['submit', ['a', TEXT, '--quorum-set', TEXT]],
    [TEXT, []],
  ])('are replaced in every argument, %#', async (verb, ...lines) => {
    // A name of a network that is not known is reported to the stderr of the process.
    for (const [at, args] of lines.entries()) await (at === 0 || args.includes('--network') ? run : call)([verb, ...args]);
  });

  it('are replaced in the parameters of the exporter', async () => {
    const child = startCli(['exporter', '--listen', '127.0.0.1:0', '--allow', '127.0.0.0/8', '--json']);
    const { port } = await jsonLines(child)();
    const nasty = encodeURIComponent(NASTY);
    for (const query of [
      `target=127.0.0.1:1&network=${nasty}&debug=true`,
      `target=127.0.0.1:1&network=${nasty}`,
      `target=${nasty}`,
      `target=${encodeURIComponent(HOST)}&debug=true`,
      `target=a&expect=${nasty}`,
      `target=a&debug=${nasty}`,
      `${nasty}=1`,
    ]) {
      const response = await fetch(`http://127.0.0.1:${port}/probe?${query}`);
      expectClean(await response.text(), query);
    }
    child.kill('SIGTERM');
    expectCleanRun(await finished(child), 'exporter');
  });
});
