/**
 * Which keys count. Anybody can make keys and sign with them, so that a number of keys says nothing: what is named, directly
 * or through others, by quorum sets that somebody relies on does.
 * @module
 */
import { quorumSetNodes } from '../protocol/scp/quorum-set.ts';
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';

/** A node that was reached, with the quorum set its key has signed for. */
export interface Reached {
  readonly peerID: string;
  /** Its IP address: many keys at one address are one voice. */
  readonly host: string;
  /** Whether it was named by hand. */
  readonly isSeed: boolean;
}

/** So many keys are looked at in one closure: real ones have some hundred. */
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
 * The keys that count when nobody has said whom he trusts: those in the closures of two nodes that were reached, of
 * different keys at different addresses, or of one that was named by hand. One node alone can invent a whole network, and be
 * believed only when there is nobody else.
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
