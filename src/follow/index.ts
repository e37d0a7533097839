/**
 * Verified ledgers that a quorum set has closed, from peers that need no trust, and proofs of these ledgers.
 * @module stellar-handshake/follow
 */

export { Follower, follow } from './follow.ts';
export type { FollowEvent, Ledger, LedgerProof, VerifiedLedger } from './ledger.ts';
export { LEDGER_ERROR_TABLE, LedgerError, type LedgerErrorCode, type LedgerErrorJson } from './ledger-error.ts';
export type { FollowOptions, FollowStatus } from './options.ts';
export { verifyLedger } from './proof.ts';
export { type SubmitOptions, type SubmitResult, submit } from './submit.ts';
export { summarizeTxSet, type TxSetSummary, txSetJson } from './transactions.ts';
