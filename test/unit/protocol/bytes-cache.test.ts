/** The cache of shared keys and cert checks: what it returns was stored, and it does not outgrow its limit. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BytesCache } from '../../../src/protocol/bytes-cache.ts';

const keyOf = (n: number): Uint8Array => new Uint8Array(createHash('sha256').update(String(n)).digest());
const dataOf = (n: number): Uint8Array => keyOf(n + 1_000_000).slice(0, 4);

describe('a cache of byte strings', () => {
  it('is empty at first, for every key', () => {
    const cache = new BytesCache(4, 8);
    expect([cache.get(new Uint8Array(32)), cache.get(keyOf(1))]).toEqual([undefined, undefined]);
    cache.set(keyOf(1), dataOf(1));
    expect(cache.get(new Uint8Array(32))).toBeUndefined();
  });

  it('returns what was stored, or nothing', () => {
    const cache = new BytesCache(4, 256);
    for (let n = 0; n < 10_000; n++) {
      cache.set(keyOf(n), dataOf(n));
      expect(cache.get(keyOf(n))).toEqual(dataOf(n));
    }
    const left = Array.from({ length: 10_000 }, (_, n) => n).filter((n) => {
      const value = cache.get(keyOf(n));
      if (value !== undefined) expect(value).toEqual(dataOf(n));
      return value !== undefined;
    });
    expect(left.length).toBeGreaterThan(240);
    expect(left.length).toBeLessThanOrEqual(256);
  });

  it('keeps every value, or nearly, while it grows', () => {
    const cache = new BytesCache(4, 2048);
    for (let n = 0; n < 1_000; n++) cache.set(keyOf(n), dataOf(n));
    const left = Array.from({ length: 1_000 }, (_, n) => cache.get(keyOf(n))).filter((value) => value !== undefined);
    expect(left.length).toBeGreaterThan(990);
  });

  it('gives and takes copies', () => {
    const cache = new BytesCache(4, 8);
    const value = dataOf(1);
    cache.set(keyOf(1), value);
    value.fill(0);
    cache.get(keyOf(1))?.fill(0);
    expect(cache.get(keyOf(1))).toEqual(dataOf(1));
  });

  it('replaces the value of a key', () => {
    const cache = new BytesCache(4, 8);
    for (const n of [1, 2]) cache.set(keyOf(0), dataOf(n));
    expect(cache.get(keyOf(0))).toEqual(dataOf(2));
  });

  it('finds nothing by a key of another length', () => {
    const cache = new BytesCache(4, 8);
    cache.set(keyOf(0), dataOf(0));
    expect([cache.get(keyOf(0).slice(0, 31)), cache.get(new Uint8Array(0))]).toEqual([undefined, undefined]);
  });

  it('has room for eight keys with the same first bytes; the ninth replaces one of them', () => {
    const cache = new BytesCache(4, 8);
    const keys = Array.from({ length: 9 }, (_, n) => Uint8Array.from(keyOf(7), (byte, i) => (i === 31 ? n : byte)));
    for (const [n, key] of keys.entries()) cache.set(key, dataOf(n));
    const found = keys.map((key) => cache.get(key));
    expect(found.filter((value) => value !== undefined)).toHaveLength(8);
    for (const [n, value] of found.entries()) if (value !== undefined) expect(value).toEqual(dataOf(n));
    expect(found[8]).toEqual(dataOf(8));
  });
});
