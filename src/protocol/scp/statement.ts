/**
 * Sanity of each type of SCP statement, and its quorum set (BallotProtocol.cpp isStatementSane, NominationProtocol.cpp isSane).
 * @module
 */
import { compareBytes } from '../bytes.ts';
import type { SCPBallot, SCPPledges, SCPStatement } from '../wire/messages.ts';

/**
 * Whether a statement is sane for its type, as stellar-core requires it of other nodes. It does not check its values or its
 * signature.
 */
export function isStatementSane({ pledges }: SCPStatement): boolean {
  switch (pledges.type) {
    case 'SCP_ST_PREPARE': {
      const { ballot, prepared, preparedPrime, nC, nH } = pledges;
      return (
        ballot.counter > 0 &&
        (preparedPrime === null || prepared === null || isLessAndIncompatible(preparedPrime, prepared)) &&
        (nH === 0 || (prepared !== null && nH <= prepared.counter)) &&
        (nC === 0 || (nH !== 0 && nC <= nH && nH <= ballot.counter))
      );
    }
    case 'SCP_ST_CONFIRM':
      return pledges.ballot.counter > 0 && pledges.nCommit <= pledges.nH && pledges.nH <= pledges.ballot.counter;
    case 'SCP_ST_EXTERNALIZE':
      return pledges.commit.counter > 0 && pledges.commit.counter <= pledges.nH;
    case 'SCP_ST_NOMINATE':
      return pledges.votes.length + pledges.accepted.length > 0 && isAscending(pledges.votes) && isAscending(pledges.accepted);
  }
}

/**
 * The hash of the quorum set of a statement, 32 bytes. An EXTERNALIZE counts with a quorum set of its sender alone
 * (Slot::getQuorumSetFromStatement); the hash in it is that of the sender's real quorum set.
 */
export function statementQuorumSetHash(pledges: SCPPledges): Uint8Array {
  return pledges.type === 'SCP_ST_EXTERNALIZE' ? pledges.commitQuorumSetHash : pledges.quorumSetHash;
}

/** Orders ballots by counter, then by the bytes of the value (BallotProtocol::compareBallots). Negative, 0 or positive. */
export function compareBallots(a: SCPBallot, b: SCPBallot): number {
  return a.counter - b.counter || compareBytes(a.value, b.value);
}

function isLessAndIncompatible(a: SCPBallot, b: SCPBallot): boolean {
  return compareBallots(a, b) <= 0 && compareBytes(a.value, b.value) !== 0;
}

/** Whether each value is above the one before it. */
function isAscending(values: readonly Uint8Array[]): boolean {
  return values.every((value, i) => i === 0 || compareBytes(values[i - 1] as Uint8Array, value) < 0);
}
