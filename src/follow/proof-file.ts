/**
 * A file of proofs, as `follow --json --proof` writes it, verified from its first line to its last.
 * @module
 */
import type { Network } from '../protocol/networks.ts';
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';
import { factsJson } from './json.ts';
import type { LedgerProof, VerifiedLedger } from './ledger.ts';
import { LedgerError } from './ledger-error.ts';
import { verifyLedger } from './proof.ts';

/** The result of a line. */
export type VerifiedLine =
  | { readonly line: number; readonly ledger: VerifiedLedger }
  | { readonly line: number; readonly error: LedgerError };

/**
 * Verifies the proofs in a text: each proof alone, the other fields of its line against the proof, and what needs several
 * ledgers: close times rise, and no two ledgers have the same predecessor. Lines without a ledger are skipped.
 * @param lines JSON, one value each
 */
export async function* verifyLines(
  lines: Iterable<string> | AsyncIterable<string>,
  quorumSet: SCPQuorumSet,
  network: Network,
): AsyncGenerator<VerifiedLine, void, undefined> {
  let last: VerifiedLedger | undefined;
  let line = 0;
  for await (const text of lines) {
    line++;
    if (text.trim() === '') continue;
    try {
      const value = parse(text);
      const proof = proofIn(value);
      if (proof === undefined) continue;
      const ledger = verifyLedger(proof, quorumSet, network);
      checkClaims(value, ledger);
      if (last !== undefined) checkOrder(last, ledger);
      last = ledger;
      yield { line, ledger };
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      yield { line, error };
    }
  }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Reported below.
  }
  throw new LedgerError('LEDGER_PROOF_MALFORMED', 'The line is not a JSON object.');
}

/** The proof of a line: the line itself, or its `proof`. @returns undefined when it is about something else */
function proofIn(value: Readonly<Record<string, unknown>>): LedgerProof | undefined {
  if ('statements' in value) return value as unknown as LedgerProof;
  if ('proof' in value) return value.proof as LedgerProof;
  if (value.type === 'ledger')
    throw new LedgerError('LEDGER_PROOF_MALFORMED', 'The line has no proof: follow --proof writes them.');
  return undefined;
}

/** Checks the other fields of the line, because its readers use them. */
function checkClaims(value: Readonly<Record<string, unknown>>, ledger: VerifiedLedger): void {
  for (const [name, proven] of Object.entries(factsJson(ledger))) {
    const claimed = value[name];
    if (claimed !== undefined && JSON.stringify(claimed) !== JSON.stringify(proven))
      throw new LedgerError('LEDGER_PROOF_MALFORMED', `The ${name} of the line is not the one of its proof.`);
  }
}

function checkOrder(last: VerifiedLedger, ledger: VerifiedLedger): void {
  if (ledger.ledgerSeq <= last.ledgerSeq)
    throw new LedgerError('LEDGER_CHAIN', `Ledger ${ledger.ledgerSeq} comes after ledger ${last.ledgerSeq}.`);
  if (ledger.closeTime <= last.closeTime)
    throw new LedgerError('LEDGER_CLOSE_TIME', `Ledger ${ledger.ledgerSeq} does not close after ledger ${last.ledgerSeq}.`);
  if (ledger.previousLedgerHash === last.previousLedgerHash)
    throw new LedgerError('LEDGER_CHAIN', `Ledgers ${last.ledgerSeq} and ${ledger.ledgerSeq} name the same predecessor.`);
}
