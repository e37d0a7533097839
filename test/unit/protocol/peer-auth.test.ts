import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { verifyAuthCert } from '../../../src/protocol/auth/auth-cert.ts';
import type { CryptoProvider } from '../../../src/protocol/auth/crypto.ts';
import { PeerAuth } from '../../../src/protocol/auth/peer-auth.ts';
import { BoundedCache } from '../../../src/protocol/bounded-cache.ts';
import { fromHex } from '../../../src/protocol/bytes.ts';
import { encodePublicKey } from '../../../src/protocol/strkey.ts';
import { pubnet1 } from '../../support/vectors.ts';

const NOW = 1_800_000_000;
const networkID = pubnet1.networkIdHex;

/** A PeerAuth that counts its computations. */
function counting() {
  const count = { verified: 0, agreed: 0 };
  const crypto: CryptoProvider = {
    ...nodeCrypto,
    verify: (...args) => {
      count.verified++;
      return nodeCrypto.verify(...args);
    },
  };
  const ecdh = nodeCrypto.ecdhKey(fromHex(pubnet1.A.ecdhSecretHex));
  const counted = {
    publicKey: ecdh.publicKey,
    sharedSecret: (key: Uint8Array) => {
      count.agreed++;
      return ecdh.sharedSecret(key);
    },
    unsafeExportSecret: () => ecdh.unsafeExportSecret(),
  };
  const identity = nodeCrypto.signingKey(fromHex(pubnet1.A.seedHex));
  return { count, peerAuth: new PeerAuth(crypto, identity, counted, networkID) };
}

describe('our own cert', () => {
  it('expires an hour after it was signed, in whole seconds', () => {
    const { peerAuth } = counting();
    const cert = peerAuth.cert(NOW + 0.9);
    expect(cert.expiration).toBe(BigInt(NOW + 3600));
    expect(verifyAuthCert(nodeCrypto, encodePublicKey(peerAuth.identity.publicKey), networkID, cert)).toBe(true);
  });

  it('is used until half an hour is left, and then signed again for the same key', () => {
    const { peerAuth } = counting();
    const first = peerAuth.cert(NOW);
    expect(peerAuth.cert(NOW + 1)).toBe(first);
    expect(peerAuth.cert(NOW + 1800)).toBe(first);
    expect(peerAuth.cert(NOW + 1800.9)).toBe(first);
    const second = peerAuth.cert(NOW + 1801);
    expect([second.expiration, second.pubkey]).toEqual([BigInt(NOW + 1801 + 3600), first.pubkey]);
    expect(peerAuth.cert(NOW + 1801)).toBe(second);
  });

  it('is signed again when it was signed while the clock was ahead', () => {
    const { peerAuth } = counting();
    const ahead = peerAuth.cert(NOW + 400 * 86_400);
    const right = peerAuth.cert(NOW);
    expect(right).not.toBe(ahead);
    expect(right.expiration).toBe(BigInt(NOW + 3600));
    expect(peerAuth.cert(NOW - 1).expiration).toBe(BigInt(NOW - 1 + 3600));
  });
});

describe('the certs of peers', () => {
  const { B } = pubnet1;
  const cert = {
    pubkey: fromHex(B.ecdhPublicHex),
    expiration: BigInt(B.hello.certExpiration),
    sig: fromHex(B.cert.signatureHex),
  };

  it('are verified once, good or bad', () => {
    const { count, peerAuth } = counting();
    const bad = { ...cert, expiration: cert.expiration + 1n };
    for (let i = 0; i < 3; i++) {
      expect(peerAuth.verifyCert(B.publicKeyStrKey, cert)).toBe(true);
      expect(peerAuth.verifyCert(B.publicKeyStrKey, bad)).toBe(false);
    }
    expect(count.verified).toBe(2);
  });

  it('are verified separately if any part differs', () => {
    const { peerAuth } = counting();
    expect(peerAuth.verifyCert(B.publicKeyStrKey, cert)).toBe(true);
    const flip = (bytes: Uint8Array) => bytes.map((byte, i) => (i === 5 ? byte ^ 1 : byte));
    expect(peerAuth.verifyCert(B.publicKeyStrKey, { ...cert, sig: flip(cert.sig) })).toBe(false);
    expect(peerAuth.verifyCert(B.publicKeyStrKey, { ...cert, sig: cert.sig.subarray(0, 63) })).toBe(false);
    expect(peerAuth.verifyCert(B.publicKeyStrKey, { ...cert, pubkey: flip(cert.pubkey) })).toBe(false);
    expect(peerAuth.verifyCert(pubnet1.A.publicKeyStrKey, cert)).toBe(false);
  });
});

describe('shared keys', () => {
  const remote = fromHex(pubnet1.B.ecdhPublicHex);

  it('are computed once for each key and role, differ between roles, and belong to the caller', () => {
    const { count, peerAuth } = counting();
    const dialling = peerAuth.sharedKey('WE_CALLED_REMOTE', remote);
    const accepting = peerAuth.sharedKey('REMOTE_CALLED_US', remote);
    expect(dialling).not.toEqual(accepting);
    const copy = dialling?.slice();
    dialling?.fill(0);
    expect(peerAuth.sharedKey('WE_CALLED_REMOTE', remote.slice())).toEqual(copy);
    expect(peerAuth.sharedKey('REMOTE_CALLED_US', remote)).toEqual(accepting);
    expect(count.agreed).toBe(2);
  });

  it('differ for keys that decode to the same text', () => {
    const { peerAuth } = counting();
    // Neither is UTF-8: decoded as such both would be the same.
    const [one, two] = [new Uint8Array(32).fill(0x80), new Uint8Array(32).fill(0x81)];
    expect(new TextDecoder().decode(one)).toBe(new TextDecoder().decode(two));
    expect(peerAuth.sharedKey('WE_CALLED_REMOTE', one)).not.toEqual(peerAuth.sharedKey('WE_CALLED_REMOTE', two));
  });

  it('do not exist for a small-order key, also when requested again', () => {
    const { count, peerAuth } = counting();
    for (let i = 0; i < 2; i++) expect(peerAuth.sharedKey('WE_CALLED_REMOTE', new Uint8Array(32))).toBeUndefined();
    expect(count.agreed).toBe(2);
  });
});

describe('a cache with a limit', () => {
  it('keeps the entries that were used last', () => {
    const cache = new BoundedCache<string>(2);
    const made: string[] = [];
    const get = (key: string) =>
      cache.get(key, () => {
        made.push(key);
        return key.toUpperCase();
      });
    expect(['a', 'b', 'a', 'c', 'a', 'b'].map(get)).toEqual(['A', 'B', 'A', 'C', 'A', 'B']);
    expect([made, cache.size]).toEqual([['a', 'b', 'c', 'b'], 2]);
  });

  it('stores false, but not undefined', () => {
    const cache = new BoundedCache<boolean | undefined>(5);
    const again = () => {
      throw new Error('made again');
    };
    expect([cache.get('no', () => false), cache.get('no', again)]).toEqual([false, false]);
    expect(cache.get('none', () => undefined)).toBeUndefined();
    expect(cache.size).toBe(1);
    expect(cache.get('none', () => true)).toBe(true);
  });
});
