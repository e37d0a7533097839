/** Exports of a crawl: GraphML, quorum sets, nodes, differences, health. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkExports, writeExports } from '../../../src/cli/crawl-exports.ts';
import type { Output } from '../../../src/cli/output.ts';
import {
  type CrawlEvent,
  CrawlFile,
  CrawlResult,
  diffCrawls,
  graphml,
  type NodeLine,
  quorumHealth,
  quorumJson,
  stellarbeatJson,
} from '../../../src/crawl/index.ts';
import { decodePublicKey } from '../../../src/protocol/strkey.ts';
import type { SCPQuorumSet } from '../../../src/protocol/wire/messages.ts';
import { type MockNetwork, mockNetwork } from '../../../src/testing/index.ts';
import { callCli, runCli } from '../../support/cli.ts';
import { xmlElements } from '../../support/xml.ts';
import { crawlMock, QUICK } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'crawl-exports-'));
// To find it takes a tenth of the time that its import takes.
const FIND = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("networkx") is None)';
const hasNetworkX = spawnSync('python3', ['-c', FIND]).status === 0;

let mock: MockNetwork;
let events: readonly CrawlEvent[];
let result: CrawlResult;
let file: string;
beforeAll(async () => {
  const mix = { silent: 0, drips: 0, 'no-auth': 0, 'queue-full': 0, slow: 0, 'unknown-network': 0 };
  mock = await mockNetwork({ ...QUICK, nodes: 100, seed: 5, mix });
  ({ events } = await crawlMock(mock));
  result = CrawlResult.of(events);
  file = write(events);
}, 60_000);
afterAll(async () => {
  await mock.close();
  rmSync(folder, { recursive: true });
});

let files = 0;
function write(lines: Iterable<CrawlEvent>): string {
  const path = join(folder, `${++files}.ndjson`);
  const out = CrawlFile.create(path);
  for (const line of lines) out.write(line);
  out.close();
  return path;
}

describe('the GraphML export', () => {
  it('has a node for each address, an edge for each entry in PEERS, and typed attributes', () => {
    const elements = xmlElements(graphml(result));
    const nodes = elements.filter(({ name }) => name === 'node');
    expect(nodes.map(({ attributes }) => attributes.id).sort()).toEqual([...result.nodes.keys()].sort());
    const types = elements
      .filter(({ name }) => name === 'key')
      .map(({ attributes }) => [attributes['attr.name'], attributes['attr.type']]);
    expect(Object.fromEntries(types)).toMatchObject({
      outcome: 'string',
      overlayVersion: 'long',
      validating: 'boolean',
      handshakeMs: 'double',
    });
    const edges = elements.filter(({ name }) => name === 'edge').length;
    // Names that mean the same address are one edge.
    const names = mock.nodes.reduce((sum, node) => sum + node.names.length, 0);
    expect(edges).toBeGreaterThan(0.95 * names);
    expect(edges).toBeLessThanOrEqual(names);
  });

  it('has no character that XML forbids, for any version text of a node', () => {
    const [node] = [...result.nodes.values()].filter(({ outcome }) => outcome === 'ok') as [NodeLine];
    const versionStr = 'a\u0000\u0001\u001b\ud800\ufffe\uffff<&"\'>]]>\u202e';
    const odd = CrawlResult.of([...events, { ...node, remote: { ...(node.remote as object), versionStr } } as NodeLine]);
    const text = graphml(odd);
    const codes = Array.from(text, (character) => character.codePointAt(0) as number);
    // XML 1.0, section 2.2.
    const isLegal = (code: number): boolean =>
      [9, 10, 13].includes(code) || (code >= 32 && code < 0xd800) || (code > 0xdfff && code < 0xfffe) || code > 0xffff;
    expect(codes.filter((code) => !isLegal(code))).toEqual([]);
    expect(text).not.toContain('\u202e');
    expect(() => xmlElements(text)).not.toThrow();
    writeFileSync(join(folder, 'odd.graphml'), text);
    if (hasNetworkX) expect(python('odd.graphml').status).toBe(0);
  });

  it.skipIf(!hasNetworkX)('is read by NetworkX (needs python3 with networkx)', () => {
    writeFileSync(join(folder, 'a.graphml'), graphml(result));
    const { stdout, stderr } = python('a.graphml');
    expect(stderr).toBe('');
    const read = JSON.parse(stdout) as { nodes: Record<string, Record<string, unknown>>; edges: number; directed: boolean };
    expect(Object.keys(read.nodes).sort()).toEqual([...result.nodes.keys()].sort());
    expect(read.directed).toBe(true);
    for (const [address, { outcome, peerID, overlayVersion }] of Object.entries(read.nodes)) {
      const line = result.nodes.get(address);
      expect([outcome, peerID, overlayVersion]).toEqual([line?.outcome, line?.peerID, line?.remote?.overlayVersion]);
    }
  });

  function python(name: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
    const script = `import networkx, json
g = networkx.read_graphml(${JSON.stringify(join(folder, name))})
print(json.dumps({"nodes": dict(g.nodes(data=True)), "edges": g.number_of_edges(), "directed": g.is_directed()}))`;
    return spawnSync('python3', ['-W', 'ignore', '-c', script], { encoding: 'utf8' });
  }
});

describe('the quorum set export for stellar-core', () => {
  it('has t and v, validators first; a validator without one is left out', () => {
    const document = JSON.parse(quorumJson(result)) as { nodes: { node: string; qset: CoreSet }[] };
    expect(Object.keys(document)).toEqual(['nodes']);
    const known = mock.validators.filter(({ state }) => state !== 'missing');
    expect(document.nodes.map(({ node }) => node).sort()).toEqual(known.map(({ peerID }) => peerID).sort());
    for (const one of document.nodes) {
      expect(Object.keys(one)).toEqual(['node', 'qset']);
      expect(back(one.qset)).toEqual(known.find(({ peerID }) => peerID === one.node)?.quorumSet);
    }
  });

  it('has the fields that stellar-core reads, and no others', () => {
    // HerderUtils.cpp parseQuorumMapFromJson and LocalNode::fromJson refuse everything else.
    const check = (qset: CoreSet): void => {
      expect(Number.isInteger(qset.t) && qset.t >= 0 && qset.t <= 0xffffffff).toBe(true);
      expect(Array.isArray(qset.v)).toBe(true);
      for (const entry of qset.v) {
        if (typeof entry === 'object') check(entry);
        else expect(() => decodePublicKey(entry)).not.toThrow();
      }
    };
    const { nodes } = JSON.parse(quorumJson(result)) as { nodes: { node: string; qset: CoreSet }[] };
    expect(nodes.some(({ qset }) => qset.v.some((entry) => typeof entry === 'object'))).toBe(true);
    for (const { node, qset } of nodes) {
      expect(() => decodePublicKey(node)).not.toThrow();
      check(qset);
    }
    expect(new Set(nodes.map(({ node }) => node)).size).toBe(nodes.length);
    expect(JSON.parse(quorumJson(new CrawlResult()))).toEqual({ nodes: [] });
  });

  interface CoreSet {
    readonly t: number;
    readonly v: readonly (string | CoreSet)[];
  }

  function back({ t, v }: CoreSet): SCPQuorumSet {
    return {
      threshold: t,
      validators: v.filter((entry) => typeof entry === 'string'),
      innerSets: v.filter((entry) => typeof entry !== 'string').map(back),
    };
  }
});

describe('the node export for stellarbeat', () => {
  it('has one entry for each key, with its state', () => {
    const nodes = JSON.parse(stellarbeatJson(result)) as Record<string, unknown>[];
    expect(new Set(nodes.map(({ publicKey }) => publicKey)).size).toBe(nodes.length);
    for (const { peerID, host, port, kind, versionStr } of mock.nodes.filter(
      (node) => node.outcome === 'ok' && node.kind !== 'twin',
    )) {
      const isValidating = mock.validators.some((one) => one.peerID === peerID && one.state === 'validating');
      const node = nodes.find(({ publicKey }) => publicKey === peerID);
      expect([kind, node]).toEqual([
        kind,
        expect.objectContaining({ ip: host, port, versionStr, isValidating, overLoaded: false, active: true }),
      ]);
    }
    for (const { peerID } of mock.nodes.filter(({ kind }) => kind === 'full'))
      expect(nodes.find(({ publicKey }) => publicKey === peerID)).toMatchObject({ overLoaded: true, active: true });
    for (const { peerID, state, quorumSet, quorumSetHash } of mock.validators.filter((one) => one.state !== 'missing'))
      expect(nodes.find(({ publicKey }) => publicKey === peerID)).toMatchObject({
        isValidating: state === 'validating',
        activeInScp: true,
        quorumSetHashKey: Buffer.from(quorumSetHash, 'hex').toString('base64'),
        quorumSet: { threshold: quorumSet.threshold, validators: quorumSet.validators },
      });
  });
});

describe('crawl export', () => {
  it('writes the same files as a crawl', async () => {
    const out = (name: string): string => join(folder, name);
    const args = [
      'crawl',
      'export',
      file,
      '--graphml',
      out('b.graphml'),
      '--quorum-json',
      out('q.json'),
      '--nodes-json',
      out('n.json'),
    ];
    expect(await runCli(args)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(out('b.graphml'), 'utf8')).toBe(graphml(result));
    expect(readFileSync(out('q.json'), 'utf8')).toBe(quorumJson(result));
    expect(readFileSync(out('n.json'), 'utf8')).toBe(stellarbeatJson(result));
  });

  it('prints the summary when no file is named', async () => {
    const { code, stdout } = await callCli(['crawl', 'export', file]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/addresses crawled in/);
  });

  it('writes no further file after an interruption, and keeps a file that it does not reach', async () => {
    const [html, xml] = [join(folder, 'i.html'), join(folder, 'i.graphml')];
    writeFileSync(xml, 'an older one');
    checkExports({ html, graphml: xml }, {});
    const interrupt = new AbortController();
    setImmediate(() => interrupt.abort());
    const { signal } = interrupt;
    const lines: string[] = [];
    const err = { line: (text: string) => lines.push(text) } as unknown as Output;
    expect(await writeExports({ html, graphml: xml }, result, { err, signal })).toBe(2);
    expect(existsSync(html)).toBe(false);
    expect(readFileSync(xml, 'utf8')).toBe('an older one');
    expect(lines).toEqual(['! interrupted: --html, --graphml not written; crawl export FILE writes it']);
    // What was interrupted before is written.
    expect(await writeExports({ graphml: xml }, result, { err, signal })).toBe(1);
    expect(readFileSync(xml, 'utf8')).toBe(graphml(result));
  });
});

describe('crawl diff', () => {
  const [ok = '', refused = ''] = ['ok', 'connection-refused'];
  const of = (outcome: string): NodeLine => [...result.nodes.values()].find((line) => line.outcome === outcome) as NodeLine;

  function changed(): {
    readonly lines: readonly CrawlEvent[];
    readonly gone: string;
    readonly came: NodeLine;
    readonly other: NodeLine;
  } {
    const gone = of(refused).address;
    const came: NodeLine = { type: 'node', address: '127.9.9.9:11625', outcome: 'connection-refused' };
    const node = of(ok);
    const other: NodeLine = { ...node, outcome: 'peer-full', remote: { ...(node.remote as object), versionStr: 'v99' } as never };
    const lines = events.filter((event) => event.type !== 'node' || event.address !== gone);
    return { lines: [...lines, came, other], gone, came, other };
  }

  it('reports which nodes came, went and changed, with the changed fields', () => {
    const { lines, gone, came, other } = changed();
    expect(diffCrawls(result, CrawlResult.of(lines))).toEqual([
      { type: 'came', address: came.address, from: {}, to: { outcome: 'connection-refused' } },
      { type: 'went', address: gone, from: { outcome: 'connection-refused' }, to: {} },
      {
        type: 'changed',
        address: other.address,
        from: { outcome: 'ok', versionStr: of(ok).remote?.versionStr },
        to: { outcome: 'peer-full', versionStr: 'v99' },
      },
    ]);
    expect(diffCrawls(result, result)).toEqual([]);
  });

  it('prints text or JSON, and exits with 7 on changes with --fail-on-change', async () => {
    const { lines, came } = changed();
    const later = write(lines);
    const json = await callCli(['crawl', 'diff', file, later, '--json']);
    expect(json).toMatchObject({ code: 0, stderr: '' });
    expect(
      json.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).type),
    ).toEqual(['came', 'went', 'changed']);
    const text = await runCli(['crawl', 'diff', file, later, '--fail-on-change']);
    expect(text.code).toBe(7);
    expect(text.stdout).toContain(`+ ${came.address}  connection-refused`);
    expect(text.stdout).toMatch(/outcome: ok → peer-full {2}versionStr: .* → v99/);
    expect(text.stdout).toContain('1 came, 1 went, 1 changed');
    expect(await callCli(['crawl', 'diff', file, file, '--fail-on-change', '--json'])).toMatchObject({ code: 0, stdout: '' });
  });
});

describe('quorum health', () => {
  const set = (threshold: number, validators: readonly string[], ...innerSets: readonly SCPQuorumSet[]): SCPQuorumSet => ({
    threshold,
    validators,
    innerSets,
  });

  it('is met when enough validators validate, and names the missing and the blocking ones', () => {
    const own = set(2, ['A'], set(2, ['B', 'C', 'D']), set(1, ['E']));
    expect(quorumHealth(own, new Set(['A', 'B', 'C']))).toEqual({
      met: true,
      nodes: ['A', 'B', 'C', 'D', 'E'],
      missing: ['D', 'E'],
      blockedBy: ['A'],
    });
    expect(quorumHealth(own, new Set(['A', 'B']))).toMatchObject({ met: false, blockedBy: [] });
  });

  it('names a smallest set of validators that blocks the quorum', () => {
    const nodes = ['A', 'B', 'C', 'D', 'E'];
    for (const outer of [1, 2, 3]) {
      for (const inner of [1, 2, 3]) {
        const own = set(outer, ['A', 'B'], set(inner, ['C', 'D', 'E']));
        const { blockedBy, met } = quorumHealth(own, new Set(nodes));
        const sizes = subsets(nodes).filter(
          (stopped) => !quorumHealth(own, new Set(nodes.filter((node) => !stopped.includes(node)))).met,
        );
        expect([met, blockedBy.length]).toEqual([true, Math.min(...sizes.map(({ length }) => length))]);
        expect(quorumHealth(own, new Set(nodes.filter((node) => !blockedBy.includes(node)))).met).toBe(false);
      }
    }
  });

  function subsets(nodes: readonly string[]): readonly (readonly string[])[] {
    return Array.from({ length: 2 ** nodes.length }, (_, bits) => nodes.filter((_node, i) => (bits >> i) & 1));
  }
});
