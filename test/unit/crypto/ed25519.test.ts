import { createHash } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { strictly } from '../../../src/crypto/ed25519-strict.ts';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { concatBytes, fromHex, toHex } from '../../../src/protocol/bytes.ts';
import { bytes } from '../../property/arbitraries.ts';

const { Point } = ed25519;
const L = Point.Fn.ORDER;
const P = Point.Fp.ORDER;
const message = new TextEncoder().encode('a message');
const seed = new Uint8Array(32).fill(7);
const key = nodeCrypto.signingKey(seed);

/** Every encoding of a point of small order: two of y = 0, of 1 and of -1 with either sign bit, four of order 8; then y + p where it fits. */
const SMALL_ORDER: readonly string[] = [0n, 1n, P - 1n, P, P + 1n]
  .map((y) => toHex(littleEndian(y)))
  .concat(
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  )
  .flatMap((hex) => [hex, withSign(hex)]);

/** Strict verification, by an implementation that is not OpenSSL; it takes no key or R of small order. */
function noble(publicKey: Uint8Array, signed: Uint8Array, signature: Uint8Array): boolean {
  try {
    if (Point.fromBytes(publicKey, false).isSmallOrder() || Point.fromBytes(signature.subarray(0, 32), false).isSmallOrder())
      return false;
    return ed25519.verify(signature, signed, publicKey, { zip215: false });
  } catch {
    return false;
  }
}

describe('ed25519 verification', () => {
  it('accepts signatures of both implementations, and no other signature', () => {
    fc.assert(
      fc.property(bytes(32), fc.uint8Array({ maxLength: 100 }), (secret, signed) => {
        const own = nodeCrypto.signingKey(secret);
        expect(toHex(own.publicKey)).toBe(toHex(ed25519.getPublicKey(secret)));
        const signature = own.sign(signed);
        expect(toHex(signature)).toBe(toHex(ed25519.sign(signed, secret)));
        expect(nodeCrypto.verify(own.publicKey, signed, signature)).toBe(true);
        expect(nodeCrypto.verify(own.publicKey, concatBytes(signed, Uint8Array.of(0)), signature)).toBe(false);
        expect(nodeCrypto.verify(key.publicKey, signed, signature)).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  it('refuses a signature, key or message with any bit flipped, as @noble/curves does', () => {
    fc.assert(
      fc.property(bytes(32), bytes(40), fc.nat(64 * 8 + 32 * 8 + 40 * 8 - 1), (secret, signed, bit) => {
        const all = concatBytes(ed25519.sign(signed, secret), ed25519.getPublicKey(secret), signed);
        all[bit >> 3] = (all[bit >> 3] as number) ^ (1 << (bit & 7));
        const args = [all.slice(64, 96), all.slice(96), all.slice(0, 64)] as const;
        expect(nodeCrypto.verify(...args)).toBe(false);
        expect(noble(...args)).toBe(false);
      }),
      { numRuns: 120 },
    );
  });

  it('refuses S + L, because S must be below the group order', () => {
    const signature = key.sign(message);
    const s = fromLittleEndian(signature.subarray(32));
    for (const multiple of [1n, 2n, 7n]) {
      const malleated = concatBytes(signature.subarray(0, 32), littleEndian(s + multiple * L));
      expect(nodeCrypto.verify(key.publicKey, message, malleated)).toBe(false);
      expect(noble(key.publicKey, message, malleated)).toBe(false);
    }
  });

  it('accepts a signature computed from R and S, and no other S for this R', () => {
    const r = Point.BASE.multiply(5n).toBytes();
    const a = ed25519.utils.getExtendedPublicKey(seed).scalar;
    const s = (5n + hashToScalar(concatBytes(r, key.publicKey, message)) * a) % L;
    expect(nodeCrypto.verify(key.publicKey, message, concatBytes(r, littleEndian(s)))).toBe(true);
    expect(nodeCrypto.verify(key.publicKey, message, concatBytes(r, littleEndian(s + L)))).toBe(false);
    for (const other of [0n, L - 1n, L, L + 1n, 2n ** 256n - 1n]) {
      expect(nodeCrypto.verify(key.publicKey, message, concatBytes(r, littleEndian(other)))).toBe(false);
    }
  });

  it.each(
    [P, P + 1n, P + 2n, P + 3n, P + 9n, P + 18n].flatMap((y) => [toHex(littleEndian(y)), withSign(toHex(littleEndian(y)))]),
  )('refuses the key %s, because its coordinate is not below the field prime', (hex) => {
    const signature = key.sign(message);
    expect(nodeCrypto.verify(fromHex(hex), message, signature)).toBe(false);
    expect(noble(fromHex(hex), message, signature)).toBe(false);
  });

  it('refuses a key that is no point, and keys and signatures of wrong lengths', () => {
    const signature = key.sign(message);
    const noPoint = littleEndian(2n);
    expect(() => Point.fromBytes(noPoint)).toThrow();
    expect(nodeCrypto.verify(noPoint, message, signature)).toBe(false);
    for (const length of [0, 31, 33, 64])
      expect(nodeCrypto.verify(new Uint8Array(length).fill(9), message, signature)).toBe(false);
    for (const length of [0, 1, 63, 65, 128]) {
      expect(nodeCrypto.verify(key.publicKey, message, new Uint8Array(length).fill(9))).toBe(false);
    }
    expect(nodeCrypto.verify(key.publicKey, message, signature.subarray(0, 63))).toBe(false);
  });
});

describe('the strict check before a verifier that accepts everything', () => {
  const asked: Uint8Array[] = [];
  const verify = strictly((_publicKey, _message, signature) => {
    asked.push(signature);
    return true;
  });
  const signature = key.sign(message);
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];

  it.each(SMALL_ORDER)('refuses the small-order point %s as key', (hex) => {
    expect(verify(fromHex(hex), message, signature)).toBe(false);
  });

  it.each(SMALL_ORDER)('refuses the small-order point %s as R', (hex) => {
    expect(verify(key.publicKey, message, concatBytes(fromHex(hex), s))).toBe(false);
  });

  it.each([L, L + 1n, 2n ** 253n, 2n ** 256n - 1n])('refuses S = %i, which is not below the group order', (value) => {
    expect(verify(key.publicKey, message, concatBytes(r, littleEndian(value)))).toBe(false);
  });

  it.each([P, P + 2n, P + 18n].flatMap((y) => [toHex(littleEndian(y)), withSign(toHex(littleEndian(y)))]))(
    'refuses the key %s, whose coordinate is not below the field prime',
    (hex) => {
      expect(verify(fromHex(hex), message, signature)).toBe(false);
    },
  );

  it('refuses keys and signatures of wrong lengths', () => {
    for (const length of [0, 31, 33]) expect(verify(new Uint8Array(length).fill(9), message, signature)).toBe(false);
    for (const length of [0, 63, 65]) expect(verify(key.publicKey, message, new Uint8Array(length).fill(9))).toBe(false);
  });

  it('asks the verifier about other signatures, and takes an exception as a refusal', () => {
    expect(asked).toEqual([]);
    expect(verify(key.publicKey, message, signature)).toBe(true);
    expect(verify(key.publicKey, message, concatBytes(r, littleEndian(L - 1n)))).toBe(true);
    expect(asked).toHaveLength(2);
    const broken = strictly(() => {
      throw new Error('not today');
    });
    expect(broken(key.publicKey, message, signature)).toBe(false);
    expect(strictly(() => false)(key.publicKey, message, signature)).toBe(false);
  });

  it('is used by every provider', async () => {
    const { webCrypto } = await import('../../../src/crypto/web.ts');
    const source = await import('node:fs/promises').then(({ readFile }) =>
      Promise.all(
        ['node', 'web', 'sodium'].map((name) => readFile(new URL(`../../../src/crypto/${name}.ts`, import.meta.url), 'utf8')),
      ),
    );
    for (const text of source) expect(text.match(/verify: strictly\(/g)).toHaveLength(1);
    for (const provider of [nodeCrypto, webCrypto]) expect(provider.verify(key.publicKey, message, signature)).toBe(true);
  });
});

describe('signing keys', () => {
  it('refuse a seed that is not 32 bytes, and name it in the error', () => {
    expect(() => nodeCrypto.signingKey(new Uint8Array(31))).toThrow(new RangeError('seed must be 32 bytes, got 31'));
    expect(() => nodeCrypto.signingKey('seed' as never)).toThrow(new TypeError('seed must be a Uint8Array of 32 bytes'));
  });

  it('copy their seed, and return it only by unsafeExportSeed', () => {
    const mine = seed.slice();
    const own = nodeCrypto.signingKey(mine);
    mine.fill(0);
    expect(toHex(own.publicKey)).toBe(toHex(key.publicKey));
    expect(own.unsafeExportSeed()).toEqual(seed);
  });
});

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

function fromLittleEndian(value: Uint8Array): bigint {
  return value.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function withSign(hex: string): string {
  const point = fromHex(hex);
  point[31] = (point[31] as number) | 0x80;
  return toHex(point);
}

/** SHA-512 modulo the group order, RFC 8032 §5.1.6. */
function hashToScalar(data: Uint8Array): bigint {
  return Point.Fn.create(fromLittleEndian(createHash('sha512').update(data).digest()));
}
