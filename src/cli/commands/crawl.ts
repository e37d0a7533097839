import { resolve } from 'node:path';
import { type CommandDef, defineCommand } from 'citty';
import { type Crawl, crawl as startCrawl } from '../../crawl/crawl.ts';
import type { CrawlEvent, CrawlStart } from '../../crawl/events.ts';
import { CrawlFile, readCrawlFile } from '../../crawl/file.ts';
import type { CrawlOptions } from '../../crawl/options.ts';
import { CrawlResult } from '../../crawl/result.ts';
import { PASSPHRASE_MARK } from '../../net/network-name.ts';
import { formatTarget } from '../../net/target.ts';
import { networks } from '../../protocol/networks.ts';
import type { CliContext } from '../context.ts';
import { checkExports, exportArgs, writeExports } from '../crawl-exports.ts';
import { crawlMistake, exitCodeOf, printCrawl, progressText } from '../crawl-text.ts';
import { EXIT } from '../exit-codes.ts';
import { LiveLine } from '../live-line.ts';
import {
  familyArgs,
  networkArg,
  nodeArgs,
  nodeOptions,
  readAll,
  readNumber,
  readTargets,
  readTime,
  UsageError,
} from '../options.ts';
import { stderr } from '../output.ts';
import { quorumSetArg, readQuorumSetFile } from '../quorum-set-file.ts';
import { secondLookArgs } from '../second-look.ts';
import { readTargetsFile, targetsArg } from '../targets-file.ts';

const { timeout: timeoutArg, network: _network, ...otherNodeArgs } = nodeArgs;
const { default: _timeout, ...timeoutWithoutDefault } = timeoutArg;

const args = {
  target: {
    type: 'positional',
    required: false,
    description: 'Nodes to begin with: HOST, HOST:PORT or [IPv6]:PORT; any number of them',
  },
  ...targetsArg,
  allow: {
    type: 'string',
    description: 'Addresses that may be dialled, for example 10.0.0.0/8; may be repeated. Default: globally routable addresses',
    valueHint: 'CIDR',
  },
  out: { type: 'string', description: 'New file for the lines, written as they are found', valueHint: 'FILE' },
  resume: {
    type: 'string',
    description: 'File of an interrupted crawl: continue it in this file, or in --out',
    valueHint: 'FILE',
  },
  concurrency: { type: 'string', description: 'Connections open at the same time (50)', valueHint: 'N' },
  rate: { type: 'string', description: 'Largest number of new connections in a second (250)', valueHint: 'N' },
  'max-nodes': { type: 'string', description: 'Largest number of addresses to dial', valueHint: 'N' },
  'nodes-only': { type: 'boolean', description: 'Do not look for validators and quorum sets' },
  ...secondLookArgs,
  ...quorumSetArg,
  ...exportArgs,
  ...familyArgs,
  ...otherNodeArgs,
  timeout: { ...timeoutWithoutDefault, description: 'Time for the whole handshake of each node (10s)' },
  network: { ...networkArg, description: `${networkArg.description} (pubnet)` },
  'version-str': { ...nodeArgs['version-str'], description: 'Version text we advertise, for example a contact' },
} as const;

/** crawl HOST[:PORT]…: which nodes are on the network? */
export const crawl: CommandDef<typeof args> = defineCommand({
  meta: {
    name: 'crawl',
    description:
      'Walk the network by the addresses its nodes name: which nodes exist, which can be reached, why not the others, which validate. ' +
      'crawl diff OLD NEW compares two crawls, crawl export FILE converts one',
  },
  args,
  async run({ args: given, rawArgs, data }) {
    const context = data as CliContext;
    const { signal } = context;
    const seeds = [...readTargets(given._), ...(await readTargetsFile(given.targets, signal))];
    const file = crawlMistake(() => openFile(given.out, given.resume));
    try {
      const start = crawlMistake(() => startOf(given.resume === undefined ? undefined : file));
      if (seeds.length === 0 && start === undefined && !signal.aborted)
        throw new UsageError('name a node to begin with, a file of nodes with --targets, or a crawl to continue with --resume');
      checkExports(given, { '--out': given.out, '--resume': given.resume });
      const network = given.network ?? networkOf(start);
      const node = await nodeOptions({ ...given, network, timeout: given.timeout ?? '10s' }, signal);
      if (start !== undefined && node.network.networkID !== start.networkID)
        throw new UsageError(
          `--network: ${given.resume} is a crawl of ${start.network}`,
          'Leave --network out to continue it. A crawl of another network needs another file.',
        );
      const options: CrawlOptions = {
        ...start?.options,
        ...defined({
          allow: nonEmpty(readAll(args, rawArgs, 'allow')),
          concurrency: readNumber(given.concurrency, '--concurrency'),
          rate: readNumber(given.rate, '--rate'),
          maxNodes: readNumber(given['max-nodes'], '--max-nodes'),
          timeoutMs: given.timeout === undefined ? undefined : readTime(given.timeout, '--timeout'),
          validators: given['nodes-only'] === true ? false : undefined,
          secondLook: given['second-look'] === false ? false : undefined,
          quorumSet: given['quorum-set'] === undefined ? undefined : await readQuorumSetFile(given['quorum-set']),
          family: node.family === 0 ? undefined : node.family,
          versionStr: node.versionStr,
          overlayVersion: node.overlayVersion,
          overlayMinVersion: node.overlayMinVersion,
          ledgerVersion: node.ledgerVersion,
          listeningPort: node.listeningPort,
          identity: node.identity,
        }),
        network: node.network,
        seeds: [...new Set([...(start?.seeds ?? []), ...seeds.map(formatTarget)])],
        ...(start && file && { resume: file.events() }),
        signal,
      };
      const running = readOptions(options);
      const result = CrawlResult.of(start && file ? crawlMistake(() => [...file.events()]) : []);
      await follow(running, result, file, given.json === true, context);
      await writeExports(given, result, context);
      context.exitCode = signal.aborted ? EXIT.INTERRUPTED : exitCodeOf(result);
    } finally {
      file?.close();
    }
  },
});

/** Writes, prints and stores the events of the crawl. */
async function follow(
  running: Crawl,
  result: CrawlResult,
  file: CrawlFile | undefined,
  json: boolean,
  { out, err, signal }: CliContext,
): Promise<void> {
  const isTerminal = stderr().isTTY === true && process.env.TERM !== 'dumb';
  const live = isTerminal ? new LiveLine(stderr(), progressText(running), (text) => err.style('dim', text)) : undefined;
  const say = (event: CrawlEvent): void => {
    if (process.stdout.isTTY) live?.clear();
    out.json(event);
  };
  try {
    for await (const event of running) {
      crawlMistake(() => file?.write(event));
      result.add(event);
      if (json) {
        say(event);
        await out.drained(signal);
      }
    }
  } finally {
    live?.stop();
  }
  if (!json) printCrawl(result, out);
}

/** The file to write: a new one, the one of a resumed crawl, or a new one that begins with a copy of it. */
function openFile(out: string | undefined, resume: string | undefined): CrawlFile | undefined {
  if (resume !== undefined && (out === undefined || resolve(out) === resolve(resume))) return CrawlFile.resume(resume);
  if (out === undefined) return undefined;
  const file = CrawlFile.create(out);
  try {
    if (resume !== undefined) for (const event of readCrawlFile(resume)) file.write(event);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** The start of the crawl to continue, with the seeds that were added since. */
function startOf(file: CrawlFile | undefined): CrawlStart | undefined {
  let start: CrawlStart | undefined;
  for (const event of file?.events() ?? []) if (event.type === 'crawl') start = event;
  return start;
}

/** The network of the crawl to continue, in the form of `--network`. */
function networkOf(start: CrawlStart | undefined): string {
  if (start === undefined) return 'pubnet';
  return Object.hasOwn(networks, start.network) ? start.network : `${PASSPHRASE_MARK}${start.network}`;
}

function readOptions(options: CrawlOptions): Crawl {
  try {
    return startCrawl(options);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function nonEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined;
}

/** Removes undefined values, which would replace the options of an earlier run. */
function defined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
