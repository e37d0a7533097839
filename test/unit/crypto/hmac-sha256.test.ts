import { createHmac, hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { deriveMacKeys, deriveSharedKey, sharedKeyInput } from '../../../src/protocol/auth/key-schedule.ts';
import { concatBytes, equalBytes, fromHex, toHex } from '../../../src/protocol/bytes.ts';
import { bytes } from '../../property/arbitraries.ts';

const openssl = (key: Uint8Array, data: Uint8Array): string => createHmac('sha256', key).update(data).digest('hex');

/** The MAC a key puts behind data that begins somewhere in a buffer. */
function sealed(key: Uint8Array, data: Uint8Array, before = 4): Uint8Array {
  const buffer = new Uint8Array(before + data.length + 32 + 5).fill(0xaa);
  buffer.set(data, before);
  nodeCrypto.macKey(key).seal(buffer, before, before + data.length);
  return buffer;
}

// The first MACs of a process are computed in another way: those are the subject of the last test.
beforeAll(() => {
  const key = nodeCrypto.macKey(new Uint8Array(32));
  for (let i = 0; i < 100; i++) key.seal(new Uint8Array(40), 0, 8);
});

describe('MAC keys', () => {
  it('make the HMAC-SHA256 of OpenSSL for each length from 0 to 520 bytes', () => {
    const key = Uint8Array.from({ length: 32 }, (_, i) => 3 * i);
    const data = Uint8Array.from({ length: 520 }, (_, i) => 7 * i);
    for (let length = 0; length <= data.length; length++) {
      const part = data.subarray(0, length);
      expect(toHex(sealed(key, part).subarray(4 + length, 36 + length))).toBe(openssl(key, part));
    }
  });

  it.each([4095, 4096, 16_319, 16_320, 16_383, 16_384, 16_385, 100_000, 300_000])(
    'make the HMAC-SHA256 of OpenSSL for %i bytes',
    (length) => {
      const key = new Uint8Array(32).fill(0x5c);
      const data = Uint8Array.from({ length }, (_, i) => i ^ (i >> 8));
      const buffer = sealed(key, data);
      expect(toHex(buffer.subarray(4 + length, 36 + length))).toBe(openssl(key, data));
      expect(nodeCrypto.macKey(key).verify(buffer, 4, 4 + length)).toBe(true);
    },
  );

  it('make the HMAC-SHA256 of OpenSSL at any position, and change no other byte', () => {
    fc.assert(
      fc.property(bytes(32), fc.uint8Array({ maxLength: 700 }), fc.nat(9), (key, data, before) => {
        const buffer = sealed(key, data, before);
        const end = before + data.length;
        expect(toHex(buffer)).toBe('aa'.repeat(before) + toHex(data) + openssl(key, data) + 'aa'.repeat(5));
        expect(nodeCrypto.macKey(key).verify(buffer, before, end)).toBe(true);
      }),
    );
  });

  it('leave no part of a key in replaced buffers', async () => {
    vi.resetModules();
    const alloc = vi.spyOn(Buffer, 'alloc');
    const { HmacSha256Key } = await import('../../../src/crypto/hmac-sha256.ts');
    const key = new HmacSha256Key(new Uint8Array(32).fill(7));
    for (const length of [400, 10_000, 60_000]) key.seal(new Uint8Array(length + 32), 0, length);
    key.wipe();
    const scratches = alloc.mock.results.map(({ value }) => value as Buffer);
    alloc.mockRestore();
    expect(scratches.length).toBeGreaterThan(2);
    for (const scratch of scratches) expect(scratch.subarray(0, 64).equals(Buffer.alloc(64))).toBe(true);
  });

  it('do not verify a MAC with a flipped bit, or one that is too short', () => {
    const key = nodeCrypto.macKey(new Uint8Array(32).fill(1));
    const buffer = new Uint8Array(8 + 32);
    key.seal(buffer, 0, 8);
    for (let bit = 0; bit < buffer.length * 8; bit++) {
      const copy = buffer.slice();
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(key.verify(copy, 0, 8)).toBe(false);
    }
    for (let length = 8; length < buffer.length; length++) expect(key.verify(buffer.subarray(0, length), 0, 8)).toBe(false);
    expect(key.verify(buffer, 0, 8)).toBe(true);
  });

  it('do not verify a MAC without its last byte, even if this byte is zero', () => {
    const key = new Uint8Array(32).fill(2);
    const data = new Uint8Array(8);
    // A MAC that ends in a zero byte. Without this byte it must not be accepted.
    for (let i = 0; !openssl(key, data).endsWith('00'); i++) data.set([i & 255, i >> 8]);
    const whole = concatBytes(data, Buffer.from(openssl(key, data), 'hex'));
    expect(nodeCrypto.macKey(key).verify(whole, 0, 8)).toBe(true);
    expect(nodeCrypto.macKey(key).verify(whole.subarray(0, 39), 0, 8)).toBe(false);
  });

  it('give their own MACs when several keys are used in turn', () => {
    const keys = [1, 2, 3].map((fill) => new Uint8Array(32).fill(fill));
    const macKeys = keys.map((key) => nodeCrypto.macKey(key));
    for (const length of [0, 60, 200, 20_000, 8]) {
      for (const [i, macKey] of macKeys.entries()) {
        const buffer = new Uint8Array(length + 32);
        macKey.seal(buffer, 0, length);
        expect(toHex(buffer.subarray(length))).toBe(openssl(keys[i] as Uint8Array, new Uint8Array(length)));
      }
    }
  });

  it('copy their key, and throw after wipe()', () => {
    const key = new Uint8Array(32).fill(9);
    const macKey = nodeCrypto.macKey(key);
    key.fill(0);
    const buffer = new Uint8Array(40);
    macKey.seal(buffer, 0, 8);
    expect(toHex(buffer.subarray(8))).toBe(openssl(new Uint8Array(32).fill(9), new Uint8Array(8)));
    macKey.wipe();
    expect(() => macKey.seal(buffer, 0, 8)).toThrow('the MAC key has been wiped');
    expect(() => macKey.verify(buffer, 0, 8)).toThrow('the MAC key has been wiped');
  });

  it('have a length of 32 bytes', () => {
    expect(() => nodeCrypto.macKey(new Uint8Array(31))).toThrow(new RangeError('MAC key must be 32 bytes, got 31'));
  });
});

describe('hmacSha256() with a key for one use', () => {
  it.each([0, 1, 32, 33, 63, 64, 65, 100])('makes the HMAC-SHA256 of OpenSSL for a key of %i bytes', (length) => {
    const key = Uint8Array.from({ length }, (_, i) => 5 * i + 1);
    for (const size of [0, 32, 65, 97, 312, 70_000]) {
      const data = Uint8Array.from({ length: size }, (_, i) => 7 * i);
      const before = data.slice();
      expect(toHex(nodeCrypto.hmacSha256(key, data))).toBe(openssl(key, data));
      expect(equalBytes(data, before), `${size} bytes of data are unchanged`).toBe(true);
    }
    expect(key).toEqual(Uint8Array.from({ length }, (_, i) => 5 * i + 1));
  });
});

describe('hashes and key schedule', () => {
  it('SHA-256 and HMAC are plain Uint8Arrays of 32 bytes', () => {
    const digest = nodeCrypto.sha256(new TextEncoder().encode('abc'));
    expect(toHex(digest)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    // RFC 4231, test case 2.
    const mac = nodeCrypto.hmacSha256(new TextEncoder().encode('Jefe'), new TextEncoder().encode('what do ya want for nothing?'));
    expect(toHex(mac)).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
    for (const value of [digest, mac]) expect([Buffer.isBuffer(value), value.length]).toEqual([false, 32]);
  });

  it('the key schedule is HKDF with an empty salt and one block of output', () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), bytes(32), bytes(32), bytes(32), (q, pubA, pubB, nonceA, nonceB) => {
        const ikm = sharedKeyInput(q, { a: pubA, b: pubB });
        const sharedKey = deriveSharedKey(nodeCrypto, q, { a: pubA, b: pubB });
        const keys = deriveMacKeys(nodeCrypto, sharedKey, { a: nonceA, b: nonceB });
        const hkdf = (info: Uint8Array) => toHex(new Uint8Array(hkdfSync('sha256', ikm, new Uint8Array(0), info, 32)));
        expect(toHex(keys.K_AB)).toBe(hkdf(concatBytes(Uint8Array.of(0), nonceA, nonceB)));
        expect(toHex(keys.K_BA)).toBe(hkdf(concatBytes(Uint8Array.of(1), nonceB, nonceA)));
      }),
      { numRuns: 30 },
    );
  });
});

describe('the first and later MACs of a process', () => {
  it.each([0, 8, 64, 311, 312, 4033, 70_000])('are those of OpenSSL for %i bytes', async (length) => {
    vi.resetModules();
    const { HmacSha256Key, hmacSha256 } = await import('../../../src/crypto/hmac-sha256.ts');
    const key = Uint8Array.from({ length: 32 }, (_, i) => 11 * i);
    const data = Uint8Array.from({ length }, (_, i) => 7 * i);
    const sealed = concatBytes(data, fromHex(openssl(key, data)));
    const macKey = new HmacSha256Key(key);
    for (let i = 0; i < 100; i++) {
      const buffer = concatBytes(data, new Uint8Array(32));
      macKey.seal(buffer, 0, length);
      expect(toHex(buffer.subarray(length)), `MAC ${i}`).toBe(toHex(sealed.subarray(length)));
      expect(equalBytes(buffer, sealed), `the data before MAC ${i} is unchanged`).toBe(true);
      expect(macKey.verify(buffer, 0, length)).toBe(true);
      const other = key.map((byte) => byte ^ i);
      expect(toHex(hmacSha256(other, data))).toBe(openssl(other, data));
    }
    macKey.wipe();
    expect(() => macKey.seal(new Uint8Array(40), 0, 8)).toThrow('the MAC key has been wiped');
  });
});
