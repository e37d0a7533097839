/**
 * The help of a verb, in 80 columns: usage, options, examples, exit codes.
 * @module
 */
import type { ArgsDef } from 'citty';
import { wrapped } from '../report/wrapped.ts';
import { COMMON_EXITS, EXIT_MEANING, VERB_HELP } from './examples.ts';

/** Where descriptions begin. */
const COLUMN = 28;

/** The description of a verb. */
export interface Described {
  readonly meta?: { readonly description?: string };
  readonly args?: ArgsDef;
}

/** The properties that any kind of argument may have. */
interface Arg {
  readonly type?: string;
  readonly description?: string;
  readonly negativeDescription?: string;
  readonly valueHint?: string;
  readonly alias?: string | readonly string[];
  readonly default?: unknown;
}

/** The help of a verb as text, without styles. */
export function verbHelp(verb: string, { meta, args = {} }: Described): string {
  const help = VERB_HELP[verb] ?? { usage: [verb], examples: [], exits: [] };
  const all = Object.entries(args) as readonly (readonly [string, Arg])[];
  const positionals = all.filter(([, { type }]) => type === 'positional');
  const options = all.filter(([, { type }]) => type !== 'positional');
  const exits = new Map<number, string>(COMMON_EXITS.map((code) => [code, EXIT_MEANING[code] ?? '']));
  for (const exit of help.exits) {
    const [code, meaning = EXIT_MEANING[code] ?? ''] = typeof exit === 'number' ? [exit] : exit;
    exits.set(code, meaning);
  }
  return [
    ...help.usage.map((usage, at) => `${at === 0 ? 'Usage: ' : '       '}stellar-handshake ${usage} [OPTIONS]`),
    '',
    ...wrapped(`${meta?.description ?? ''}.`, 0),
    ...section(
      'Arguments',
      positionals.map(([name, arg]) => row(argName(name, arg), arg.description)),
    ),
    ...section('Options', [...options.flatMap(optionRows), row('-h, --help', 'Print this')]),
    ...section(
      'Examples',
      help.examples.map(([line, does]) => [`  stellar-handshake ${line}`, ...wrapped(does, 6)].join('\n')),
    ),
    ...section(
      'Exit codes',
      [...exits].toSorted(([a], [b]) => a - b).map(([code, meaning]) => row(String(code), meaning, 8)),
    ),
  ].join('\n');
}

function section(title: string, rows: readonly string[]): readonly string[] {
  return rows.length === 0 ? [] : ['', `${title}:`, ...rows];
}

function argName(name: string, { valueHint }: Arg): string {
  return valueHint ?? name.toUpperCase();
}

function optionRows([name, arg]: readonly [string, Arg]): readonly string[] {
  const { type, alias, valueHint = 'VALUE', description = '', negativeDescription } = arg;
  const short = typeof alias === 'string' ? `-${alias}, ` : '';
  const value = type === 'boolean' ? '' : ` ${valueHint}`;
  const fallback = typeof arg.default === 'string' ? ` (${arg.default})` : arg.default === true ? ' (the default)' : '';
  const rows = [row(`${short}--${name}${value}`, `${description}${fallback}`)];
  return arg.default === true ? [...rows, row(`--no-${name}`, negativeDescription ?? '')] : rows;
}

/** A name and its meaning, beside the name or below it if the name is long. */
function row(name: string, meaning = '', column = COLUMN): string {
  const lines = wrapped(meaning, column);
  const head = `  ${name}`;
  if (head.length > column - 2) return [head, ...lines].join('\n');
  return [`${head.padEnd(column)}${(lines[0] ?? '').trimStart()}`.trimEnd(), ...lines.slice(1)].join('\n');
}
