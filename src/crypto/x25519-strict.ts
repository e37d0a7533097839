/**
 * The rule of RFC 7748 section 6.1 for every provider: a shared secret of all zero is no secret.
 * @module
 */
import { isAllZero } from '../protocol/bytes.ts';

/** @returns the shared secret; undefined when it is all zero, which keys of small order give */
export function notAllZero(sharedSecret: Uint8Array): Uint8Array | undefined {
  return isAllZero(sharedSecret) ? undefined : sharedSecret;
}
