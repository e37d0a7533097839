/**
 * StellarValue: what the nodes agree on with SCP, the content of a ballot's or a nomination's value (Stellar-ledger.x).
 * Read for display only; nothing of a connection depends on it.
 * @module
 */
import { SIGNATURE_BYTES } from '../constants.ts';
import { array, type Codec, nodeID, opaque, struct, uint32, uint64, union, varOpaque } from '../xdr/codec.ts';
import { XdrReader } from '../xdr/reader.ts';

/** Who has nominated a value: the signature covers networkID, ENVELOPE_TYPE_SCPVALUE, txSetHash and closeTime. */
interface LedgerCloseValueSignature {
  /** `G…`. */
  readonly nodeID: string;
  readonly signature: Uint8Array;
}

/** Kind of a StellarValue. */
type StellarValueExt =
  | { readonly type: 'STELLAR_VALUE_BASIC' }
  | { readonly type: 'STELLAR_VALUE_SIGNED'; readonly lcValueSignature: LedgerCloseValueSignature }
  | {
      readonly type: 'STELLAR_VALUE_EMPTY_TX_SET';
      readonly txSetHash: Uint8Array;
      readonly previousLedgerHash: Uint8Array;
      readonly previousLedgerVersion: number;
      readonly lcValueSignature: LedgerCloseValueSignature;
    };

/** The next ledger, as a node wants it. Hashes are 32 bytes. */
export interface StellarValue {
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

const stellarValue: Codec<StellarValue> = struct<StellarValue>({
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

/** The StellarValue of these bytes; undefined when they are none, or one of a later protocol. Byte fields are views. */
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
