/** A mock network to be crawled. Arguments: addresses, seed. */
import { mockNetwork } from '../../src/testing/index.ts';
import { endWithBench, serve, tell } from '../support/child.ts';
import { type CrawledNetwork, type CrawlQuestion, lateMs, type NetworkReading, watchLoop } from '../support/crawl.ts';

const [nodes, seed] = process.argv.slice(2).map(Number) as [number, number];
endWithBench();
// The rival needs a network without ports out of range. Nodes close as stellar-core does, five seconds after us.
const mock = await mockNetwork({ nodes, seed, oddNames: false, closeAfterMs: 5_000 });
// Making the network takes long turns. They do not count.
const delay = watchLoop();
const plain = mock.nodes.filter(({ kind }) => kind === 'plain');
tell({
  question: {
    range: mock.range,
    seeds: [mock.nodes[0]?.address as string],
    topTier: mock.validators.flatMap(({ peerID }) => plain.find((node) => node.peerID === peerID)?.address ?? []),
    quorumSet: mock.validators[0]?.quorumSet as CrawlQuestion['quorumSet'],
  },
  nodes: mock.nodes.map(({ address, outcome, kind }) => ({ address, outcome, kind })),
  validating: mock.validators.filter(({ state }) => state === 'validating').map(({ peerID }) => peerID),
} satisfies CrawledNetwork);
serve(() => ({ ...mock.most, lateMs: lateMs(delay) }) satisfies NetworkReading);
