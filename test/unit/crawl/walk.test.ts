/** A crawl of 200 nodes of every kind: each outcome, key and name is right, and no forbidden address is dialled. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MOCK_NODE_KINDS, type MockNetwork, type MockNodeKind, mockNetwork } from '../../../src/testing/index.ts';
import { crawlMock, type Found, QUICK } from './support.ts';

const CONCURRENCY = 40;

describe('a crawl of 200 nodes', () => {
  let mock: MockNetwork;
  let found: Found;

  beforeAll(async () => {
    mock = await mockNetwork({ nodes: 200, seed: 15, ...QUICK });
    found = await crawlMock(mock, { concurrency: CONCURRENCY });
  }, 60_000);
  afterAll(() => mock.close());

  it.each(Object.keys(MOCK_NODE_KINDS) as MockNodeKind[])('reports the right outcome of nodes of the kind %s', (kind) => {
    const nodes = mock.nodes.filter((node) => node.kind === kind);
    expect(nodes.length).toBeGreaterThan(0);
    const said = nodes.map(({ address }) => `${address} ${found.nodes.get(address)?.outcome}`);
    expect(said).toEqual(nodes.map(({ address, outcome }) => `${address} ${outcome}`));
  });

  it('reports peerID, version text and PEERS of every node that proved its key', () => {
    const proved = mock.nodes.filter(({ outcome }) => outcome === 'ok' || outcome === 'peer-full');
    expect(proved.length).toBeGreaterThan(5);
    for (const { address, peerID, versionStr, names } of proved) {
      const line = found.nodes.get(address);
      expect(line).toMatchObject({ peerID, remote: { peerID, versionStr } });
      expect(line?.peers ?? []).toEqual(names);
    }
    for (const { address, outcome } of mock.nodes) {
      const error = found.nodes.get(address)?.error;
      if (outcome === 'ok') expect(error).toBeUndefined();
      else expect(error).toMatchObject({ cause: outcome, advice: expect.stringMatching(/\w/) });
    }
  });

  it('finds nodes that are named only by a full node, by a slow node, or after the fiftieth entry', () => {
    const hidden = mock.nodes.filter(({ hiddenBehind }) => hiddenBehind !== undefined);
    const gates = new Set(hidden.map(({ hiddenBehind }) => mock.nodes.find(({ address }) => address === hiddenBehind)?.kind));
    expect([...gates].sort()).toEqual(['full', 'hundred-peers', 'slow']);
    for (const { address, outcome } of hidden) expect(found.nodes.get(address)?.outcome).toBe(outcome);
    const far = mock.nodes.find(({ kind }) => kind === 'hundred-peers');
    const entries = hidden
      .filter(({ hiddenBehind }) => hiddenBehind === far?.address)
      .map(({ address }) => far?.names.indexOf(address));
    expect(entries.every((at) => at !== undefined && at >= 50)).toBe(true);
  });

  it('dials no forbidden address, and reports for each how many nodes named it', () => {
    expect(mock.trespasses).toBe(0);
    const named = mock.nodes.flatMap(({ names }) => names);
    for (const address of mock.forbidden) {
      // An IPv4-mapped address is reported as its IPv4 address.
      const mapped = /^\[::ffff:(\w+):(\w+)\]:(\d+)$/.exec(address);
      const plain = mapped === null ? address : `${dotted(mapped[1] as string)}.${dotted(mapped[2] as string)}:${mapped[3]}`;
      const line = found.nodes.get(plain);
      expect(line).toMatchObject({ outcome: 'not-allowed' });
      expect(line?.namedBy).toBeGreaterThanOrEqual(named.filter((name) => name === plain).length);
    }
    // All others are nodes of the network.
    const known = new Set(mock.nodes.map(({ address }) => address));
    const others = [...found.nodes.values()].filter(({ address }) => !known.has(address));
    expect(others.every(({ outcome }) => outcome === 'not-allowed')).toBe(true);
  });

  it('does one handshake with each node, dials each address once at a time, and keeps to its concurrency', () => {
    for (const { kind, outcome, connects, address } of mock.nodes) {
      // Others need a second look, or another range of versions; a node at two addresses may have to be asked again.
      if (kind === 'other-range') expect(connects).toBe(2);
      else if (kind === 'twin') expect(connects).toBeLessThanOrEqual(3);
      else if (outcome === 'ok' || outcome === 'peer-full' || outcome === 'handshake-timeout')
        expect(`${address} ${connects}`).toBe(`${address} 1`);
    }
    expect(mock.most.toOneAddress).toBe(1);
    // A node may notice the end of a connection a little after the next one begins.
    expect(mock.most.open).toBeLessThanOrEqual(CONCURRENCY + 10);
  });

  it('counts a key at two addresses once', () => {
    const twins = mock.nodes.filter(({ kind }) => kind === 'twin').map(({ address }) => found.nodes.get(address));
    expect(twins.map((line) => line?.outcome)).toEqual(['ok', 'ok']);
    expect(new Set(twins.map((line) => line?.peerID)).size).toBe(1);
    const proved = [...found.nodes.values()].flatMap(({ peerID }) => peerID ?? []);
    expect(found.end.counts.keys).toBe(new Set(proved).size);
  });

  it('ends with correct counts', () => {
    const outcomes: Record<string, number> = {};
    for (const { outcome } of found.nodes.values()) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    expect(found.end).toMatchObject({
      type: 'end',
      finished: true,
      counts: { outcomes, addresses: found.nodes.size, left: 0 },
    });
    expect(found.events[0]).toMatchObject({
      type: 'crawl',
      version: 1,
      network: 'standalone',
      networkID: mock.network.networkID,
      options: { allow: [mock.range], concurrency: CONCURRENCY },
    });
  });
});

/** 16 bits of hex as two numbers of an IPv4 address. */
function dotted(hex: string): string {
  const value = Number.parseInt(hex, 16);
  return `${value >> 8}.${value & 255}`;
}
