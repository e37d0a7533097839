/**
 * Makes dissector/stellar.lua, the Wireshark dissector of the overlay, from the library's own tables: types and fields of all
 * messages from protocol/wire/messages.ts, names and numbers from the other tables of the protocol. The Lua code that is the
 * same for every message is in scripts/dissector. `npm run docs` runs this script; a test compares the result.
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { DEFAULT_PORT, MAX_RECORD_BYTES } from '../src/protocol/constants.ts';
import { ERROR_CODES } from '../src/protocol/error-table.ts';
import { networks } from '../src/protocol/networks.ts';
import { MESSAGE_TYPES, type MessageType, messageFields, scpStatement } from '../src/protocol/wire/messages.ts';
import { scpQuorumSet } from '../src/protocol/wire/quorum-set.ts';
import type { Codec, Shape } from '../src/protocol/xdr/codec.ts';

/** Where the dissector is. */
export const DISSECTOR: URL = new URL('../dissector/stellar.lua', import.meta.url);

/** Names of structures that filters leave out, to avoid names like stellar.scp_message.envelope.statement.slot_index. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  ...['envelope', 'statement', 'pledges', 'qSet', 'innerSets', 'peers'],
  ...['request', 'response', 'startCollecting', 'stopCollecting'],
]);

/** `versionStr` as Wireshark writes names: `version_str`. */
function snakeCase(name: string): string {
  return name
    .replace('qSet', 'qset')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

/**
 * The filter of a field of a message, without `stellar.`.
@param path of the field as in `annotateRecord`: `cert.sig`, `envelope.statement.pledges.type`
 */
export function filterName(message: string, path: string): string {
  const names = path.replace(/\[\d+\]/g, '').split('.');
  const last = names.at(-1);
  // A count keeps the name of its elements; the peers of PEERS keep the name of their message.
  const kept = names.filter(
    (name, i) => !LEFT_OUT.has(name) || (last === 'length' && i === names.length - 2 && name !== 'peers'),
  );
  return [message, ...kept].map(snakeCase).join('.');
}

/** The filter of a branch of the tree. Every structure has one, also those that other filters leave out. */
function branchName(message: string, path: string): string {
  return [message, ...path.split('.')].map(snakeCase).join('.');
}

/** Writes the types of one message as Lua. */
class Generator {
  readonly #message: string;

  constructor(message: string) {
    this.#message = message;
  }

  /** The Lua expression of a type. */
  type(codec: Codec<unknown>, path: string, label: string): string {
    const { shape } = codec;
    const at = (name?: string): string => {
      const inside = name === undefined ? path : path === '' ? name : `${path}.${name}`;
      return `${quote(filterName(this.#message, inside))}, ${quote(name === undefined ? label : `${label}.${name}`.replace(/^\./, ''))}`;
    };
    switch (shape.kind) {
      case 'leaf':
        return this.#leaf(shape, path, label);
      case 'struct': {
        const members = shape.fields.map(([name, field]) => this.#member(field, path === '' ? name : `${path}.${name}`, name));
        return `STRUCT{\n${indent(members.join(',\n'))} }`;
      }
      case 'union': {
        const cases = [...shape.cases].map(([number, [name, inner]]) => {
          // An IP address: its union case is a leaf and needs its own name.
          const isLeaf = inner.shape.kind === 'leaf';
          const text = isLeaf ? this.#address(name, path) : this.type(inner, path, '');
          return `[${number}] = { ${quote(name)}, ${text} }`;
        });
        return `UNION(${at('type')}, {\n${indent(cases.join(',\n'))} })`;
      }
      case 'array':
        return `ARRAY(${at('length')}, ${shape.max}, ${this.#member(shape.element, path, label)})`;
      case 'optional':
        return `OPTIONAL(${at('present')}, ${this.#member(shape.element, path, label)})`;
      case 'recursive':
        return `RECURSIVE(function() return quorumSet end, ${shape.maxDepth})`;
    }
  }

  /** A type inside another: structures get a branch of their own. */
  #member(codec: Codec<unknown>, path: string, name: string): string {
    const { kind } = codec.shape;
    const text = this.type(codec, path, name);
    return kind === 'struct' || kind === 'recursive' || kind === 'union'
      ? `BRANCH(${quote(branchName(this.#message, path))}, ${quote(name)}, ${text})`
      : text;
  }

  #leaf(shape: Extract<Shape, { kind: 'leaf' }>, path: string, label: string): string {
    const name = `${quote(filterName(this.#message, path))}, ${quote(label)}`;
    if (shape.values !== undefined) {
      const table = ENUMS.find(([, values]) => sameValues(values, shape.values));
      if (table === undefined) throw new TypeError(`${path}: an enum without a table`);
      return `ENUM(${name}, ${table[0]}${shape.isOpen ? ', true' : ''})`;
    }
    if (path === 'networkID') return `NETWORK(${name})`;
    const [, kind, size = ''] = /^([a-z0-9]+|NodeID)(?:[[<](\d*)[\]>])?$/.exec(shape.type) ?? [];
    const max = size === '' ? 0xffffffff : size;
    switch (kind) {
      case 'uint32':
        return `U32(${name})`;
      case 'int32':
        return `I32(${name})`;
      case 'uint64':
        return `U64(${name})`;
      case 'NodeID':
        return `NODE_ID(${name})`;
      case 'xdr':
        return `REMAINDER(${name})`;
      case 'string':
        return `STRING(${name}, ${max})`;
      case 'opaque':
        return shape.type.includes('<') ? `VAR(${name}, ${max})` : `OPAQUE(${name}, ${size})`;
      default:
        throw new TypeError(`${path}: the dissector does not know the type ${shape.type}`);
    }
  }

  #address(name: string, path: string): string {
    return `${name.toUpperCase()}(${quote(filterName(this.#message, path.replace(/ip$/, name.toLowerCase())))}, ${quote('ip')})`;
  }
}

/** Tables of names by number, under their names in Lua. */
const ENUMS: readonly (readonly [name: string, values: Readonly<Record<string, number>>])[] = [
  ['MESSAGE_NAMES', MESSAGE_TYPES],
  ['ERROR_CODES', ERROR_CODES],
  ['SURVEY_COMMANDS', { TIME_SLICED_SURVEY_TOPOLOGY: 1 }],
];

function sameValues(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>> = {}): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ');
}

function table(name: string, entries: readonly (readonly [number | string, string])[]): string {
  const lines = entries.map(([key, value]) => `  [${typeof key === 'number' ? key : quote(key)}] = ${quote(value)},`);
  return `local ${name} = {\n${lines.join('\n')}\n}`;
}

/** The numbers and names. */
function constants(): string {
  const { shape } = scpStatement;
  const pledges = shape.kind === 'struct' ? shape.fields.find(([name]) => name === 'pledges')?.[1].shape : undefined;
  if (pledges?.kind !== 'union') throw new TypeError('the pledges of an SCPStatement are no union');
  return [
    `local DEFAULT_PORT, MAX_RECORD_BYTES = ${DEFAULT_PORT}, ${MAX_RECORD_BYTES}`,
    ...ENUMS.map(([name, values]) =>
      table(
        name,
        Object.entries(values).map(([text, number]) => [number, text]),
      ),
    ),
    table(
      'SCP_STATEMENTS',
      [...pledges.cases].map(([number, [name]]) => [number, name]),
    ),
    table(
      'NETWORKS',
      Object.entries(networks).map(([name, { networkID }]) => [networkID, name]),
    ),
  ].join('\n\n');
}

/** The messages, by number. */
function messages(): string {
  const { shape } = scpQuorumSet;
  if (shape.kind !== 'recursive') throw new TypeError('SCPQuorumSet is not recursive');
  const quorumSet = `local quorumSet\nquorumSet = ${new Generator('SCP_QUORUMSET').type(shape.codec(), '', '')}`;
  const entries = (Object.entries(messageFields) as [MessageType, Codec<unknown>][]).map(
    ([name, codec]) => `[${MESSAGE_TYPES[name]}] = { ${quote(name)}, ${new Generator(name).type(codec, '', '')} }`,
  );
  return `${quorumSet}\n\nlocal MESSAGES = {\n${indent(entries.join(',\n'))},\n}`;
}

/** The text of the dissector. */
export function dissectorText(): string {
  const part = (name: string): string => readFileSync(new URL(`dissector/${name}.lua`, import.meta.url), 'utf8').trimEnd();
  return `-- Wireshark's dissector of Stellar's overlay, of stellar-handshake (Apache-2.0): docs/wireshark.md says how to use it.
-- Made by scripts/wireshark-dissector.ts: change that, or scripts/dissector, not this file.
-- For Wireshark 4.0 and newer, with Lua 5.2 to 5.4. Put it into the folder of personal Lua plugins, or:
--     tshark -X lua_script:stellar.lua -r FILE -Y stellar

${constants()}

${part('runtime')}

---------------------------------------------------------------------------------------------------
-- Messages, as protocol/wire/messages.ts has them

${messages()}

${part('dissect')}
`;
}

if (import.meta.url === new URL(`file://${process.argv[1]}`).href) writeFileSync(DISSECTOR, dissectorText());
