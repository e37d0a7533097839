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

/**
 * Addresses of each network, connections open at once, and crawls by each subject. The rival takes minutes at 5,000 addresses.
 * At 200 only the growth of our own CPU is of interest.
 */
const SIZES = [
  { nodes: 200, concurrency: 100, rounds: 3, rival: false },
  { nodes: 1_000, concurrency: 100, rounds: 3, rival: true },
  { nodes: 5_000, concurrency: 100, rounds: 1, rival: true },
] as const;
const SEED = 15;
/**
 * A process whose event loop was late by this time has missed deadlines because the machine was overloaded: a slow node answers
 * two seconds before the deadline. In milliseconds.
 */
const OVERLOADED_MS = 500;
/** The largest number of wrong outcomes that a note lists. */
const MAX_LISTED = 5;

const GOALS = { wallMs: 1 / 3, cpuMs: 0.5, peakMiB: 0.9 } as const;
const UNITS = { wallMs: 'wall, ms', cpuMs: 'CPU, ms', peakMiB: 'peak memory, MiB' } as const;
type Kind = keyof typeof GOALS;

export async function run(options: BenchOptions): Promise<Report> {
  if (!options.fast) await installRival('crawler');
  const ours = build();
  const against = options.against === undefined ? undefined : build(options.against);
  const cases: Case[] = [];
  const notes: string[] = [];
  for (const { nodes, concurrency, rounds, rival } of SIZES.filter((size) =>
    `${size.nodes} addresses`.includes(options.only ?? ''),
  )) {
    const series: Record<string, CrawlReading[]> = {};
    const subjects: readonly (readonly [name: string, out: string, script: string])[] = [
      ['ours', ours, 'crawl-ours'],
      ...(against === undefined ? [] : [['against', against, 'crawl-ours'] as const]),
      ...(options.fast || !rival ? [] : [['rival', ours, 'crawl-rival'] as const]),
    ];
    for (let round = 1; round <= Math.min(options.rounds, rounds); round++) {
      for (const [name, out, script] of subjects) {
        const { reading, note } = await crawlOnce(ours, out, script, nodes, concurrency);
        series[name] = [...(series[name] ?? []), reading];
        notes.push(`${name}, ${nodes} addresses, round ${round}: ${note}`);
        console.log(notes.at(-1));
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
): Promise<{ readonly reading: CrawlReading; readonly note: string }> {
  const host = new Child(networkOut, 'crawl-network', [String(nodes), String(SEED)]);
  const network = await host.next<CrawledNetwork>();
  const crawler = new Child(out, script, []);
  const reading = await crawler.ask<CrawlReading>({ ...network.question, concurrency } satisfies CrawlQuestion);
  await crawler.stop();
  const seen = await host.ask<NetworkReading>({});
  await host.stop();
  return { reading, note: noteOf(network, reading, seen, script === 'crawl-ours') };
}

/** What a crawl has found, and what was wrong. @param namesCauses whether every outcome has to be right */
function noteOf(network: CrawledNetwork, reading: CrawlReading, seen: NetworkReading, namesCauses: boolean): string {
  const { nodes, validating } = network;
  const found = new Map(reading.outcomes);
  const wrong = nodes.filter(({ address, outcome }) => found.get(address) !== outcome);
  const right = reading.validating.filter((peerID) => validating.includes(peerID)).length;
  const parts = [
    `${nodes.length - wrong.length} of ${nodes.length} outcomes right`,
    `${right} of ${validating.length} validators found validating (and ${reading.validating.length - right} that are not)`,
    `${reading.quorumSets} quorum sets`,
    `at most ${seen.open} connections open, ${seen.toOneAddress} to one address`,
    `event loops at most ${reading.lateMs} ms (crawler) and ${seen.lateMs} ms (network) late`,
  ];
  if (namesCauses && wrong.length > 0) {
    const list = wrong.slice(0, MAX_LISTED).map(({ address, kind, outcome }) => {
      return `${address} (${kind}) ${outcome}: ${found.get(address) ?? 'not found'}`;
    });
    const isOverloaded = Math.max(reading.lateMs, seen.lateMs) >= OVERLOADED_MS;
    const why = isOverloaded ? 'the machine was overloaded' : 'the machine was not overloaded';
    parts.push(`WRONG, and ${why}: ${list.join(', ')}${wrong.length > MAX_LISTED ? ', …' : ''}`);
  }
  return parts.join(', ');
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
