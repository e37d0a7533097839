/**
 * Which node names which, with one spelling for each address.
 * @module
 */
import { formatTarget } from '../net/target.ts';
import { plainTarget, readAddress } from './address-book.ts';
import type { NodeLine } from './events.ts';
import type { CrawlResult } from './result.ts';

/** All nodes, and the edges between them. */
export interface Names {
  /** Each node with the addresses that it names, each once; all of them are nodes. */
  readonly nodes: readonly { readonly line: NodeLine; readonly names: readonly string[] }[];
  /** Number of nodes that name an address. */
  readonly namedBy: ReadonlyMap<string, number>;
}

/** Nodes of a crawl. Named addresses without a line, after an interruption, are `not-dialled`. */
export function namesIn(result: CrawlResult): Names {
  const namedBy = new Map<string, number>();
  const lines = new Map(result.nodes);
  /** Known spellings: nodes name the same addresses. */
  const spellings = new Map(Array.from(lines.keys(), (address) => [address, address]));
  const named = [...result.nodes.values()].map((line) => {
    const names = new Set<string>();
    for (const peer of line.peers ?? []) {
      let name = spellings.get(peer);
      if (name === undefined) {
        const target = readAddress(peer);
        if (target === undefined) continue;
        name = formatTarget(plainTarget(target));
        spellings.set(peer, name);
      }
      names.add(name);
    }
    for (const name of names) {
      namedBy.set(name, (namedBy.get(name) ?? 0) + 1);
      if (!lines.has(name)) lines.set(name, { type: 'node', address: name, outcome: 'not-dialled' });
    }
    return names;
  });
  const nodes = [...lines.values()].map((line, at) => ({ line, names: [...(named[at] ?? [])] }));
  return { nodes, namedBy };
}
