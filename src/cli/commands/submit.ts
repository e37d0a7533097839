import { readFile } from 'node:fs/promises';
import { buffer as readStream } from 'node:stream/consumers';
import { type CommandDef, defineCommand } from 'citty';
import { type FollowEvent, type SubmitResult, submit as submitTransaction } from '../../follow/index.ts';
import { ledgerJson } from '../../follow/json.ts';
import { readXdrText } from '../../follow/transactions.ts';
import { formatTarget } from '../../net/target.ts';
import { OverlayError } from '../../protocol/errors.ts';
import { quorumSetNodes } from '../../protocol/scp/quorum-set.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { eventLines, ledgerLine } from '../follow-text.ts';
import { familyArgs, nodeArgs, nodeOptions, readTargets, readTime, UsageError } from '../options.ts';
import { quorumSetArg, readQuorumSetFile } from '../quorum-set-file.ts';
import { readTargetsFile, targetsArg } from '../targets-file.ts';

const args = {
  target: {
    type: 'positional',
    required: true,
    description: 'HOST, HOST:PORT or [IPv6]:PORT, any number of them; last the FILE with the signed envelope, - is stdin',
  },
  ...targetsArg,
  ...quorumSetArg,
  proof: { type: 'boolean', description: 'With --json: the proof of the ledger' },
  ...familyArgs,
  ...nodeArgs,
  timeout: { ...nodeArgs.timeout, description: 'How long to wait for a ledger that contains it, 30s or 5m', default: '5m' },
} as const;

/** submit HOST… FILE: send a signed transaction until a ledger contains it. */
export const submit: CommandDef<typeof args> = defineCommand({
  meta: {
    name: 'submit',
    description:
      'Offer a signed transaction envelope (base64, hex or XDR) to nodes, and follow ledgers until a verified one contains it. ' +
      'Exit code 0 when one does, 5 when it has expired or every node has refused us, 4 when --timeout has passed',
  },
  args,
  async run({ args, data }) {
    const context = data as CliContext;
    const { out, err, signal } = context;
    if (args['quorum-set'] === undefined)
      throw new UsageError('--quorum-set FILE is required: it names the validators you trust');
    const targets = [...readTargets(args._.slice(0, -1)), ...(await readTargetsFile(args.targets, signal))];
    const file = args._.at(-1) as string;
    if (targets.length === 0) throw new UsageError('name a node to send the transaction to, and then the file');
    if (file === '-' && args.targets === '-') throw new UsageError('stdin cannot be both the targets and the envelope');
    const quorumSet = await readQuorumSetFile(args['quorum-set']);
    const timeoutMs = readTime(args.timeout, '--timeout');
    const options = await nodeOptions({ ...args, timeout: '10s' }, signal);
    const peers = targets.map(formatTarget);
    const transaction = await readEnvelope(file);
    const onEvent = (event: FollowEvent): void => {
      if (args.json) out.json(event);
      else if (event.type !== 'refused' || event.code !== 'LEDGER_NOT_IN_QUORUM_SET')
        for (const line of eventLines(event, err)) err.line(line);
    };
    const onDemand = (address: string): void => {
      if (args.json) out.json({ type: 'demanded', address });
      else err.line(`· ${address} has asked for the transaction`);
    };
    let result: SubmitResult;
    try {
      result = await submitTransaction({ ...options, transaction, peers, quorumSet, timeoutMs, onEvent, onDemand });
    } catch (error) {
      if (error instanceof OverlayError && signal.aborted) {
        context.exitCode = EXIT.INTERRUPTED;
        return;
      }
      if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(error.message);
      throw error;
    }
    context.exitCode = EXIT_OF[result.outcome];
    if (args.json) for (const value of await resultJson(result, args.proof === true)) out.json(value);
    else for (const line of await resultLines(result, quorumSetNodes(quorumSet).length, context)) out.line(line);
  },
});

const EXIT_OF: Readonly<Record<SubmitResult['outcome'], number>> = {
  included: EXIT.OK,
  expired: EXIT.REFUSED,
  refused: EXIT.REFUSED,
  timeout: EXIT.NO_ANSWER,
};

async function readEnvelope(file: string): Promise<Uint8Array> {
  try {
    const bytes = file === '-' ? await readStream(process.stdin) : await readFile(file);
    return readXdrText(new Uint8Array(bytes));
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`);
  }
}

/** The ledger as `follow` prints it, if there is one; then the result of the transaction. */
async function resultJson(result: SubmitResult, proof: boolean): Promise<readonly object[]> {
  if (result.outcome !== 'included') return [{ type: 'result', ...result }];
  const { ledger, ...rest } = result;
  return [await ledgerJson(ledger, { txSet: false, proof }), { type: 'result', ...rest, ledgerSeq: ledger.ledgerSeq }];
}

async function resultLines(result: SubmitResult, nodes: number, { out }: CliContext): Promise<readonly string[]> {
  const { transactionHash, demandedBy } = result;
  const bad = out.style('red', '✗');
  const asked = demandedBy.length === 0 ? 'No node has asked for it.' : `Asked for by ${demandedBy.join(', ')}.`;
  switch (result.outcome) {
    case 'included':
      return [await ledgerLine(result.ledger, nodes, out), `  it contains ${transactionHash}`];
    case 'expired':
      return [
        `${bad} ${transactionHash} has expired: ledgers ${result.from} to ${result.to} do not contain it, and no later one can. ${asked}`,
      ];
    case 'refused':
      return [
        `${bad} every node has refused us`,
        ...Object.entries(result.errors).map(([address, { message, advice }]) => `  ${address}: ${message} ${advice}`),
      ];
    case 'timeout': {
      const seen =
        result.from === undefined
          ? 'No ledger was closed in this time.'
          : `Ledgers ${result.from} to ${result.to} do not contain it.`;
      return [`${bad} ${transactionHash} was not seen in time; a later ledger may still contain it. ${seen} ${asked}`];
    }
  }
}
