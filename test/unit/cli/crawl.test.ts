/** `crawl` as a process: lines, files, interruptions of every kind, exit codes. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { CrawlResult, graphml, readCrawlFile } from '../../../src/crawl/index.ts';
import { networks } from '../../../src/index.ts';
import { type MockNetwork, type MockNetworkNode, mockNetwork } from '../../../src/testing/index.ts';
import { callCli, finished, jsonLines, runCli, startCli } from '../../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'crawl-cli-'));
const started: ReturnType<typeof startCli>[] = [];
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

let files = 0;
const fresh = (): string => join(folder, `${++files}.ndjson`);
const OVERWRITTEN = join(folder, 'same');
const EXPORTED = join(folder, 'exported');
/** A file of a crawl without results. */
const START = `${JSON.stringify({
  type: 'crawl',
  version: 1,
  network: 'standalone',
  networkID: networks.standalone.networkID,
  seeds: ['127.0.0.1:1'],
  startedAt: '2026-01-01T00:00:00.000Z',
  peerID: 'G',
  options: {},
})}\n`;
/** Only nodes that answer at once. */
const PROMPT = { silent: 0, drips: 0, 'no-auth': 0, 'queue-full': 0, slow: 0, 'unknown-network': 0 } as const;

function args(mock: MockNetwork, ...more: readonly string[]): string[] {
  return [
    'crawl',
    mock.nodes[0]?.address as string,
    '--network',
    'standalone',
    '--allow',
    mock.range,
    '--timeout',
    '5s',
    ...more,
  ];
}

/** Checks that a file has each node as the mock network has it. */
function expectAll(mock: MockNetwork, file: string): void {
  const { nodes } = CrawlResult.of(readCrawlFile(file));
  const said = ({ address }: MockNetworkNode): string => {
    const line = nodes.get(address);
    const proved = line?.outcome === 'ok' || line?.outcome === 'peer-full';
    return JSON.stringify([address, line?.outcome, proved ? line.peerID : '', line?.peers ?? []]);
  };
  const is = ({ address, outcome, peerID, names }: MockNetworkNode): string => {
    const proved = outcome === 'ok' || outcome === 'peer-full';
    return JSON.stringify([address, outcome, proved ? peerID : '', names]);
  };
  expect(mock.nodes.map(said)).toEqual(mock.nodes.map(is));
}

describe('crawl', () => {
  let mock: MockNetwork;
  beforeAll(async () => {
    mock = await mockNetwork({ nodes: 120, seed: 3, mix: PROMPT, inventions: 100 });
  });
  afterAll(() => mock.close());

  it('prints the same lines to stdout and to its file with --json', async () => {
    const file = fresh();
    const { code, stdout, stderr } = await runCli(args(mock, '--json', '--out', file, '--version-str', 'crawler of nobody'));
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toBe(readFileSync(file, 'utf8'));
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ type: 'crawl', version: 1, options: { versionStr: 'crawler of nobody', timeoutMs: 5_000 } });
    expect(lines.at(-1)).toMatchObject({ type: 'end', finished: true });
    for (const line of lines) expect(Object.keys(line)[0]).toBe('type');
    expectAll(mock, file);
  });

  it('prints a summary', async () => {
    const { code, stdout } = await callCli(args(mock));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^✓ standalone: \d+ addresses crawled in [\d.]+ s; \d+ of them accept us$/m);
    expect(stdout).toMatch(/connection-refused +\d+\n +Check that the node runs/);
    expect(stdout).toMatch(/validating +9\n/);
    expect(stdout).toMatch(/delayed +1\n +G\w{55} is at ledger 50000000\n/);
  });

  it('continues after SIGKILL with --resume, with the same result, and does not dial known nodes again', async () => {
    const file = fresh();
    let resume: string[] | undefined;
    for (const lines of [1, 17, 40]) {
      const child = startCli(resume ?? args(mock, '--json', '--out', file, '--concurrency', '8'));
      started.push(child);
      const reader = createInterface({ input: child.stdout });
      let seen = 0;
      for await (const _line of reader) if (++seen === lines) break;
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
      resume = ['crawl', '--resume', file, '--json'];
    }
    // As if the last line had been cut short, too.
    writeFileSync(file, '{"type":"node","address":"127.', { flag: 'a' });
    const known = new Set([...CrawlResult.of(readCrawlFile(file)).nodes.keys()]);
    expect(known.size).toBeGreaterThan(10);
    expect(known.size).toBeLessThan(mock.nodes.length);
    const before = mock.nodes.map(({ connects }) => connects);
    expect((await runCli(resume as string[])).code).toBe(0);
    const again = mock.nodes.filter(({ address, connects }, i) => known.has(address) && connects !== before[i]);
    expect(again.map(({ address }) => address)).toEqual([]);
    expectAll(mock, file);
    expect(CrawlResult.of(readCrawlFile(file)).end).toMatchObject({ finished: true, counts: { left: 0 } });
    const states = CrawlResult.of(readCrawlFile(file)).validators;
    expect(mock.validators.map(({ peerID }) => states.get(peerID)?.state)).toEqual(mock.validators.map(({ state }) => state));
  });

  it.concurrent('refuses to write into the file of another running crawl', async () => {
    const silent = await mockNetwork({ nodes: 60, seed: 4, mix: { ...PROMPT, silent: 300 }, inventions: 10 });
    try {
      const file = fresh();
      const child = startCli([...args(silent, '--out', file, '--json'), '--timeout', '60s']);
      started.push(child);
      const next = jsonLines(child);
      while ((await next()).outcome !== 'ok');
      const second = await runCli(['crawl', '--resume', file]);
      expect(second).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/is being written by another crawl/) });
      // Ctrl-C ends it although silent nodes are waited for, with everything that was found.
      child.kill('SIGINT');
      expect((await finished(child)).code).toBe(130);
      const lines = [...readCrawlFile(file)];
      expect(lines.at(-1)).toMatchObject({ type: 'end', finished: false });
      expect(lines.some((line) => line.type === 'node' && line.outcome === 'ok')).toBe(true);
      expect(lines.some((line) => line.type === 'node' && line.outcome === 'aborted')).toBe(false);
      const third = await runCli(['crawl', '--resume', file, '--timeout', '5s', '--json']);
      expect(third.code).toBe(0);
      expectAll(silent, file);
    } finally {
      await silent.close();
    }
  });

  it.concurrent('writes the exports of what was found when it is interrupted', async () => {
    const silent = await mockNetwork({ nodes: 60, seed: 6, mix: { ...PROMPT, silent: 300 }, inventions: 10 });
    try {
      const [file, html, xml] = [fresh(), `${fresh()}.html`, `${fresh()}.graphml`];
      const more = ['--out', file, '--json', '--html', html, '--graphml', xml];
      const child = startCli([...args(silent, ...more), '--timeout', '60s']);
      started.push(child);
      const next = jsonLines(child);
      while ((await next()).outcome !== 'ok');
      child.kill('SIGINT');
      expect((await finished(child)).code).toBe(130);
      const result = CrawlResult.of(readCrawlFile(file));
      expect(result.end).toMatchObject({ finished: false });
      expect(readFileSync(xml, 'utf8')).toBe(graphml(result));
      expect(readFileSync(html, 'utf8')).toContain(silent.nodes[0]?.address);
      expect((await runCli(['crawl', '--resume', file, '--timeout', '5s', '--json'])).code).toBe(0);
      expectAll(silent, file);
    } finally {
      await silent.close();
    }
  });

  it.skipIf(process.platform === 'win32').concurrent(
    'reports a full disk, and continues with --resume when there is space',
    async () => {
      const file = fresh();
      const command = [process.execPath, inject('cli'), ...args(mock, '--out', file)];
      // 32 blocks of 512 bytes, or of 1,024: less than a crawl needs.
      const child = spawn('sh', ['-c', 'ulimit -f 32; exec "$@"', 'sh', ...command]);
      const { code, stderr } = await finished(child);
      expect(stderr).toMatch(/cannot be written, there is no space left \(E\w+\).*continue with --resume/);
      expect(code).toBe(8);
      expect(statSync(file).size).toBeGreaterThan(0);
      expect(readFileSync(file, 'utf8').endsWith('\n')).toBe(true);
      expect((await runCli(['crawl', '--resume', file])).code).toBe(0);
      expectAll(mock, file);
    },
  );

  it('dials at most --max-nodes nodes, lists the others as not dialled, and dials them after --resume', async () => {
    const file = fresh();
    expect((await callCli(args(mock, '--max-nodes', '10', '--out', file))).code).toBe(0);
    const some = CrawlResult.of(readCrawlFile(file));
    const dialled = [...some.nodes.values()].filter(({ outcome }) => outcome !== 'not-dialled' && outcome !== 'not-allowed');
    expect(dialled).toHaveLength(10);
    expect([...some.nodes.values()].some(({ outcome }) => outcome === 'not-dialled')).toBe(true);
    const more = fresh();
    expect((await runCli(['crawl', '--resume', file, '--out', more, '--max-nodes', '10000'])).code).toBe(0);
    expectAll(mock, more);
    expect(CrawlResult.of(readCrawlFile(file)).nodes.size).toBe(some.nodes.size);
    expect((await callCli(['crawl', '--resume', file, '--out', file, '--max-nodes', '11'])).code).toBe(0);
  });

  it('exits with the code of the first seed when no seed answers', async () => {
    const of = (kind: string): string => mock.nodes.find((node) => node.kind === kind)?.address as string;
    const common = ['--network', 'standalone', '--allow', mock.range];
    expect((await runCli(['crawl', of('refused'), ...common])).code).toBe(3);
    expect((await callCli(['crawl', of('cert-invalid'), ...common])).code).toBe(6);
    expect((await callCli(['crawl', of('refused'), of('full'), ...common, '--max-nodes', '4'])).code).toBe(0);
  });

  it.each(['[::ffff:127.0.0.1]:1', '[0:0::1]:1', 'No-Such-Name.INVALID'])(
    'exits with this code for any spelling of a seed: %s',
    async (seed) => {
      expect((await callCli(['crawl', seed, '--network', 'standalone'])).code).toBe(3);
    },
  );

  it('exits with the code of the first named seed, even if another one fails earlier', async () => {
    const of = (kind: string): string => mock.nodes.find((node) => node.kind === kind)?.address as string;
    expect((await callCli(['crawl', of('cert-invalid'), of('refused'), '--network', 'standalone'])).code).toBe(6);
    expect((await callCli(['crawl', of('refused'), of('cert-invalid'), '--network', 'standalone'])).code).toBe(3);
  });

  it.each([
    [['crawl'], /name a node to begin with/],
    [['crawl', 'a:1', '--allow', 'nonsense'], /not a range of addresses/],
    [['crawl', 'a:1', '--concurrency', '0'], /concurrency/],
    [['crawl', 'a:1', '-4', '-6'], /-4 and -6 exclude each other/],
    [['crawl', '--resume', '/nowhere/x'], /ENOENT/],
    [['crawl', 'a:1', '--graphml', '/nowhere/x'], /--graphml: .*ENOENT/],
    [['crawl', 'a:1', '--quorum-set', '/nowhere/x'], /--quorum-set/],
    [['crawl', 'a:1', '--out', OVERWRITTEN, '--html', OVERWRITTEN], /--html and --out name the same file/],
    [
      ['crawl', 'a:1', '--graphml', OVERWRITTEN, '--html', `${folder}/../${basename(folder)}/same`],
      /--graphml and --html name the same/,
    ],
    [['crawl', 'export', EXPORTED, '--html', EXPORTED], /--html and the crawl name the same file/],
    [['crawl', '--resume', EXPORTED, '--html', EXPORTED], /--html and --resume name the same file/],
    // In a folder that does not exist.
    [['crawl', 'export', '/no/such/folder', '--html', OVERWRITTEN], /\/no\/such\/folder: ENOENT/],
    [['crawl', 'a:1', '--out', '/no/such/folder', '--html', OVERWRITTEN], /\/no\/such\/folder: ENOENT/],
    [['crawl', '--resume', '/no/such/folder', '--html', OVERWRITTEN], /\/no\/such\/folder: ENOENT/],
    [['crawl', 'diff', '/nowhere/x', '/nowhere/y'], /ENOENT/],
  ])('refuses %j with exit code 2', async (given, message) => {
    writeFileSync(EXPORTED, START);
    expect(await callCli(given)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
    // Nothing was created or changed.
    expect(readFileSync(EXPORTED, 'utf8')).toBe(START);
    expect(existsSync(OVERWRITTEN)).toBe(false);
  });

  it.each<[string, string, RegExp]>([
    ['text', 'hello\n', /there is no crawl in it\n {2}Name a file that crawl --out has written\./],
    [
      'results of probe',
      '{"target":"a:1","ok":true}\n',
      /there is no crawl in it\n {2}Name a file that crawl --out has written\./,
    ],
    ['a later version', '{"type":"crawl","version":2}\n', /line 1 has version 2 .*\n {2}Read it with a newer version/],
    ['a wrong line', `${START}hello\n${START}`, /line 2 is not JSON\n {2}The file was changed or damaged\./],
  ])('refuses a file with %s, says why and what to do, and leaves it unchanged', async (_name, text, message) => {
    const [file, good] = [fresh(), fresh()];
    writeFileSync(file, text);
    writeFileSync(good, START);
    for (const command of [
      ['crawl', '--resume', file],
      ['crawl', 'export', file],
      ['crawl', 'export', file, '--html', `${file}.html`],
      ['crawl', 'diff', good, file],
      ['crawl', 'diff', file, good],
    ])
      expect(await callCli(command)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(existsSync(`${file}.html`)).toBe(false);
    expect(existsSync(`${file}.lock`)).toBe(false);
  });

  it('refuses to continue or compare a crawl of another network, and says of which one it is', async () => {
    const [file, other] = [fresh(), fresh()];
    writeFileSync(file, START);
    const { networkID } = networks.testnet;
    writeFileSync(other, `${JSON.stringify({ ...JSON.parse(START), network: 'testnet', networkID })}\n`);
    expect(await callCli(['crawl', '--resume', other, '--network', 'standalone'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/--network: .* is a crawl of testnet\n {2}Leave --network out to continue it\./),
    });
    expect(await callCli(['crawl', 'diff', file, other])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/the first crawl is of standalone, the second of testnet\n {2}A file has the crawls of one/),
    });
    expect(readFileSync(other, 'utf8').split('\n')).toHaveLength(2);
  });

  it('leaves no file when a command was wrong, so that the corrected command can create it', async () => {
    const file = fresh();
    expect(await callCli(['crawl', '--out', file])).toMatchObject({ code: 2, stderr: expect.stringMatching(/name a node/) });
    expect(existsSync(file)).toBe(false);
    expect(existsSync(`${file}.lock`)).toBe(false);
  });
});
