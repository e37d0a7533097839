/**
 * Transaction sets as bytes: their hash, and the hash they name for the previous ledger (TxSetFrame.cpp; protocol.md section 2.7).
 * Nothing else in them is read, so upgrades of the ledger protocol have no effect here.
 * @module
 */
import type { CryptoProvider } from '../protocol/auth/crypto.ts';
import { concatBytes } from '../protocol/bytes.ts';
import { HASH_BYTES } from '../protocol/constants.ts';
import { XdrReader } from '../protocol/xdr/reader.ts';

/** Smallest GeneralizedTransactionSet: version, hash and the count of phases. */
const MIN_GENERALIZED_BYTES = 4 + HASH_BYTES + 4;
/** Smallest TransactionSet: hash and the count of envelopes. */
const MIN_LEGACY_BYTES = HASH_BYTES + 4;

/** The content hash of a GeneralizedTransactionSet, the only kind since ledger protocol 20: SHA-256 of its XDR, 32 bytes. */
export function generalizedTxSetHash(crypto: CryptoProvider, txSet: Uint8Array): Uint8Array {
  return crypto.sha256(txSet);
}

/**
 * The content hash of a TransactionSet: SHA-256 of previousLedgerHash and the envelopes, without their count. This is unambiguous:
 * with another count the same bytes do not decode.
 */
export function legacyTxSetHash(crypto: CryptoProvider, txSet: Uint8Array): Uint8Array {
  return crypto.sha256(concatBytes(txSet.subarray(0, HASH_BYTES), txSet.subarray(MIN_LEGACY_BYTES)));
}

/**
 * Hash of the header of the previous ledger, 32 bytes: a view.
 * @param generalized whether it is a GeneralizedTransactionSet
 * @returns undefined when it is too short, or of an unknown version
 */
export function previousLedgerHashOf(txSet: Uint8Array, generalized: boolean): Uint8Array | undefined {
  if (txSet.length < (generalized ? MIN_GENERALIZED_BYTES : MIN_LEGACY_BYTES)) return undefined;
  const reader = new XdrReader(txSet);
  if (generalized && reader.uint32() !== 1) return undefined;
  return reader.opaque(HASH_BYTES);
}

/**
 * The set that is applied when the network has dropped the nominated one (CAP-83): no classic transactions, and no Soroban
 * transactions in their parallel form. Protocols that can drop sets have only this form.
 */
export function emptyTxSet(previousLedgerHash: Uint8Array): Uint8Array {
  const words = (...values: number[]): Uint8Array => Uint8Array.from(values.flatMap((value) => [0, 0, 0, value]));
  // Two phases: version 0 without components; version 1 without base fee and stages.
  return concatBytes(words(1), previousLedgerHash, words(2, 0, 0, 1, 0, 0));
}
