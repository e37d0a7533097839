import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Listener, listen, NodeIdentity, networks } from '../../../src/index.ts';
import { callCli, type Finished, finished, jsonLines, runCli, startCli } from '../../support/cli.ts';
import { xmlElements } from '../../support/xml.ts';

const network = networks.standalone;
const ON_STANDALONE = ['--network', 'standalone'];
/** Nothing listens there. */
const CLOSED = '127.0.0.1:1';

/** What stays open until the end, because many tests run side by side. */
const open: { close(): unknown }[] = [];
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stellar-handshake-many-'));
});
afterAll(async () => {
  await Promise.all(open.map((closable) => closable.close()));
  await rm(folder, { recursive: true });
});

async function node(options: Partial<Parameters<typeof listen>[0]> = {}): Promise<Listener & { target: string }> {
  const listener = await listen({ network, port: 0, ...options });
  open.push(listener);
  return Object.assign(listener, { target: `127.0.0.1:${listener.port}` });
}

/** A server that accepts and sends nothing. @returns its target, and a promise of the first connection */
async function silent(): Promise<{ readonly target: string; readonly called: Promise<void> }> {
  const sockets = new Set<Socket>();
  let accept!: () => void;
  const called = new Promise<void>((resolve) => {
    accept = resolve;
  });
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    accept();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return { target: `127.0.0.1:${(server.address() as { port: number }).port}`, called };
}

async function file(name: string, content: string | object): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function objects({ stdout }: Finished): Record<string, unknown>[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Runs it with this on stdin. */
async function runWith(stdin: string, args: readonly string[]): Promise<Finished> {
  const child = startCli(args);
  child.stdin.end(stdin);
  return finished(child);
}

describe.concurrent('several targets', () => {
  it('are printed as a line each and as a table', async () => {
    const a = await node({ versionStr: 'v27.1.0 \u001b[31m' });
    const b = await node({ maxAuthenticatedConnections: 0 });
    const { code, stdout, stderr } = await runCli(['probe', a.target, b.target, CLOSED, ...ON_STANDALONE]);
    expect({ code, stderr }).toEqual({ code: 7, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(new RegExp(`^✓ ${a.target} +[\\d.]+ m?s \\(dns .*\\), first message .* ms, ping .* ms$`));
    expect(stdout).toMatch(/\n✗ 127\.0\.0\.1:1 +refused the connection: nothing listens there\.\n {2}Check that the node runs/);
    const table = lines.slice(lines.findIndex((line) => /^ +target +result +peer/.test(line)));
    expect(table[0]?.trim().split(/ {2,}/)).toEqual(['target', 'result', 'peer', 'version', 'overlay', 'clock (s)', 'time']);
    expect(table[1]?.split(/ {2,}/).slice(0, 6)).toEqual([
      '✓',
      a.target,
      'ok',
      `${a.peerID.slice(0, 5)}…${a.peerID.slice(-4)}`,
      'v27.1.0 ·[31m',
      '38–42',
    ]);
    expect(table[2]?.split(/ {2,}/).slice(0, 3)).toEqual(['✗', b.target, 'peer-full']);
    expect(table[3]?.split(/ {2,}/)).toEqual(['✗', CLOSED, 'connection-refused', '–', '–', '–', '–', '–']);
    expect(table.slice(4)).toEqual(['', '3 targets, 3 probes, 2 failed', '']);
  });

  it('are printed as JSON only with --json, in their order', async () => {
    const a = await node();
    const run = await runCli(['probe', CLOSED, a.target, ...ON_STANDALONE, '--json', '--concurrency', '1']);
    expect(run.code).toBe(7);
    expect(objects(run)).toMatchObject([
      { target: CLOSED, ok: false, role: 'WE_CALLED_REMOTE', error: { cause: 'connection-refused' } },
      { target: a.target, ok: true, timings: { firstMessageMs: expect.any(Number) } },
    ]);
    for (const result of objects(run)) expect(Object.keys(result)).not.toContain('round');
  });

  it('are probed once if named twice, and one target has no table', async () => {
    const a = await node();
    const { code, stdout } = await callCli(['probe', a.target, a.target, ...ON_STANDALONE]);
    expect(code).toBe(0);
    expect(stdout).toContain(`✓ ${a.target} answers and accepts us\n`);
    expect(stdout).not.toContain('1 target');
  });

  it('come from a file and from the command line together', async () => {
    const [a, b] = [await node(), await node()];
    const list = await file('targets.txt', `# ours\n\n${a.target} # the first\r\n${b.target}\n`);
    const run = await callCli(['--targets', list, CLOSED, ...ON_STANDALONE, '--json']);
    expect(objects(run).map(({ target, ok }) => [target, ok])).toEqual([
      [CLOSED, false],
      [a.target, true],
      [b.target, true],
    ]);
  });

  it('come from stdin', async () => {
    const a = await node();
    const run = await runWith(`${a.target}\n${CLOSED}\n`, ['probe', '--targets', '-', ...ON_STANDALONE, '--json']);
    expect(run.code).toBe(7);
    expect(objects(run).map(({ target }) => target)).toEqual([a.target, CLOSED]);
  });

  it.each([
    [
      'core.example\nno target\n',
      '✗ --targets: stdin: line 2: not a target: "no target"; write HOST, HOST:PORT or [IPv6]:PORT\n',
    ],
    ['# nothing\n', '✗ --targets: stdin: no target in it\n'],
  ])('are refused with exit code 2 and the line when the list is wrong: %j', async (list, message) => {
    const { code, stdout, stderr } = await runWith(list, ['--targets', '-']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('cause no warning when they are probed at the same time', async () => {
    const a = await silent();
    const port = a.target.split(':')[1];
    const list = Array.from({ length: 40 }, (_, at) => `127.0.0.${at + 1}:${port}`).join('\n');
    const run = await runWith(list, ['--targets', '-', '--concurrency', '40', '--timeout', '500ms', '--json']);
    expect(run.stderr).toBe('');
    expect(objects(run)).toHaveLength(40);
  });
});

describe.concurrent('several rounds', () => {
  it('are not refused as already connected when they use one identity', async () => {
    const a = await node();
    const seed = join(folder, 'rounds.seed');
    await NodeIdentity.random().writeSeedFile(seed);
    const run = await runCli([a.target, ...ON_STANDALONE, '--seed-file', seed, '--count', '5', '--interval', '1ms', '--json']);
    expect(run.code).toBe(0);
    expect(objects(run).map(({ ok, round }) => [ok, round])).toEqual([1, 2, 3, 4, 5].map((round) => [true, round]));
  });

  it('end with a table of median, maximum and losses, and the exit code of the only target', async () => {
    const { code, stdout } = await runCli([CLOSED, '--count', '3', '--interval', '1ms']);
    expect(code).toBe(3);
    expect(stdout.match(/^✗ [123]\/3 127\.0\.0\.1:1 {2}refused/gm)).toHaveLength(3);
    expect(stdout.match(/Check that the node runs/g)).toHaveLength(1);
    expect(stdout).toMatch(/ p50 +max +lost\n✗ {2}127\.0\.0\.1:1 +connection-refused.* – +– +3\/3\n/);
    expect(stdout).toContain('\n1 target, 3 probes, 3 failed\n');
  });

  it('end on Ctrl-C with the results so far, exit code 130 and a complete JUnit file', async () => {
    const [a, b] = [await node(), await silent()];
    const junit = join(folder, 'interrupted.xml');
    const child = startCli([a.target, b.target, '--count', '9', ...ON_STANDALONE, '--junit', junit]);
    const end = finished(child);
    await b.called;
    child.kill('SIGINT');
    const { code, stdout } = await end;
    expect(code).toBe(130);
    expect(stdout).toMatch(new RegExp(`\n[✓✗] {2}${b.target} +not probed `));
    const elements = xmlElements(await readFile(junit, 'utf8'));
    expect(elements.filter(({ name }) => name === 'testsuite').map(({ attributes }) => attributes.name)).toEqual([
      a.target,
      b.target,
    ]);
    expect(elements.some(({ name }) => name === 'skipped')).toBe(true);
  });

  it('end on Ctrl-C with the aborted probe as JSON', async () => {
    const b = await silent();
    const child = startCli([b.target, CLOSED, '--count', '9', '--json']);
    const next = jsonLines(child);
    const end = new Promise((resolve) => child.once('close', resolve));
    await b.called;
    child.kill('SIGINT');
    expect(await next()).toMatchObject({ target: b.target, round: 1, error: { code: 'OVERLAY_ABORTED' } });
    expect(await end).toBe(130);
  });
});

describe.concurrent('a policy', () => {
  it('makes probe print the verdicts, exit with 0, and use its network when it is met', async () => {
    const a = await node();
    const policy = await file('kept.json', {
      network: 'standalone',
      peers: { [a.target]: { peerID: a.peerID } },
      minOverlayVersion: 42,
      maxClockSkewSeconds: 60,
    });
    const { code, stdout } = await callCli([a.target, '--policy', policy]);
    expect(code).toBe(0);
    expect(stdout).toContain('\n  ✓ network: standalone\n');
    expect(stdout).toContain(`\n  ✓ peerID: ${a.peerID}\n`);
    expect(stdout).toContain('\n  ✓ minOverlayVersion: overlay 42, at least 42 wanted\n');
    expect(stdout).toContain('\n  ✓ maxClockSkewSeconds: ');
  });

  it('makes probe exit with 7, with a verdict for each rule in JSON, when it is not met', async () => {
    const a = await node();
    const policy = await file('broken.json', { minLedgerVersion: 28, minOverlayVersion: 1 });
    const run = await callCli([a.target, ...ON_STANDALONE, '--policy', policy, '--json']);
    expect(run.code).toBe(7);
    expect(objects(run)).toMatchObject([
      {
        ok: true,
        policy: [
          { rule: 'minLedgerVersion', ok: false, detail: 'ledger protocol 27, at least 28 wanted' },
          { rule: 'minOverlayVersion', ok: true },
        ],
      },
    ]);
  });

  it('does not change the exit code of a failed probe', async () => {
    const policy = await file('failed.json', { minLedgerVersion: 28 });
    const run = await callCli([CLOSED, '--policy', policy, '--json']);
    expect(run.code).toBe(3);
    expect(objects(run)).toMatchObject([{ policy: [{ rule: 'minLedgerVersion', ok: null, detail: 'no certificate was seen' }] }]);
  });

  it('has its verdicts on several targets in the table and in the JUnit file', async () => {
    const [a, b] = [await node(), await node({ overlayVersion: 40, versionStr: '<b>"&' })];
    const policy = await file('several.json', { minOverlayVersion: 41 });
    const junit = await file('several.xml', 'what was there before');
    const { code, stdout } = await runCli([a.target, b.target, ...ON_STANDALONE, '--policy', policy, '--junit', junit]);
    expect(code).toBe(7);
    expect(stdout).toContain('\n  ✗ minOverlayVersion: overlay 40, at least 41 wanted\n');
    expect(stdout).toMatch(new RegExp(`\n✗ {2}${b.target} +breaks minOverlayVersion `));
    expect(stdout).toContain('\n2 targets, 2 probes, 0 failed, 1 rule broken\n');
    const elements = xmlElements(await readFile(junit, 'utf8'));
    expect(elements[0]?.attributes).toMatchObject({ tests: '4', failures: '1' });
    expect(elements.filter(({ name }) => name === 'skipped')).toEqual([]);
    expect(elements.find(({ attributes }) => attributes.value === '<b>"&')?.attributes.name).toBe('versionStr');
  });

  it('makes probe exit with 2 and name the path of a wrong field', async () => {
    const wrong = await file('wrong.json', { peers: { 'a.example': { peerID: 3 } } });
    const { code, stdout, stderr } = await callCli([CLOSED, '--policy', wrong]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('peers["a.example"].peerID must be a G… key, not 3');
  });

  it('is not printed when it is a seed file by mistake', async () => {
    const seed = 'SAEBFML7QAWLWRCNJJM4JVQAUJ5LZMZXD6QYRHQEPVHO4A2HSP65Z7JY';
    const path = await file('seed.json', seed);
    for (const option of ['--policy', '--targets']) {
      const { code, stdout, stderr } = await callCli([CLOSED, option, path]);
      expect(code).toBe(2);
      expect(stdout + stderr).not.toContain(seed.slice(0, 8));
    }
  });
});

describe.concurrent('the options for many probes', () => {
  it.each([
    [['--count', '0']],
    [['--count', '1000001']],
    [['--count', 'twice']],
    [['--concurrency', '0']],
    [['--concurrency', '1001']],
    [['--interval', 'soon']],
    [['--targets', '/no/such/file']],
    [['--policy', '/no/such/file']],
    [['--junit', '/no/such/folder/file.xml']],
  ])('make probe exit with 2 and print the reason before it probes anything: %j', async (args) => {
    const { code, stdout, stderr } = await callCli([CLOSED, ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^✗ .+/);
    expect(stderr).not.toContain('    at ');
  });

  it('are in the help of probe', async () => {
    const { stdout } = await callCli(['probe', '--help']);
    for (const option of ['--targets', '--concurrency', '--count', '--interval', '--policy', '--junit'])
      expect(stdout).toContain(option);
  });
});
