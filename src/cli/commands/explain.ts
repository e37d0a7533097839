import { type CommandDef, defineCommand } from 'citty';
import { describeMacs } from '../../capture/text.ts';
import type { CapturePicture } from '../../explain/capture-picture.ts';
import { explain as explainHandshake, type Story } from '../../explain/explain.ts';
import { recordType, storyLines } from '../../explain/text.ts';
import { dialledFacts } from '../../probe/probe.ts';
import { toHex } from '../../protocol/bytes.ts';
import { plainJson } from '../../protocol/json.ts';
import { remoteJson, roundMs } from '../../report/json.ts';
import type { CliContext } from '../context.ts';
import { EXIT, EXIT_CODE } from '../exit-codes.ts';
import { expectArg, networkArg, nodeArgs, nodeOptions, readNumber, readTarget, UsageError } from '../options.ts';
import { type Output, printable } from '../output.ts';
import { SecondLooks, secondLookArgs } from '../second-look.ts';

const args = {
  target: {
    type: 'positional',
    required: false,
    description: 'HOST, HOST:PORT or [IPv6]:PORT; without it, a peer inside this process',
  },
  html: { type: 'string', description: 'Write one self-contained page; - is stdout', valueHint: 'FILE' },
  open: { type: 'boolean', description: 'Show the page in the browser during the handshake, until the page is closed' },
  from: {
    type: 'string',
    description: 'Make the page from a connection in a recording or capture; - is stdin',
    valueHint: 'FILE',
  },
  connection: { type: 'string', description: 'Number of the connection in --from (the first)', valueHint: 'N' },
  keylog: { type: 'string', description: 'Key log for verifying the MACs of --from', valueHint: 'FILE' },
  'unsafe-show-secrets': { type: 'boolean', description: 'Show our seed and all derived keys of a real connection' },
  ...secondLookArgs,
  ...expectArg,
  ...nodeArgs,
  network: { ...networkArg, description: `${networkArg.description}; pubnet, or standalone for the embedded peer` },
} as const;

/** What citty makes of `args`. */
type Args = Parameters<NonNullable<CommandDef<typeof args>['run']>>[0]['args'];

/** explain [HOST[:PORT]]: what exactly happens in the handshake? */
export const explain: CommandDef<typeof args> = defineCommand({
  meta: { name: 'explain', description: 'Show a handshake step by step: each formula, its inputs, its bytes and the result' },
  args,
  async run({ args, data }) {
    const context = data as CliContext;
    const { out, signal } = context;
    refuseContradictions(args);
    if (args.from !== undefined) return explainCapture(args, args.from, context);
    const target = args.target === undefined ? undefined : readTarget(args.target);
    // The embedded peer is on no real network: its temporary keys belong to the network standalone.
    const network = args.network ?? (target === undefined ? 'standalone' : 'pubnet');
    const options = {
      ...(await nodeOptions({ ...args, network }, signal)),
      ...(target && new SecondLooks(args, context).of(target)),
      unsafeStepSecrets: args['unsafe-show-secrets'] === true,
    };
    const isPage = args.html !== undefined || args.open === true;
    const story = isPage
      ? await (await import('../explain-page.ts')).explainOnPage(target, options, args, context)
      : await explainHandshake(target, options);
    if (args.json) out.json(storyJson(story));
    else if (!isPage) printStory(story, out);
    else if (args.html !== '-') printResult(story, out);
    if (story.error) context.exitCode = EXIT_CODE[story.error.code];
  },
});

/** @throws {UsageError} names options that exclude each other or need another option */
function refuseContradictions(args: Args): void {
  const { html, open, from, target, connection, keylog, json } = args;
  const hasPage = html !== undefined || open === true;
  if (from !== undefined && target !== undefined) throw new UsageError('HOST and --from exclude each other');
  if (from !== undefined && !hasPage) throw new UsageError('--from makes a page: add --html FILE or --open; decode prints text');
  if (from === undefined && (connection ?? keylog) !== undefined) throw new UsageError('--connection and --keylog need --from');
  if (json && (from !== undefined || html === '-')) throw new UsageError('--json has nothing to print here');
}

async function explainCapture(args: Args, file: string, context: CliContext): Promise<void> {
  const { err, signal } = context;
  const { captureInput, captureMistake, readKeyLog } = await import('../capture-file.ts');
  const { capturePicture } = await import('../../explain/capture-picture.ts');
  const { showOnPage } = await import('../explain-page.ts');
  const showSecrets = args['unsafe-show-secrets'] === true;
  const named = args.network === undefined ? undefined : (await nodeOptions({ ...args, network: args.network }, signal)).network;
  const options = {
    name: file === '-' ? 'stdin' : file.replace(/^.*[\\/]/, ''),
    connection: readNumber(args.connection, '--connection'),
    keys: await readKeyLog(args.keylog),
    showSecrets,
    network: named,
  };
  const found = await capturePicture(captureInput(file, signal), options).catch((error: unknown) => {
    throw captureMistake(error, file);
  });
  if (found.connections > 1)
    err.line(`Connection ${found.connection} of ${found.connections} is shown; --connection N shows another.`);
  printFound(found, args.html === '-' ? err : context.out);
  if (found.macs.bad + found.faults.length > 0) context.exitCode = EXIT.NOT_WHAT_IT_CLAIMS;
  await showOnPage(found.picture, showSecrets, args, context);
}

/** Prints the faults of a capture and how many MACs were verified; the page shows the same. */
function printFound({ macs, faults }: CapturePicture, out: Output): void {
  const described = describeMacs(macs);
  const mark = macs.bad > 0 ? out.style('red', '✗') : macs.unknown > 0 ? out.style('yellow', '!') : out.style('green', '✓');
  if (described !== undefined) out.line(`${mark} ${described}${macs.unknown > 0 ? '; --keylog FILE verifies them' : ''}.`);
  for (const fault of faults) out.line(`${out.style('red', '✗')} ${printable(fault)}`);
}

function printStory(story: Story, out: Output): void {
  const emphasis = {
    heading: (text: string) => out.style('bold', text),
    good: (text: string) => out.style('green', text),
    bad: (text: string) => out.style('red', text),
    dim: (text: string) => out.style('dim', text),
  };
  for (const line of storyLines(story, emphasis)) out.line(line);
}

/** The result in short; the page has the details. */
function printResult({ error }: Story, out: Output): void {
  if (error === undefined) {
    out.line(`${out.style('green', '✓')} The handshake is complete.`);
    return;
  }
  out.line(`${out.style('red', '✗')} ${error.message}`);
  out.line(`  ${error.advice}`);
}

function storyJson({ target, network, attempts = [], steps, next, isCut, timings, error, overlayRange }: Story): object {
  const authenticated = steps.find(({ step }) => step === 'authenticated');
  const remote = error?.remote ?? (authenticated?.step === 'authenticated' ? authenticated.remote : undefined);
  return {
    target: target ?? null,
    ok: error === undefined,
    role: 'WE_CALLED_REMOTE',
    network: network.passphrase,
    ...dialledFacts(attempts),
    steps: plainJson(steps),
    next: next.map((body) => ({ type: recordType(body), body: toHex(body) })),
    ...(isCut && { isCut }),
    ...(overlayRange && { overlayRange }),
    ...(remote && { remote: remoteJson(remote) }),
    ...(timings && { timings: roundMs(timings) }),
    ...(error && { error: error.toJSON() }),
  };
}
