/** The crawl of a file in /metrics: numbers by outcome, version and state, and the metrics while there is no file. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { type CrawlEvent, CrawlFile, CrawlResult, readCrawlFile } from '../../../src/crawl/index.ts';
import { NodeIdentity, networks } from '../../../src/index.ts';
import { mockNetwork } from '../../../src/testing/index.ts';
import { startCli } from '../../support/cli.ts';
import { ask, exporter } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'crawl-metrics-'));
afterAll(() => rmSync(folder, { recursive: true }));

const remote = (versionStr: string) => ({ versionStr, ledgerVersion: 27, overlayVersion: 42, overlayMinVersion: 38 }) as never;
const key = (n: number): string => NodeIdentity.fromSeed(new Uint8Array(32).fill(n)).peerID;
const START: CrawlEvent = {
  type: 'crawl',
  version: 1,
  network: 'standalone',
  networkID: networks.standalone.networkID,
  seeds: [],
  startedAt: '2026-01-01T00:00:00.000Z',
  peerID: key(1),
  options: { allow: [], concurrency: 1, rate: 1, timeoutMs: 1, validators: true, secondLook: true },
};
const validator = (n: number, state: 'validating' | 'delayed', weighed: boolean): CrawlEvent => ({
  type: 'validator',
  peerID: key(n),
  state,
  validating: state === 'validating',
  heardFrom: [],
  weighed,
});
const LINES: readonly CrawlEvent[] = [
  START,
  { type: 'node', address: '10.0.0.1:1', outcome: 'connect-timeout' },
  { type: 'node', address: '10.0.0.1:1', outcome: 'ok', remote: remote('v27') },
  { type: 'node', address: '10.0.0.2:1', outcome: 'ok', remote: remote('v27') },
  { type: 'node', address: '10.0.0.3:1', outcome: 'peer-full', remote: remote('v"\n\u001b') },
  { type: 'node', address: '10.0.0.4:1', outcome: 'connection-refused' },
  validator(1, 'validating', true),
  validator(2, 'delayed', true),
  validator(3, 'validating', false),
];
const END = { type: 'end', finished: true, counts: { left: 0 } as never, seconds: 1, ledgerSeq: 77 } as const;

describe('the metrics of a crawl file', () => {
  it('count the last line of each address', async () => {
    const path = join(folder, 'a.ndjson');
    const file = CrawlFile.create(path);
    for (const line of LINES) file.write(line);
    await using exporting = await exporter({ crawlFile: path });
    const before = await ask(exporting, '/metrics');
    expect(before.samples.get('stellar_crawl_finished')).toBe(0);
    file.write(END);
    file.close();
    const { samples, text } = await ask(exporting, '/metrics');
    expect(Object.fromEntries([...samples].filter(([name]) => name.startsWith('stellar_crawl_')))).toEqual({
      stellar_crawl_readable: 1,
      'stellar_crawl_info{network="standalone"}': 1,
      stellar_crawl_finished: 1,
      stellar_crawl_start_timestamp_seconds: 1_767_225_600,
      stellar_crawl_ledger_sequence: 77,
      'stellar_crawl_nodes{outcome="ok"}': 2,
      'stellar_crawl_nodes{outcome="peer-full"}': 1,
      'stellar_crawl_nodes{outcome="connection-refused"}': 1,
      'stellar_crawl_node_versions{version="v27"}': 2,
      'stellar_crawl_node_versions{version="v\\"··"}': 1,
      'stellar_crawl_validators{state="validating",weighed="true"}': 1,
      'stellar_crawl_validators{state="delayed",weighed="true"}': 1,
      'stellar_crawl_validators{state="disagrees",weighed="true"}': 0,
      'stellar_crawl_validators{state="missing",weighed="true"}': 0,
      'stellar_crawl_validators{state="validating",weighed="false"}': 1,
    });
    expect(text).not.toContain('\u001b');
  });

  it('are absent until the file exists, and after it is replaced by another file', async () => {
    const path = join(folder, 'later.ndjson');
    await using exporting = await exporter({ crawlFile: path });
    const readable = async (): Promise<number | undefined> =>
      (await ask(exporting, '/metrics')).samples.get('stellar_crawl_readable');
    expect(await readable()).toBe(0);
    const file = CrawlFile.create(path);
    file.write(START);
    file.close();
    expect(await readable()).toBe(1);
    writeFileSync(path, 'something else entirely\n');
    expect(await readable()).toBe(0);
    expect((await ask(exporting, '/metrics')).text).not.toContain('something else');
  });

  it('have at most 51 series of versions', async () => {
    const path = join(folder, 'many.ndjson');
    const file = CrawlFile.create(path);
    file.write(START);
    for (let i = 0; i < 500; i++)
      file.write({ type: 'node', address: `10.1.${i >> 8}.${i & 255}:1`, outcome: 'ok', remote: remote(`v${i}`) });
    file.close();
    await using exporting = await exporter({ crawlFile: path });
    const { samples } = await ask(exporting, '/metrics');
    const versions = [...samples].filter(([name]) => name.startsWith('stellar_crawl_node_versions'));
    expect(versions).toHaveLength(51);
    expect(samples.get('stellar_crawl_node_versions{version="other"}')).toBe(450);
  });

  it.each<[string, (path: string) => void]>([
    ['a pipe that nobody writes to', (path) => execFileSync('mkfifo', [path])],
    ['a directory', (path) => mkdirSync(path)],
    ['a file that is too large', (path) => truncateSync(path, 2 ** 31)],
  ])('are absent when the file is %s, and the exporter still answers', async (name, make) => {
    const path = join(folder, `odd ${name}`);
    if (name.startsWith('a file')) writeFileSync(path, `${JSON.stringify(START)}\n`);
    make(path);
    await using exporting = await exporter({ crawlFile: path });
    const { samples } = await ask(exporting, '/metrics');
    expect(samples.get('stellar_crawl_readable')).toBe(0);
  });

  it('are updated while the file is written: incomplete lines are read later, and no line twice', async () => {
    const path = join(folder, 'growing.ndjson');
    const node = (n: number, outcome: string): string =>
      `${JSON.stringify({ type: 'node', address: `10.2.0.${n}:1`, outcome })}\n`;
    writeFileSync(path, `${JSON.stringify(START)}\n${node(1, 'ok')}`);
    await using exporting = await exporter({ crawlFile: path });
    const outcomes = async (): Promise<object> => {
      const { samples } = await ask(exporting, '/metrics');
      return Object.fromEntries([...samples].filter(([name]) => name.startsWith('stellar_crawl_nodes')));
    };
    expect(await outcomes()).toEqual({ 'stellar_crawl_nodes{outcome="ok"}': 1 });
    const half = node(2, 'peer-full').slice(0, 30);
    appendFileSync(path, half);
    expect(await outcomes()).toEqual({ 'stellar_crawl_nodes{outcome="ok"}': 1 });
    appendFileSync(path, node(2, 'peer-full').slice(30));
    expect(await outcomes()).toEqual({
      'stellar_crawl_nodes{outcome="ok"}': 1,
      'stellar_crawl_nodes{outcome="peer-full"}': 1,
    });
    // A resumed crawl has another key, and adds lines about addresses that are known.
    appendFileSync(path, `${JSON.stringify({ ...START, peerID: key(9) })}\n${node(1, 'peer-full')}`);
    expect(await outcomes()).toEqual({ 'stellar_crawl_nodes{outcome="peer-full"}': 2 });
    appendFileSync(path, node(3, 'ok'));
    expect(await outcomes()).toMatchObject({ 'stellar_crawl_nodes{outcome="peer-full"}': 2 });
  });

  it('begin again when the file contains another crawl', async () => {
    const path = join(folder, 'other.ndjson');
    const file = CrawlFile.create(path);
    for (const line of LINES) file.write(line);
    file.close();
    await using exporting = await exporter({ crawlFile: path });
    expect((await ask(exporting, '/metrics')).samples.get('stellar_crawl_nodes{outcome="ok"}')).toBe(2);
    const { size } = statSync(path);
    const other = `${JSON.stringify({ ...START, startedAt: '2026-02-02T00:00:00.000Z' })}\n`;
    writeFileSync(
      `${path}.new`,
      other + JSON.stringify({ type: 'node', address: '10.3.0.1:1', outcome: 'ok', at: 'x'.repeat(size) }),
    );
    appendFileSync(`${path}.new`, '\n');
    // The same inode, as a file system may give it to a new file.
    writeFileSync(path, readFileSync(`${path}.new`));
    rmSync(`${path}.new`);
    expect((await ask(exporting, '/metrics')).samples.get('stellar_crawl_nodes{outcome="ok"}')).toBe(1);
    renameSync(path, `${path}.gone`);
    expect((await ask(exporting, '/metrics')).samples.get('stellar_crawl_readable')).toBe(0);
  });

  it('show the nodes of the file that replaces it, even if its first line is the same', async () => {
    const path = join(folder, 'replaced.ndjson');
    const node = (n: number): string => `${JSON.stringify({ type: 'node', address: `10.4.0.${n}:1`, outcome: 'ok' })}\n`;
    const first = `${JSON.stringify(START)}\n`;
    writeFileSync(path, first + node(1) + node(2));
    await using exporting = await exporter({ crawlFile: path });
    const count = async (): Promise<number | undefined> =>
      (await ask(exporting, '/metrics')).samples.get('stellar_crawl_nodes{outcome="ok"}');
    expect(await count()).toBe(2);
    // Another file, which has as many bytes at the beginning, and other nodes.
    writeFileSync(`${path}.new`, first + node(3) + node(4) + node(5));
    renameSync(`${path}.new`, path);
    expect(await count()).toBe(3);
    // The same file, whose lines end elsewhere.
    writeFileSync(path, first + [6, 7, 8, 9].map((n) => node(n).replace('{', '{     ')).join(''));
    expect(await count()).toBe(4);
    // Truncated in a line, then continued as a resumed crawl does.
    truncateSync(path, statSync(path).size - 10);
    expect(await count()).toBe(3);
    const file = CrawlFile.resume(path);
    file.write({ type: 'node', address: '10.4.0.10:1', outcome: 'ok' });
    expect(await count()).toBe(4);
    file.close();
  });

  it('follow a running crawl, its end by SIGKILL, and the crawl that continues it', async () => {
    await using mock = await mockNetwork({ nodes: 60, seed: 12, mix: PROMPT, inventions: 10 });
    const path = join(folder, 'running.ndjson');
    await using exporting = await exporter({ crawlFile: path });
    /** Checks after each line of the process that the metrics are those of the lines so far, at least. */
    const follow = async (args: readonly string[], lines: number): Promise<void> => {
      const child = startCli(['crawl', ...args, '--json']);
      const over = once(child, 'close');
      const known = new Set<string>();
      let seen = 0;
      for await (const text of createInterface({ input: child.stdout })) {
        const line = JSON.parse(text) as { readonly type: string; readonly address?: string };
        if (line.address !== undefined) known.add(line.address);
        const { samples } = await ask(exporting, '/metrics');
        expect(samples.get('stellar_crawl_readable')).toBe(1);
        expect(sum(samples)).toBeGreaterThanOrEqual(known.size);
        if (++seen === lines) child.kill('SIGKILL');
      }
      await over;
    };
    const seed = mock.nodes[0]?.address as string;
    await follow([seed, '--network', 'standalone', '--allow', mock.range, '--concurrency', '4', '--out', path], 10);
    expect((await ask(exporting, '/metrics')).samples.get('stellar_crawl_finished')).toBe(0);
    await follow(['--resume', path], Number.POSITIVE_INFINITY);
    const { samples } = await ask(exporting, '/metrics');
    expect(samples.get('stellar_crawl_finished')).toBe(1);
    expect(sum(samples)).toBe(CrawlResult.of(readCrawlFile(path)).nodes.size);
  });

  it('are absent when no file is named', async () => {
    await using exporting = await exporter();
    expect((await ask(exporting, '/metrics')).text).not.toContain('stellar_crawl');
  });
});

/** Only nodes that answer at once. */
const PROMPT = { silent: 0, drips: 0, 'no-auth': 0, 'queue-full': 0, slow: 0, 'unknown-network': 0 } as const;

/** Number of nodes, of every outcome. */
function sum(samples: ReadonlyMap<string, number>): number {
  let nodes = 0;
  for (const [name, value] of samples) if (name.startsWith('stellar_crawl_nodes{')) nodes += value;
  return nodes;
}
