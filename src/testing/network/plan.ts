/**
 * Which nodes a mock network has and which addresses their PEERS contain. It is planned before any node listens.
 * @module
 */
import { MOCK_NODE_KINDS, type MockNodeKind } from './kinds.ts';
import type { SeededRandom } from './random.ts';

/** One address of a mock network. Nodes refer to each other by index. */
export interface PlannedNode {
  readonly index: number;
  readonly kind: MockNodeKind;
  /** Index of the node whose key this one has: its own, except for the second address of a twin. */
  readonly keyOf: number;
  /** Index of the node whose IP address this one has: its own, except for the second neighbour. */
  readonly hostOf: number;
  /** Nodes in its PEERS, in this order. */
  readonly names: number[];
  /** Known only through a full node, a slow node, or an entry after the fiftieth. */
  readonly hiddenBehind?: number;
}

/** Number of entries that stellar-core puts into one PEERS. */
const USUAL_NAMES = 50;
/** How many nodes per mille are hidden behind each of one full node, one slow node and one late entry, and the maximum number. */
const HIDDEN_PER_MILLE = 15;
const MAX_HIDDEN = 40;

/**
 * Plans a network of this number of addresses. Every node can be found from node 0, which is a plain one.
 * @param mix nodes per mille of each kind, instead of the usual
 */
export function planNetwork(
  count: number,
  random: SeededRandom,
  mix: Readonly<Partial<Record<MockNodeKind, number>>> = {},
): readonly PlannedNode[] {
  const nodes = makeNodes(kindsOf(count, random, mix));
  const namers = nodes.filter(({ kind }) => MOCK_NODE_KINDS[kind].names);
  const [first] = nodes as [PlannedNode];
  const gates = ['full', 'slow', 'hundred-peers'].flatMap((kind) => namers.find((node) => node.kind === kind) ?? []);
  const hidden = new Map<number, PlannedNode[]>();
  const gated = new Set<PlannedNode>();
  const size = Math.min(MAX_HIDDEN, Math.max(1, Math.round((count * HIDDEN_PER_MILLE) / 1000)));
  const free = random.shuffled(nodes.filter((node) => node !== first && !gates.includes(node) && isAlone(node)));
  for (const gate of gates) {
    const group = free.splice(0, size);
    hidden.set(gate.index, group);
    for (const node of group) gated.add(node);
  }
  const open = nodes.filter((node) => !gated.has(node));
  // A tree that reaches every node that is not hidden, gates included.
  const reached: PlannedNode[] = [first];
  for (const node of random.shuffled(open.filter((node) => node !== first))) {
    const roomy = reached.filter(({ names }) => names.length < USUAL_NAMES - 2);
    name(random.pick(roomy.length > 0 ? roomy : reached), node);
    if (MOCK_NODE_KINDS[node.kind].names) reached.push(node);
  }
  // More entries, as in real networks: many, and the same ones in most nodes.
  for (const node of namers) {
    const wanted = node.kind === 'hundred-peers' ? 100 - size : Math.min(USUAL_NAMES - size - 1, Math.ceil(count / 4));
    for (let tries = 0; node.names.length < wanted && tries < 4 * wanted; tries++) name(node, random.pick(open));
  }
  // Hidden nodes are the last entries of their gate, in a chain where they can send addresses.
  for (const [gate, group] of hidden) {
    for (const node of group) name(nodes[gate] as PlannedNode, node);
  }
  return nodes.map((node) => {
    const gate = gates.find(({ index }) => hidden.get(index)?.includes(node));
    return gate === undefined ? node : { ...node, hiddenBehind: gate.index };
  });
}

function name(by: PlannedNode, node: PlannedNode): void {
  if (by !== node && !by.names.includes(node.index)) by.names.push(node.index);
}

function isAlone({ index, keyOf, hostOf, kind }: PlannedNode): boolean {
  return keyOf === index && hostOf === index && kind !== 'twin' && kind !== 'neighbour';
}

function makeNodes(kinds: readonly MockNodeKind[]): PlannedNode[] {
  const last: Partial<Record<MockNodeKind, number>> = {};
  return kinds.map((kind, index) => {
    let [keyOf, hostOf] = [index, index];
    if (kind === 'twin' || kind === 'neighbour') {
      const partner = last[kind];
      if (partner === undefined) last[kind] = index;
      else {
        delete last[kind];
        if (kind === 'twin') keyOf = partner;
        else hostOf = partner;
      }
    }
    return { index, kind, keyOf, hostOf, names: [] };
  });
}

/** The kind of each node: at least one of each kind when there is room, and pairs in twos. */
function kindsOf(
  count: number,
  random: SeededRandom,
  mix: Readonly<Partial<Record<MockNodeKind, number>>>,
): readonly MockNodeKind[] {
  const kinds: MockNodeKind[] = [];
  for (const [name, info] of Object.entries(MOCK_NODE_KINDS)) {
    const kind = name as MockNodeKind;
    const perMille = mix[kind] ?? info.perMille;
    if (kind === 'plain' || perMille === 0) continue;
    const wanted = Math.max(1, Math.round((count * perMille) / 1000));
    const isPair = kind === 'twin' || kind === 'neighbour';
    for (let i = 0; i < (isPair ? 2 * Math.ceil(wanted / 2) : wanted); i++) kinds.push(kind);
  }
  if (kinds.length >= count) throw new RangeError(`${count} nodes are too few for this mix, which needs ${kinds.length + 1}`);
  const plain = new Array<MockNodeKind>(count - kinds.length - 1).fill('plain');
  return ['plain', ...random.shuffled([...kinds, ...plain])];
}
