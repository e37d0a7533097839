/**
 * The last crawl of a file as metrics. Each scrape reads the lines that were added to the file since the one before.
 * @module
 */
import { statSync } from 'node:fs';
import { Gauge, type Registry } from 'prom-client';
import type { CrawlEnd, CrawlEvent, CrawlStart, NodeLine } from '../crawl/events.ts';
import { readCrawlLines } from '../crawl/file.ts';
import { CrawlFileError } from '../crawl/file-error.ts';
import type { ValidatorLine } from '../crawl/validator-line.ts';
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
  const single = (name: string, help: string, value: (crawl: Contents) => number | undefined): void => {
    new Gauge({
      name: `stellar_crawl_${name}`,
      help,
      registers,
      async collect() {
        const contents = await crawl.read();
        // Without a crawl there is no value: 0 would be wrong.
        this.set((contents && value(contents)) ?? Number.NaN);
      },
    });
  };
  const many = (name: string, help: string, labelNames: string[], samples: (crawl: Contents) => Iterable<Sample>): void => {
    new Gauge({
      name: `stellar_crawl_${name}`,
      help,
      labelNames,
      registers,
      async collect() {
        const contents = await crawl.read();
        this.reset();
        for (const [labels, value] of contents ? samples(contents) : []) this.inc(labels, value);
      },
    });
  };
  new Gauge({
    name: 'stellar_crawl_readable',
    help: 'Whether the file of the crawl can be read.',
    registers,
    async collect() {
      this.set((await crawl.read()) === undefined ? 0 : 1);
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

function versions({ nodes }: Contents): readonly Sample[] {
  const counts = new Map<string, number>();
  for (const { version } of nodes.values()) if (version !== undefined) counts.set(version, (counts.get(version) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([version, count], at) => [{ version: at < MAX_VERSIONS ? printable(version) : OTHER_VERSIONS }, count]);
}

/** The parts of a crawl's lines that metrics need. */
interface Contents {
  /** The first line of the file. */
  readonly first: CrawlStart;
  /** The last line that begins a run. */
  readonly start: CrawlStart;
  end: CrawlEnd | undefined;
  readonly nodes: Map<string, Pick<NodeLine, 'outcome'> & { readonly version: string | undefined }>;
  readonly validators: Map<string, Pick<ValidatorLine, 'state' | 'weighed'>>;
}

/** Larger files are not read: the largest crawls of public networks have some ten megabytes. */
const MAX_FILE_BYTES = 1 << 30;
/** Number of lines after which other work of the process gets its turn. */
const LINES_A_TURN = 200;

/** The current contents of a crawl's file. */
class CrawlOnDisk {
  readonly #file: string;
  /** The file when it was read last: inode, size, time of the last change. */
  #seen = '';
  #ino = 0;
  /** The end of the last line that was read. */
  #offset = 0;
  #contents: Contents | undefined;
  #reading: Promise<Contents | undefined> | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /**
   * Undefined when the file cannot be read, or is not a file of a crawl. The metrics of one scrape share one reading.
   */
  read(): Promise<Contents | undefined> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<Contents | undefined> {
    try {
      const { ino, size, mtimeMs } = statSync(this.#file);
      const seen = `${ino} ${size} ${mtimeMs}`;
      if (seen === this.#seen) return this.#contents;
      this.#seen = seen;
      if (size > MAX_FILE_BYTES) throw new CrawlFileError('CRAWL_FILE_NO_CRAWL', `${this.#file} is too large`);
      if (ino !== this.#ino || size < this.#offset || !this.#isSameCrawl()) this.#forget();
      this.#ino = ino;
      const isContinued = this.#offset > 0;
      await this.#readLines().catch((error) => {
        if (!isContinued) throw error;
        // It is another file, whose lines end elsewhere.
        this.#forget();
        return this.#readLines();
      });
    } catch {
      this.#forget();
    }
    return this.#contents;
  }

  #forget(): void {
    this.#contents = undefined;
    this.#offset = 0;
  }

  /** Reads what follows the lines that were read before. */
  async #readLines(): Promise<void> {
    let lines = 0;
    for (const { event, end } of readCrawlLines(this.#file, this.#offset)) {
      if (event !== undefined) this.#add(event);
      this.#offset = end;
      if (++lines % LINES_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Whether the file begins as it did before. */
  #isSameCrawl(): boolean {
    const first = this.#contents?.first;
    if (first === undefined) return false;
    for (const { event } of readCrawlLines(this.#file))
      return event?.type === 'crawl' && event.startedAt === first.startedAt && event.peerID === first.peerID;
    return false;
  }

  #add(event: CrawlEvent): void {
    if (event.type === 'crawl') {
      const { first = event, nodes = new Map(), validators = new Map() } = this.#contents ?? {};
      this.#contents = { first, start: event, end: undefined, nodes, validators };
    }
    const contents = this.#contents as Contents;
    if (event.type === 'node') contents.nodes.set(event.address, { outcome: event.outcome, version: event.remote?.versionStr });
    else if (event.type === 'validator') contents.validators.set(event.peerID, { state: event.state, weighed: event.weighed });
    else if (event.type === 'end') contents.end = event;
  }
}
