/**
 * How a quorum set fares: whether it is met, who is missing, and what it takes to block it.
 * @module
 */
import { isQuorumSlice, quorumSetNodes } from '../protocol/scp/quorum-set.ts';
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';

/** Health of one quorum set. It says nothing about quorum intersection: that takes the quorum sets of everybody. */
export interface QuorumHealth {
  /** Whether enough of it validates. */
  readonly met: boolean;
  /** Its nodes, `G…`. */
  readonly nodes: readonly string[];
  /** Those that do not validate. */
  readonly missing: readonly string[];
  /** One of the smallest groups of validating nodes that stop it when they stop, too; empty when it is not met. */
  readonly blockedBy: readonly string[];
}

/**
 * Looks how a quorum set fares.
 * @param quorumSet a sane one
 * @param validating the keys that validate
 */
export function quorumHealth(quorumSet: SCPQuorumSet, validating: ReadonlySet<string>): QuorumHealth {
  const nodes = quorumSetNodes(quorumSet);
  return {
    met: isQuorumSlice(quorumSet, validating),
    nodes,
    missing: nodes.filter((peerID) => !validating.has(peerID)),
    blockedBy: cheapestBlock(quorumSet, validating),
  };
}

/** A smallest group whose end leaves no slice; nobody is in a sane quorum set twice, so that each level can be solved by itself. */
function cheapestBlock(quorumSet: SCPQuorumSet, validating: ReadonlySet<string>): readonly string[] {
  const { threshold, validators, innerSets } = quorumSet;
  const prices = [
    ...validators.map((peerID) => (validating.has(peerID) ? [peerID] : [])),
    ...innerSets.map((set) => cheapestBlock(set, validating)),
  ].sort((a, b) => a.length - b.length);
  return prices.slice(0, prices.length - threshold + 1).flat();
}
