/**
 * Quorum sets: whether one is sane, what its hash is, and which nodes can agree or block (QuorumSetUtils.cpp, LocalNode.cpp;
 * protocol.md section 2.7).
 * @module
 */
import type { CryptoProvider } from '../auth/crypto.ts';
import { compareBytes } from '../bytes.ts';
import { MAX_QUORUM_SET_NODES, MAXIMUM_QUORUM_NESTING_LEVEL } from '../constants.ts';
import { decodePublicKey } from '../strkey.ts';
import type { SCPQuorumSet } from '../wire/messages.ts';
import { scpQuorumSet } from '../wire/quorum-set.ts';
import { XdrWriter } from '../xdr/writer.ts';

/** Tells which nodes it contains: a Set or a Map of `G…` keys, for example. */
export interface NodeSet {
  /** Whether it contains the node. */
  has(nodeID: string): boolean;
}

/**
 * The XDR of a quorum set.
 * @throws {TypeError | RangeError} when it does not fit its type
 */
export function quorumSetXdr(quorumSet: SCPQuorumSet): Uint8Array {
  const writer = new XdrWriter();
  scpQuorumSet.write(writer, quorumSet);
  return writer.take();
}

/**
 * The hash that statements use for a quorum set: SHA-256 of its XDR. It depends on the order of nodes and inner sets.
 * @returns 32 bytes
 * @throws {TypeError | RangeError} when it does not fit its type
 */
export function quorumSetHash(crypto: CryptoProvider, quorumSet: SCPQuorumSet): Uint8Array {
  return crypto.sha256(quorumSetXdr(quorumSet));
}

/**
 * Why stellar-core would refuse a quorum set (isQuorumSetSane without its extra checks): more than 4 levels below the top, a
 * threshold below 1 or above the number of entries, a node twice, no node at all, or more than 1000 nodes.
 * @returns undefined when it is sane
 */
export function quorumSetProblem(quorumSet: SCPQuorumSet): string | undefined {
  const nodes = new Set<string>();
  const problem = levelProblem(quorumSet, 0, nodes);
  if (problem !== undefined) return problem;
  return nodes.size === 0 ? 'it has no validator' : undefined;
}

/** Whether stellar-core accepts a quorum set, see `quorumSetProblem`. */
export function isQuorumSetSane(quorumSet: SCPQuorumSet): boolean {
  return quorumSetProblem(quorumSet) === undefined;
}

function levelProblem({ threshold, validators, innerSets }: SCPQuorumSet, depth: number, nodes: Set<string>): string | undefined {
  if (depth > MAXIMUM_QUORUM_NESTING_LEVEL) return `it nests deeper than ${MAXIMUM_QUORUM_NESTING_LEVEL} levels`;
  const entries = validators.length + innerSets.length;
  if (threshold < 1 || threshold > entries) return `a threshold of ${threshold} is not from 1 to its ${entries} entries`;
  for (const nodeID of validators) {
    if (nodes.has(nodeID)) return `${nodeID} is in it twice`;
    nodes.add(nodeID);
    if (nodes.size > MAX_QUORUM_SET_NODES) return `it has more than ${MAX_QUORUM_SET_NODES} validators`;
  }
  for (const innerSet of innerSets) {
    const problem = levelProblem(innerSet, depth + 1, nodes);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Every node of a quorum set, at any depth, in order. If the set is not sane, a node may occur twice. */
export function quorumSetNodes({ validators, innerSets }: SCPQuorumSet): readonly string[] {
  return [...validators, ...innerSets.flatMap(quorumSetNodes)];
}

/**
 * Whether these nodes are a slice of a quorum set: on every level that counts, at least `threshold` of the validators and inner
 * sets (LocalNode::isQuorumSliceInternal).
 */
export function isQuorumSlice({ threshold, validators, innerSets }: SCPQuorumSet, nodes: NodeSet): boolean {
  let left = threshold;
  if (left < 1) return false;
  for (const nodeID of validators) {
    if (nodes.has(nodeID) && --left === 0) return true;
  }
  for (const innerSet of innerSets) {
    if (isQuorumSlice(innerSet, nodes) && --left === 0) return true;
  }
  return false;
}

/**
 * Whether these nodes block a quorum set: every slice contains at least one of them, so no agreement is possible without them
 * (LocalNode::isVBlockingInternal).
 */
export function isVBlocking({ threshold, validators, innerSets }: SCPQuorumSet, nodes: NodeSet): boolean {
  if (threshold < 1) return false;
  let left = 1 + validators.length + innerSets.length - threshold;
  for (const nodeID of validators) {
    if (nodes.has(nodeID) && --left <= 0) return true;
  }
  for (const innerSet of innerSets) {
    if (isVBlocking(innerSet, nodes) && --left <= 0) return true;
  }
  return false;
}

/**
 * The quorum set in the form in which stellar-core hashes and sends it: inner sets of one validator, and levels that contain
 * only one inner set, are moved up; everything is sorted (normalizeQSet).
 */
export function normalizeQuorumSet(quorumSet: SCPQuorumSet): SCPQuorumSet {
  return reorder(simplify(quorumSet));
}

function simplify({ threshold, validators, innerSets }: SCPQuorumSet): SCPQuorumSet {
  const inner = innerSets.map(simplify);
  const single = (set: SCPQuorumSet): boolean => set.threshold === 1 && set.validators.length === 1 && set.innerSets.length === 0;
  const simple: SCPQuorumSet = {
    threshold,
    validators: [...validators, ...inner.filter(single).flatMap((set) => set.validators)],
    innerSets: inner.filter((set) => !single(set)),
  };
  const [only] = simple.innerSets;
  const wraps = threshold === 1 && simple.validators.length === 0 && simple.innerSets.length === 1;
  return wraps && only !== undefined ? only : simple;
}

function reorder({ threshold, validators, innerSets }: SCPQuorumSet): SCPQuorumSet {
  return { threshold, validators: [...validators].sort(compareNodes), innerSets: innerSets.map(reorder).sort(compareSets) };
}

/** Orders by key bytes, not by text: in base32, digits come after letters. */
function compareNodes(a: string, b: string): number {
  return compareBytes(decodePublicKey(a), decodePublicKey(b));
}

/** Orders by validators, then inner sets, then threshold. A list comes before a longer one that starts with it. */
function compareSets(a: SCPQuorumSet, b: SCPQuorumSet): number {
  return (
    compareLists(a.validators, b.validators, compareNodes) ||
    compareLists(a.innerSets, b.innerSets, compareSets) ||
    a.threshold - b.threshold
  );
}

function compareLists<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compare(a[i] as T, b[i] as T);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/**
 * Reads a quorum set from JSON or from an application: `{ threshold, validators, innerSets }`. `innerQuorumSets` is accepted
 * too, because other tools of the network use that name. Lists may be left out.
 * @returns a copy
 * @throws {TypeError | RangeError} naming the place, when it is not a quorum set or not a sane one
 */
export function parseQuorumSet(value: unknown): SCPQuorumSet {
  const quorumSet = parseLevel(value, 'quorumSet', 0);
  const problem = quorumSetProblem(quorumSet);
  if (problem !== undefined) throw new RangeError(`quorumSet: ${problem}`);
  return quorumSet;
}

function parseLevel(value: unknown, at: string, depth: number): SCPQuorumSet {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${at} must be an object`);
  if (depth > MAXIMUM_QUORUM_NESTING_LEVEL)
    throw new RangeError(`${at} nests deeper than ${MAXIMUM_QUORUM_NESTING_LEVEL} levels`);
  const { threshold, validators = [], innerSets, innerQuorumSets } = value as Record<string, unknown>;
  if (typeof threshold !== 'number' || !Number.isInteger(threshold))
    throw new TypeError(`${at}.threshold must be a whole number`);
  if (!Array.isArray(validators)) throw new TypeError(`${at}.validators must be a list`);
  for (const [i, nodeID] of validators.entries()) {
    try {
      decodePublicKey(nodeID);
    } catch (error) {
      throw new TypeError(`${at}.validators[${i}]: ${(error as Error).message}`);
    }
  }
  if (innerSets !== undefined && innerQuorumSets !== undefined)
    throw new TypeError(`${at} has both innerSets and innerQuorumSets, which are the same`);
  const name = innerSets === undefined && innerQuorumSets !== undefined ? 'innerQuorumSets' : 'innerSets';
  const inner = innerSets ?? innerQuorumSets ?? [];
  if (!Array.isArray(inner)) throw new TypeError(`${at}.${name} must be a list`);
  return {
    threshold,
    validators: [...validators] as string[],
    innerSets: inner.map((set, i) => parseLevel(set, `${at}.${name}[${i}]`, depth + 1)),
  };
}
