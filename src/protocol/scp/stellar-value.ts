/**
 * StellarValue: the value that nodes agree on with SCP, in ballots and nominations (Stellar-ledger.x). Connections do not
 * depend on it.
 * @module
 */
import type { CryptoProvider } from '../auth/crypto.ts';
import { concatBytes, isAllZero } from '../bytes.ts';
import { ENVELOPE_TYPE_SCPVALUE, SIGNATURE_BYTES } from '../constants.ts';
import { type Network, networkIDBytes } from '../networks.ts';
import { decodePublicKey } from '../strkey.ts';
import { array, type Codec, nodeID, opaque, struct, uint32, uint64, union, varOpaque } from '../xdr/codec.ts';
import { XdrReader } from '../xdr/reader.ts';
import { XdrWriter } from '../xdr/writer.ts';

/** The nominating node and its signature, which covers networkID, ENVELOPE_TYPE_SCPVALUE, txSetHash and closeTime. */
export interface LedgerCloseValueSignature {
  /** `G…`. */
  readonly nodeID: string;
  readonly signature: Uint8Array;
}

/** Kind of a StellarValue. One without a transaction set (CAP-83) contains the fields of the value it replaces. */
export type StellarValueExt =
  | { readonly type: 'STELLAR_VALUE_BASIC' }
  | { readonly type: 'STELLAR_VALUE_SIGNED'; readonly lcValueSignature: LedgerCloseValueSignature }
  | {
      readonly type: 'STELLAR_VALUE_EMPTY_TX_SET';
      readonly txSetHash: Uint8Array;
      readonly previousLedgerHash: Uint8Array;
      readonly previousLedgerVersion: number;
      readonly lcValueSignature: LedgerCloseValueSignature;
    };

/** The next ledger, as a node proposes it. Hashes are 32 bytes. */
export interface StellarValue {
  /** All zero in a STELLAR_VALUE_EMPTY_TX_SET, and only there. */
  readonly txSetHash: Uint8Array;
  /** Unix time in seconds. */
  readonly closeTime: bigint;
  /** XDR of each LedgerUpgrade. */
  readonly upgrades: readonly Uint8Array[];
  readonly ext: StellarValueExt;
}

const hash = opaque(32);
const lcValueSignature: Codec<LedgerCloseValueSignature> = struct<LedgerCloseValueSignature>({
  nodeID,
  signature: varOpaque(SIGNATURE_BYTES),
});

/** XDR of a StellarValue: the value of an SCPBallot and of a nomination. */
export const stellarValue: Codec<StellarValue> = struct<StellarValue>({
  txSetHash: hash,
  closeTime: uint64,
  upgrades: array(varOpaque(128), 6),
  ext: union<StellarValueExt>({
    STELLAR_VALUE_BASIC: [0, struct({})],
    STELLAR_VALUE_SIGNED: [1, struct({ lcValueSignature })],
    // Since ledger protocol 28.
    STELLAR_VALUE_EMPTY_TX_SET: [
      2,
      struct({ txSetHash: hash, previousLedgerHash: hash, previousLedgerVersion: uint32, lcValueSignature }),
    ],
  }),
});

/** Decodes a StellarValue; undefined when the bytes are not one, or belong to a later protocol. Byte fields are views. */
export function readStellarValue(value: Uint8Array): StellarValue | undefined {
  try {
    const reader = new XdrReader(value);
    const read = stellarValue.read(reader);
    reader.expectEnd();
    return read;
  } catch {
    return undefined;
  }
}

/**
 * The bytes that the signature of a value covers: networkID, ENVELOPE_TYPE_SCPVALUE, the hash of the nominated transaction set,
 * closeTime. It does not cover upgrades.
 * @param networkID 64 hex digits
 * @throws {TypeError | RangeError} when networkID is anything else
 */
export function stellarValueSignaturePayload(networkID: string, { txSetHash, closeTime, ext }: StellarValue): Uint8Array {
  const signed = new XdrWriter();
  signed.uint32(ENVELOPE_TYPE_SCPVALUE);
  hash.write(signed, ext.type === 'STELLAR_VALUE_EMPTY_TX_SET' ? ext.txSetHash : txSetHash);
  uint64.write(signed, closeTime);
  return concatBytes(networkIDBytes(networkID), signed.take());
}

/**
 * Whether stellar-core would accept a value: signed by the node it names, for this network, and with the hash of a transaction
 * set, or with a zero hash in a value without one (HerderSCPDriver.cpp, HerderImpl.cpp verifyStellarValueSignature). A value
 * without signature is not accepted.
 * @param network our own network
 * @throws {TypeError | RangeError} when the network is not valid
 */
export function verifyStellarValue(
  value: StellarValue,
  { networkID }: Pick<Network, 'networkID'>,
  crypto: CryptoProvider,
): boolean {
  const { txSetHash, ext } = value;
  if (ext.type === 'STELLAR_VALUE_BASIC') return false;
  if (isAllZero(txSetHash) !== (ext.type === 'STELLAR_VALUE_EMPTY_TX_SET')) return false;
  const { nodeID: signer, signature } = ext.lcValueSignature;
  return crypto.verify(decodePublicKey(signer), stellarValueSignaturePayload(networkID, value), signature);
}
