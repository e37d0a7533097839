/**
 * A policy: rules for nodes, as JSON, and the verdicts on the result of a probe.
 * @module
 */
import { parseNetwork as parseNetworkName } from '../net/network-name.ts';
import { parseTarget, type Target } from '../net/target.ts';
import type { Network } from '../protocol/networks.ts';
import { decodePublicKey } from '../protocol/strkey.ts';
import type { ProbeResult } from './probe.ts';
import { targetKey } from './targets.ts';

/** Rules for nodes. Every rule can be left out. */
export interface Policy {
  readonly network?: Network;
  /** Pinned keys: the peerID of a target by its `targetKey`, or by `*` for every target that is not named. */
  readonly peerIDs: ReadonlyMap<string, string>;
  /** The numeric rules, by name. */
  readonly bounds: ReadonlyMap<BoundName, number>;
}

/** Verdict of one rule on one probe. */
export interface Verdict {
  /** Name of the rule, as in the policy. */
  readonly rule: RuleName;
  /** null: the probe did not find the value that the rule is about. */
  readonly ok: boolean | null;
  /** The value found and the value wanted, as text. */
  readonly detail: string;
}

/** Name of a rule. */
export type RuleName = 'network' | 'peerID' | BoundName;

/** A rule with a number. */
interface Bound {
  /** Whether only whole numbers are valid. */
  readonly whole?: boolean;
  /** A word that may be used in place of a number. */
  readonly word?: readonly [word: string, number: number];
  /** Whether the rule holds and what was found, or what is missing. */
  judge(result: ProbeResult, bound: number, unixSeconds: number): Finding;
}

/** A verdict without its rule. */
type Finding = Pick<Verdict, 'ok' | 'detail'>;

const NO_CERTIFICATE: Finding = { ok: null, detail: 'no certificate was seen' };

const BOUNDS = {
  minOverlayVersion: {
    whole: true,
    judge: ({ remote }, min) =>
      remote === undefined
        ? NO_CERTIFICATE
        : { ok: remote.overlayVersion >= min, detail: `overlay ${remote.overlayVersion}, at least ${min} wanted` },
  },
  minLedgerVersion: {
    whole: true,
    judge: ({ remote }, min) =>
      remote === undefined
        ? NO_CERTIFICATE
        : { ok: remote.ledgerVersion >= min, detail: `ledger protocol ${remote.ledgerVersion}, at least ${min} wanted` },
  },
  listeningPort: {
    whole: true,
    // No port is 0: here it stands for the dialled port.
    word: ['dialled', 0],
    judge({ remote, target }, port) {
      if (remote === undefined) return NO_CERTIFICATE;
      const wanted = port === 0 ? parseTarget(target).port : port;
      return {
        ok: remote.listeningPort === wanted,
        detail: `it advertises listening port ${remote.listeningPort}, ${wanted} wanted`,
      };
    },
  },
  maxClockSkewSeconds: {
    judge({ remote, clockSkew }, max) {
      if (remote === undefined) return NO_CERTIFICATE;
      if (clockSkew === undefined)
        return { ok: null, detail: 'the date of its certificate gives no information about its clock' };
      const { minSeconds, maxSeconds } = clockSkew;
      // The clock skew is between the two bounds. It is too far off only when the whole interval is.
      const ok = minSeconds <= max && maxSeconds >= -max;
      return { ok, detail: `its clock is between ${minSeconds} and ${maxSeconds} s ahead of ours, at most ${max} s off wanted` };
    },
  },
  maxCertificateSecondsLeft: {
    judge({ remote }, max, unixSeconds) {
      if (remote === undefined) return NO_CERTIFICATE;
      const left = Math.round(expirationSeconds(remote.certExpiration) - unixSeconds);
      return { ok: left <= max, detail: `its certificate is valid for ${left} s, at most ${max} s wanted` };
    },
  },
  maxTotalMs: {
    judge({ timings }, max) {
      const totalMs = timings?.totalMs;
      if (totalMs === undefined) return { ok: null, detail: 'there was no complete handshake' };
      return { ok: totalMs <= max, detail: `the handshake took ${totalMs} ms, at most ${max} ms wanted` };
    },
  },
  maxPingMs: {
    judge({ timings }, max) {
      if (timings?.totalMs === undefined) return { ok: null, detail: 'there was no complete handshake' };
      const { pingMs } = timings;
      if (pingMs === undefined) return { ok: false, detail: `no ping was answered, at most ${max} ms wanted` };
      return { ok: pingMs <= max, detail: `the ping took ${pingMs} ms, at most ${max} ms wanted` };
    },
  },
} as const satisfies Record<string, Bound>;

/** Name of a rule with a number. */
type BoundName = keyof typeof BOUNDS;

/** Stands for every target that is not named. */
const ANY = '*';

/**
 * Reads a policy.
 * @param json the result of JSON.parse
 * @throws {TypeError} naming the path of a field that is unknown or has a wrong type
 */
export function parsePolicy(json: unknown): Policy {
  const { network, peers, ...rest } = fieldsOf(json, ['network', 'peers', ...Object.keys(BOUNDS)], '');
  return {
    ...(network !== undefined && { network: parseNetwork(network) }),
    peerIDs: parsePeers(peers),
    bounds: new Map(Object.entries(rest).map(([name, value]) => [name as BoundName, parseBound(name as BoundName, value)])),
  };
}

/** The rules that apply to this target, in the order of their verdicts. */
export function rulesFor({ network, peerIDs, bounds }: Policy, target: Target): RuleName[] {
  const pinned = peerIDs.has(targetKey(target)) || peerIDs.has(ANY);
  return [...(network ? ['network' as const] : []), ...(pinned ? ['peerID' as const] : []), ...bounds.keys()];
}

/**
 * The verdicts of the policy on the result of a probe. A failed probe is judged by what it found before the failure.
 * @param unixSeconds time of the probe
 */
export function judge(policy: Policy, target: Target, result: ProbeResult, unixSeconds: number): Verdict[] {
  return rulesFor(policy, target).map((rule) => ({ rule, ...finding(rule, policy, target, result, unixSeconds) }));
}

function finding(rule: RuleName, policy: Policy, target: Target, result: ProbeResult, unixSeconds: number): Finding {
  const { remote } = result;
  if (rule === 'network') {
    const { networkID, name = networkID } = policy.network as Network;
    if (remote === undefined) return NO_CERTIFICATE;
    const ok = remote.networkID === networkID;
    return { ok, detail: `${remote.network ?? remote.networkID}${ok ? '' : `, ${name} wanted`}` };
  }
  if (rule === 'peerID') {
    const wanted = policy.peerIDs.get(targetKey(target)) ?? policy.peerIDs.get(ANY);
    if (remote === undefined) return NO_CERTIFICATE;
    const ok = remote.peerID === wanted;
    return { ok, detail: ok ? remote.peerID : `${remote.peerID}, ${wanted} wanted` };
  }
  return (BOUNDS[rule] as Bound).judge(result, policy.bounds.get(rule) as number, unixSeconds);
}

/** The fields of an object that may have only known fields. */
function fieldsOf(value: unknown, known: readonly string[], path: string): Record<string, unknown> {
  const at = path === '' ? 'the policy' : path;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError(`${at} must be an object, not ${nameOf(value)}`);
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    throw new TypeError(`${path === '' ? '' : `${path}.`}${name} is not known; there is ${known.join(', ')}`);
  }
  return value as Record<string, unknown>;
}

function parseNetwork(value: unknown): Network {
  if (typeof value !== 'string' || value === '')
    throw new TypeError(`network must be a name or a passphrase, not ${nameOf(value)}`);
  return at('network', () => parseNetworkName(value));
}

function parsePeers(value: unknown): ReadonlyMap<string, string> {
  const peerIDs = new Map<string, string>();
  if (value === undefined) return peerIDs;
  for (const [name, peer] of Object.entries(fieldsOf(value, Object.keys(value ?? {}), 'peers'))) {
    const path = `peers[${JSON.stringify(name)}]`;
    const { peerID } = fieldsOf(peer, ['peerID'], path);
    const key = name === ANY ? ANY : targetKey(at(path, () => parseTarget(name)));
    if (peerIDs.has(key)) throw new TypeError(`${path} names the same target a second time`);
    if (peerID === undefined) continue;
    if (typeof peerID !== 'string') throw new TypeError(`${path}.peerID must be a G… key, not ${nameOf(peerID)}`);
    at(`${path}.peerID`, () => decodePublicKey(peerID));
    peerIDs.set(key, peerID);
  }
  return peerIDs;
}

function parseBound(name: BoundName, value: unknown): number {
  const { whole = false, word } = BOUNDS[name] as Bound;
  if (word !== undefined && value === word[0]) return word[1];
  if (typeof value !== 'number' || value < 0 || (whole && !Number.isSafeInteger(value)))
    throw new TypeError(
      `${name} must be ${word === undefined ? '' : `"${word[0]}" or `}a ${whole ? 'whole number' : 'number'} from 0, not ${nameOf(value)}`,
    );
  return value;
}

/** Runs a parser and puts the path in front of its error message. */
function at<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new TypeError(`${path}: ${(error as Error).message}`);
  }
}

function nameOf(value: unknown): string {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === '') return 'an empty string';
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Unix seconds of a date in the form that `remoteJson` writes. */
function expirationSeconds(date: string): number {
  return /^-?\d+$/.test(date) ? Number(date) : Date.parse(date) / 1000;
}
