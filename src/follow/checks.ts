/**
 * The checks of a ledger that need no other ledger. `follow` applies them to each statement and set on arrival, `verifyLedger`
 * to those of a proof.
 * @module
 */
import type { CryptoProvider } from '../protocol/auth/crypto.ts';
import { verifySCPEnvelope } from '../protocol/auth/scp-envelope.ts';
import { equalBytes, toHex } from '../protocol/bytes.ts';
import type { Network } from '../protocol/networks.ts';
import { isStatementSane } from '../protocol/scp/statement.ts';
import { readStellarValue, type StellarValue, verifyStellarValue } from '../protocol/scp/stellar-value.ts';
import type { SCPBallot, SCPEnvelope } from '../protocol/wire/messages.ts';
import { LedgerError } from './ledger-error.ts';
import { emptyTxSet, generalizedTxSetHash, legacyTxSetHash, previousLedgerHashOf } from './tx-set.ts';

/** Highest ledger sequence there can be: ledgerSeq of a LedgerHeader is a uint32. */
const MAX_LEDGER_SEQ = 0xffffffffn;

/** Latest time that a Date can contain, in Unix seconds (ECMA-262, section 21.4.1.1). */
const MAX_CLOSE_TIME = 8_640_000_000_000n;

/**
 * The ballot that a statement declares as committed. An EXTERNALIZE has only its sender as quorum set, so a slice of ours with
 * this statement is a quorum (Slot::getQuorumSetFromStatement). CONFIRM is ignored: its sender soon sends EXTERNALIZE.
 * @throws {LedgerError} LEDGER_BAD_SIGNATURE, LEDGER_INSANE_STATEMENT
 */
export function checkStatement(crypto: CryptoProvider, network: Network, envelope: SCPEnvelope): SCPBallot {
  const { statement } = envelope;
  const { nodeID, slotIndex, pledges } = statement;
  if (!verifySCPEnvelope(envelope, network, crypto)) {
    throw new LedgerError('LEDGER_BAD_SIGNATURE', `${nodeID} has not signed this statement about ledger ${slotIndex}.`);
  }
  if (pledges.type !== 'SCP_ST_EXTERNALIZE' || slotIndex < 1n || slotIndex > MAX_LEDGER_SEQ || !isStatementSane(statement)) {
    throw new LedgerError(
      'LEDGER_INSANE_STATEMENT',
      `${nodeID} has made a statement about ledger ${slotIndex} that is not valid.`,
    );
  }
  return pledges.commit;
}

/**
 * The value of a ledger.
 * @throws {LedgerError} LEDGER_BAD_VALUE
 */
export function checkValue(crypto: CryptoProvider, network: Network, bytes: Uint8Array): StellarValue {
  const value = readStellarValue(bytes);
  if (value === undefined) throw new LedgerError('LEDGER_BAD_VALUE', 'The value does not decode as a StellarValue.');
  if (value.ext.type === 'STELLAR_VALUE_BASIC') throw new LedgerError('LEDGER_BAD_VALUE', 'The value is not signed.');
  if (!verifyStellarValue(value, network, crypto)) {
    const signer = value.ext.lcValueSignature.nodeID;
    throw new LedgerError('LEDGER_BAD_VALUE', `The value names ${signer} as its nominator, but ${signer} has not signed it.`);
  }
  if (value.closeTime > MAX_CLOSE_TIME)
    throw new LedgerError('LEDGER_BAD_VALUE', `The close time ${value.closeTime} is not a possible time.`);
  return value;
}

/** A transaction set that matches its value. */
export interface CheckedTxSet {
  readonly txSet: Uint8Array;
  /** 32 bytes as hex. */
  readonly previousLedgerHash: string;
}

/**
 * Checks a transaction set against the hash that a value names.
 * @throws {LedgerError} LEDGER_TX_SET_HASH
 */
export function checkTxSet(crypto: CryptoProvider, { txSetHash, ext }: StellarValue, txSet: Uint8Array): CheckedTxSet {
  const none = ext.type === 'STELLAR_VALUE_EMPTY_TX_SET' ? emptyTxSet(ext.previousLedgerHash) : undefined;
  const generalized = none === undefined ? equalBytes(generalizedTxSetHash(crypto, txSet), txSetHash) : equalBytes(none, txSet);
  const fits = generalized || (none === undefined && equalBytes(legacyTxSetHash(crypto, txSet), txSetHash));
  const previous = fits ? previousLedgerHashOf(txSet, generalized) : undefined;
  if (previous === undefined) {
    throw new LedgerError('LEDGER_TX_SET_HASH', `The transaction set is not the one with the hash ${toHex(txSetHash)}.`);
  }
  return { txSet, previousLedgerHash: toHex(previous) };
}

/** The transaction set of a value, if it need not be fetched: the network has dropped the nominated set. */
export function droppedTxSet({ ext }: StellarValue): CheckedTxSet | undefined {
  if (ext.type !== 'STELLAR_VALUE_EMPTY_TX_SET') return undefined;
  return { txSet: emptyTxSet(ext.previousLedgerHash), previousLedgerHash: toHex(ext.previousLedgerHash) };
}
