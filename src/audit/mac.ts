/**
 * Wrong MACs, as made by an implementation with a mistake, or by guessing.
 * @module
 */
import { nodeCrypto } from '../crypto/node.ts';
import { deriveMacKeys, deriveSharedKey } from '../protocol/auth/key-schedule.ts';
import { MAC_BYTES, RECORD_HEADER_BYTES, SEQUENCE_OFFSET } from '../protocol/constants.ts';
import type { MockKeys } from '../testing/mock-peer.ts';

/** A wrong way to make a MAC, and what it is called. */
export const MAC_VARIATIONS = {
  zero: 'an all-zero MAC',
  flipped: 'a MAC with one bit flipped',
  'other-direction': 'a MAC with the key of the other direction',
  'swapped-keys': 'a MAC from a shared key with the ECDH keys in the wrong order',
  'swapped-nonces': 'a MAC from a key with the nonces in the wrong order',
  'no-sequence': 'a MAC that does not cover the sequence',
  'short-sequence': 'a MAC over a sequence of 4 bytes',
  'with-version': 'a MAC that covers the union version',
  'shared-key': 'a MAC with the shared key itself',
} as const;
/** A wrong way to make a MAC. */
export type MacVariation = keyof typeof MAC_VARIATIONS;

/** Replaces the good MAC of a sealed record by a wrong one. */
export function spoilMac(record: Uint8Array, variation: MacVariation, keys: MockKeys): void {
  const body = RECORD_HEADER_BYTES;
  const end = record.length - MAC_BYTES;
  const covered = (from: number): Uint8Array => record.subarray(body + from, end);
  const write = (key: Uint8Array, data: Uint8Array): void => record.set(nodeCrypto.hmacSha256(key, data), end);
  const { q, publicKeys, nonces, sending, receiving } = keys;
  switch (variation) {
    case 'zero':
      record.fill(0, end);
      break;
    case 'flipped':
      record[end] = (record[end] as number) ^ 1;
      break;
    case 'other-direction':
      write(receiving, covered(SEQUENCE_OFFSET));
      break;
    case 'swapped-keys':
      write(sendingKey(keys, { a: publicKeys.b, b: publicKeys.a }, nonces), covered(SEQUENCE_OFFSET));
      break;
    case 'swapped-nonces':
      write(sendingKey(keys, publicKeys, { a: nonces.b, b: nonces.a }), covered(SEQUENCE_OFFSET));
      break;
    case 'no-sequence':
      write(sending, covered(SEQUENCE_OFFSET + 8));
      break;
    case 'short-sequence':
      write(sending, covered(SEQUENCE_OFFSET + 4));
      break;
    case 'with-version':
      write(sending, covered(0));
      break;
    case 'shared-key':
      write(deriveSharedKey(nodeCrypto, q, publicKeys), covered(SEQUENCE_OFFSET));
      break;
  }
}

/** Makes the MAC of a record anew, after it was changed. */
export function remakeMac(record: Uint8Array, { sending }: MockKeys): void {
  const end = record.length - MAC_BYTES;
  record.set(nodeCrypto.hmacSha256(sending, record.subarray(RECORD_HEADER_BYTES + SEQUENCE_OFFSET, end)), end);
}

/** Our sending key, had keys and nonces been in this order. */
function sendingKey(
  { q, publicKeys, nonces, sending }: MockKeys,
  otherKeys: MockKeys['publicKeys'],
  otherNonces: MockKeys['nonces'],
): Uint8Array {
  const right = deriveMacKeys(nodeCrypto, deriveSharedKey(nodeCrypto, q, publicKeys), nonces);
  const wrong = deriveMacKeys(nodeCrypto, deriveSharedKey(nodeCrypto, q, otherKeys), otherNonces);
  return Buffer.compare(right.K_AB, sending) === 0 ? wrong.K_AB : wrong.K_BA;
}
