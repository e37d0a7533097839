/**
 * The command line: finds the verb for argv, and the exit code for an exception. Only this module ends the process.
 * @module
 */
import { type ArgsDef, runCommand } from 'citty';
import { closest } from '../net/closest.ts';
import { VERSION } from '../net/version.ts';
import { OverlayError } from '../protocol/errors.ts';
import type { CliContext } from './context.ts';
import { EXIT, EXIT_CODE } from './exit-codes.ts';
import type { Described } from './help.ts';
import { refuseSeeds, refuseUnknownOptions, UsageError } from './options.ts';
import { OutputLost, outputOn, ReaderGone, stderr } from './output.ts';
import { loadVerb, SUBVERBS, VERBS } from './verbs.ts';

const HELP = `stellar-handshake ${VERSION}: Stellar's overlay peer handshake

  stellar-handshake HOST[:PORT]             the same as probe
  stellar-handshake probe HOST[:PORT]…      can it be reached? if not, why not?
  stellar-handshake explain [HOST[:PORT]]   what happens in the handshake?
  stellar-handshake listen [HOST:]PORT      accept handshakes
  stellar-handshake watch HOST[:PORT]       what does the node send?
  stellar-handshake crawl HOST[:PORT]…      which nodes exist, which validate?
  stellar-handshake crawl diff OLD NEW      what changed between two crawls?
  stellar-handshake crawl export FILE       make a page or a graph of a crawl
  stellar-handshake follow HOST[:PORT]…     which ledgers has my quorum closed?
  stellar-handshake submit HOST… FILE       send a transaction, await it
  stellar-handshake audit HOST[:PORT]       does it behave as stellar-core does?
  stellar-handshake audit --listen PORT     the same for a node that dials
  stellar-handshake decode FILE             what is in this capture?
  stellar-handshake exporter                probe nodes for Prometheus
  stellar-handshake keygen FILE             make a new node seed

stellar-handshake VERB --help shows options, examples and exit codes of a verb.`;

/** Time to write the remaining output after a signal has ended the verb, in milliseconds. */
const EXIT_MS = 500;

/** The verb: the first two words, or the first word; without a verb it is `probe`. */
function verbOf(argv: readonly string[]): { readonly verb: string; readonly rawArgs: string[] } {
  const [first = '', second = ''] = argv;
  const both = `${first} ${second}`;
  if (Object.hasOwn(SUBVERBS, both)) return { verb: both, rawArgs: argv.slice(2) };
  return Object.hasOwn(VERBS, first) ? { verb: first, rawArgs: argv.slice(1) } : { verb: 'probe', rawArgs: [...argv] };
}

/** Runs one command line, and prints an exception. @returns the exit code */
export async function runLine(argv: readonly string[], context: CliContext): Promise<number> {
  const used: UsedVerb = {};
  return main(argv, context, used).catch((error: unknown) => fail(error, context, used));
}

/** The verb that runs, for usage errors. */
interface UsedVerb {
  verb?: string;
}

async function main(argv: readonly string[], context: CliContext, used: UsedVerb): Promise<number> {
  refuseSeeds(argv);
  const [first = '--help'] = argv;
  if (first === '--help' || first === '-h' || first === 'help') {
    context.out.document(HELP);
    return argv.length === 0 ? EXIT.USAGE : EXIT.OK;
  }
  if (first === '--version' || first === '-v') {
    context.out.line(VERSION);
    return EXIT.OK;
  }
  // A word without dot and colon may be a host. A word that is almost a verb rarely is.
  const meant = /^[a-z]+$/i.test(first) ? closest(first, Object.keys(VERBS)) : undefined;
  if (meant !== undefined)
    throw new UsageError(`there is no verb ${first}; did you mean ${meant}? A host of that name is probed with: probe ${first}`);
  const { verb, rawArgs } = verbOf(argv);
  used.verb = verb;
  const command = await loadVerb(verb);
  if (rawArgs.includes('--help') || rawArgs.includes('-h')) {
    const { verbHelp } = await import('./help.ts');
    context.out.document(verbHelp(verb, command as unknown as Described));
    return EXIT.OK;
  }
  refuseUnknownOptions(command.args as unknown as ArgsDef, rawArgs);
  await runCommand(command, { rawArgs, data: context });
  return context.exitCode;
}

/** Prints an exception in one or two lines. @returns its exit code */
function fail(error: unknown, context: CliContext, { verb }: UsedVerb = {}): number {
  const mark = context.err.style('red', '✗');
  if (error instanceof OverlayError) {
    if (readerIsGone(context)) return EXIT.OK;
    context.err.line(`${mark} ${error.message}`);
    context.err.line(`  ${error.advice}`);
    return EXIT_CODE[error.code];
  }
  const { name, message } = error as Error;
  if (error instanceof OutputLost) {
    context.err.line(`${mark} ${message}`);
    context.err.line('  The output is incomplete.');
    return EXIT.OUTPUT_LOST;
  }
  if (error instanceof UsageError || name === 'CLIError') {
    context.err.line(`${mark} ${message}`);
    const advice = error instanceof UsageError ? error.advice : undefined;
    if (advice !== undefined) context.err.line(`  ${advice}`);
    else context.err.line(`  stellar-handshake ${verb === undefined ? '' : `${verb} `}--help shows how it is used.`);
    return EXIT.USAGE;
  }
  const told = error instanceof Error ? String(error.stack) : String(error);
  for (const [at, line] of told.split('\n').entries()) context.err.line(at === 0 ? `${mark} this is a bug: ${line}` : line);
  return EXIT.BUG;
}

function readerIsGone({ signal }: CliContext): boolean {
  return signal.reason instanceof ReaderGone;
}

/** Runs the command line of this process: its arguments, its signals, its exit code. */
export async function run(): Promise<void> {
  const interrupt = new AbortController();
  const context: CliContext = {
    out: outputOn(process.stdout),
    // Opened when it is used.
    get err() {
      return outputOn(stderr());
    },
    signal: interrupt.signal,
    exitCode: EXIT.OK,
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // A second signal ends the process at once.
      if (interrupt.signal.aborted) process.exit(EXIT.INTERRUPTED);
      interrupt.abort(new Error(signal));
    });
  }
  // The reader of our output may stop reading. The verb then closes everything, and the process ends.
  let lost = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return interrupt.abort(new ReaderGone());
    if (lost) return;
    lost = true;
    const reason = new OutputLost(`stdout could not be written: ${error.message}`);
    // This may happen when everything else is done.
    process.exitCode = fail(reason, context);
    interrupt.abort(reason);
  });

  const exitCode = await runLine(process.argv.slice(2), context);
  process.exitCode = lost ? EXIT.OUTPUT_LOST : readerIsGone(context) && exitCode !== EXIT.BUG ? EXIT.OK : exitCode;
  // Do not wait for what still keeps the process alive, such as a name look-up or a reader of our output.
  if (interrupt.signal.aborted) setTimeout(() => process.exit(), EXIT_MS).unref();
}
