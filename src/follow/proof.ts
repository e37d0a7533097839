/**
 * Proofs of ledgers: made from followed ledgers, and verified without a network.
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
 * Verifies a proof. It needs only the quorum set that the caller trusts, and checks signatures, the quorum set, the sanity of the
 * statements, the value and the transaction set. It does not check what needs other ledgers or a clock: that close times rise,
 * and that no two ledgers have the same predecessor.
 *
 * @example
 * const { ledgerSeq, txSet } = verifyLedger(JSON.parse(line).proof, quorumSet, networks.pubnet)
 *
 * @param proof JSON as in `ledger.proof`; nothing in it is trusted, nor is its quorum set
 * @param quorumSet the nodes that the caller trusts. Statements of other nodes are ignored
 * @returns the verified content; byte fields are the caller's
 * @throws {LedgerError} with `code`, when it does not prove a ledger with this quorum set
 * @throws {TypeError | RangeError} when the quorum set or the network is not valid
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
    throw new LedgerError(
      'LEDGER_QUORUM_NOT_MET',
      `${share} of the quorum set closed it, which does not satisfy the quorum set.`,
    );
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
  return new LedgerError('LEDGER_PROOF_MALFORMED', `The proof does not have the form of a proof: ${what}.`);
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

/** @throws {LedgerError} LEDGER_PROOF_MALFORMED when it is not exact base64: each proof has one spelling */
function fromBase64(text: string, at: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw malformed(`${at} is not base64`);
  return new Uint8Array(bytes);
}
