/**
 * From two ECDH keys and two nonces to the two MAC keys (protocol.md sections 3.5 and 3.6; HKDF of RFC 5869 with one block of
 * output, so that each step is a single HMAC). A is the side that dialled, B the side that accepted.
 * @module
 */
import { concatBytes } from '../bytes.ts';
import { HASH_BYTES } from '../constants.ts';
import type { CryptoProvider } from './crypto.ts';

/** Which side dialled, in stellar-core's names for the roles. */
export type PeerRole = 'WE_CALLED_REMOTE' | 'REMOTE_CALLED_US';

/** A value of each side, in the order in which both sides write them. */
export interface Sides {
  readonly a: Uint8Array;
  readonly b: Uint8Array;
}

/** Puts our value and the remote value in this order. */
export function sides(role: PeerRole, own: Uint8Array, remote: Uint8Array): Sides {
  return role === 'WE_CALLED_REMOTE' ? { a: own, b: remote } : { a: remote, b: own };
}

/** Input keying material of HKDF-Extract: `q || pubA || pubB`, 96 bytes. */
export function sharedKeyInput(q: Uint8Array, publicKeys: Sides): Uint8Array {
  return concatBytes(q, publicKeys.a, publicKeys.b);
}

/**
 * HKDF-Extract without salt: `HMAC-SHA256(key = 32 zero bytes, q || pubA || pubB)`.
 * @param q X25519 of the two keys, 32 bytes, not all zero
 */
export function deriveSharedKey(crypto: CryptoProvider, q: Uint8Array, publicKeys: Sides): Uint8Array {
  return crypto.hmacSha256(new Uint8Array(HASH_BYTES), sharedKeyInput(q, publicKeys));
}

/**
 * Input of the HMAC that gives a MAC key: direction byte, sender's nonce, receiver's nonce, HKDF-Expand's counter 01; 66 bytes.
 */
export function macKeyInput(key: 'K_AB' | 'K_BA', nonces: Sides): Uint8Array {
  return key === 'K_AB' ? concatBytes(ZERO, nonces.a, nonces.b, ONE) : concatBytes(ONE, nonces.b, nonces.a, ONE);
}

const ZERO = Uint8Array.of(0);
const ONE = Uint8Array.of(1);

/** `K_AB` for messages of A and `K_BA` for messages of B, 32 bytes each. */
export function deriveMacKeys(
  crypto: CryptoProvider,
  sharedKey: Uint8Array,
  nonces: Sides,
): { readonly K_AB: Uint8Array; readonly K_BA: Uint8Array } {
  return {
    K_AB: crypto.hmacSha256(sharedKey, macKeyInput('K_AB', nonces)),
    K_BA: crypto.hmacSha256(sharedKey, macKeyInput('K_BA', nonces)),
  };
}

/** Name of the key that a role sends with. It receives with the other one. */
export function sendingKeyName(role: PeerRole): 'K_AB' | 'K_BA' {
  return role === 'WE_CALLED_REMOTE' ? 'K_AB' : 'K_BA';
}
