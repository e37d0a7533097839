/**
 * Quorum sets: whether one makes sense, what its hash is, and which nodes it takes to agree or to block (QuorumSetUtils.cpp,
 * LocalNode.cpp; protocol.md section 2.7).
 * @module
 */
import type { CryptoProvider } from '../auth/crypto.ts';
import { compareBytes } from '../bytes.ts';
import { MAX_QUORUM_SET_NODES, MAXIMUM_QUORUM_NESTING_LEVEL } from '../constants.ts';
import { decodePublicKey } from '../strkey.ts';
import type { SCPQuorumSet } from '../wire/messages.ts';
import { scpQuorumSet } from '../wire/quorum-set.ts';
import { XdrWriter } from '../xdr/writer.ts';

/** Something that knows which nodes are in it: a Set or a Map of `G…` keys, for example. */
export interface NodeSet {
  /** Whether the node is in it. */
  has(nodeID: string): boolean;
}

/**
 * The XDR of a quorum set.
 * @throws {TypeError | RangeError} when it is not of its type
 */
export function quorumSetXdr(quorumSet: SCPQuorumSet): Uint8Array {
  const writer = new XdrWriter();
  scpQuorumSet.write(writer, quorumSet);
  return writer.take();
}

/**
 * The hash by which statements name a quorum set: SHA-256 of its XDR. The order of nodes and inner sets counts.
 * @returns 32 bytes
 * @throws {TypeError | RangeError} when it is not of its type
 */
export function quorumSetHash(crypto: CryptoProvider, quorumSet: SCPQuorumSet): Uint8Array {
  return crypto.sha256(quorumSetXdr(quorumSet));
}

/**
 * Why the reference would not take a quorum set (isQuorumSetSane without its extra checks): more than 4 levels below the
 * top, a threshold below 1 or above the number of entries, a node twice, no node at all, or more than 1000.
 * @returns undefined when it is sane
 */
export function quorumSetProblem(quorumSet: SCPQuorumSet): string | undefined {
  const nodes = new Set<string>();
  const problem = levelProblem(quorumSet, 0, nodes);
  if (problem !== undefined) return problem;
  return nodes.size === 0 ? 'there is no validator in it' : undefined;
}

/** Whether the reference takes a quorum set, see `quorumSetProblem`. */
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
    if (nodes.size > MAX_QUORUM_SET_NODES) return `there are more than ${MAX_QUORUM_SET_NODES} validators in it`;
  }
  for (const innerSet of innerSets) {
    const problem = levelProblem(innerSet, depth + 1, nodes);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Every node of a quorum set, at any depth, in its order. Of one that is not sane a node may come twice. */
export function quorumSetNodes({ validators, innerSets }: SCPQuorumSet): readonly string[] {
  return [...validators, ...innerSets.flatMap(quorumSetNodes)];
}

/**
 * Whether these nodes are a slice of a quorum set: at every level that counts, `threshold` of validators and inner sets
 * (LocalNode::isQuorumSliceInternal).
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
 * Whether these nodes are in every slice of a quorum set, so that without them nothing is agreed on
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
 * The same quorum set as a node of the reference writes it before it hashes and sends it: inner sets of one validator, and
 * levels that hold nothing but one inner set, are pulled up; everything is sorted (normalizeQSet).
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

/** By key, not by text: base32 has its digits after its letters. */
function compareNodes(a: string, b: string): number {
  return compareBytes(decodePublicKey(a), decodePublicKey(b));
}

/** By validators, then inner sets, then threshold; a list comes before one that begins with it. */
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
 * A quorum set from JSON, or from an application: `{ threshold, validators, innerSets }`; `innerQuorumSets` is read too, as
 * other tools of the network write it. Lists may be left out.
 * @returns a copy
 * @throws {TypeError | RangeError} naming the place, when it is no quorum set or not a sane one
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
