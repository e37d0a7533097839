/**
 * A man page and completions, made of the verbs and options of the command line.
 * @module
 */
import type { ArgsDef } from 'citty';
import { loadVerb, SUBVERBS, VERBS } from '../../src/cli/verbs.ts';
import { VERSION } from '../../src/net/version.ts';

/** The texts of the files. */
export interface CliDocs {
  readonly man: string;
  readonly bash: string;
  readonly zsh: string;
  readonly fish: string;
}

/** An option of a verb, as a shell sees it. */
interface Option {
  readonly name: string;
  readonly alias: string | undefined;
  readonly description: string;
  /** The placeholder of its value; undefined for a switch. */
  readonly value: string | undefined;
  readonly fallback: string | undefined;
}

/** A verb, as a shell sees it. */
interface Verb {
  readonly name: string;
  readonly description: string;
  readonly positionals: readonly { readonly name: string; readonly description: string; readonly required: boolean }[];
  readonly options: readonly Option[];
}

/** The fields of every kind of argument. */
type AnyArg = ArgsDef[string] & { readonly alias?: string | readonly string[]; readonly negativeDescription?: string };

/** All four texts. */
export async function cliDocs(): Promise<CliDocs> {
  const verbs = await Promise.all(Object.keys(VERBS).map(describe));
  const both = await Promise.all(Object.keys(SUBVERBS).map(describe));
  return { man: man([...verbs, ...both]), bash: bash(verbs), zsh: zsh(verbs), fish: fish(verbs) };
}

async function describe(name: string): Promise<Verb> {
  const { meta, args } = (await loadVerb(name)) as unknown as {
    readonly meta?: { readonly description?: string };
    readonly args?: ArgsDef;
  };
  const all = Object.entries(args ?? {});
  return {
    name,
    description: meta?.description ?? '',
    positionals: all
      .filter(([, { type }]) => type === 'positional')
      .map(([name, { description = '', required = true }]) => ({ name: name.toUpperCase(), description, required })),
    options: all
      .filter(([, { type }]) => type !== 'positional')
      .map(([name, { type, description = '', negativeDescription, alias, valueHint, default: fallback }]: [string, AnyArg]) => ({
        // A switch that is on by default is listed with its negative name.
        name: fallback === true ? `no-${name}` : name,
        alias: typeof alias === 'string' ? alias : alias?.[0],
        description: fallback === true ? (negativeDescription ?? description) : description,
        value: type === 'boolean' ? undefined : (valueHint ?? 'VALUE'),
        fallback: typeof fallback === 'string' ? fallback : undefined,
      })),
  };
}

/** Escapes for roff: a backslash, a dash, and a dot or quote at the start of a line. */
function roff(text: string): string {
  return text
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}

function man(verbs: readonly Verb[]): string {
  const lines = [
    `.TH STELLAR\\-HANDSHAKE 1 "" "stellar-handshake ${VERSION}"`,
    '.SH NAME',
    "stellar\\-handshake \\- Stellar's overlay peer handshake and the authenticated channel it opens",
    '.SH SYNOPSIS',
    '.B stellar\\-handshake',
    '.I HOST[:PORT]',
    '.br',
    '.B stellar\\-handshake',
    '.I VERB',
    '.RI [ ARGUMENT " ...] [" OPTION " ...]"',
    '.SH DESCRIPTION',
    'Without a verb, the arguments are those of',
    '.BR probe .',
    'Results are written to standard output, everything else to standard error.',
  ];
  for (const { name, description, positionals, options } of verbs) {
    const words = positionals.map(({ name, required }) => (required ? name : `[${name}]`)).join(' ');
    lines.push(`.SS "${roff(`${name} ${words}`.trim())}"`, `${roff(description)}.`);
    for (const { name, description } of positionals) lines.push('.TP', `.I ${roff(name)}`, roff(description));
    for (const option of options) {
      const value = option.value === undefined ? '' : ` \\fI${roff(option.value)}\\fR`;
      const alias = option.alias === undefined ? '' : `\\fB\\-${option.alias}\\fR, `;
      const fallback = option.fallback === undefined ? '' : ` Default: ${option.fallback}`;
      lines.push('.TP', `${alias}\\fB\\-\\-${roff(option.name)}\\fR${value}`, roff(`${option.description}.${fallback}`));
    }
  }
  lines.push(
    '.SH ENVIRONMENT',
    '.TP',
    '.B STELLAR_HANDSHAKE_SEED',
    'The seed of the own node (S...), where no \\fB\\-\\-seed\\-file\\fR is given.',
    '.TP',
    '.B NO_COLOR',
    'No colours.',
  );
  return `${lines.join('\n')}\n`;
}

/** Both spellings of an option's name. */
function spellings({ name, alias }: Option): readonly string[] {
  return alias === undefined ? [`--${name}`] : [`-${alias}`, `--${name}`];
}

function takesFile({ value }: Option): boolean {
  return value === 'FILE';
}

function bash(verbs: readonly Verb[]): string {
  const cases = verbs.map(({ name, options }) => {
    const files = options.filter(takesFile).flatMap(spellings);
    const values = options.filter((option) => option.value !== undefined && !takesFile(option)).flatMap(spellings);
    return [
      `    ${name})`,
      `      options="${[...options.flatMap(spellings), '--help'].join(' ')}"`,
      `      files="${files.join(' ')}"`,
      `      values="${values.join(' ')}" ;;`,
    ].join('\n');
  });
  return `# bash completion of stellar-handshake
_stellar_handshake() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" verb="\${COMP_WORDS[1]}"
  local verbs="${verbs.map(({ name }) => name).join(' ')}" options files values
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ] && [[ $word != -* ]]; then
    COMPREPLY=($(compgen -W "$verbs" -- "$word"))
    return
  fi
  [[ " $verbs " == *" $verb "* ]] || verb=probe
  case "$verb" in
${cases.join('\n')}
  esac
  if [[ " $files " == *" $before "* ]]; then
    COMPREPLY=($(compgen -f -- "$word"))
  elif [ "$before" = --network ]; then
    COMPREPLY=($(compgen -W "pubnet testnet futurenet standalone" -- "$word"))
  elif [[ " $values " == *" $before "* ]]; then
    return
  elif [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -F _stellar_handshake stellar-handshake
`;
}

/** Inside single quotes of a shell. */
function quoted(text: string): string {
  return text.replaceAll("'", "'\\''");
}

function zsh(verbs: readonly Verb[]): string {
  const entry = (name: string, text: string): string => `    '${quoted(`${name}:${text}`)}'`;
  const cases = verbs.map(({ name, options, positionals }) => {
    const specs = options.flatMap((option) =>
      spellings(option).map((spelling) => {
        const help = `[${option.description.replace(/[[\]:]/g, '\\$&')}]`;
        const action = takesFile(option) ? '_files' : option.name === 'network' ? '(pubnet testnet futurenet standalone)' : ' ';
        const value = option.value === undefined ? '' : `:${option.value}:${action}`;
        return `        '${quoted(`*${spelling}${help}${value}`)}'`;
      }),
    );
    const rest = positionals.map(({ name }) => `        '*:${name.toLowerCase()}:_files'`).slice(0, 1);
    return `      ${name})\n        _arguments \\\n${[...specs, ...rest].join(' \\\n')} ;;`;
  });
  return `#compdef stellar-handshake
# zsh completion of stellar-handshake
_stellar-handshake() {
  local -a verbs
  verbs=(
${verbs.map(({ name, description }) => entry(name, description)).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
  else
    local verb=$words[2]
    shift words
    (( CURRENT-- ))
    case $verb in
${cases.join('\n')}
    esac
  fi
}
_stellar-handshake "$@"
`;
}

function fish(verbs: readonly Verb[]): string {
  const lines = ['# fish completion of stellar-handshake', 'complete -c stellar-handshake -f'];
  // Many verbs have the same options: each has one line.
  const verbsOf = new Map<string, string[]>();
  for (const { name, description, options } of verbs) {
    lines.push(`complete -c stellar-handshake -n __fish_use_subcommand -a ${name} -d '${fishQuoted(description)}'`);
    for (const option of options) {
      const alias = option.alias === undefined ? '' : ` -s ${option.alias}`;
      const networks = option.name === 'network' ? " -a 'pubnet testnet futurenet standalone'" : '';
      const value = option.value === undefined ? '' : takesFile(option) ? ' -r -F' : ` -x${networks}`;
      const text = `-l ${option.name}${alias}${value} -d '${fishQuoted(option.description)}'`;
      verbsOf.set(text, [...(verbsOf.get(text) ?? []), name]);
    }
  }
  for (const [text, names] of verbsOf)
    lines.push(`complete -c stellar-handshake -n '__fish_seen_subcommand_from ${names.join(' ')}' ${text}`);
  return `${lines.join('\n')}\n`;
}

function fishQuoted(text: string): string {
  return text.replace(/[\\']/g, '\\$&');
}
