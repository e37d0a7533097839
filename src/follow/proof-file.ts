/**
 * A file of proofs, as `follow --json --proof` writes it, verified from its first line to its last.
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import type { Network } from '../protocol/networks.ts';
import { quorumSetNodes } from '../protocol/scp/quorum-set.ts';
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';
import { contentsJson, factsJson, signersJson } from './json.ts';
import type { LedgerProof, VerifiedLedger } from './ledger.ts';
import { LedgerError } from './ledger-error.ts';
import { verifyLedger } from './proof.ts';

/** The result of a line. */
export type VerifiedLine =
  | { readonly line: number; readonly ledger: VerifiedLedger }
  | { readonly line: number; readonly error: LedgerError };

/**
 * Verifies the proofs in a text: each proof alone, the other fields of its line against the proof, and what needs several
 * ledgers: close times rise, and no two ledgers have the same predecessor. Lines without a ledger are skipped. `quorumMs`, which
 * was measured, and fields of other names are not checked.
 * @param lines JSON, one value each
 */
export async function* verifyLines(
  lines: Iterable<string> | AsyncIterable<string>,
  quorumSet: SCPQuorumSet,
  network: Network,
): AsyncGenerator<VerifiedLine, void, undefined> {
  const trusted = new Set(quorumSetNodes(quorumSet));
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
      await checkClaims(value, ledger, trusted);
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
async function checkClaims(
  line: Readonly<Record<string, unknown>>,
  ledger: VerifiedLedger,
  trusted: ReadonlySet<unknown>,
): Promise<void> {
  for (const [name, proven] of Object.entries(factsJson(ledger)))
    if (line[name] !== undefined) checkClaim(name, line[name], proven);
  if (line.validators !== undefined) {
    // Nothing is known about nodes that the verifier does not trust: their statements are not checked.
    const named = [line.validators].flat().filter((nodeID) => trusted.has(nodeID));
    checkClaim('validators', named.toSorted(), signersJson(ledger).toSorted());
  }
  const claimed = CONTENTS.filter((name) => line[name] !== undefined && line[name] !== null && !isProof(line, name));
  // Subtle: converting the set takes longer than all other checks.
  if (claimed.length === 0) return;
  const proven = await contentsJson(ledger.txSet);
  for (const name of claimed) checkClaim(name, line[name], proven[name]);
}

/** The fields that the XDR-JSON converter makes. They are null where it did not know the set. */
const CONTENTS = ['transactions', 'operations', 'txSet'] as const;

/** Whether the line is a proof alone, and this is its set as XDR. */
function isProof(line: Readonly<Record<string, unknown>>, name: string): boolean {
  return name === 'txSet' && 'statements' in line;
}

function checkClaim(name: string, claimed: unknown, proven: unknown): void {
  if (isDeepStrictEqual(claimed, proven)) return;
  const problem =
    proven === null ? 'cannot be checked: the XDR-JSON converter does not know the set' : 'is not the one of its proof';
  throw new LedgerError('LEDGER_PROOF_MALFORMED', `The field ${name} of the line ${problem}.`);
}

function checkOrder(last: VerifiedLedger, ledger: VerifiedLedger): void {
  if (ledger.ledgerSeq <= last.ledgerSeq)
    throw new LedgerError('LEDGER_CHAIN', `Ledger ${ledger.ledgerSeq} comes after ledger ${last.ledgerSeq}.`);
  if (ledger.closeTime <= last.closeTime)
    throw new LedgerError('LEDGER_CLOSE_TIME', `Ledger ${ledger.ledgerSeq} does not close after ledger ${last.ledgerSeq}.`);
  if (ledger.previousLedgerHash === last.previousLedgerHash)
    throw new LedgerError('LEDGER_CHAIN', `Ledgers ${last.ledgerSeq} and ${ledger.ledgerSeq} name the same predecessor.`);
}
