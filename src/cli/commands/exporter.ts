import { type CommandDef, defineCommand } from 'citty';
import { startExporter } from '../../exporter/server.ts';
import type { FollowOptions } from '../../follow/index.ts';
import { AllowList } from '../../net/allow-list.ts';
import type { ConnectOptions } from '../../net/options.ts';
import { formatTarget } from '../../net/target.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import {
  familyArgs,
  networkArg,
  nodeArgs,
  nodeOptions,
  readAddress,
  readAll,
  readLimit,
  readTarget,
  UsageError,
} from '../options.ts';
import { quorumSetArg, readQuorumSetFile } from '../quorum-set-file.ts';

const args = {
  listen: {
    type: 'string',
    description: 'PORT, HOST:PORT or [IPv6]:PORT; the host is 127.0.0.1 by default, port 0 is any free port',
    valueHint: 'HOST:PORT',
    default: '127.0.0.1:11627',
  },
  allow: {
    type: 'string',
    description: 'Addresses that may be probed, for example 10.0.0.0/8; may be repeated. Default: globally routable addresses',
    valueHint: 'CIDR',
  },
  hostname: {
    type: 'string',
    description:
      'Host name accepted in requests, for a proxy or container; may be repeated. Addresses and localhost are always accepted',
    valueHint: 'NAME',
  },
  follow: {
    type: 'string',
    description: 'Node to follow ledgers with, HOST or HOST:PORT; may be repeated. /metrics then includes the ledgers',
    valueHint: 'HOST',
  },
  'quorum-set': { ...quorumSetArg['quorum-set'], description: `For --follow: ${quorumSetArg['quorum-set'].description}` },
  crawl: { type: 'string', description: 'File of crawl --out; /metrics then includes this crawl', valueHint: 'FILE' },
  concurrency: { type: 'string', description: 'Probes at once; a further request gets 503 (16)', valueHint: 'N' },
  ...familyArgs,
  ...nodeArgs,
  network: { ...networkArg, description: `For requests that name no network: ${networkArg.description}`, default: 'pubnet' },
  timeout: { ...nodeArgs.timeout, description: 'Longest time of a probe; shorter when Prometheus waits for less' },
  json: { ...nodeArgs.json, description: 'Print the listening address as JSON' },
} as const;

/** exporter: metrics of nodes for Prometheus. */
export const exporter: CommandDef<typeof args> = defineCommand({
  meta: { name: 'exporter', description: 'Answer Prometheus: one real handshake for each scrape of /probe, until Ctrl-C' },
  args,
  async run({ args: given, rawArgs, data }) {
    const context = data as CliContext;
    const { out, signal } = context;
    const { host, port } = readAddress(given.listen);
    const allowList = readAllowList(readAll(args, rawArgs, 'allow'));
    const names = readAll(args, rawArgs, 'hostname');
    const concurrency = readLimit(given.concurrency, '--concurrency');
    const { signal: _signal, family, ...node } = await nodeOptions(given, signal);
    const follow = await readFollow(readAll(args, rawArgs, 'follow'), given['quorum-set'], { ...node, family });
    const running = await startExporter({
      follow,
      crawlFile: given.crawl,
      node,
      family,
      host,
      port,
      names,
      allowList,
      concurrency,
    });
    const where = { host: running.host, port: running.port };
    if (given.json) out.json({ event: 'listening', ...where, peerID: running.peerID });
    else out.line(`Answering http://${formatTarget(where)}/probe?target=HOST:PORT as ${running.peerID}`);
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await running.close();
    context.exitCode = EXIT.INTERRUPTED;
  },
});

function readAllowList(cidrs: readonly string[]): AllowList {
  try {
    return new AllowList(cidrs);
  } catch (error) {
    throw new UsageError(`--allow: ${(error as Error).message}`);
  }
}

/** The options of `follow`. @throws {UsageError} when only one of the two options is given */
async function readFollow(
  targets: readonly string[],
  file: string | undefined,
  node: Omit<ConnectOptions, 'signal' | 'host'>,
): Promise<FollowOptions | undefined> {
  if (targets.length === 0 && file === undefined) return undefined;
  if (targets.length === 0 || file === undefined) throw new UsageError('--follow HOST and --quorum-set FILE belong together');
  return { ...node, peers: targets.map((target) => formatTarget(readTarget(target))), quorumSet: await readQuorumSetFile(file) };
}
