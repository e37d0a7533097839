/** Invented crawls of any number of nodes, as a page in a file. */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { type CrawlEvent, CrawlResult, crawlPageHtml, type NodeLine } from '../../../src/crawl/index.ts';
import { NodeIdentity, networks } from '../../../src/index.ts';
import { toHex } from '../../../src/protocol/bytes.ts';
import type { RemoteJson } from '../../../src/report/json.ts';

/** A crawl of a number of nodes. @param versionStr the version string of every node */
export function crawlOf(count: number, versionStr = 'v27.1.0'): CrawlResult {
  const keys = Array.from({ length: 5 }, (_, i) => NodeIdentity.fromSeed(new Uint8Array(32).fill(i + 1)).peerID);
  const quorumSet = {
    threshold: 3,
    validators: keys.slice(0, 3),
    innerSets: [{ threshold: 1, validators: keys.slice(3), innerSets: [] }],
  };
  const hash = toHex(new Uint8Array(32).fill(7));
  const address = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:11625`;
  const nodes = Array.from({ length: count }, (_, i): NodeLine => {
    const isOk = i % 3 !== 2;
    const remote = {
      peerID: keys[i % 5],
      versionStr,
      overlayVersion: 42,
      overlayMinVersion: 38,
      ledgerVersion: 27,
    } as unknown as RemoteJson;
    const names = Array.from({ length: 30 }, (_, k) => address((i * 7 + k * k + 1) % count));
    return isOk
      ? {
          type: 'node',
          address: address(i),
          outcome: 'ok',
          peerID: keys[i % 5] as string,
          remote,
          peers: names,
          timings: { totalMs: i % 300 },
        }
      : {
          type: 'node',
          address: address(i),
          outcome: 'connection-refused',
          error: {
            code: 'OVERLAY_CONNECTION_REFUSED',
            stage: 'tcp',
            cause: 'connection-refused',
            message: `${address(i)} refused the connection: nothing listens there.`,
            advice: 'Check that the node runs.',
          },
        };
  });
  const events: CrawlEvent[] = [
    {
      type: 'crawl',
      version: 1,
      network: 'testnet',
      networkID: networks.testnet.networkID,
      seeds: [address(0)],
      startedAt: '2026-01-01T00:00:00.000Z',
      peerID: keys[0] as string,
      options: { allow: [], concurrency: 50, rate: 250, timeoutMs: 10_000, validators: true, secondLook: true, quorumSet },
    },
    ...nodes,
    { type: 'quorumSet', hash, quorumSet },
    ...keys.map((peerID, i): CrawlEvent => {
      const state = i === 0 ? 'missing' : 'validating';
      const said = { quorumSetHash: hash, ledgerSeq: 100, statement: 'EXTERNALIZE' } as const;
      return { type: 'validator', peerID, state, validating: i > 0, heardFrom: [], weighed: true, ...(i > 0 && said) };
    }),
  ];
  return CrawlResult.of(events);
}

let files = 0;

/** The page of a crawl as a file. @returns its address */
export async function crawlFile(folder: string, result: CrawlResult): Promise<string> {
  const file = `${folder}/crawl-${++files}.html`;
  writeFileSync(file, await crawlPageHtml(result));
  return pathToFileURL(file).href;
}
