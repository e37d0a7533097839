import { type CommandDef, defineCommand } from 'citty';
import { startExporter } from '../../exporter/server.ts';
import { AllowList } from '../../net/allow-list.ts';
import { formatTarget } from '../../net/target.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { familyArgs, networkArg, nodeArgs, nodeOptions, readAddress, readAll, readLimit, UsageError } from '../options.ts';

const args = {
  listen: {
    type: 'string',
    description: 'PORT, HOST:PORT or [IPv6]:PORT; the host is 127.0.0.1 when left out, the port 0 is any free one',
    valueHint: 'HOST:PORT',
    default: '127.0.0.1:11627',
  },
  allow: {
    type: 'string',
    description: 'Addresses that may be probed, 10.0.0.0/8 for example; repeat it for more. None: whatever is globally routable',
    valueHint: 'CIDR',
  },
  hostname: {
    type: 'string',
    description: 'Name it is asked by, behind a proxy or in a container; repeat it for more. Addresses and localhost always are',
    valueHint: 'NAME',
  },
  concurrency: { type: 'string', description: 'Probes at once; one more is answered with 503 (16)', valueHint: 'N' },
  ...familyArgs,
  ...nodeArgs,
  network: { ...networkArg, description: `For requests that name no network: ${networkArg.description}`, default: 'pubnet' },
  timeout: { ...nodeArgs.timeout, description: 'The most a probe may take; less when Prometheus waits for less' },
  json: { ...nodeArgs.json, description: 'Print where it listens as JSON' },
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
    const running = await startExporter({ node, family, host, port, names, allowList, concurrency });
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
