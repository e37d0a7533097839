/**
 * Validators that close ledgers as a network does, with real signatures, quorum set, transaction sets and a chain of hashes.
 * `close` makes honest ledgers; each part can also be made invalid.
 * @module
 */
import { nodeCrypto } from '../crypto/node.ts';
import type { SigningKey } from '../protocol/auth/crypto.ts';
import { scpSignaturePayload } from '../protocol/auth/scp-envelope.ts';
import { concatBytes, toHex, utf8Encode } from '../protocol/bytes.ts';
import { type Network, networks } from '../protocol/networks.ts';
import { quorumSetHash } from '../protocol/scp/quorum-set.ts';
import { type StellarValue, stellarValue, stellarValueSignaturePayload } from '../protocol/scp/stellar-value.ts';
import { encodePublicKey } from '../protocol/strkey.ts';
import type { SCPEnvelope, SCPPledges, SCPQuorumSet, SCPStatement } from '../protocol/wire/messages.ts';
import { XdrWriter } from '../protocol/xdr/writer.ts';

/** Options of mock validators. */
export interface MockValidatorsOptions {
  /** Default: `networks.standalone`. */
  readonly network?: Network | undefined;
  /** Seed of their keys. Default 1. */
  readonly seed?: string | number | undefined;
  /** Number of validators. Default 4. */
  readonly count?: number | undefined;
  /** Their quorum set, from their keys. Default: two thirds of them, on one level. */
  readonly quorumSet?: ((nodeIDs: readonly string[]) => SCPQuorumSet) | undefined;
  /** The first ledger they close. Default 1000. */
  readonly firstLedgerSeq?: number | undefined;
  /** Close time of the ledger before the first one, in Unix seconds. Default: 2026-01-01T00:00:00Z. */
  readonly closeTime?: number | undefined;
}

/** How a ledger differs from the default. */
export interface CloseOptions {
  /** XDR of each TransactionEnvelope in its set. Default: none. */
  readonly transactions?: readonly Uint8Array[] | undefined;
  /** Default: five seconds after the ledger before. */
  readonly closeTime?: number | undefined;
  /** The validators that send EXTERNALIZE, by index. Default: all. */
  readonly by?: readonly number[] | undefined;
  /** XDR of each LedgerUpgrade. */
  readonly upgrades?: readonly Uint8Array[] | undefined;
  /** The previous ledger hash in the transaction set, 32 bytes. Default: the real one. */
  readonly previousLedgerHash?: Uint8Array | undefined;
  /** Whether the network drops the nominated transaction set (CAP-83). */
  readonly dropped?: boolean | undefined;
}

/** A ledger that mock validators have closed. */
export interface MockLedger {
  readonly ledgerSeq: number;
  /** Unix seconds. */
  readonly closeTime: number;
  readonly value: StellarValue;
  /** XDR of `value`. */
  readonly valueXdr: Uint8Array;
  /** XDR of the nominated GeneralizedTransactionSet. */
  readonly txSet: Uint8Array;
  /** Its hash as hex. */
  readonly txSetHash: string;
  /** The EXTERNALIZE statements of the validators that send one. */
  readonly envelopes: readonly SCPEnvelope[];
  /** The hash of this ledger that the next set contains, 32 bytes. It belongs to no real ledger header. */
  readonly hash: Uint8Array;
}

/** Validators that agree. */
export class MockValidators {
  readonly network: Network;
  readonly keys: readonly SigningKey[];
  /** Node IDs, `G…`. */
  readonly nodeIDs: readonly string[];
  readonly quorumSet: SCPQuorumSet;
  /** 32 bytes. */
  readonly quorumSetHash: Uint8Array;
  /** The last ledger that was closed. */
  last: { readonly ledgerSeq: number; readonly closeTime: number; readonly hash: Uint8Array };

  constructor(options: MockValidatorsOptions = {}) {
    const { network = networks.standalone, seed = 1, count = 4, firstLedgerSeq = 1000, closeTime = 1_767_225_600 } = options;
    this.network = network;
    this.keys = Array.from({ length: count }, (_, i) =>
      nodeCrypto.signingKey(nodeCrypto.sha256(utf8Encode(`mock validator ${seed} ${i}`))),
    );
    this.nodeIDs = this.keys.map(({ publicKey }) => encodePublicKey(publicKey));
    this.quorumSet = options.quorumSet?.(this.nodeIDs) ?? {
      threshold: count - Math.floor((count - 1) / 3),
      validators: this.nodeIDs,
      innerSets: [],
    };
    this.quorumSetHash = quorumSetHash(nodeCrypto, this.quorumSet);
    this.last = { ledgerSeq: firstLedgerSeq - 1, closeTime, hash: nodeCrypto.sha256(utf8Encode('the ledger before')) };
  }

  /** Closes the next ledger. */
  close(options: CloseOptions = {}): MockLedger {
    const ledgerSeq = this.last.ledgerSeq + 1;
    const closeTime = options.closeTime ?? this.last.closeTime + 5;
    const txSet = mockTxSet(options.previousLedgerHash ?? this.last.hash, options.transactions);
    const txSetHash = nodeCrypto.sha256(txSet);
    const signed = this.signValue({ txSetHash, closeTime: BigInt(closeTime), upgrades: options.upgrades ?? [] });
    const value = options.dropped ? this.#dropped(signed, options.previousLedgerHash) : signed;
    const valueXdr = xdrOf(value);
    const by = options.by ?? this.keys.map((_, i) => i);
    const envelopes = by.map((i) => this.externalize(i, ledgerSeq, valueXdr));
    const hash = nodeCrypto.sha256(concatBytes(utf8Encode(`ledger ${ledgerSeq}`), valueXdr, this.last.hash));
    this.last = { ledgerSeq, closeTime, hash };
    return { ledgerSeq, closeTime, value, valueXdr, txSet, txSetHash: toHex(txSetHash), envelopes, hash };
  }

  /** A value as the first validator nominates it. */
  signValue(fields: Pick<StellarValue, 'txSetHash' | 'closeTime' | 'upgrades'>, by = 0): StellarValue {
    const unsigned: StellarValue = { ...fields, ext: { type: 'STELLAR_VALUE_BASIC' } };
    const signature = this.#key(by).sign(stellarValueSignaturePayload(this.network.networkID, unsigned));
    const lcValueSignature = { nodeID: this.nodeIDs[by] as string, signature };
    return { ...fields, ext: { type: 'STELLAR_VALUE_SIGNED', lcValueSignature } };
  }

  /** The EXTERNALIZE statement of a validator for a value. */
  externalize(by: number, ledgerSeq: number, value: Uint8Array, nH = 1): SCPEnvelope {
    const commitQuorumSetHash = this.quorumSetHash;
    return this.sign(by, ledgerSeq, { type: 'SCP_ST_EXTERNALIZE', commit: { counter: 1, value }, nH, commitQuorumSetHash });
  }

  /** Any statement of a validator, signed. */
  sign(by: number, ledgerSeq: number, pledges: SCPPledges): SCPEnvelope {
    const statement: SCPStatement = { nodeID: this.nodeIDs[by] as string, slotIndex: BigInt(ledgerSeq), pledges };
    return { statement, signature: this.#key(by).sign(scpSignaturePayload(this.network.networkID, statement)) };
  }

  #dropped(value: StellarValue, previousLedgerHash: Uint8Array = this.last.hash): StellarValue {
    if (value.ext.type !== 'STELLAR_VALUE_SIGNED') throw new TypeError('only a signed value can lose its set');
    const { txSetHash, ext } = value;
    const { lcValueSignature } = ext;
    return {
      ...value,
      txSetHash: new Uint8Array(32),
      ext: { type: 'STELLAR_VALUE_EMPTY_TX_SET', txSetHash, previousLedgerHash, previousLedgerVersion: 28, lcValueSignature },
    };
  }

  #key(by: number): SigningKey {
    const key = this.keys[by];
    if (key === undefined) throw new RangeError(`there is no validator ${by}`);
    return key;
  }
}

/**
 * XDR of a GeneralizedTransactionSet: classic transactions without a base fee, and no Soroban transactions.
 * @param previousLedgerHash 32 bytes
 * @param transactions XDR of each TransactionEnvelope; the order is kept
 */
export function mockTxSet(previousLedgerHash: Uint8Array, transactions: readonly Uint8Array[] = []): Uint8Array {
  const writer = new XdrWriter();
  writer.uint32(1);
  writer.opaque(previousLedgerHash);
  writer.uint32(2);
  // Phase 0, version 0: one component TXSET_COMP_TXS_MAYBE_DISCOUNTED_FEE, or none.
  writer.uint32(0);
  writer.uint32(transactions.length === 0 ? 0 : 1);
  if (transactions.length > 0) {
    writer.uint32(0);
    writer.uint32(0);
    writer.uint32(transactions.length);
    for (const transaction of transactions) writer.opaque(transaction);
  }
  // Phase 1, version 1: parallel, without base fee and stages.
  writer.uint32(1);
  writer.uint32(0);
  writer.uint32(0);
  return writer.take();
}

function xdrOf(value: StellarValue): Uint8Array {
  const writer = new XdrWriter();
  stellarValue.write(writer, value);
  return writer.take();
}
