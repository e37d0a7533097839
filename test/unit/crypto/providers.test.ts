/** Every CryptoProvider gives the same results and refuses the same input, so an application may use any. */
import { createHash } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { sodiumCrypto } from '../../../src/crypto/sodium.ts';
import { webCrypto } from '../../../src/crypto/web.ts';
import { authCertPayload, verifyAuthCert } from '../../../src/protocol/auth/auth-cert.ts';
import { deriveMacKeys, deriveSharedKey } from '../../../src/protocol/auth/key-schedule.ts';
import { concatBytes, fromHex, toHex } from '../../../src/protocol/bytes.ts';
import { bytes } from '../../property/arbitraries.ts';
import { transcripts, vectors } from '../../support/vectors.ts';

const { Point } = ed25519;
const L = Point.Fn.ORDER;
const P = Point.Fp.ORDER;
const message = new TextEncoder().encode('a message');
const seed = new Uint8Array(32).fill(7);
const scalar = ed25519.utils.getExtendedPublicKey(seed).scalar;

/** u = 0, 1, p - 1, p, p + 1 and the two of order 8, little-endian. */
const SMALL_ORDER_U = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
];

describe.each([
  ['nodeCrypto', nodeCrypto],
  ['webCrypto', webCrypto],
  ['sodiumCrypto', sodiumCrypto],
] as const)('%s', (_name, crypto) => {
  describe.each(vectors.handshakes.map((handshake) => [handshake.id, handshake] as const))(
    'for the vectors %s',
    (_id, vector) => {
      const { A, B, keySchedule, transcript, networkIdHex } = vector;

      it('computes identity, ECDH key, payload, digest and signature of both sides', () => {
        for (const side of [A, B]) {
          const identity = crypto.signingKey(fromHex(side.seedHex));
          const ecdh = crypto.ecdhKey(fromHex(side.ecdhSecretHex));
          expect([toHex(identity.publicKey), toHex(ecdh.publicKey)]).toEqual([side.publicKeyHex, side.ecdhPublicHex]);
          expect(toHex(crypto.ecdhKey(fromHex(side.ecdhSecretClampedHex)).publicKey)).toBe(side.ecdhPublicHex);
          const payload = authCertPayload(networkIdHex, BigInt(side.hello.certExpiration), ecdh.publicKey);
          const digest = crypto.sha256(payload);
          expect([toHex(payload), toHex(digest)]).toEqual([side.cert.signedPayloadHex, side.cert.payloadSha256Hex]);
          expect(toHex(identity.sign(digest))).toBe(side.cert.signatureHex);
          expect(crypto.verify(identity.publicKey, digest, fromHex(side.cert.signatureHex))).toBe(true);
        }
      });

      it('computes the key schedule', () => {
        const q = crypto.ecdhKey(fromHex(A.ecdhSecretHex)).sharedSecret(fromHex(B.ecdhPublicHex)) as Uint8Array;
        expect(toHex(q)).toBe(keySchedule.sharedSecretHex);
        expect(crypto.ecdhKey(fromHex(B.ecdhSecretHex)).sharedSecret(fromHex(A.ecdhPublicHex))).toEqual(q);
        const sharedKey = deriveSharedKey(crypto, q, { a: fromHex(A.ecdhPublicHex), b: fromHex(B.ecdhPublicHex) });
        expect(toHex(sharedKey)).toBe(keySchedule.sharedKeyHex);
        const keys = deriveMacKeys(crypto, sharedKey, { a: fromHex(A.nonceHex), b: fromHex(B.nonceHex) });
        expect([toHex(keys.K_AB), toHex(keys.K_BA)]).toEqual([keySchedule.macKeyABHex, keySchedule.macKeyBAHex]);
      });

      it('computes the MACs', () => {
        const sent = transcript.filter(({ authenticated }) => authenticated);
        expect(new Set(sent.map(({ from }) => from))).toEqual(new Set(['A', 'B']));
        for (const { from, macInputHex, macHex } of sent) {
          const key = crypto.macKey(fromHex(from === 'A' ? keySchedule.macKeyABHex : keySchedule.macKeyBAHex));
          const input = fromHex(macInputHex ?? '');
          const sealed = concatBytes(input, new Uint8Array(32));
          key.seal(sealed, 0, input.length);
          expect(toHex(sealed.subarray(input.length))).toBe(macHex);
          expect(key.verify(sealed, 0, input.length)).toBe(true);
          sealed[0] = (sealed[0] as number) ^ 1;
          expect(key.verify(sealed, 0, input.length)).toBe(false);
        }
      });
    },
  );

  it('accepts the certs of recorded HELLOs of stellar-core', () => {
    const answered = transcripts.flatMap(([, { core, network }]) => (core === null ? [] : [{ core, network }]));
    expect(answered.length).toBeGreaterThan(5);
    for (const { core, network } of answered) {
      const { hello } = core;
      const cert = {
        pubkey: fromHex(hello.ecdhPublicHex),
        expiration: BigInt(hello.certExpiration),
        sig: fromHex(hello.certSignatureHex),
      };
      expect(verifyAuthCert(crypto, core.peerIdStrKey, network.networkIdHex, cert)).toBe(true);
    }
  });

  it('signs as another implementation, and refuses a signature, key or message with a flipped bit', () => {
    fc.assert(
      fc.property(bytes(32), bytes(40), fc.nat((64 + 32 + 40) * 8 - 1), fc.boolean(), (secret, signed, bit, flips) => {
        const key = crypto.signingKey(secret);
        const all = concatBytes(key.sign(signed), key.publicKey, signed);
        expect(toHex(all.subarray(0, 64))).toBe(toHex(ed25519.sign(signed, secret)));
        if (flips) all[bit >> 3] = (all[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(crypto.verify(all.slice(64, 96), all.slice(96), all.slice(0, 64))).toBe(!flips);
      }),
      { numRuns: 40 },
    );
  });

  it('accepts a signature computed from R and S, and no other R or S for it', () => {
    const { publicKey } = crypto.signingKey(seed);
    const r = Point.BASE.multiply(5n).toBytes();
    const k = fromLittleEndian(createHash('sha512').update(r).update(publicKey).update(message).digest()) % L;
    const s = (5n + k * scalar) % L;
    expect(crypto.verify(publicKey, message, concatBytes(r, littleEndian(s)))).toBe(true);
    expect(crypto.verify(publicKey, message, concatBytes(Point.BASE.multiply(6n).toBytes(), littleEndian(s)))).toBe(false);
    // S must be below the group order.
    expect(crypto.verify(publicKey, message, concatBytes(r, littleEndian(s + L)))).toBe(false);
  });

  it.each([P, P + 1n, P + 3n, 2n].map((y) => toHex(littleEndian(y))))(
    'refuses the key %s, which is no canonical point',
    (hex) => {
      expect(crypto.verify(fromHex(hex), message, crypto.signingKey(seed).sign(message))).toBe(false);
    },
  );

  it('refuses keys and signatures of wrong lengths without an exception', () => {
    const key = crypto.signingKey(seed);
    const signature = key.sign(message);
    for (const length of [0, 31, 33, 64]) expect(crypto.verify(new Uint8Array(length).fill(9), message, signature)).toBe(false);
    for (const length of [0, 63, 65]) expect(crypto.verify(key.publicKey, message, new Uint8Array(length).fill(9))).toBe(false);
    expect(crypto.verify(key.publicKey, new Uint8Array(0), key.sign(new Uint8Array(0)))).toBe(true);
  });

  it('gives the X25519 secrets of node:crypto for any key, on the curve or its twist', () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), (secret, u) => {
        expect(crypto.ecdhKey(secret).sharedSecret(u)).toEqual(nodeCrypto.ecdhKey(secret).sharedSecret(u));
      }),
      { numRuns: 30 },
    );
    for (const hex of SMALL_ORDER_U) expect(crypto.ecdhKey(seed).sharedSecret(fromHex(hex))).toBeUndefined();
  });

  it('copies the secrets that it gets, and returns copies', () => {
    const mine = seed.slice();
    const [signing, ecdh, mac] = [crypto.signingKey(mine), crypto.ecdhKey(mine), crypto.macKey(mine)];
    mine.fill(0);
    expect([signing.unsafeExportSeed(), ecdh.unsafeExportSecret()]).toEqual([seed, seed]);
    signing.unsafeExportSeed().fill(0);
    ecdh.unsafeExportSecret().fill(0);
    expect([signing.unsafeExportSeed(), ecdh.unsafeExportSecret()]).toEqual([seed, seed]);
    const sealed = new Uint8Array(8 + 32);
    mac.seal(sealed, 0, 8);
    expect(toHex(sealed.subarray(8))).toBe(toHex(nodeCrypto.hmacSha256(seed, new Uint8Array(8))));
    for (const value of [signing.publicKey, signing.sign(message), ecdh.publicKey, crypto.sha256(message)])
      expect(Buffer.isBuffer(value)).toBe(false);
  });

  it('makes MACs in place at any length, refuses a short MAC, and throws after wipe()', () => {
    const key = crypto.macKey(seed);
    for (const length of [0, 1, 63, 64, 65, 311, 312, 5000, 70_000]) {
      const buffer = new Uint8Array(4 + length + 32 + 4).fill(0xaa);
      key.seal(buffer, 4, 4 + length);
      expect(toHex(buffer.subarray(4 + length, -4))).toBe(toHex(nodeCrypto.hmacSha256(seed, buffer.subarray(4, 4 + length))));
      expect([toHex(buffer.subarray(0, 4)), toHex(buffer.subarray(-4))]).toEqual(['aa'.repeat(4), 'aa'.repeat(4)]);
      expect(key.verify(buffer, 4, 4 + length)).toBe(true);
      expect(key.verify(buffer.subarray(0, -5), 4, 4 + length)).toBe(false);
    }
    key.wipe();
    expect(() => key.seal(new Uint8Array(40), 0, 8)).toThrow('wiped');
    expect(() => key.verify(new Uint8Array(40), 0, 8)).toThrow('wiped');
  });

  it.each([0, 31, 33, 64])('refuses a seed, secret, key or MAC key of %i bytes', (length) => {
    const value = new Uint8Array(length);
    expect(() => crypto.signingKey(value)).toThrow(new RangeError(`seed must be 32 bytes, got ${length}`));
    expect(() => crypto.ecdhKey(value)).toThrow(new RangeError(`ECDH secret must be 32 bytes, got ${length}`));
    expect(() => crypto.macKey(value)).toThrow(new RangeError(`MAC key must be 32 bytes, got ${length}`));
    expect(() => crypto.ecdhKey(seed).sharedSecret(value)).toThrow(RangeError);
  });
});

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

function fromLittleEndian(value: Uint8Array): bigint {
  return value.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}
