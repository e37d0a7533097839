import { x25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { fromHex, toHex } from '../../../src/protocol/bytes.ts';
import { bytes } from '../../property/arbitraries.ts';

/** u = 0, 1, p - 1, p, p + 1, 2p - 1 (with the top bit: 2^255 - 20) and the two of order 8, little-endian. */
const SMALL_ORDER: readonly string[] = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
];

describe('X25519', () => {
  it('gives the same secret as another implementation, in both directions', () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), (one, two) => {
        const [a, b] = [nodeCrypto.ecdhKey(one), nodeCrypto.ecdhKey(two)];
        expect([toHex(a.publicKey), toHex(b.publicKey)]).toEqual([
          toHex(x25519.getPublicKey(one)),
          toHex(x25519.getPublicKey(two)),
        ]);
        expect(a.sharedSecret(b.publicKey)).toEqual(b.sharedSecret(a.publicKey));
        expect(a.sharedSecret(b.publicKey)).toEqual(x25519.getSharedSecret(one, b.publicKey));
      }),
      { numRuns: 30 },
    );
  });

  it('gives the same secret for arbitrary u coordinates, on the curve or its twist, canonical or not', () => {
    fc.assert(
      fc.property(
        bytes(32),
        fc.oneof(
          bytes(32),
          fc.nat(18).map((low) => fromHex(`${(0xed + low).toString(16)}${'ff'.repeat(30)}7f`)),
        ),
        (secret, u) => {
          expect(nodeCrypto.ecdhKey(secret).sharedSecret(u)).toEqual(nobleSecret(secret, u));
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each(SMALL_ORDER.flatMap((hex) => [hex, withTopBit(hex)]))('gives no secret for the small-order key %s', (hex) => {
    for (const secret of [new Uint8Array(32), new Uint8Array(32).fill(255), new Uint8Array(32).fill(77)]) {
      expect(nodeCrypto.ecdhKey(secret).sharedSecret(fromHex(hex))).toBeUndefined();
      expect(nobleSecret(secret, fromHex(hex))).toBeUndefined();
    }
  });

  it('ignores the top bit of a key', () => {
    const own = nodeCrypto.ecdhKey(new Uint8Array(32).fill(3));
    const other = nodeCrypto.ecdhKey(new Uint8Array(32).fill(4));
    expect(own.sharedSecret(fromHex(withTopBit(toHex(other.publicKey))))).toEqual(own.sharedSecret(other.publicKey));
  });

  it('clamps only when it computes, and keeps and returns the given secret', () => {
    const secret = new Uint8Array(32).fill(0xff);
    const own = nodeCrypto.ecdhKey(secret);
    const publicKey = toHex(own.publicKey);
    secret.fill(0);
    expect(toHex(own.unsafeExportSecret())).toBe('ff'.repeat(32));
    expect(toHex(nodeCrypto.ecdhKey(fromHex(`f8${'ff'.repeat(30)}7f`)).publicKey)).toBe(publicKey);
  });

  it.each([0, 31, 33, 64])('refuses a key and a secret of %i bytes', (length) => {
    const own = nodeCrypto.ecdhKey(new Uint8Array(32).fill(3));
    const other = new Uint8Array(length).fill(9);
    expect(() => own.sharedSecret(other)).toThrow(new RangeError(`ECDH public key must be 32 bytes, got ${length}`));
    expect(() => nodeCrypto.ecdhKey(other)).toThrow(new RangeError(`ECDH secret must be 32 bytes, got ${length}`));
  });
});

function nobleSecret(secret: Uint8Array, u: Uint8Array): Uint8Array | undefined {
  try {
    return x25519.getSharedSecret(secret, u);
  } catch {
    return undefined;
  }
}

function withTopBit(hex: string): string {
  const point = fromHex(hex);
  point[31] = (point[31] as number) | 0x80;
  return toHex(point);
}
