/** Keys and addresses: one key at many addresses, many keys at one, and a key that changes between two crawls. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CrawlResult, crawl, diffCrawls, graphml, readCrawlFile, stellarbeatJson } from '../../../src/crawl/index.ts';
import { callCli } from '../../support/cli.ts';
import { xmlElements } from '../../support/xml.ts';
import { identityOf, Nodes, network, type TestNode } from './nodes.ts';
import { collect } from './support.ts';

const COUNT = 30;
const ALLOW = ['127.10.0.0/16'];

let nodes = new Nodes();
afterEach(async () => {
  await nodes.close();
  nodes = new Nodes();
});

const crawlFrom = (seed: TestNode) => collect(crawl({ network, seeds: [seed.address], allow: ALLOW, timeoutMs: 10_000 }));

describe('a crawl of one key at many addresses', () => {
  it('visits each address, and asks the node for validators once', async () => {
    const connected = new Set<string>();
    const identity = identityOf(1);
    let asked = 0;
    const answer = ({ type }: { readonly type: string }): boolean => {
      if (type === 'GET_SCP_STATE') asked++;
      return false;
    };
    const same: TestNode[] = [];
    for (let i = 1; i <= COUNT; i++) same.push(await nodes.start({ ip: `127.10.1.${i}`, identity, connected, answer }));
    const seed = await nodes.start({ ip: '127.10.0.1', identity: identityOf(2), names: same });
    const { nodes: lines, end, events } = await crawlFrom(seed);
    expect(same.map(({ address }) => [lines.get(address)?.outcome, lines.get(address)?.peerID])).toEqual(
      same.map(() => ['ok', identity.peerID]),
    );
    expect(end.counts).toMatchObject({ outcomes: { ok: COUNT + 1 }, addresses: COUNT + 1, left: 0, keys: 2 });
    expect(asked).toBe(1);
    // The first time all are dialled at once, and all but one are refused.
    for (const { connects } of same) expect(connects).toBeLessThanOrEqual(3);
    const result = CrawlResult.of(events);
    const listed = JSON.parse(stellarbeatJson(result)) as { readonly publicKey: string }[];
    expect(listed.map(({ publicKey }) => publicKey).sort()).toEqual([identity.peerID, identityOf(2).peerID].sort());
    expect(xmlElements(graphml(result)).filter(({ name }) => name === 'node')).toHaveLength(COUNT + 1);
  });

  it('gives up, with the reason, when the node says that we are connected from elsewhere', async () => {
    const own = identityOf(3);
    const node = await nodes.start({ ip: '127.10.0.2', identity: identityOf(4), connected: new Set([own.peerID]) });
    const { nodes: lines } = await collect(crawl({ network, seeds: [node.address], identity: own, validators: false }));
    const error = { cause: 'peer-says-already-connected', advice: expect.stringMatching(/another seed/) };
    expect(lines.get(node.address)).toMatchObject({ outcome: error.cause, peerID: identityOf(4).peerID, error });
    expect(node.connects).toBe(4);
  });
});

describe('a crawl of many keys at one address', () => {
  it('visits one after the other, and reports the key of each', async () => {
    const open = new Set<number>();
    let most = 0;
    const keys: TestNode[] = [];
    for (let i = 1; i <= COUNT; i++) {
      const connected = {
        has: () => false,
        add: () => {
          open.add(i);
          most = Math.max(most, open.size);
        },
        delete: () => open.delete(i),
      } as unknown as Set<string>;
      keys.push(await nodes.start({ ip: '127.10.0.3', identity: identityOf(100 + i), connected }));
    }
    const seed = await nodes.start({ ip: '127.10.0.4', identity: identityOf(5), names: keys });
    const { nodes: lines, end } = await collect(crawl({ network, seeds: [seed.address], allow: ALLOW, validators: false }));
    expect(keys.map(({ address }) => lines.get(address)?.peerID)).toEqual(keys.map((_, i) => identityOf(101 + i).peerID));
    expect(end.counts).toMatchObject({ outcomes: { ok: COUNT + 1 }, keys: COUNT + 1 });
    expect(most).toBe(1);
    expect(keys.map(({ connects }) => connects)).toEqual(keys.map(() => 1));
  });

  it('reports the key of its visit when every connection has another key', async () => {
    let next = 200;
    const balancer = await nodes.start({ ip: '127.10.0.5', identity: () => identityOf(next++) });
    const first = await crawlFrom(balancer);
    const second = await crawlFrom(balancer);
    expect([first, second].map(({ nodes: lines }) => lines.get(balancer.address)?.peerID)).toEqual(
      [200, 201].map((number) => identityOf(number).peerID),
    );
    expect(second.end.counts).toMatchObject({ keys: 1, outcomes: { ok: 1 } });
  });

  it('ends when an address refuses us with one key and accepts us with another', async () => {
    const own = identityOf(11);
    const busy = new Set([own.peerID]);
    let number = 300;
    // The first connection is refused, for the first key only.
    const balancer = await nodes.start({
      ip: '127.10.0.9',
      identity: () => identityOf(number++),
      connected: { has: () => number === 301, add: () => busy, delete: () => true } as unknown as Set<string>,
    });
    const same = await nodes.start({ ip: '127.10.0.10', identity: identityOf(300), connected: busy });
    const seed = await nodes.start({ ip: '127.10.0.11', identity: identityOf(12), names: [balancer, same] });
    const found = await collect(crawl({ network, seeds: [seed.address], allow: ALLOW, identity: own, validators: false }));
    expect(found.nodes.get(balancer.address)).toMatchObject({ outcome: 'ok', peerID: identityOf(301).peerID });
    expect(found.nodes.get(same.address)).toMatchObject({ outcome: 'peer-says-already-connected' });
    expect(found.end).toMatchObject({ finished: true, counts: { left: 0 } });
  });
});

describe('a key that changes between two crawls', () => {
  it('is reported by the next crawl and by crawl diff', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'crawl-keys-'));
    try {
      let number = 6;
      const changing = await nodes.start({ ip: '127.10.0.6', identity: () => identityOf(number) });
      const steady = await nodes.start({ ip: '127.10.0.7', identity: identityOf(7), names: [changing] });
      const run = async (name: string, ...more: readonly string[]): Promise<string> => {
        const file = join(folder, name);
        const args = ['crawl', steady.address, '--network', 'standalone', '--allow', ALLOW[0] as string, '--nodes-only'];
        expect(await callCli([...args, '--out', file, ...more])).toMatchObject({ code: 0, stderr: '' });
        return file;
      };
      // Interrupted, as it were: the changing node has a line, and is not dialled again.
      const before = await run('before');
      number = 8;
      const resumed = join(folder, 'resumed');
      expect(await callCli(['crawl', '--resume', before, '--out', resumed])).toMatchObject({ code: 0 });
      expect(CrawlResult.of(readCrawlFile(resumed)).nodes.get(changing.address)?.peerID).toBe(identityOf(6).peerID);
      expect(changing.connects).toBe(1);
      expect(await callCli(['crawl', 'diff', before, resumed, '--fail-on-change'])).toMatchObject({ code: 0 });

      const after = await run('after');
      const [from, to] = [{ peerID: identityOf(6).peerID }, { peerID: identityOf(8).peerID }];
      const change = { type: 'changed', address: changing.address, from, to };
      const [old, new_] = [before, after].map((file) => CrawlResult.of(readCrawlFile(file))) as [CrawlResult, CrawlResult];
      expect(new_.end?.counts).toMatchObject({ keys: 2, outcomes: { ok: 2 } });
      expect(diffCrawls(old, new_)).toEqual([change]);
      const text = await callCli(['crawl', 'diff', before, after, '--fail-on-change']);
      expect(text).toMatchObject({ code: 7, stderr: '' });
      expect(text.stdout).toBe(`~ ${changing.address}  peerID: ${from.peerID} → ${to.peerID}\n0 came, 0 went, 1 changed\n`);
      const json = await callCli(['crawl', 'diff', before, after, '--json']);
      expect(JSON.parse(json.stdout)).toEqual(change);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is counted once in a file with both keys, which gives the last one', async () => {
    let number = 9;
    const node = await nodes.start({ ip: '127.10.0.8', identity: () => identityOf(number) });
    const first = await crawlFrom(node);
    number = 10;
    const second = await crawlFrom(node);
    const both = [...first.events, ...second.events];
    expect(CrawlResult.of(both).nodes.get(node.address)?.peerID).toBe(identityOf(10).peerID);
    const again = await collect(crawl({ network, seeds: [node.address], resume: both }));
    expect(again.end.counts).toMatchObject({ keys: 1, outcomes: { ok: 1 }, left: 0 });
    expect(node.connects).toBe(2);
  });
});
