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

/** The document. It contains only weighed validators; a validator whose quorum set is not known has an empty `qset`. */
export function quorumJson(result: CrawlResult): string {
  const nodes = [...result.validators.values()]
    .filter(({ weighed }) => weighed)
    .map(({ peerID }) => {
      const quorumSet = result.quorumSetOf(peerID);
      return { node: peerID, qset: quorumSet === undefined ? {} : coreQuorumSet(quorumSet) };
    });
  return `${JSON.stringify({ nodes }, null, 2)}\n`;
}

function coreQuorumSet({ threshold, validators, innerSets }: SCPQuorumSet): CoreQuorumSet {
  return { t: threshold, v: [...validators, ...innerSets.map(coreQuorumSet)] };
}
