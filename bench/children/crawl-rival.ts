/** Crawls with js-stellar-node-crawler, set up as its own example does. */
import { createRequire } from 'node:module';
import { networks } from '../../src/protocol/networks.ts';
import type { SCPQuorumSet } from '../../src/protocol/wire/messages.ts';
import { endWithBench, serve } from '../support/child.ts';
import { CRAWLER, type CrawlQuestion, type CrawlReading, SHARED, usedSince, watchLoop } from '../support/crawl.ts';
import { rivalFile } from '../support/rivals.ts';

interface RivalPeer {
  readonly ip?: string;
  readonly port?: number;
  readonly publicKey: string;
  readonly successfullyConnected: boolean;
  readonly overLoaded: boolean;
  readonly isValidating: boolean;
  readonly quorumSet?: object;
  readonly quorumSetHash?: string;
}
type RivalAddress = readonly [ip: string, port: number];

interface RivalPackage {
  readonly CrawlerConfiguration: new (nodeConfig: object, maxOpenConnections: number) => object;
  createCrawler(config: object): { startCrawl(crawl: object): Promise<{ readonly peers: ReadonlyMap<string, RivalPeer> }> };
  createCrawlFactory(config: object): {
    createCrawl(
      nodes: readonly RivalAddress[],
      topTier: readonly RivalAddress[],
      quorumSet: object,
      latest: { readonly sequence: bigint; readonly closeTime: Date },
      quorumSets: ReadonlyMap<string, object>,
    ): object;
  };
}

endWithBench();
const require = createRequire(rivalFile('crawler'));
const { CrawlerConfiguration, createCrawler, createCrawlFactory } = require(CRAWLER) as RivalPackage;
const { QuorumSet } = require(SHARED) as {
  readonly QuorumSet: new (threshold: number, validators: readonly string[], inner: readonly object[]) => object;
};

serve(async ({ seeds, topTier, quorumSet, concurrency }: CrawlQuestion) => {
  const start = performance.now();
  const delay = watchLoop();
  const config = new CrawlerConfiguration(
    {
      network: networks.standalone.passphrase,
      nodeInfo: { ledgerVersion: 27, overlayMinVersion: 38, overlayVersion: 42, versionString: 'rival' },
      listeningPort: 11625,
      receiveSCPMessages: true,
      receiveTransactionMessages: true,
      peerFloodReadingCapacity: 200,
      flowControlSendMoreBatchSize: 40,
      peerFloodReadingCapacityBytes: 300_000,
      flowControlSendMoreBatchSizeBytes: 100_000,
    },
    concurrency,
  );
  const trusted = rivalQuorumSet(quorumSet);
  const latest = { sequence: 0n, closeTime: new Date(0) };
  const crawl = createCrawlFactory(config).createCrawl(seeds.map(split), topTier.map(split), trusted, latest, new Map());
  const { peers } = await createCrawler(config).startCrawl(crawl);
  const all = [...peers.values()];
  return {
    ...usedSince(start, delay),
    outcomes: all
      .filter(({ successfullyConnected }) => successfullyConnected)
      .map(({ ip, port, overLoaded }): [string, string] => [`${ip}:${port}`, overLoaded ? 'peer-full' : 'ok']),
    validating: all.filter(({ isValidating }) => isValidating).map(({ publicKey }) => publicKey),
    quorumSets: new Set(all.flatMap((peer) => (peer.quorumSet === undefined ? [] : [peer.quorumSetHash]))).size,
  } satisfies CrawlReading;
});

function rivalQuorumSet({ threshold, validators, innerSets }: SCPQuorumSet): object {
  return new QuorumSet(threshold, validators, innerSets.map(rivalQuorumSet));
}

function split(address: string): RivalAddress {
  const [ip = '', port] = address.split(':');
  return [ip, Number(port)];
}
