/**
 * The quorum sets of a crawl in the form `stellar-core check-quorum-intersection` reads (HerderUtils.cpp
 * parseQuorumMapFromJson, LocalNode::fromJson).
 * @module
 */
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';
import type { CrawlResult } from './result.ts';

/** A quorum set in stellar-core's JSON. */
interface CoreQuorumSet {
  /** Threshold. */
  readonly t: number;
  /** Validators, then inner sets. */
  readonly v: readonly (string | CoreQuorumSet)[];
}

/**
 * The document. It contains the weighed validators whose quorum sets are known. stellar-core treats a validator that is only named
 * by others as one that is offline. New versions do the same with an empty `qset`; old ones read it as a quorum set.
 */
export function quorumJson(result: CrawlResult): string {
  const nodes = [...result.validators.values()].flatMap(({ peerID, weighed }) => {
    const quorumSet = weighed ? result.quorumSetOf(peerID) : undefined;
    return quorumSet === undefined ? [] : [{ node: peerID, qset: coreQuorumSet(quorumSet) }];
  });
  return `${JSON.stringify({ nodes }, null, 2)}\n`;
}

function coreQuorumSet({ threshold, validators, innerSets }: SCPQuorumSet): CoreQuorumSet {
  return { t: threshold, v: [...validators, ...innerSets.map(coreQuorumSet)] };
}
