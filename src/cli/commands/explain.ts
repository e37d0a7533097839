import { type CommandDef, defineCommand } from 'citty';
import { toHex } from '../../protocol/bytes.ts';
import { explain as explainHandshake, type Story } from '../../tools/explain/explain.ts';
import { recordType, storyLines } from '../../tools/explain/text.ts';
import { remoteJson, roundMs } from '../../tools/json.ts';
import type { CliContext } from '../context.ts';
import { EXIT_CODE } from '../exit-codes.ts';
import { expectArg, networkArg, nodeArgs, nodeOptions, readTarget } from '../options.ts';
import { printable } from '../output.ts';

const args = {
  target: {
    type: 'positional',
    required: false,
    description: 'HOST, HOST:PORT or [IPv6]:PORT; none: a peer inside this process',
  },
  'unsafe-show-secrets': { type: 'boolean', description: 'Show our seed and all derived keys of a real connection' },
  ...expectArg,
  ...nodeArgs,
  network: { ...networkArg, description: `${networkArg.description}; pubnet, or standalone for the embedded peer` },
} as const;

/** explain [HOST[:PORT]]: what exactly happens in the handshake? */
export const explain: CommandDef<typeof args> = defineCommand({
  meta: { name: 'explain', description: 'Tell a handshake step by step: each formula, its inputs, its bytes and the result' },
  args,
  async run({ args, data }) {
    const context = data as CliContext;
    const { out, signal } = context;
    const target = args.target === undefined ? undefined : readTarget(args.target);
    // The embedded peer is on no network: its throw-away keys get the throw-away one.
    const network = args.network ?? (target === undefined ? 'standalone' : 'pubnet');
    const options = await nodeOptions({ ...args, network }, signal);
    const story = await explainHandshake(target, { ...options, unsafeStepSecrets: args['unsafe-show-secrets'] === true });
    if (args.json) out.line(JSON.stringify(storyJson(story)));
    else {
      const emphasis = {
        heading: (text: string) => out.style('bold', text),
        good: (text: string) => out.style('green', text),
        bad: (text: string) => out.style('red', text),
        dim: (text: string) => out.style('dim', text),
      };
      for (const line of storyLines(story, emphasis, printable)) out.line(line);
    }
    if (story.error) context.exitCode = EXIT_CODE[story.error.code];
  },
});

function storyJson({ target, network, steps, next, timings, error }: Story): object {
  const authenticated = steps.find(({ step }) => step === 'authenticated');
  const remote = error?.remote ?? (authenticated?.step === 'authenticated' ? authenticated.remote : undefined);
  return {
    target: target ?? null,
    ok: error === undefined,
    role: 'WE_CALLED_REMOTE',
    network: network.passphrase,
    steps: plain(steps),
    next: next.map((body) => ({ type: recordType(body), body: toHex(body) })),
    ...(remote && { remote: remoteJson(remote) }),
    ...(timings && { timings: roundMs(timings) }),
    ...(error && { error: error.toJSON() }),
  };
}

/** Bytes as hex, bigints as digits. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}
