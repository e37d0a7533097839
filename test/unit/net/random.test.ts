import { describe, expect, it } from 'vitest';
import { randomBytes } from '../../../src/net/random.ts';

describe('randomBytes()', () => {
  it('returns the requested number of bytes, each time different ones', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 2_000; i++) {
      const bytes = randomBytes(i % 3 === 0 ? 8 : 32);
      expect(bytes.length).toBe(i % 3 === 0 ? 8 : 32);
      expect(bytes.buffer.byteLength).toBe(bytes.length);
      expect(bytes.some((byte) => byte !== 0)).toBe(true);
      seen.add(String(bytes));
    }
    expect(seen.size).toBe(2_000);
  });
});
