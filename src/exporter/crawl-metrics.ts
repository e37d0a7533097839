/**
 * The last crawl of a file as metrics. The file is read again when it has changed.
 * @module
 */
import { statSync } from 'node:fs';
import { Gauge, type Registry } from 'prom-client';
import { readCrawlFile } from '../crawl/file.ts';
import { CrawlResult } from '../crawl/result.ts';
import { printable } from '../protocol/printable.ts';

/**
 * The largest number of versions with their own series, because a node can send any version text.
 */
const MAX_VERSIONS = 50;
const OTHER_VERSIONS = 'other';
const STATES = ['validating', 'delayed', 'disagrees', 'missing'] as const;

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Adds the metrics of a crawl to a registry. @param file need not exist yet */
export function addCrawlMetrics(file: string, registry: Registry): void {
  const crawl = new CrawlOnDisk(file);
  const registers = [registry];
  const single = (name: string, help: string, value: (result: CrawlResult) => number | undefined): void => {
    new Gauge({
      name: `stellar_crawl_${name}`,
      help,
      registers,
      collect() {
        const result = crawl.read();
        // Without a crawl there is no value: 0 would be wrong.
        this.set((result && value(result)) ?? Number.NaN);
      },
    });
  };
  const many = (name: string, help: string, labelNames: string[], samples: (result: CrawlResult) => Iterable<Sample>): void => {
    new Gauge({
      name: `stellar_crawl_${name}`,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        const result = crawl.read();
        for (const [labels, value] of result ? samples(result) : []) this.inc(labels, value);
      },
    });
  };
  new Gauge({
    name: 'stellar_crawl_readable',
    help: 'Whether the file of the crawl can be read.',
    registers,
    collect() {
      this.set(crawl.read() === undefined ? 0 : 1);
    },
  });
  many('info', 'Which network was crawled.', ['network'], ({ start }) => [[{ network: printable(start?.network ?? '') }, 1]]);
  single('finished', 'Whether the crawl has finished.', ({ end }) => (end?.finished ? 1 : 0));
  single(
    'start_timestamp_seconds',
    'When the crawl began, in Unix time.',
    ({ start }) => Date.parse(start?.startedAt ?? '') / 1000,
  );
  single('ledger_sequence', 'The latest ledger that the weighed validators had closed.', ({ end }) => end?.ledgerSeq);
  many('nodes', 'Addresses by outcome: ok, or a cause of docs/errors.md.', ['outcome'], ({ nodes }) =>
    Array.from(nodes.values(), ({ outcome }): Sample => [{ outcome: printable(outcome) }, 1]),
  );
  many('node_versions', 'Nodes by the version they claim.', ['version'], versions);
  many(
    'validators',
    'Validators by state; weighed ones are in the quorum sets of trusted or reached nodes.',
    ['state', 'weighed'],
    ({ validators }) => [
      ...STATES.map((state): Sample => [{ state, weighed: 'true' }, 0]),
      ...Array.from(
        validators.values(),
        ({ state, weighed }): Sample => [{ state: printable(state), weighed: String(weighed) }, 1],
      ),
    ],
  );
}

function versions({ nodes }: CrawlResult): readonly Sample[] {
  const counts = new Map<string, number>();
  for (const { remote } of nodes.values())
    if (remote !== undefined) counts.set(remote.versionStr, (counts.get(remote.versionStr) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([version, count], at) => [{ version: at < MAX_VERSIONS ? printable(version) : OTHER_VERSIONS }, count]);
}

/** The current contents of a crawl's file. */
class CrawlOnDisk {
  readonly #file: string;
  #seen = '';
  #result: CrawlResult | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** Undefined when the file cannot be read, or is not a file of a crawl. */
  read(): CrawlResult | undefined {
    try {
      const { ino, size, mtimeMs } = statSync(this.#file);
      const seen = `${ino} ${size} ${mtimeMs}`;
      if (seen !== this.#seen) {
        this.#seen = seen;
        this.#result = undefined;
        this.#result = CrawlResult.of(readCrawlFile(this.#file));
      }
      return this.#result;
    } catch {
      return undefined;
    }
  }
}
