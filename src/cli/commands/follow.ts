import { type CommandDef, defineCommand } from 'citty';
import { type FollowEvent, follow as followLedgers } from '../../follow/index.ts';
import { factsJson, ledgerJson } from '../../follow/json.ts';
import { verifyLines } from '../../follow/proof-file.ts';
import { formatTarget, type Target } from '../../net/target.ts';
import { quorumSetNodes } from '../../protocol/scp/quorum-set.ts';
import type { SCPQuorumSet } from '../../protocol/wire/messages.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { eventLines, ledgerLine, statusText } from '../follow-text.ts';
import { hasLiveLine, LiveLine } from '../live-line.ts';
import {
  familyArgs,
  type NodeArgs,
  nodeArgs,
  nodeOptions,
  readLimit,
  readNetwork,
  readNumber,
  readTargets,
  UsageError,
} from '../options.ts';
import { ReaderGone, stderr } from '../output.ts';
import { proofLines } from '../proof-lines.ts';
import { quorumSetArg, readQuorumSetFile } from '../quorum-set-file.ts';
import { readTargetsFile, targetsArg } from '../targets-file.ts';

const args = {
  target: {
    type: 'positional',
    required: false,
    description: 'Nodes to connect to: HOST, HOST:PORT or [IPv6]:PORT; any number of them. Or: verify FILE',
  },
  ...targetsArg,
  ...quorumSetArg,
  from: { type: 'string', description: 'First ledger; peers remember about twelve (the earliest recent one)', valueHint: 'N' },
  count: { type: 'string', description: 'End after this many ledgers', valueHint: 'N' },
  connections: { type: 'string', description: 'Peers at once (8)', valueHint: 'N' },
  proof: { type: 'boolean', description: 'With --json: the proof of each ledger, for follow verify' },
  'tx-set': { type: 'boolean', description: 'With --json: the transaction set of each ledger as XDR-JSON' },
  ...familyArgs,
  ...nodeArgs,
} as const;

/** follow HOST…: which ledgers has my quorum closed? */
export const follow: CommandDef<typeof args> = defineCommand({
  meta: {
    name: 'follow',
    description:
      'Print the ledgers that a quorum set has closed, verified, until Ctrl-C. follow verify FILE checks the output of --json --proof; - is stdin',
  },
  args,
  async run({ args, data }) {
    const context = data as CliContext;
    if (args['quorum-set'] === undefined)
      throw new UsageError('--quorum-set FILE is required: it names the validators you trust');
    const quorumSet = await readQuorumSetFile(args['quorum-set']);
    const [first, file, ...more] = args._;
    if (first === 'verify') {
      if (file === undefined || more.length > 0) throw new UsageError('follow verify takes one file, or - for stdin');
      context.exitCode = await verifyFile(file, quorumSet, args, context);
      return;
    }
    const targets = [...readTargets(args._), ...(await readTargetsFile(args.targets, context.signal))];
    if (targets.length === 0 && !context.signal.aborted)
      throw new UsageError('name a node to connect to, or a file of nodes with --targets');
    context.exitCode = await followPeers(targets, quorumSet, args, context);
  },
});

type FollowArgs = NodeArgs & {
  readonly from?: string | undefined;
  readonly count?: string | undefined;
  readonly connections?: string | undefined;
  readonly proof?: boolean | undefined;
  readonly 'tx-set'?: boolean | undefined;
  readonly json?: boolean | undefined;
};

/** Prints ledgers until interrupted. @returns the exit code */
async function followPeers(
  targets: readonly Target[],
  quorumSet: SCPQuorumSet,
  args: FollowArgs,
  context: CliContext,
): Promise<number> {
  const { out, err, signal } = context;
  const options = {
    ...(await nodeOptions(args, signal)),
    peers: targets.map(formatTarget),
    quorumSet,
    from: readSequence(args.from),
    connections: readLimit(args.connections, '--connections'),
  };
  const limit = readLimit(args.count, '--count') ?? Number.POSITIVE_INFINITY;
  const nodes = quorumSetNodes(quorumSet).length;
  const isJson = args.json === true;
  let hasAlarm = false;
  let live: LiveLine | undefined;
  const above = (print: () => void): void => {
    live?.clear();
    print();
    live?.draw();
  };
  const onEvent = (event: FollowEvent): void => {
    hasAlarm ||= event.type === 'alarm';
    if (isJson) out.json(event);
    else above(() => printEvent(event, context));
  };
  const follower = mistakes(() => followLedgers({ ...options, onEvent }));
  if (!isJson && hasLiveLine(process.stdout, stderr())) {
    const style = (text: string): string => err.style('dim', text);
    live = new LiveLine(stderr(), () => statusText(follower.status, nodes, Date.now()), style);
  }
  let printed = 0;
  try {
    for await (const ledger of follower) {
      if (isJson) out.json(await ledgerJson(ledger, { txSet: args['tx-set'] === true, proof: args.proof === true }));
      else {
        const line = await ledgerLine(ledger, nodes, out);
        above(() => out.line(line));
      }
      printed++;
      await out.drained(signal);
      if (printed >= limit || signal.aborted) break;
    }
  } finally {
    live?.stop();
  }
  if (signal.reason instanceof ReaderGone) return EXIT.OK;
  if (signal.aborted) return EXIT.INTERRUPTED;
  return hasAlarm ? EXIT.NOT_WHAT_IT_CLAIMS : EXIT.OK;
}

/** Events about ledgers are results and go to stdout; events about peers go to stderr. */
function printEvent(event: FollowEvent, { out, err }: CliContext): void {
  // Most nodes of a public network are not in a quorum set: this is not worth a line.
  if (event.type === 'refused' && event.code === 'LEDGER_NOT_IN_QUORUM_SET') return;
  const stream = event.type === 'peer' || event.type === 'refused' ? err : out;
  for (const line of eventLines(event, stream)) stream.line(line);
}

/** Number of lines that are verified before other work of the process gets its turn. */
const LINES_A_TURN = 100;

/** Verifies a file. @returns the exit code */
async function verifyFile(file: string, quorumSet: SCPQuorumSet, args: FollowArgs, context: CliContext): Promise<number> {
  const { out, err, signal } = context;
  const network = readNetwork(args.network);
  let good = 0;
  let bad = 0;
  for await (const result of verifyLines(proofLines(file, signal), quorumSet, network)) {
    const { line } = result;
    if ('ledger' in result) {
      good++;
      const facts = factsJson(result.ledger);
      if (args.json) out.json({ type: 'verified', line, ...facts });
      else
        out.line(
          `${out.style('green', '✓')} ${facts.ledgerSeq}  ${new Date(facts.closeTime * 1000).toISOString()}  ${facts.txSetHash}`,
        );
    } else {
      bad++;
      const { error } = result;
      if (args.json) out.json({ type: 'refused', line, error });
      else out.line(`${out.style('red', '✗')} line ${line}: ${error.message}`);
    }
    await out.drained(signal);
    // Subtle: if all lines are in memory and the output never waits, the event loop does not turn, and Ctrl-C has no effect.
    if ((good + bad) % LINES_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    if (signal.aborted) break;
  }
  err.line(`${good} proved, ${bad} not proved`);
  if (good + bad === 0 && !signal.aborted) err.line('  The file contains no proof: follow --json --proof writes proofs.');
  if (signal.aborted && bad === 0) return signal.reason instanceof ReaderGone ? EXIT.OK : EXIT.INTERRUPTED;
  return good > 0 && bad === 0 ? EXIT.OK : EXIT.NOT_WHAT_IT_CLAIMS;
}

function readSequence(text: string | undefined): number | undefined {
  const from = readNumber(text, '--from');
  if (from === 0) throw new UsageError('--from takes a ledger: the first is 1');
  return from;
}

/** Turns errors of the library about options into usage errors. */
function mistakes<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}
