/**
 * Health of a quorum set: whether it is met, which nodes are missing, and which group could block it.
 * @module
 */
import { isQuorumSlice, quorumSetNodes } from '../protocol/scp/quorum-set.ts';
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';

/** Health of one quorum set. It is not quorum intersection, which needs the quorum sets of all validators. */
export interface QuorumHealth {
  /** Whether enough of its nodes validate. */
  readonly met: boolean;
  /** Its nodes, `G…`. */
  readonly nodes: readonly string[];
  /** Those that do not validate. */
  readonly missing: readonly string[];
  /** A smallest group of validating nodes whose failure would stop it; empty when it is not met. */
  readonly blockedBy: readonly string[];
}

/**
 * Computes the health of a quorum set.
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

/** A smallest group whose failure leaves no slice. No node is in a sane quorum set twice, so that each inner set is independent. */
function cheapestBlock(quorumSet: SCPQuorumSet, validating: ReadonlySet<string>): readonly string[] {
  const { threshold, validators, innerSets } = quorumSet;
  const prices = [
    ...validators.map((peerID) => (validating.has(peerID) ? [peerID] : [])),
    ...innerSets.map((set) => cheapestBlock(set, validating)),
  ].sort((a, b) => a.length - b.length);
  return prices.slice(0, prices.length - threshold + 1).flat();
}
