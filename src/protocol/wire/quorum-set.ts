/**
 * SCPQuorumSet (Stellar-SCP.x), the only recursive type of the overlay.
 *
 * stellar-core decodes everything that fits its stack, and then ignores a set that fails its sanity check; the connection stays
 * open. So the bytes are checked to the same depth here, in a loop without recursion. Only sets within the sizes of the sanity
 * check are built.
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

/** XDR of an SCPQuorumSet, of which its hash is made. A set that `walkQuorumSet` finds too large is checked but not read. */
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

/** Maximum number of sets in a sane one: each validator is in a set that is at most 4 levels below the top. */
const MAX_SETS = MAX_QUORUM_SET_NODES * (MAXIMUM_QUORUM_NESTING_LEVEL + 1);

/**
 * Skips over a quorum set.
 * @returns whether it has no more levels and nodes than stellar-core's sanity check allows (QuorumSetUtils.cpp)
 * @throws {XdrError} when it is not well-formed, or nests deeper than stellar-core decodes
 */
export function walkQuorumSet(reader: XdrReader): boolean {
  /** Number of sets still to come, by level. */
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
