/**
 * `--quorum-set FILE`: a quorum set as JSON, or that of a stellar-core.cfg, generated as stellar-core generates it
 * (Config.cpp generateQuorumSet).
 * @module
 */
import { readFile } from 'node:fs/promises';
import { normalizeQuorumSet, parseQuorumSet } from '../protocol/scp/quorum-set.ts';
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';
import { type CoreConfig, type CoreQuorumSet, type CoreValidator, parseCoreConfig, type Quality } from './core-config.ts';
import { UsageError } from './options.ts';

/** `--quorum-set`, for verbs that need trusted validators. */
export const quorumSetArg = {
  'quorum-set': {
    type: 'string',
    description: 'The validators you trust: JSON { threshold, validators, innerSets }, or a stellar-core.cfg',
    valueHint: 'FILE',
  },
} as const;

/** Highest first, as stellar-core nests them. */
const QUALITIES: readonly Quality[] = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'];
/** Fewest validators of a home domain whose quality is HIGH or CRITICAL. */
const MIN_REDUNDANCY = 3;

/**
 * The quorum set of a file.
 * @throws {UsageError} when it cannot be read, is neither JSON nor a stellar-core.cfg, or its quorum set is not sane
 */
export async function readQuorumSetFile(file: string): Promise<SCPQuorumSet> {
  try {
    return await parseQuorumSetFile(await readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`--quorum-set ${file}: ${(error as Error).message}`);
  }
}

/**
 * The quorum set of a file's text.
 * @throws {TypeError | RangeError | SyntaxError} names the mistake
 */
export async function parseQuorumSetFile(text: string): Promise<SCPQuorumSet> {
  const json = /^\ufeff?\s*\{/.test(text);
  return parseQuorumSet(json ? parseJson(text) : coreQuorumSet(await parseCoreConfig(text)));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    // The contents are not printed: a wrong file may contain a seed.
    throw new TypeError(`not JSON${/ \(line \d+ column \d+\)| at position \d+/.exec((error as Error).message)?.[0] ?? ''}`);
  }
}

/**
 * The quorum set of a node with this configuration: its [QUORUM_SET], or one made from [[VALIDATORS]] and the node itself if it
 * validates.
 * @throws {TypeError} when stellar-core would refuse the validators, or there are none
 */
export function coreQuorumSet(config: CoreConfig): SCPQuorumSet {
  if (config.quorumSet !== undefined) return withThreshold(config.quorumSet);
  const validators = [...config.validators, ...self(config)];
  if (validators.length === 0) throw new TypeError('it contains neither a [QUORUM_SET] nor [[VALIDATORS]]');
  const order = [...validators].sort(
    (a, b) => QUALITIES.indexOf(a.quality) - QUALITIES.indexOf(b.quality) || compare(a.homeDomain, b.homeDomain),
  );
  return normalizeQuorumSet(generate(order, 'CRITICAL'));
}

/** Percent of validators and inner sets together, rounded up. */
function withThreshold({ thresholdPercent, validators, innerSets }: CoreQuorumSet): SCPQuorumSet {
  const members = validators.length + innerSets.length;
  return {
    threshold: 1 + Math.floor((members * thresholdPercent - 1) / 100),
    validators,
    innerSets: innerSets.map(withThreshold),
  };
}

/** The node itself, which stellar-core adds to the validators of its home domain. */
function self({ nodeIsValidator, peerID, nodeHomeDomain, homeDomains }: CoreConfig): readonly CoreValidator[] {
  if (!nodeIsValidator) return [];
  if (peerID === undefined) throw new TypeError('NODE_IS_VALIDATOR is set, but NODE_SEED contains no seed for its key');
  const quality = nodeHomeDomain === undefined ? undefined : homeDomains.get(nodeHomeDomain);
  if (nodeHomeDomain === undefined || quality === undefined)
    throw new TypeError('NODE_IS_VALIDATOR is set, but NODE_HOME_DOMAIN is not one of [[HOME_DOMAINS]]');
  return [{ name: 'self', peerID, homeDomain: nodeHomeDomain, quality }];
}

/** One level for each quality: a set for each home domain, and one more set for all lower qualities. */
function generate(validators: readonly CoreValidator[], quality: Quality): SCPQuorumSet {
  const innerSets: SCPQuorumSet[] = [];
  let at = 0;
  while (validators[at]?.quality === quality) {
    const { homeDomain } = validators[at] as CoreValidator;
    const end = validators.findIndex((validator, i) => i > at && validator.homeDomain !== homeDomain);
    const own = validators.slice(at, end === -1 ? undefined : end);
    const other = own.find((validator) => validator.quality !== quality);
    if (other !== undefined)
      throw new TypeError(`validators of ${homeDomain} have two qualities, ${quality} and ${other.quality}`);
    if (own.length < MIN_REDUNDANCY && (quality === 'HIGH' || quality === 'CRITICAL'))
      throw new TypeError(`${homeDomain} is of ${quality} quality but has fewer than ${MIN_REDUNDANCY} validators`);
    // A majority: n = 2f + 1.
    innerSets.push({
      threshold: own.length - Math.floor((own.length - 1) / 2),
      validators: own.map(({ peerID }) => peerID),
      innerSets: [],
    });
    at += own.length;
  }
  const next = validators[at];
  if (next !== undefined) innerSets.push(generate(validators.slice(at), next.quality));
  // CRITICAL needs all sets; other qualities use n = 3f + 1.
  const faulty = quality === 'CRITICAL' ? 0 : Math.floor((innerSets.length - 1) / 3);
  return { threshold: innerSets.length - faulty, validators: [], innerSets };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
