import { expect, it } from 'vitest';
import { notAllZero } from '../../../src/crypto/x25519-strict.ts';

it('notAllZero refuses a shared secret of zeros', () => {
  expect(notAllZero(new Uint8Array(32))).toBeUndefined();
  const secret = new Uint8Array(32);
  secret[31] = 1;
  expect(notAllZero(secret)).toBe(secret);
});
