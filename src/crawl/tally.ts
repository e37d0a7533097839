/**
 * Numbers of a crawl: its addresses with a result by outcome, and the keys of its nodes.
 * @module
 */
import type { NodeLine } from './events.ts';

/** Counts lines of nodes, one for each address. */
export class Tally {
  readonly #outcomes = new Map<string, number>();
  readonly #keys = new Set<string>();
  #done = 0;

  add({ outcome, peerID }: NodeLine): void {
    this.#done++;
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    if (peerID !== undefined) this.#keys.add(peerID);
  }

  /** The line of an address with this outcome no longer counts, because the address is dialled after all. */
  retract(outcome: string): void {
    this.#done--;
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) - 1);
  }

  /** Number of addresses with a result. */
  get done(): number {
    return this.#done;
  }

  /** Number of different keys. */
  get keys(): number {
    return this.#keys.size;
  }

  /** Numbers of addresses, the largest first. */
  get outcomes(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#outcomes].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a));
  }
}
