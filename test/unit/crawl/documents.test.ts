/** docs/crawl.md: its commands load a crawl into the tools they name. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CrawlFile, CrawlResult } from '../../../src/crawl/index.ts';
import { mockNetwork } from '../../../src/testing/index.ts';
import { has } from '../../support/programs.ts';
import { crawlMock, QUICK } from './support.ts';

const doc = readFileSync(new URL('../../../docs/crawl.md', import.meta.url), 'utf8');
const commands = [...doc.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, command = '']) => command);

describe('docs/crawl.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'crawl-docs-'));
  const expected = new Map<string, number>();
  beforeAll(async () => {
    const mix = { silent: 0, drips: 0, 'no-auth': 0, 'queue-full': 0, slow: 0, 'unknown-network': 0 };
    await using mock = await mockNetwork({ ...QUICK, nodes: 60, seed: 6, mix });
    const { events } = await crawlMock(mock);
    const file = CrawlFile.create(join(folder, 'crawl.ndjson'));
    for (const event of events) file.write(event);
    file.close();
    for (const { outcome } of CrawlResult.of(events).nodes.values()) expected.set(outcome, (expected.get(outcome) ?? 0) + 1);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.skipIf(!has('sqlite3'))('loads a crawl into SQLite with its commands (needs sqlite3)', () => runs('sqlite3'));
  it.skipIf(!has('duckdb'))('loads a crawl into DuckDB with its commands (needs duckdb)', () => runs('duckdb'));

  function runs(tool: string): void {
    const command = commands.find((text) => text.startsWith(`${tool} `));
    const said = execFileSync('sh', ['-c', command as string], { cwd: folder, encoding: 'utf8' });
    const rows = [...said.matchAll(/([a-z][a-z0-9-]+)\W+(\d+)/g)].map(([, outcome, count]): [string, number] => [
      outcome as string,
      Number(count),
    ]);
    for (const [outcome, count] of expected) expect(rows).toContainEqual([outcome, count]);
  }
});
