/**
 * StrKey: the text form of node keys. A version byte, 32 bytes, CRC16-XModem little-endian, in base32 (RFC 4648 §6)
 * without padding. Source: SEP-23; protocol.md section 3.2.
 * @module
 */
import { assertBytes } from './bytes.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const VERSION_BYTE = { G: 6 << 3, S: 18 << 3 } as const;
const TEXT_LENGTH = 56;
const KIND_NAME = { G: 'public key', S: 'secret seed' } as const;
type Kind = keyof typeof VERSION_BYTE;

/** The `G…` text of a 32-byte ed25519 public key. */
export function encodePublicKey(key: Uint8Array): string {
  return encode('G', assertBytes(key, 32, 'public key'));
}

/**
 * The 32-byte ed25519 public key of a `G…` text.
 * @throws {TypeError} when length, alphabet, version byte or checksum is wrong
 */
export function decodePublicKey(text: string): Uint8Array {
  return decode('G', text);
}

/** The `S…` text of a 32-byte ed25519 seed: a secret. */
export function encodeSecretSeed(seed: Uint8Array): string {
  return encode('S', assertBytes(seed, 32, 'seed'));
}

/**
 * The 32-byte ed25519 seed of an `S…` text. The error never repeats the text.
 * @throws {TypeError} when length, alphabet, version byte or checksum is wrong
 */
export function decodeSecretSeed(text: string): Uint8Array {
  return decode('S', text);
}

/** CRC16-XModem: polynomial 0x1021, initial 0, no reflection, no final xor. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (let i = 0; i < bytes.length; i++) crc = ((crc << 8) & 0xffff) ^ (CRC_TABLE[(crc >> 8) ^ (bytes[i] as number)] as number);
  return crc;
}

/** The CRC of each byte by itself. */
const CRC_TABLE: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : crc << 1;
  return crc;
});

/** The value of each character of the alphabet by its code; -1 for any other. */
const DIGITS: Int8Array = Int8Array.from({ length: 128 }, (_, code) => ALPHABET.indexOf(String.fromCharCode(code)));

function encode(kind: Kind, data: Uint8Array): string {
  const bytes = new Uint8Array(35);
  bytes[0] = VERSION_BYTE[kind];
  bytes.set(data, 1);
  const crc = crc16(bytes.subarray(0, 33));
  bytes[33] = crc & 0xff;
  bytes[34] = crc >> 8;
  let text = '';
  let bits = 0;
  let value = 0;
  for (let i = 0; i < bytes.length; i++) {
    value = ((value << 8) | (bytes[i] as number)) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(value >> bits) & 31];
    }
  }
  return text;
}

function decode(kind: Kind, text: string): Uint8Array {
  const fail = (why: string): never => {
    throw new TypeError(`not a ${KIND_NAME[kind]} (${kind}…): ${why}`);
  };
  if (typeof text !== 'string') return fail('not a string');
  if (text.length !== TEXT_LENGTH) return fail(`${text.length} characters instead of ${TEXT_LENGTH}`);
  const bytes = new Uint8Array(35);
  let bits = 0;
  let value = 0;
  let at = 0;
  for (let i = 0; i < TEXT_LENGTH; i++) {
    const digit = DIGITS[text.charCodeAt(i)] ?? -1;
    if (digit < 0) return fail('a character outside the base32 alphabet A-Z2-7');
    value = ((value << 5) | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = value >> bits;
    }
  }
  if (bytes[0] !== VERSION_BYTE[kind]) return fail('another kind of key by its version byte');
  const crc = crc16(bytes.subarray(0, 33));
  if (bytes[33] !== (crc & 0xff) || bytes[34] !== crc >> 8)
    return fail('the checksum does not match; a character may be mistyped');
  return bytes.slice(1, 33);
}
