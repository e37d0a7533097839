import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../src/protocol/bytes.ts';

describe('the hex functions', () => {
  it('reproduce every byte, in upper and lower case', () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(fromHex(toHex(all))).toEqual(all);
    expect(fromHex(toHex(all).toUpperCase())).toEqual(all);
    expect(fromHex('')).toEqual(new Uint8Array(0));
  });

  it('accept only hex digits, and an even number of them', () => {
    const taken: string[] = [];
    for (let code = 0; code < 0x10000; code++) {
      const char = String.fromCharCode(code);
      for (const text of [`${char}0`, `0${char}`]) {
        try {
          fromHex(text);
          taken.push(char);
        } catch (error) {
          if (!(error instanceof TypeError)) throw error;
        }
      }
    }
    expect([...new Set(taken)].join('')).toBe('0123456789ABCDEFabcdef');
    expect(taken.length).toBe(44);
    expect(() => fromHex('000')).toThrow(new TypeError('expected an even number of hex digits'));
  });
});
