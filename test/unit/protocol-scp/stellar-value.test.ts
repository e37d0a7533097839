import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { networks } from '../../../src/protocol/networks.ts';
import {
  readStellarValue,
  type StellarValue,
  stellarValue,
  stellarValueSignaturePayload,
  verifyStellarValue,
} from '../../../src/protocol/scp/stellar-value.ts';
import { encodePublicKey } from '../../../src/protocol/strkey.ts';
import { XdrWriter } from '../../../src/protocol/xdr/writer.ts';
import { envelopes, ledgersNetwork } from '../../support/ledgers.ts';

const key = nodeCrypto.signingKey(new Uint8Array(32).fill(1));
const none = new Uint8Array(32);
const hash = new Uint8Array(32).fill(3);
const nodeID = encodePublicKey(key.publicKey);

/** A value with a signature of our key over its contents. */
function signed(value: StellarValue): StellarValue {
  const signature = key.sign(stellarValueSignaturePayload(ledgersNetwork.networkID, value));
  return { ...value, ext: { ...value.ext, lcValueSignature: { nodeID, signature } } as StellarValue['ext'] };
}

const unsigned = { nodeID, signature: new Uint8Array(64) };
const plain: StellarValue = {
  txSetHash: hash,
  closeTime: 1_700_000_000n,
  upgrades: [],
  ext: { type: 'STELLAR_VALUE_SIGNED', lcValueSignature: unsigned },
};
const empty: StellarValue = {
  ...plain,
  txSetHash: none,
  ext: {
    type: 'STELLAR_VALUE_EMPTY_TX_SET',
    txSetHash: hash,
    previousLedgerHash: new Uint8Array(32).fill(4),
    previousLedgerVersion: 28,
    lcValueSignature: unsigned,
  },
};
const verify = (value: StellarValue) => verifyStellarValue(value, ledgersNetwork, nodeCrypto);

describe('the signature of a StellarValue', () => {
  it('is good on its network only, for every recorded ledger', () => {
    const values = envelopes.flatMap(({ statement: { pledges } }) =>
      pledges.type === 'SCP_ST_EXTERNALIZE' ? [readStellarValue(pledges.commit.value)] : [],
    );
    expect(values).toHaveLength(27);
    for (const value of values) {
      expect(value && verify(value)).toBe(true);
      expect(value && verifyStellarValue(value, networks.pubnet, nodeCrypto)).toBe(false);
    }
  });

  it('covers the transaction set and the close time, but not the upgrades', () => {
    const good = signed(plain);
    expect(verify(good)).toBe(true);
    expect(verify({ ...good, upgrades: [Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 28)] })).toBe(true);
    expect(verify({ ...good, closeTime: good.closeTime + 1n })).toBe(false);
    expect(verify({ ...good, txSetHash: new Uint8Array(32).fill(9) })).toBe(false);
  });

  it('stays that of the original value when the transaction set was dropped', () => {
    const good = signed(empty);
    expect(verify(good)).toBe(true);
    const original = signed(plain);
    expect(good.ext.type !== 'STELLAR_VALUE_BASIC' && good.ext.lcValueSignature).toEqual(
      original.ext.type !== 'STELLAR_VALUE_BASIC' && original.ext.lcValueSignature,
    );
    const writer = new XdrWriter();
    stellarValue.write(writer, good);
    expect(readStellarValue(writer.take())).toEqual(good);
  });

  it.each<[string, StellarValue]>([
    ['without a signature', { ...plain, ext: { type: 'STELLAR_VALUE_BASIC' } }],
    ['with a wrong signature', plain],
    ['with a zero transaction set hash that is not marked as empty', signed({ ...plain, txSetHash: none })],
    ['that is marked as empty and names a transaction set', signed({ ...empty, txSetHash: hash })],
  ])('is refused for a value %s', (_name, value) => expect(verify(value)).toBe(false));
});
