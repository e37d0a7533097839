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

  it('keeps most of a few values while it grows', () => {
    const cache = new BytesCache(4, 2048);
    for (let n = 0; n < 200; n++) cache.set(keyOf(n), dataOf(n));
    const left = Array.from({ length: 200 }, (_, n) => cache.get(keyOf(n))).filter((value) => value !== undefined);
    expect(left.length).toBeGreaterThan(100);
    for (let n = 0; n < 200; n++) cache.set(keyOf(n), dataOf(n));
    expect(Array.from({ length: 200 }, (_, n) => cache.get(keyOf(n))).filter(Boolean).length).toBeGreaterThan(150);
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

  it('takes the slot of another key, and then finds that one no longer', () => {
    const cache = new BytesCache(4, 8);
    const [one, two] = [keyOf(7), keyOf(7)];
    two[31] = (two[31] as number) ^ 1;
    cache.set(one, dataOf(1));
    cache.set(two, dataOf(2));
    expect([cache.get(one), cache.get(two)]).toEqual([undefined, dataOf(2)]);
  });
});
