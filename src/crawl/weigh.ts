/**
 * Which keys are weighed. Anyone can make keys and sign with them, so that the number of keys means nothing. A key is weighed
 * when a quorum set that the user or the reached nodes rely on names it, directly or through other quorum sets.
 * @module
 */
import { quorumSetNodes } from '../protocol/scp/quorum-set.ts';
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';

/** A node that was reached. */
export interface Reached {
  readonly peerID: string;
  /** Its IP address: keys at the same address count once. */
  readonly host: string;
  /** Whether it is a seed. */
  readonly isSeed: boolean;
}

/** The largest number of keys in one closure; real closures have some hundred. */
const MAX_CLOSURE = 10_000;

/**
 * The transitive closure of a quorum set: its nodes, those of their quorum sets, and so on.
 * @param quorumSetOf the quorum set of a key, where it is known
 */
export function closureOf(
  quorumSet: SCPQuorumSet,
  quorumSetOf: (peerID: string) => SCPQuorumSet | undefined,
): ReadonlySet<string> {
  const closure = new Set<string>();
  const seen = new Set<SCPQuorumSet>([quorumSet]);
  const queue = [quorumSet];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const peerID of quorumSetNodes(next)) {
      if (closure.has(peerID) || closure.size >= MAX_CLOSURE) continue;
      closure.add(peerID);
      const its = quorumSetOf(peerID);
      if (its === undefined || seen.has(its)) continue;
      seen.add(its);
      queue.push(its);
    }
  }
  return closure;
}

/**
 * The keys that are weighed without a quorum set of the user: those in the closures of at least two reached nodes with
 * different keys at different addresses, or of a seed. One unknown node could invent a whole network; it is relied on only
 * when no other node has a quorum set.
 */
export function weighedByReached(
  reached: Iterable<Reached>,
  quorumSetOf: (peerID: string) => SCPQuorumSet | undefined,
): ReadonlySet<string> {
  const closures = new Map<SCPQuorumSet, ReadonlySet<string>>();
  const voices = new Map<string, Set<string>>();
  const all = new Set<string>();
  const weighed = new Set<string>();
  const counted = new Set<string>();
  for (const { peerID, host, isSeed } of reached) {
    const quorumSet = quorumSetOf(peerID);
    if (quorumSet === undefined || (counted.has(peerID) && !isSeed)) continue;
    counted.add(peerID);
    let closure = closures.get(quorumSet);
    if (closure === undefined) {
      closure = closureOf(quorumSet, quorumSetOf);
      closures.set(quorumSet, closure);
    }
    for (const key of closure) {
      all.add(key);
      const hosts = voices.get(key) ?? new Set<string>();
      hosts.add(host);
      voices.set(key, hosts);
      if (isSeed || hosts.size > 1) weighed.add(key);
    }
  }
  return weighed.size > 0 || counted.size > 1 ? weighed : all;
}
