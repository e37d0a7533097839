/** The examples of docs/testing.md and examples/ run unchanged and have the documented results. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { MockPeer } from '../../../src/testing/index.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const doc = await readFile(join(ROOT, 'docs/testing.md'), 'utf8');

async function node(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', ...args], { cwd: ROOT, encoding: 'utf8' });
  return stdout;
}

describe('docs/testing.md', () => {
  it('has examples that run', { timeout: 60_000 }, async () => {
    const blocks = [...doc.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);
    expect(blocks.length).toBeGreaterThan(8);
    const isImport = /^import .*;\n/gm;
    const imports = [...new Set(blocks.flatMap((code) => code.match(isImport) ?? []))];
    const [first = '', ...rest] = blocks.map((code) => code.replace(isImport, ''));
    const scopes = rest.map((code) => `{\n${code}}\n`);
    const program = [...imports, first, ...scopes, "console.log('all of them');\n"]
      .join('')
      .replaceAll("'stellar-handshake/testing'", JSON.stringify(join(ROOT, 'src/testing/index.ts')))
      .replaceAll("'stellar-handshake'", JSON.stringify(join(ROOT, 'src/index.ts')));
    const directory = await mkdtemp(join(tmpdir(), 'stellar-handshake-docs-'));
    try {
      const file = join(directory, 'examples.mts');
      await writeFile(file, program);
      expect(await node(file)).toBe('all of them\n');
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('names every method of a mock peer', () => {
    const words = Object.getOwnPropertyNames(MockPeer.prototype).filter((word) => word !== 'constructor');
    expect(words.length).toBeGreaterThan(15);
    expect(words.filter((word) => !new RegExp(`\`${word}[\`(]`).test(doc))).toEqual([]);
  });
});

it('examples/message-port-demo.ts completes a handshake over a MessagePort', { timeout: 60_000 }, async () => {
  const said = await node('examples/message-port-demo.ts');
  expect(said).toMatch(/^authenticated: G[A-Z2-7]{55} \(message-port example\)\nthe other end has received GET_SCP_STATE\n/);
  expect(said).toContain('ended: OVERLAY_CLOSED here, OVERLAY_CONNECTION_CLOSED there');
});

it('examples/ledger-monitor.test.ts passes', { timeout: 60_000 }, async () => {
  const said = await node('--test', 'examples/ledger-monitor.test.ts');
  expect(said).toMatch(/pass [1-9]/);
  expect(said).toMatch(/fail 0/);
});
