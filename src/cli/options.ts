/**
 * Options that most verbs share: converts argv and environment to options of the library.
 * @module
 */
import { parseArgs } from 'node:util';
import type { ArgsDef } from 'citty';
import { closest } from '../net/closest.ts';
import { NodeIdentity } from '../net/identity.ts';
import type { Family } from '../net/lookup.ts';
import { parseNetwork, passphraseNotice } from '../net/network-name.ts';
import { type NodeOptions, resolveOptions } from '../net/options.ts';
import { formatTarget, isPort, parseTarget, type Target } from '../net/target.ts';
import type { Network } from '../protocol/networks.ts';
import { decodePublicKey, hasSecretSeed, withoutSecretSeeds } from '../protocol/strkey.ts';
import { OutputLost, outputOn, stderr } from './output.ts';

/** A mistake in the command line: exit code 2. Seeds are removed from the message, because the arguments may contain one. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
  /** What to do about it; undefined: the help of the verb says it. */
  readonly advice: string | undefined;

  constructor(message: string, advice?: string) {
    super(withoutSecretSeeds(message));
    this.advice = advice;
  }
}

/** The system's error codes for a disk that is full or broken. */
const DISK_ERRORS: readonly (string | undefined)[] = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO'];

/** Why a file could not be written, as an error of the command line: the name of the file is wrong, or the disk is full. */
export function writeMistake(option: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  return DISK_ERRORS.includes(code)
    ? new OutputLost(`${option} could not be written: ${message}`)
    : new UsageError(`${option}: ${message}`);
}

/**
 * Refuses a secret seed anywhere on the command line, whatever its purpose. The seed is neither printed nor sent.
 * @throws {UsageError} names the option of the seed
 */
export function refuseSeeds(argv: readonly string[]): void {
  const at = argv.findIndex(hasSecretSeed);
  if (at < 0) return;
  const [option] = /^--?[\w-]+(?==)/.exec(argv[at] ?? '') ?? /^--?[\w-]+$/.exec(argv[at - 1] ?? '') ?? [];
  throw new UsageError(
    `${option === undefined || hasSecretSeed(option) ? 'an argument' : option} is a secret seed, and was not used. Other users of this machine can read command lines: make a new seed, and give its file with --seed-file.`,
  );
}

/** `--json`. */
export const jsonArg = {
  json: { type: 'boolean', description: 'Print JSON, one object in each line' },
} as const satisfies ArgsDef;

/** `--network`, without its default. */
export const networkArg = {
  type: 'string',
  description: 'pubnet, testnet, futurenet, standalone, or a passphrase',
  valueHint: 'NAME',
} as const;

/** Options of every verb that connects to a peer. */
export const nodeArgs = {
  network: { ...networkArg, default: 'pubnet' },
  'seed-file': {
    type: 'string',
    description: 'File with our S… seed; default: STELLAR_HANDSHAKE_SEED, or a random seed',
    valueHint: 'FILE',
  },
  timeout: { type: 'string', description: 'Time for the whole handshake, 500ms or 10s', valueHint: 'TIME', default: '10s' },
  'overlay-version': { type: 'string', description: 'Newest overlay version we advertise (42)', valueHint: 'N' },
  'overlay-min-version': { type: 'string', description: 'Oldest overlay version we advertise (38)', valueHint: 'N' },
  'ledger-version': { type: 'string', description: 'Ledger protocol we advertise (27)', valueHint: 'N' },
  'version-str': { type: 'string', description: 'Version text we advertise', valueHint: 'TEXT' },
  'listening-port': {
    type: 'string',
    description: 'Port we advertise: nodes store it with our address and pass it on (11625)',
    valueHint: 'N',
  },
  ...jsonArg,
} as const satisfies ArgsDef;

/** `-4` and `-6`, for verbs that look up names. */
export const familyArgs = {
  ipv4: { type: 'boolean', alias: '4', description: 'Dial IPv4 addresses only' },
  ipv6: { type: 'boolean', alias: '6', description: 'Dial IPv6 addresses only' },
} as const satisfies ArgsDef;

/** Further options of verbs that dial. */
export const expectArg = {
  expect: { type: 'string', description: 'The only peer accepted', valueHint: 'G…' },
  ...familyArgs,
} as const satisfies ArgsDef;

/** What citty makes of `nodeArgs`. */
export interface NodeArgs {
  readonly network: string;
  readonly 'seed-file'?: string | undefined;
  readonly timeout: string;
  readonly 'overlay-version'?: string | undefined;
  readonly 'overlay-min-version'?: string | undefined;
  readonly 'ledger-version'?: string | undefined;
  readonly 'version-str'?: string | undefined;
  readonly 'listening-port'?: string | undefined;
  readonly expect?: string | undefined;
  readonly ipv4?: boolean | undefined;
  readonly ipv6?: boolean | undefined;
}

/** Options of the library. @throws {UsageError} names the wrong option */
export async function nodeOptions(
  args: NodeArgs,
  signal: AbortSignal,
): Promise<NodeOptions & { readonly expectedPeerID?: string; readonly family: Family }> {
  const identity = await readIdentity(args['seed-file']);
  const options = {
    network: readNetwork(args.network),
    ...(identity && { identity }),
    handshakeTimeoutMs: readTime(args.timeout, '--timeout'),
    overlayVersion: readNumber(args['overlay-version'], '--overlay-version'),
    overlayMinVersion: readNumber(args['overlay-min-version'], '--overlay-min-version'),
    ledgerVersion: readNumber(args['ledger-version'], '--ledger-version'),
    versionStr: args['version-str'],
    listeningPort: readNumber(args['listening-port'], '--listening-port'),
    ...(args.expect !== undefined && { expectedPeerID: readPeerID(args.expect) }),
    family: readFamily(args),
    signal,
  };
  try {
    resolveOptions(options);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  return options;
}

/**
 * Refuses unknown options, and values for switches: citty itself accepts both. A value is never printed, because it may be a
 * seed.
 * @throws {UsageError} names the option
 */
export function refuseUnknownOptions(args: ArgsDef, rawArgs: readonly string[]): void {
  const options = parseOptions(args);
  try {
    const { positionals } = parseArgs({ args: [...rawArgs], options, allowPositionals: true, strict: true });
    const allowed = Object.values(args).filter(({ type }) => type === 'positional').length;
    const takesMany =
      'targets' in args || Object.values(args).some(({ type, valueHint }) => type === 'positional' && valueHint?.endsWith('…'));
    if (positionals.length <= allowed || takesMany) return;
    const [host = '', port = ''] = positionals.slice(allowed - 1);
    throw new UsageError(`too many arguments${allowed > 0 && isPort(port) ? meantTarget(host, port) : ''}`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const message = (error as Error).message.split(/\. | To specify/)[0] ?? 'bad arguments';
    const [, unknown = ''] = /^Unknown option '--(.*)'$/.exec(message) ?? [];
    const meant = closest(unknown, Object.keys(options));
    throw new UsageError(meant === undefined ? message : `${message}; did you mean --${meant}?`);
  }
}

/** Every value of an option that may be given more than once: citty itself keeps only the last. */
export function readAll(args: ArgsDef, rawArgs: readonly string[], name: string): readonly string[] {
  const options = { ...parseOptions(args), [name]: { type: 'string' as const, multiple: true } };
  const { values } = parseArgs({ args: [...rawArgs], options, allowPositionals: true });
  return (values[name] as string[] | undefined) ?? [];
}

/** The options as node:util takes them. */
function parseOptions(args: ArgsDef): Record<string, { type: 'string' | 'boolean'; short?: string }> {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {};
  for (const [name, arg] of Object.entries(args) as [string, { type?: string; alias?: string; default?: unknown }][]) {
    const { type, alias } = arg;
    if (type === 'positional') continue;
    options[name] = { type: type === 'boolean' ? 'boolean' : 'string', ...(alias && { short: alias }) };
    // A switch that is on by default can be turned off.
    if (arg.default === true) options[`no-${name}`] = { type: 'boolean' };
  }
  return options;
}

/** Any number of targets. @throws {UsageError} when one of them is not a target */
export function readTargets(texts: readonly string[]): Target[] {
  return texts.map((text, at) => {
    const before = texts[at - 1];
    if (before !== undefined && isPort(text)) throw new UsageError(`${text} is a number, not a host${meantTarget(before, text)}`);
    return readTarget(text);
  });
}

/** Host and port as one target, when they make one. */
function meantTarget(host: string, port: string): string {
  try {
    return `; did you mean ${formatTarget({ ...parseTarget(host), port: Number(port) })}?`;
  } catch {
    return '';
  }
}

/** HOST, HOST:PORT or [IPv6]:PORT. @throws {UsageError} for any other text */
export function readTarget(text: string): Target {
  try {
    return parseTarget(text);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** PORT, HOST:PORT or [IPv6]:PORT to listen on; the host is 127.0.0.1 by default. @throws {UsageError} for any other text */
export function readAddress(text: string): { host: string; port: number } {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]\s]+)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? Number.NaN);
  if (match === null || port > 65535)
    throw new UsageError(`not an address to listen on: ${JSON.stringify(text)}; write PORT or HOST:PORT`);
  return { host: match[1] ?? match[2] ?? '127.0.0.1', port };
}

/** A number from 1 to 65535, or undefined. @throws {UsageError} */
export function readLimit(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65535)
    throw new UsageError(`${option} takes a number from 1 to 65535`);
  return Number(text);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** Milliseconds of `500ms`, `10s`, `2m` or plain seconds. @throws {UsageError} */
export function readTime(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  const ms = Math.round(Number(match?.[1]) * (UNIT_MS[match?.[2] ?? 's'] ?? Number.NaN));
  if (!(ms >= 1 && ms <= 0x7fffffff)) throw new UsageError(`${option} takes a time such as 500ms, 10s or 2m`);
  return ms;
}

/** A whole number from 0 to 2^32 - 1, or undefined. @throws {UsageError} */
export function readNumber(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text) || Number(text) > 0xffffffff) throw new UsageError(`${option} takes a whole number`);
  return Number(text);
}

/** `--network`. @throws {UsageError} when it is not a network */
export function readNetwork(text: string): Network {
  try {
    const network = parseNetwork(text);
    const notice = passphraseNotice(network);
    if (notice !== undefined) {
      const err = outputOn(stderr());
      err.line(`${err.style('yellow', '!')} ${notice}`);
    }
    return network;
  } catch (error) {
    throw new UsageError(`--network: ${(error as Error).message}`);
  }
}

function readFamily({ ipv4, ipv6 }: NodeArgs): Family {
  if (ipv4 && ipv6) throw new UsageError('-4 and -6 exclude each other');
  return ipv4 ? 4 : ipv6 ? 6 : 0;
}

function readPeerID(text: string): string {
  try {
    decodePublicKey(text);
    return text;
  } catch (error) {
    throw new UsageError(`--expect: ${(error as Error).message}`);
  }
}

/** Our seed from the environment. It is removed from the environment at once, so that no process we start gets it. */
const seed = process.env.STELLAR_HANDSHAKE_SEED;
delete process.env.STELLAR_HANDSHAKE_SEED;

async function readIdentity(file: string | undefined): Promise<NodeIdentity | undefined> {
  try {
    if (file !== undefined) return await NodeIdentity.fromSeedFile(file);
    return seed ? NodeIdentity.fromSecretSeed(seed.trim()) : undefined;
  } catch (error) {
    throw new UsageError(
      file !== undefined ? `--seed-file: ${(error as Error).message}` : `STELLAR_HANDSHAKE_SEED: ${(error as Error).message}`,
    );
  }
}
