/**
 * StrKey: the text form of node keys. A version byte, 32 bytes, CRC16-XModem little-endian, in base32 (RFC 4648 §6)
 * without padding. Source: SEP-23; protocol.md section 3.2.
 * @module
 */
import { BoundedCache } from './bounded-cache.ts';
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

/**
 * The same, kept, for bytes that are only read: the same few keys are in all messages that are sent.
 * @internal
 */
export function publicKeyBytes(text: string): Uint8Array {
  return publicKeys.get(text, () => decode('G', text));
}

/** Bytes of public keys by their texts. A message between validators names a few dozen keys. */
const publicKeys = new BoundedCache<Uint8Array>(512);

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

/** The form of a secret seed, with or without a valid checksum: a mistyped seed reveals nearly as much. */
const SEED_FORM = /S[A-Z2-7]{55}/;

/** Whether a text contains a secret seed, or something of that form. */
export function hasSecretSeed(text: string): boolean {
  return SEED_FORM.test(text);
}

/** The text with `S…` in place of every secret seed, so that text from other sources can be shown. */
export function withoutSecretSeeds(text: string): string {
  return text.replace(new RegExp(SEED_FORM, 'g'), 'S…');
}

/** CRC16-XModem: polynomial 0x1021, initial 0, no reflection, no final xor. */
export function crc16(bytes: Uint8Array, end: number = bytes.length): number {
  let crc = 0;
  for (let i = 0; i < end; i++) crc = ((crc << 8) & 0xffff) ^ (CRC_TABLE[(crc >> 8) ^ (bytes[i] as number)] as number);
  return crc;
}

/** The CRC of each single byte. */
const CRC_TABLE: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : crc << 1;
  return crc;
});

/** The value of each character of the alphabet, by character code; -1 for other characters. */
const DIGITS: Int8Array = Int8Array.from({ length: 128 }, (_, code) => ALPHABET.indexOf(String.fromCharCode(code)));

const CODES: Uint8Array = Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0));

/** Scratch memory for the 35 bytes of a text, cleared after each use. Every SCP message contains a key, so it is reused. */
const scratch = new Uint8Array(35);
/** The same for the codes of its characters. */
const codes = new Array<number>(TEXT_LENGTH).fill(0);

function encode(kind: Kind, data: Uint8Array): string {
  const bytes = scratch;
  bytes[0] = VERSION_BYTE[kind];
  bytes.set(data, 1);
  const crc = crc16(bytes, 33);
  bytes[33] = crc;
  bytes[34] = crc >> 8;
  // Subtle: made in one call. A string built piece by piece stays a chain of its pieces, five times as large, for as long as it
  // is kept.
  for (let at = 0, to = 0; at < bytes.length; at += 5, to += 8) {
    const middle = bytes[at + 2] as number;
    const high = ((bytes[at] as number) << 12) | ((bytes[at + 1] as number) << 4) | (middle >> 4);
    const low = ((middle & 15) << 16) | ((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number);
    putCodes(high, to);
    putCodes(low, to + 4);
  }
  const text = String.fromCharCode.apply(null, codes);
  bytes.fill(0);
  codes.fill(0);
  return text;
}

function decode(kind: Kind, text: string): Uint8Array {
  if (typeof text !== 'string') return fail(kind, 'not a string');
  if (text.length !== TEXT_LENGTH) return fail(kind, `${text.length} characters instead of ${TEXT_LENGTH}`);
  const bytes = scratch;
  let sign = 0;
  for (let i = 0, at = 0; i < TEXT_LENGTH; i += 8, at += 5) {
    const high = twentyBits(text, i);
    const low = twentyBits(text, i + 4);
    sign |= high | low;
    bytes[at] = high >> 12;
    bytes[at + 1] = high >> 4;
    bytes[at + 2] = (high << 4) | (low >> 16);
    bytes[at + 3] = low >> 8;
    bytes[at + 4] = low;
  }
  if (sign < 0) return fail(kind, 'a character outside the base32 alphabet A-Z2-7');
  if (bytes[0] !== VERSION_BYTE[kind]) return fail(kind, 'another kind of key by its version byte');
  const crc = crc16(bytes, 33);
  if (bytes[33] !== (crc & 0xff) || bytes[34] !== crc >> 8)
    return fail(kind, 'the checksum does not match; a character may be mistyped');
  const data = bytes.slice(1, 33);
  bytes.fill(0);
  return data;
}

function fail(kind: Kind, why: string): never {
  scratch.fill(0);
  throw new TypeError(`not a ${KIND_NAME[kind]} (${kind}…): ${why}`);
}

/** Puts the codes of four characters, 20 bits, at an index of `codes`. */
function putCodes(bits: number, to: number): void {
  codes[to] = code(bits >> 15);
  codes[to + 1] = code(bits >> 10);
  codes[to + 2] = code(bits >> 5);
  codes[to + 3] = code(bits);
}

/** Character code for the lowest five bits. */
function code(bits: number): number {
  return CODES[bits & 31] as number;
}

/** The bits of four characters; negative when one of them is not in the alphabet. */
function twentyBits(text: string, at: number): number {
  return (digit(text, at) << 15) | (digit(text, at + 1) << 10) | (digit(text, at + 2) << 5) | digit(text, at + 3);
}

function digit(text: string, at: number): number {
  const charCode = text.charCodeAt(at);
  return charCode < DIGITS.length ? (DIGITS[charCode] as number) : -1;
}
