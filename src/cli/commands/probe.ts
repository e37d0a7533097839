import { type CommandDef, defineCommand } from 'citty';
import { PASSPHRASE_MARK } from '../../net/network-name.ts';
import { formatTarget, type Target } from '../../net/target.ts';
import { campaign, MAX_CONCURRENCY, MAX_ROUNDS, type Probed } from '../../probe/campaign.ts';
import { probeTimed, type TimedResult } from '../../probe/first-message.ts';
import { Knowledge } from '../../probe/knowledge.ts';
import { judge, type Policy, parsePolicy, rulesFor, type Verdict } from '../../probe/policy.ts';
import { TargetTally } from '../../probe/tally.ts';
import { uniqueTargets } from '../../probe/targets.ts';
import { writeOutputFile } from '../../report/output-file.ts';
import { captureArgs, openCapture } from '../capture.ts';
import type { CliContext } from '../context.ts';
import { EXIT, EXIT_CODE } from '../exit-codes.ts';
import {
  expectArg,
  networkArg,
  nodeArgs,
  nodeOptions,
  readNumber,
  readTargets,
  readTime,
  UsageError,
  writeMistake,
} from '../options.ts';
import { printResult, printTable, ResultLines } from '../probe-text.ts';
import { openProgress, type Progress } from '../progress.ts';
import { SecondLooks, secondLookArgs } from '../second-look.ts';
import { readTargetsFile, targetsArg } from '../targets-file.ts';

export { printFailure } from '../probe-text.ts';

const args = {
  target: { type: 'positional', required: false, description: 'HOST, HOST:PORT or [IPv6]:PORT; any number of them' },
  ...targetsArg,
  concurrency: { type: 'string', description: 'Targets probed at the same time (8)', valueHint: 'N' },
  count: { type: 'string', description: 'How often each target is probed (1)', valueHint: 'N' },
  interval: { type: 'string', description: 'Time between two rounds, 500ms or 10s', valueHint: 'TIME', default: '1s' },
  policy: { type: 'string', description: 'JSON file of rules for nodes; exit 7 when a rule is broken', valueHint: 'FILE' },
  junit: { type: 'string', description: 'File for the results as JUnit XML', valueHint: 'FILE' },
  ...secondLookArgs,
  ...expectArg,
  ...captureArgs,
  ...nodeArgs,
  network: { ...networkArg, description: `${networkArg.description} (that of --policy, else pubnet)` },
} as const;

/** probe HOST[:PORT]…: can this node be reached, and if not, why not? */
export const probe: CommandDef<typeof args> = defineCommand({
  meta: {
    name: 'probe',
    description: 'Do one real handshake with each target, and print the result or the cause of the failure',
  },
  args,
  async run({ args, data }) {
    const context = data as CliContext;
    const { signal } = context;
    const policy = await readPolicy(args.policy);
    const plan = {
      count: readCount(args.count, '--count', MAX_ROUNDS) ?? 1,
      concurrency: readCount(args.concurrency, '--concurrency', MAX_CONCURRENCY),
      intervalMs: readTime(args.interval, '--interval'),
    };
    const network = args.network ?? (policy?.network ? `${PASSPHRASE_MARK}${policy.network.passphrase}` : 'pubnet');
    const options = await nodeOptions({ ...args, network }, signal);
    const targets = uniqueTargets([...readTargets(args._), ...(await readTargetsFile(args.targets, signal))]);
    if (targets.length === 0 && !signal.aborted) throw new UsageError('name a target, or a file of targets with --targets');

    const report = new Report(targets, { ...plan, json: args.json === true, policy }, context);
    const junit = await openJUnit(args.junit, report.tallies);
    const capture = await openCapture(args);
    const progress = report.isSingle ? undefined : await openProgress(targets.length * plan.count);
    const secondLooks = new SecondLooks(args, context, progress?.above);
    try {
      const known = new Map(targets.map((target) => [target, new Knowledge()]));
      const probeOne = (target: Target, signal: AbortSignal): Promise<TimedResult> =>
        probeTimed(target, { ...options, ...capture.options, ...secondLooks.of(target), signal, known: known.get(target) });
      const onProbed = ({ result }: Probed<TimedResult>): void => progress?.done(!result.ok);
      for await (const probed of campaign(targets, probeOne, { ...plan, signal, onProbed })) {
        report.add(probed, progress);
        await context.out.drained(signal);
      }
    } finally {
      progress?.stop();
      report.end();
      junit.write();
      await capture.close();
    }
    context.exitCode = report.exitCode();
  },
});

/** The number of rounds, the form of the output and the policy. */
interface Plan {
  readonly count: number;
  readonly json: boolean;
  readonly policy: Policy | undefined;
}

/** Judges, counts and prints results. */
class Report {
  /** Whether there will be one result. It is shown in full and decides the exit code. */
  readonly isSingle: boolean;
  readonly #tallies: ReadonlyMap<Target, TargetTally>;
  readonly #plan: Plan;
  readonly #context: CliContext;
  readonly #lines: ResultLines;

  constructor(targets: readonly Target[], plan: Plan, context: CliContext) {
    this.isSingle = targets.length * plan.count === 1;
    this.#tallies = new Map(
      targets.map((target) => [target, new TargetTally(target, plan.policy ? rulesFor(plan.policy, target) : [])]),
    );
    this.#plan = plan;
    this.#context = context;
    this.#lines = new ResultLines(context.out, targets.map(formatTarget), plan.count);
  }

  /** One tally for each target, in their order. */
  get tallies(): readonly TargetTally[] {
    return [...this.#tallies.values()];
  }

  add({ target, round, result, elapsedMs }: Probed<TimedResult>, progress: Progress | undefined): void {
    const { policy } = this.#plan;
    const verdicts = policy ? judge(policy, target, result, Date.now() / 1000) : [];
    // A probe that we interrupted says nothing about the node.
    const isOver = result.error?.code !== 'OVERLAY_ABORTED';
    if (isOver) this.#tallies.get(target)?.add(result, verdicts, elapsedMs);
    if (!isOver && !this.isSingle && !this.#plan.json) return;
    const print = (): void => this.#print(result, verdicts, round);
    if (progress) progress.above(print);
    else print();
  }

  /** Prints the table, for people. */
  end(): void {
    if (!this.isSingle && !this.#plan.json && this.#tallies.size > 0)
      printTable(this.tallies, this.#plan.count, this.#context.out, process.stdout.columns);
  }

  exitCode(): number {
    if (this.#context.signal.aborted) return EXIT.INTERRUPTED;
    const failed = this.tallies.find(({ firstError }) => firstError !== undefined)?.firstError;
    if (failed && this.#tallies.size === 1) return EXIT_CODE[failed.code];
    const isBroken = this.tallies.some(({ rules }) => rules.some(({ broken }) => broken > 0));
    return failed || isBroken ? EXIT.SOME_FAILED : EXIT.OK;
  }

  #print(result: TimedResult, verdicts: readonly Verdict[], round: number): void {
    const { json, count, policy } = this.#plan;
    const { out } = this.#context;
    if (json) out.json({ ...result, ...(count > 1 && { round }), ...(policy !== undefined && { policy: verdicts }) });
    else if (this.isSingle) printResult(result, verdicts, out);
    else this.#lines.print(result, verdicts, round);
  }
}

/** A whole number from 1, or undefined. @throws {UsageError} */
function readCount(text: string | undefined, option: string, max: number): number | undefined {
  const number = readNumber(text, option);
  if (number !== undefined && (number < 1 || number > max))
    throw new UsageError(`${option} takes a whole number from 1 to ${max}`);
  return number;
}

/** @throws {UsageError} names the path of the mistake in the policy */
async function readPolicy(file: string | undefined): Promise<Policy | undefined> {
  if (file === undefined) return undefined;
  try {
    const { readFile } = await import('node:fs/promises');
    return parsePolicy(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    // Subtle: the message of JSON.parse repeats the text, which may be a seed file by mistake.
    const why = error instanceof SyntaxError ? 'not JSON' : (error as Error).message;
    throw new UsageError(`--policy: ${file}: ${why}`);
  }
}

/**
 * Writes the file before the first probe: an error shows at once, and a valid file exists however the process ends.
 * @throws {UsageError} when it cannot be written
 */
async function openJUnit(file: string | undefined, tallies: readonly TargetTally[]): Promise<{ write(): void }> {
  if (file === undefined) return { write: () => {} };
  const { junitXml } = await import('../../probe/junit.ts');
  const startSeconds = Date.now() / 1000;
  const write = (): void => {
    try {
      writeOutputFile(file, junitXml(tallies, startSeconds));
    } catch (error) {
      throw writeMistake('--junit', error);
    }
  };
  write();
  return { write };
}
