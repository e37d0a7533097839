/**
 * Proofs of ledgers: made of what was followed, and verified without any network.
 * @module
 */
import { nodeCrypto } from '../crypto/node.ts';
import { equalBytes, toHex } from '../protocol/bytes.ts';
import type { Network } from '../protocol/networks.ts';
import { isQuorumSlice, parseQuorumSet, quorumSetNodes } from '../protocol/scp/quorum-set.ts';
import { messageFields, type SCPBallot, type SCPEnvelope, type SCPQuorumSet } from '../protocol/wire/messages.ts';
import { XdrReader } from '../protocol/xdr/reader.ts';
import { XdrWriter } from '../protocol/xdr/writer.ts';
import { checkStatement, checkTxSet, checkValue } from './checks.ts';
import type { LedgerProof, VerifiedLedger } from './ledger.ts';
import { LedgerError } from './ledger-error.ts';

/** The proof of a ledger as JSON. */
export function makeProof(
  { statements, txSet }: Pick<VerifiedLedger, 'statements' | 'txSet'>,
  quorumSet: SCPQuorumSet,
): LedgerProof {
  return { statements: statements.map(envelopeBase64), quorumSet, txSet: toBase64(txSet) };
}

/**
 * Checks a proof again, from nothing but whom one trusts: signatures, the quorum set, sanity, the value, the transaction
 * set. What needs other ledgers or a clock is not in it: that close times rise, and that no two ledgers have the same
 * predecessor.
 *
 * @example
 * const { ledgerSeq, txSet } = verifyLedger(JSON.parse(line).proof, quorumSet, networks.pubnet)
 *
 * @param proof JSON as `ledger.proof` has it; nothing of it is trusted, its own quorum set neither
 * @param quorumSet whom the verifier trusts. Statements of other nodes are left out
 * @returns what it proves; byte fields are the caller's
 * @throws {LedgerError} with `code`, when it does not prove a ledger to somebody who trusts this quorum set
 * @throws {TypeError | RangeError} when the quorum set is none, or the network is none
 */
export function verifyLedger(proof: LedgerProof, quorumSet: SCPQuorumSet, network: Network): VerifiedLedger {
  const trusted = parseQuorumSet(quorumSet);
  const { statements, txSet } = readProof(proof);
  const nodes = new Set(quorumSetNodes(trusted));
  const counted = new Map<string, SCPEnvelope>();
  let slotIndex: bigint | undefined;
  let ballot: SCPBallot | undefined;
  for (const envelope of statements) {
    const { nodeID, slotIndex: slot } = envelope.statement;
    if (!nodes.has(nodeID)) continue;
    const commit = checkStatement(nodeCrypto, network, envelope);
    slotIndex ??= slot;
    ballot ??= commit;
    if (slot !== slotIndex || !equalBytes(commit.value, ballot.value))
      throw new LedgerError('LEDGER_PROOF_MALFORMED', 'The statements are of different ledgers or values.');
    counted.set(nodeID, envelope);
  }
  if (ballot === undefined || slotIndex === undefined || !isQuorumSlice(trusted, counted)) {
    const share = `${counted.size} of ${nodes.size} nodes`;
    throw new LedgerError('LEDGER_QUORUM_NOT_MET', `${share} of the quorum set say so, which does not satisfy it.`);
  }
  const value = checkValue(nodeCrypto, network, ballot.value);
  const checked = checkTxSet(nodeCrypto, value, txSet);
  return {
    ledgerSeq: Number(slotIndex),
    closeTime: Number(value.closeTime),
    txSetHash: toHex(value.txSetHash),
    previousLedgerHash: checked.previousLedgerHash,
    upgrades: value.upgrades,
    txSet,
    statements: [...counted.values()],
  };
}

/** The XDR in a proof. @throws {LedgerError} LEDGER_PROOF_MALFORMED */
function readProof(proof: unknown): { readonly statements: readonly SCPEnvelope[]; readonly txSet: Uint8Array } {
  if (typeof proof !== 'object' || proof === null) throw malformed('it is not an object');
  const { statements, txSet } = proof as Record<string, unknown>;
  if (!Array.isArray(statements)) throw malformed('statements is not a list');
  if (typeof txSet !== 'string') throw malformed('txSet is not text');
  return {
    statements: statements.map((text, i) => readEnvelope(text, `statements[${i}]`)),
    txSet: fromBase64(txSet, 'txSet'),
  };
}

function readEnvelope(text: unknown, at: string): SCPEnvelope {
  if (typeof text !== 'string') throw malformed(`${at} is not text`);
  const reader = new XdrReader(fromBase64(text, at));
  try {
    const { envelope } = messageFields.SCP_MESSAGE.read(reader);
    reader.expectEnd();
    return envelope;
  } catch {
    throw malformed(`${at} is not the XDR of an SCPEnvelope`);
  }
}

function malformed(what: string): LedgerError {
  return new LedgerError('LEDGER_PROOF_MALFORMED', `The proof is not of its form: ${what}.`);
}

/** XDR of an SCPEnvelope as base64. */
export function envelopeBase64(envelope: SCPEnvelope): string {
  const writer = new XdrWriter();
  messageFields.SCP_MESSAGE.write(writer, { envelope });
  return toBase64(writer.take());
}

/** Base64 with padding (RFC 4648 section 4). */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** @throws {LedgerError} LEDGER_PROOF_MALFORMED when it is not base64 to the letter: two texts must not prove the same */
function fromBase64(text: string, at: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw malformed(`${at} is not base64`);
  return new Uint8Array(bytes);
}
