/**
 * Strict ed25519: the rules of libsodium and of ed25519-dalek's strict verification, which stellar-core uses (protocol.md
 * section 3.4). Libraries apply different parts of these rules, so every provider checks here first. Works without Node.
 * @module
 */

import type { CryptoProvider } from '../protocol/auth/crypto.ts';
import { equalBytes, fromHex } from '../protocol/bytes.ts';

/** y coordinates of the eight points of small order, little-endian, sign bit clear; the last two are p and p + 1, not canonical. */
const SMALL_ORDER_Y: readonly Uint8Array[] = [
  `00${'00'.repeat(31)}`,
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
].map(fromHex);

/** Field prime 2^255 - 19 and group order, little-endian. */
const P = fromHex(`ed${'ff'.repeat(30)}7f`);
const L = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');

/**
 * Wraps a verification. Only keys and signatures of strict form reach `verify`: a signature of 64 bytes, S below the group
 * order, a canonical key, and neither key nor R of small order. Everything else is invalid, whatever `verify` would return. It
 * never throws. All values are public, so it need not be constant-time.
 * @param verify whether the signature is valid for key and message; an exception counts as invalid
 */
export function strictly(verify: CryptoProvider['verify']): CryptoProvider['verify'] {
  return (publicKey, message, signature) => {
    if (!isStrict(publicKey, signature)) return false;
    try {
      return verify(publicKey, message, signature);
    } catch {
      return false;
    }
  };
}

function isStrict(publicKey: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const [a, r] = [withoutSign(publicKey), withoutSign(signature.subarray(0, 32))];
  return isBelow(signature.subarray(32), L) && isBelow(a, P) && !isSmallOrder(a) && !isSmallOrder(r);
}

function withoutSign(point: Uint8Array): Uint8Array {
  const y = new Uint8Array(point);
  y[31] = (y[31] as number) & 0x7f;
  return y;
}

function isSmallOrder(y: Uint8Array): boolean {
  return SMALL_ORDER_Y.some((small) => equalBytes(small, y));
}

/** Little-endian a < b, both of 32 bytes. */
function isBelow(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
