/**
 * SCPQuorumSet (Stellar-SCP.x), the one type of the overlay that nests in itself.
 *
 * The reference decodes whatever fits its stack, and then ignores what its sanity check refuses; the connection stays. So the
 * bytes are checked to the same depth here, in a loop that needs no stack, and only what no more than the sanity check's
 * sizes needs is ever built.
 * @module
 */
import {
  MAX_QUORUM_SET_DEPTH,
  MAX_QUORUM_SET_NODES,
  MAXIMUM_QUORUM_NESTING_LEVEL,
  QUORUM_SET_STACK_LIMIT,
} from '../constants.ts';
import { array, type Codec, nodeID, recursive, struct, uint32 } from '../xdr/codec.ts';
import type { XdrReader } from '../xdr/reader.ts';
import type { SCPQuorumSet } from './message-types.ts';

const nested: Codec<SCPQuorumSet> = {
  ...recursive(() => level, MAX_QUORUM_SET_DEPTH),
  shape: { kind: 'recursive', codec: () => level as Codec<unknown>, maxDepth: QUORUM_SET_STACK_LIMIT },
};
const level: Codec<SCPQuorumSet> = struct<SCPQuorumSet>({
  threshold: uint32,
  validators: array(nodeID),
  innerSets: array(nested),
});

/** XDR of an SCPQuorumSet: what its hash is of. One that `walkQuorumSet` finds too large is checked, and never read. */
export const scpQuorumSet: Codec<SCPQuorumSet> = {
  read(reader) {
    const { offset } = reader;
    if (!walkQuorumSet(reader)) reader.fail('a quorum set larger than any node takes', reader.offset - offset);
    reader.offset = offset;
    return nested.read(reader);
  },
  check: (reader) => void walkQuorumSet(reader),
  write: nested.write,
  shape: nested.shape,
};

/** Most sets in a sane one: each validator is in one that is 4 levels below the top at most. */
const MAX_SETS = MAX_QUORUM_SET_NODES * (MAXIMUM_QUORUM_NESTING_LEVEL + 1);

/**
 * Steps over a quorum set.
 * @returns whether it has no more levels and nodes than the reference's sanity check allows (QuorumSetUtils.cpp)
 * @throws {XdrError} when it is not well-formed, or nests deeper than the reference decodes
 */
export function walkQuorumSet(reader: XdrReader): boolean {
  /** Sets still to come, by level. */
  const left = [1];
  let deepest = 0;
  let nodes = 0;
  let sets = 0;
  while (left.length > 0) {
    const depth = left.length;
    const here = left[depth - 1] as number;
    if (here === 0) {
      left.pop();
      continue;
    }
    if (depth > QUORUM_SET_STACK_LIMIT) reader.fail(`nested deeper than ${QUORUM_SET_STACK_LIMIT} levels`);
    left[depth - 1] = here - 1;
    deepest = Math.max(deepest, depth);
    sets++;
    reader.skip(4);
    const validators = reader.uint32();
    for (let i = 0; i < validators; i++) nodeID.check(reader);
    nodes += validators;
    left.push(reader.uint32());
  }
  return deepest <= MAXIMUM_QUORUM_NESTING_LEVEL + 1 && nodes <= MAX_QUORUM_SET_NODES && sets <= MAX_SETS;
}
