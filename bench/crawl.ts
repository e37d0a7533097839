/**
 * A whole crawl, validators and quorum sets included: this package and the rival, one after the other on the same mock
 * network, with the same number of open connections. Each crawl is a process of its own, measured from its start.
 * @module
 */
import { build } from './support/build.ts';
import { Child } from './support/child.ts';
import type { CrawledNetwork, CrawlQuestion, CrawlReading, NetworkReading } from './support/crawl.ts';
import type { BenchOptions } from './support/options.ts';
import { type Case, median, type Report, ratio } from './support/report.ts';
import { installRival } from './support/rivals.ts';

/** Addresses of each network, and connections open at once. */
const SIZES = [
  { nodes: 200, concurrency: 100 },
  { nodes: 1_000, concurrency: 100 },
  { nodes: 5_000, concurrency: 100 },
] as const;
/** Number of crawls by each when the rival takes minutes. */
const MAX_ROUNDS = 3;
const SEED = 15;

const GOALS = { wallMs: 1 / 3, cpuMs: 0.5, peakMiB: 0.9 } as const;
const UNITS = { wallMs: 'wall, ms', cpuMs: 'CPU, ms', peakMiB: 'peak memory, MiB' } as const;
type Kind = keyof typeof GOALS;

export async function run(options: BenchOptions): Promise<Report> {
  if (!options.fast) await installRival('crawler');
  const ours = build();
  const against = options.against === undefined ? undefined : build(options.against);
  const cases: Case[] = [];
  const notes: string[] = [];
  for (const { nodes, concurrency } of SIZES.filter((size) => `${size.nodes} addresses`.includes(options.only ?? ''))) {
    const series: Record<string, CrawlReading[]> = {};
    const subjects: readonly (readonly [name: string, out: string, script: string])[] = [
      ['ours', ours, 'crawl-ours'],
      ...(against === undefined ? [] : [['against', against, 'crawl-ours'] as const]),
      // At 200 the question is how our own CPU grows.
      ...(options.fast || nodes < 1_000 ? [] : [['rival', ours, 'crawl-rival'] as const]),
    ];
    for (let round = 0; round < Math.min(options.rounds, MAX_ROUNDS); round++) {
      for (const [name, out, script] of subjects) {
        const reading = await crawlOnce(ours, out, script, nodes, concurrency, name, round === 0 ? notes : []);
        series[name] = [...(series[name] ?? []), reading];
      }
    }
    for (const kind of Object.keys(GOALS) as Kind[]) cases.push(toCase(`${nodes} addresses, ${UNITS[kind]}`, series, kind));
  }
  return { name: 'crawl', what: 'a crawl, the whole process', unit: 'ms and MiB', cases, notes };
}

/** One crawl of a fresh network. */
async function crawlOnce(
  networkOut: string,
  out: string,
  script: string,
  nodes: number,
  concurrency: number,
  name: string,
  notes: string[],
): Promise<CrawlReading> {
  const host = new Child(networkOut, 'crawl-network', [String(nodes), String(SEED)]);
  const network = await host.next<CrawledNetwork>();
  const crawler = new Child(out, script, []);
  const reading = await crawler.ask<CrawlReading>({ network, concurrency } satisfies CrawlQuestion);
  await crawler.stop();
  const { open, toOneAddress } = await host.ask<NetworkReading>({});
  await host.stop();
  const found = new Map(reading.outcomes);
  const right = network.nodes.filter(({ address, outcome }) => found.get(address) === outcome).length;
  const validating = reading.validating.filter((peerID) => network.validating.includes(peerID)).length;
  notes.push(
    `${name}, ${nodes} addresses: ${right} outcomes right, ${validating} of ${network.validating.length} validators found validating` +
      ` (and ${reading.validating.length - validating} that are not), ${reading.quorumSets} quorum sets,` +
      ` at most ${open} connections open, ${toOneAddress} to one address`,
  );
  return reading;
}

function toCase(name: string, series: Readonly<Record<string, readonly CrawlReading[]>>, kind: Kind): Case {
  const values = Object.fromEntries(
    Object.entries(series).map(([subject, readings]) => [subject, readings.map((one) => one[kind])]),
  );
  const { ours = [], ...others } = values;
  return {
    name,
    figures: Object.fromEntries(Object.entries(values).map(([subject, list]) => [subject, median(list)])),
    ratios: Object.fromEntries(
      Object.entries(others).map(([other, list]) => [
        `ours / ${other}`,
        ratio(ours, list, other === 'rival' ? GOALS[kind] : undefined),
      ]),
    ),
  };
}
