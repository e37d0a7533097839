/**
 * Reads a stellar-core.cfg: the peers, validators and quorum set of a node. Source: stellar-core, Config.cpp (`processConfig`,
 * `parseValidators`, `loadQset`) and docs/stellar-core_example.cfg.
 * @module
 */
import type { TomlTable, TomlValue } from 'smol-toml';
import { NodeIdentity } from '../net/identity.ts';
import { decodePublicKey, withoutSecretSeeds } from '../protocol/strkey.ts';

/** QUALITY of a validator or of a home domain. */
export type Quality = 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL';

/** One entry of [[VALIDATORS]], whose archive (HISTORY) is left out. */
export interface CoreValidator {
  readonly name: string;
  /** PUBLIC_KEY: `G…`. */
  readonly peerID: string;
  readonly homeDomain: string;
  /** Its own QUALITY, or that of its HOME_DOMAIN in [[HOME_DOMAINS]]. */
  readonly quality: Quality;
  /** HOST[:PORT], as it is written. */
  readonly address?: string;
}

/** [QUORUM_SET], or one of the tables in it. */
export interface CoreQuorumSet {
  /** THRESHOLD_PERCENT, 1 to 100, by default 67. The threshold is 1 + floor((members x percent - 1) / 100). */
  readonly thresholdPercent: number;
  /** `G…` keys in their order; names such as `$self` are resolved. */
  readonly validators: readonly string[];
  readonly innerSets: readonly CoreQuorumSet[];
}

/** The contents of a stellar-core.cfg. It contains no secret: NODE_SEED is replaced by its public key. */
export interface CoreConfig {
  readonly networkPassphrase?: string;
  /** KNOWN_PEERS, as they are written. */
  readonly knownPeers: readonly string[];
  /** PREFERRED_PEERS, as they are written. */
  readonly preferredPeers: readonly string[];
  /** The public key of NODE_SEED, `G…`; absent without a seed, or when the seed is in another file (`$FILE:`). */
  readonly peerID?: string;
  /** NODE_IS_VALIDATOR: stellar-core then adds the node itself to the validators of its home domain. */
  readonly nodeIsValidator: boolean;
  readonly nodeHomeDomain?: string;
  readonly validators: readonly CoreValidator[];
  /** [[HOME_DOMAINS]]: the quality of each domain. */
  readonly homeDomains: ReadonlyMap<string, Quality>;
  /** [QUORUM_SET]; without it stellar-core makes one from `validators`. */
  readonly quorumSet?: CoreQuorumSet;
}

/** The deepest inner set: MAXIMUM_QUORUM_NESTING_LEVEL. */
const MAX_NESTING = 4;

const QUALITIES: readonly string[] = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] satisfies readonly Quality[];

/**
 * Reads a stellar-core.cfg. Other settings are ignored.
 * @throws {TypeError} names the wrong line or entry; of the file's text it repeats only names and public keys
 */
export async function parseCoreConfig(text: string): Promise<CoreConfig> {
  const toml = await parseToml(text);
  const names = new Names(toml);
  const homeDomains = readHomeDomains(toml);
  const validators = readValidators(toml, homeDomains, names);
  for (const entry of strings(toml, 'PREFERRED_PEER_KEYS')) names.declare(entry);
  const networkPassphrase = optionalString(toml, 'NETWORK_PASSPHRASE');
  const nodeHomeDomain = optionalString(toml, 'NODE_HOME_DOMAIN');
  const quorumSet = toml.QUORUM_SET;
  if (quorumSet !== undefined) names.declareAll(quorumSet);
  return {
    ...(networkPassphrase && { networkPassphrase }),
    knownPeers: strings(toml, 'KNOWN_PEERS'),
    preferredPeers: strings(toml, 'PREFERRED_PEERS'),
    ...(names.self !== undefined && { peerID: names.self }),
    nodeIsValidator: toml.NODE_IS_VALIDATOR === true,
    ...(nodeHomeDomain && { nodeHomeDomain }),
    validators,
    homeDomains,
    ...(quorumSet !== undefined && { quorumSet: readQuorumSet(quorumSet, 'QUORUM_SET', 0, names) }),
  };
}

async function parseToml(text: string): Promise<TomlTable> {
  const { parse, TomlError } = await import('smol-toml');
  try {
    return parse(text.replace(/^\ufeff/, ''), { integersAsBigInt: 'asNeeded' });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Subtle: the rest of the message shows the lines around it, and one of them may be NODE_SEED.
    const [reason = ''] = error.message.split('\n', 1);
    throw wrong(`line ${error.line}, column ${error.column}: ${reason.replace(/^Invalid TOML document: /, '')}`);
  }
}

/** The names of nodes: `KEY name` gives a name to a key, and `$name` stands for this key. */
class Names {
  /** The public key of NODE_SEED. */
  readonly self: string | undefined;
  readonly #keys = new Map<string, string>();
  /** The name after NODE_SEED, whose key is not known here. */
  readonly #withoutKey: string | undefined;

  constructor(toml: TomlTable) {
    const [seed = '', name] = words(optionalString(toml, 'NODE_SEED') ?? '');
    try {
      this.self = NodeIdentity.fromSecretSeed(seed).peerID;
    } catch {
      // The seed is in another file ($FILE:…), or a placeholder: this matters only to entries that refer to it.
      this.#withoutKey = name ?? 'self';
    }
    // The $$self of older configurations is the node itself, whatever its name.
    if (this.self !== undefined) this.#keys.set('$self', this.self).set(name ?? 'self', this.self);
    for (const entry of strings(toml, 'NODE_NAMES')) this.declare(entry);
  }

  /** Adds the name in `KEY name`, if there is one. */
  declare(entry: string): void {
    const [key = '', name] = words(entry);
    if (name !== undefined && !key.startsWith('$')) this.add(name, publicKey(key, `the key of ${name}`));
  }

  /** Adds every name in the VALIDATORS of a quorum set and its inner sets, because each may refer to any name. */
  declareAll(quorumSet: TomlValue): void {
    if (!isTable(quorumSet)) return;
    for (const [key, value] of Object.entries(quorumSet)) {
      if (key === 'VALIDATORS') for (const entry of strings(quorumSet, key)) this.declare(entry);
      else this.declareAll(value);
    }
  }

  add(name: string, key: string): void {
    const known = this.#keys.get(name);
    if (known !== undefined && known !== key) throw wrong(`two keys have the name ${name}`);
    this.#keys.set(name, key);
  }

  /** The key of `KEY`, `KEY name`, `$name` or `$$self`. */
  resolve(entry: string, where: string): string {
    const [word = ''] = words(entry);
    if (!word.startsWith('$')) return publicKey(word, where);
    const name = word.slice(1);
    const key = this.#keys.get(name);
    if (key !== undefined) return key;
    if (name === '$self' || name === this.#withoutKey)
      throw wrong(`${where}: ${word} is this node itself, but NODE_SEED contains no seed for its key`);
    throw wrong(`${where}: no key has the name ${name}`);
  }
}

function readHomeDomains(toml: TomlTable): Map<string, Quality> {
  const domains = new Map<string, Quality>();
  for (const entry of tables(toml, 'HOME_DOMAINS')) {
    const domain = requiredString(entry, 'HOME_DOMAIN', 'HOME_DOMAINS');
    if (domains.has(domain)) throw wrong(`HOME_DOMAINS: ${domain} appears twice`);
    domains.set(domain, quality(requiredString(entry, 'QUALITY', `HOME_DOMAINS ${domain}`), `HOME_DOMAINS ${domain}`));
  }
  return domains;
}

function readValidators(toml: TomlTable, homeDomains: ReadonlyMap<string, Quality>, names: Names): CoreValidator[] {
  return tables(toml, 'VALIDATORS').map((entry) => {
    const name = requiredString(entry, 'NAME', 'VALIDATORS');
    const where = `VALIDATORS ${name}`;
    const peerID = publicKey(requiredString(entry, 'PUBLIC_KEY', where), `${where}: PUBLIC_KEY`);
    const homeDomain = requiredString(entry, 'HOME_DOMAIN', where);
    const address = optionalString(entry, 'ADDRESS', `${where}: `);
    const own = optionalString(entry, 'QUALITY', `${where}: `);
    const ofDomain = homeDomains.get(homeDomain);
    if (own !== undefined && ofDomain !== undefined)
      throw wrong(`${where}: HOME_DOMAINS already has the QUALITY of ${homeDomain}`);
    if (own === undefined && ofDomain === undefined)
      throw wrong(`${where}: no QUALITY, neither here nor for ${homeDomain} in HOME_DOMAINS`);
    names.add(name, peerID);
    return { name, peerID, homeDomain, quality: ofDomain ?? quality(own ?? '', where), ...(address && { address }) };
  });
}

function readQuorumSet(value: TomlValue, where: string, level: number, names: Names): CoreQuorumSet {
  if (!isTable(value)) throw wrong(`${where}: not a table`);
  if (level > MAX_NESTING) throw wrong(`${where}: more than ${MAX_NESTING} levels of inner sets`);
  const { THRESHOLD_PERCENT: percent = 67, VALIDATORS: _, ...inner } = value;
  if (typeof percent !== 'number' || !Number.isInteger(percent) || percent < 1 || percent > 100)
    throw wrong(`${where}: THRESHOLD_PERCENT is a whole number from 1 to 100`);
  const validators = strings(value, 'VALIDATORS', `${where}: `).map((entry) => names.resolve(entry, `${where}: VALIDATORS`));
  const innerSets = Object.entries(inner).map(([key, table]) => readQuorumSet(table, `${where}.${key}`, level + 1, names));
  if (validators.length + innerSets.length === 0) throw wrong(`${where}: no validator and no inner set`);
  return { thresholdPercent: percent, validators, innerSets };
}

function publicKey(text: string, where: string): string {
  try {
    decodePublicKey(text);
    return text;
  } catch (error) {
    throw wrong(`${where}: ${(error as Error).message}`);
  }
}

function quality(text: string, where: string): Quality {
  if (!QUALITIES.includes(text)) throw wrong(`${where}: QUALITY is one of ${QUALITIES.join(', ')}`);
  return text as Quality;
}

/** The error of an entry. A seed may be in any place, even in place of a name. */
function wrong(message: string): TypeError {
  return new TypeError(withoutSecretSeeds(message));
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function isTable(value: TomlValue | undefined): value is TomlTable {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date);
}

function tables(toml: TomlTable, key: string): TomlTable[] {
  const value = toml[key] ?? [];
  if (!Array.isArray(value) || !value.every(isTable)) throw wrong(`${key}: write [[${key}]]`);
  return value;
}

function strings(toml: TomlTable, key: string, where = ''): string[] {
  const value = toml[key] ?? [];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    throw wrong(`${where}${key}: not an array of strings`);
  return value as string[];
}

function optionalString(toml: TomlTable, key: string, where = ''): string | undefined {
  const value = toml[key];
  if (value !== undefined && typeof value !== 'string') throw wrong(`${where}${key}: not a string`);
  return value;
}

function requiredString(toml: TomlTable, key: string, where: string): string {
  const value = optionalString(toml, key, `${where}: `);
  if (!value) throw wrong(`${where}: ${key} is missing`);
  return value;
}
