/**
 * HMAC-SHA256 (RFC 2104, FIPS 180-4) with a key used many times, for the MAC of every message, and with a key used once, for
 * the key schedule.
 *
 * For each of the two hashes, the state after the key's block is computed once, so a short message costs two compressions. In
 * plain JavaScript these cost less than the call into OpenSSL, up to `JS_MAX_BYTES`. Above it the inner hash is one call of
 * `crypto.hash`. Above `STREAM_BYTES` OpenSSL's own HMAC is used, which copies nothing. Both limits are measured: bench/mac.ts.
 * For the first MACs of a process both hashes are calls of `crypto.hash`: JavaScript is slow until V8 has compiled it, and a
 * process that probes one node ends before that has paid.
 * OpenSSL gets the key as a KeyObject: with bytes, `createHmac` of Node 24 takes seven times as long (15.6 µs instead of 2.4 µs
 * for a short message, measured with 24.21.0).
 * @module
 */
import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';
import type { MacKey } from '../protocol/auth/crypto.ts';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
/** Longest message hashed in JavaScript. */
const JS_MAX_BYTES = 311;
/** Number of MACs before the first one in JavaScript: several times as many as a handshake has. */
const COLD_MACS = 64;
/** From this length on, the copy that `crypto.hash` needs costs more than OpenSSL's HMAC. */
const STREAM_BYTES = 65_536;

// biome-ignore format: eight to a line, as in FIPS 180-4 §4.2.2
const K = Int32Array.of(
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
);
const INITIAL = Int32Array.of(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);

/** How many of `COLD_MACS` are left. */
let coldMacs = COLD_MACS;

/** Scratch memory for one computation at a time; everything here is synchronous. */
const state = new Int32Array(8);
/** The inner pad, then the message: the input of `crypto.hash`. */
let scratch = Buffer.alloc(4 * 1024);
let scratchView = viewOf(scratch);
/**
 * View of the memory hashed last. Records that arrived together share one buffer, and a new view for each would cost more than
 * reading it.
 */
let view: DataView = new DataView(scratch.buffer);
/** The end of a message with its padding. */
const tail = new Uint8Array(2 * BLOCK_BYTES);
const tailView = viewOf(tail);
/** A key's block while the key is being prepared. */
const pad = new Uint8Array(BLOCK_BYTES);
const padView = viewOf(pad);
/** What the outer hash takes after the key's block: a digest, and the padding of the whole. */
const outerBlock = new Uint8Array(BLOCK_BYTES);
const outerView = viewOf(outerBlock);
outerBlock[DIGEST_BYTES] = 0x80;
outerView.setInt32(BLOCK_BYTES - 4, (BLOCK_BYTES + DIGEST_BYTES) * 8);

/** The masks of the inner and the outer pad (RFC 2104), as words. */
const INNER_MASK = 0x36363636;
const OUTER_MASK = 0x5c5c5c5c;

/** Where the words of a key begin: two states, then the key itself, filled up with zeros. */
const INNER = 0;
const OUTER = 8;
const KEY = 16;

const MASKS = [
  [INNER, INNER_MASK],
  [OUTER, OUTER_MASK],
] as const;

/** A MacKey that uses this HMAC. */
export class HmacSha256Key implements MacKey {
  /** One array, as each takes 200 bytes, and every connection has two keys. */
  readonly #words = new Int32Array(KEY + BLOCK_BYTES / 4);
  /** OpenSSL's key; made when the first long message comes. */
  #keyObject: KeyObject | undefined;
  /** Whether the two states are those of the key. */
  #hasStates = false;
  #wiped = false;

  /** @param key at most 64 bytes, copied */
  constructor(key: Uint8Array) {
    this.rekey(key);
  }

  /** Replaces the key. */
  rekey(key: Uint8Array): void {
    pad.set(key);
    for (let i = 0; i < BLOCK_BYTES / 4; i++) this.#words[KEY + i] = padView.getInt32(4 * i);
    pad.fill(0);
    this.#hasStates = false;
    this.#keyObject = undefined;
    this.#wiped = false;
  }

  seal(bytes: Uint8Array, start: number, end: number): void {
    this.#compute(bytes, start, end);
    for (let i = 0, at = end; i < 8; i++, at += 4) {
      const word = state[i] as number;
      bytes[at] = word >>> 24;
      bytes[at + 1] = word >>> 16;
      bytes[at + 2] = word >>> 8;
      bytes[at + 3] = word;
    }
  }

  verify(bytes: Uint8Array, start: number, end: number): boolean {
    this.#compute(bytes, start, end);
    let difference = bytes.length - end < DIGEST_BYTES ? 1 : 0;
    for (let i = 0, at = end; i < 8; i++, at += 4) {
      difference |=
        (state[i] as number) ^
        (((bytes[at] as number) << 24) |
          ((bytes[at + 1] as number) << 16) |
          ((bytes[at + 2] as number) << 8) |
          (bytes[at + 3] as number));
    }
    return difference === 0;
  }

  wipe(): void {
    this.#words.fill(0);
    this.#keyObject = undefined;
    scratch.fill(0, 0, BLOCK_BYTES);
    this.#wiped = true;
  }

  /** Computes the MAC of bytes[start, end) into `state`. */
  #compute(bytes: Uint8Array, start: number, end: number): void {
    if (this.#wiped) throw new Error('the MAC key has been wiped');
    const length = end - start;
    if (length >= STREAM_BYTES) {
      this.#keyObject ??= this.#toKeyObject();
      readState(createHmac('sha256', this.#keyObject).update(bytes.subarray(start, end)).digest());
      return;
    }
    const isCold = coldMacs > 0;
    if (!isCold && !this.#hasStates) this.#makeStates();
    if (length <= JS_MAX_BYTES && !isCold) this.#innerInJavaScript(bytes, start, end);
    else {
      const total = BLOCK_BYTES + length;
      if (scratch.length < total) {
        // The pad in it reveals the key.
        scratch.fill(0, 0, BLOCK_BYTES);
        scratch = Buffer.alloc(2 * total);
        scratchView = viewOf(scratch);
      }
      this.#writePadded(scratchView, INNER_MASK);
      scratch.set(bytes.subarray(start, end), BLOCK_BYTES);
      outerBlock.set(hash('sha256', scratch.subarray(0, total), 'buffer'), 0);
    }
    if (isCold) {
      coldMacs--;
      this.#outerInOpenSSL();
    } else {
      this.#load(OUTER);
      compress(outerView, 0);
    }
  }

  /** Computes the states after the key's block. */
  #makeStates(): void {
    for (const [at, mask] of MASKS) {
      this.#writePadded(padView, mask);
      state.set(INITIAL);
      compress(padView, 0);
      this.#words.set(state, at);
    }
    pad.fill(0);
    this.#hasStates = true;
  }

  /** The outer hash, of the inner one in `outerBlock`. */
  #outerInOpenSSL(): void {
    this.#writePadded(scratchView, OUTER_MASK);
    scratch.set(outerBlock.subarray(0, DIGEST_BYTES), BLOCK_BYTES);
    readState(hash('sha256', scratch.subarray(0, BLOCK_BYTES + DIGEST_BYTES), 'buffer'));
  }

  /** Makes one of the two states the current one. A loop costs less here than a call of `set`. */
  #load(at: number): void {
    for (let i = 0; i < 8; i++) state[i] = this.#words[at + i] as number;
  }

  /** Writes the block that one of the hashes begins with: the key, with the mask of RFC 2104. */
  #writePadded(block: DataView, mask: number): void {
    for (let i = 0; i < BLOCK_BYTES / 4; i++) block.setInt32(4 * i, (this.#words[KEY + i] as number) ^ mask);
  }

  /** OpenSSL's form of the key, filled up with zeros. The copy made here is wiped. */
  #toKeyObject(): KeyObject {
    this.#writePadded(padView, 0);
    const keyObject = createSecretKey(pad);
    pad.fill(0);
    return keyObject;
  }

  #innerInJavaScript(bytes: Uint8Array, start: number, end: number): void {
    if (bytes.buffer !== view.buffer) view = new DataView(bytes.buffer);
    this.#load(INNER);
    let at = start;
    for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) compress(view, bytes.byteOffset + at);
    const rest = end - at;
    for (let i = 0; i < rest; i++) tail[i] = bytes[at + i] as number;
    finish(rest, BLOCK_BYTES + end - start);
    for (let i = 0; i < 8; i++) outerView.setInt32(4 * i, state[i] as number);
  }
}

/**
 * HMAC-SHA256 with a key that is used once.
 * @param key of any length; the copy made of it is wiped
 * @returns 32 bytes
 */
export function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + DIGEST_BYTES);
  bytes.set(data);
  once.rekey(key.length > BLOCK_BYTES ? hash('sha256', key, 'buffer') : key);
  once.seal(bytes, 0, data.length);
  once.wipe();
  return bytes.slice(data.length);
}

/** The key object of `hmacSha256`, wiped after each use. */
const once = new HmacSha256Key(new Uint8Array(DIGEST_BYTES));

/** Hashes the end of a message, the first `length` bytes of `tail`, into `state`, padded (FIPS 180-4 §5.1.1). */
function finish(length: number, totalBytes: number): void {
  const size = length + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
  tail[length] = 0x80;
  for (let i = length + 1; i < size - 4; i++) tail[i] = 0;
  tailView.setInt32(size - 4, totalBytes * 8);
  for (let at = 0; at < size; at += BLOCK_BYTES) compress(tailView, at);
}

function readState(digest: Uint8Array): void {
  const view = viewOf(digest);
  for (let i = 0; i < 8; i++) state[i] = view.getInt32(4 * i);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The compression function (FIPS 180-4 §6.2.2) on the 64 bytes at `at`. Words and working variables are locals, and sixteen
 * rounds are unrolled so that no variable is moved: this takes a third less time than arrays.
 */
function compress(block: DataView, at: number): void {
  let w0 = block.getInt32(at);
  let w1 = block.getInt32(at + 4);
  let w2 = block.getInt32(at + 8);
  let w3 = block.getInt32(at + 12);
  let w4 = block.getInt32(at + 16);
  let w5 = block.getInt32(at + 20);
  let w6 = block.getInt32(at + 24);
  let w7 = block.getInt32(at + 28);
  let w8 = block.getInt32(at + 32);
  let w9 = block.getInt32(at + 36);
  let w10 = block.getInt32(at + 40);
  let w11 = block.getInt32(at + 44);
  let w12 = block.getInt32(at + 48);
  let w13 = block.getInt32(at + 52);
  let w14 = block.getInt32(at + 56);
  let w15 = block.getInt32(at + 60);
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  let e = state[4] as number;
  let f = state[5] as number;
  let g = state[6] as number;
  let h = state[7] as number;
  // biome-ignore format: three lines to a round, one to a word
  for (let i = 0; ; i += 16) {
    h = (h + (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) + (g ^ (e & (f ^ g))) + (K[i] as number) + w0) | 0;
    d = (d + h) | 0;
    h = (h + (((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) + ((a & b) | (c & (a | b)))) | 0;
    g = (g + (((d >>> 6) | (d << 26)) ^ ((d >>> 11) | (d << 21)) ^ ((d >>> 25) | (d << 7))) + (f ^ (d & (e ^ f))) + (K[i + 1] as number) + w1) | 0;
    c = (c + g) | 0;
    g = (g + (((h >>> 2) | (h << 30)) ^ ((h >>> 13) | (h << 19)) ^ ((h >>> 22) | (h << 10))) + ((h & a) | (b & (h | a)))) | 0;
    f = (f + (((c >>> 6) | (c << 26)) ^ ((c >>> 11) | (c << 21)) ^ ((c >>> 25) | (c << 7))) + (e ^ (c & (d ^ e))) + (K[i + 2] as number) + w2) | 0;
    b = (b + f) | 0;
    f = (f + (((g >>> 2) | (g << 30)) ^ ((g >>> 13) | (g << 19)) ^ ((g >>> 22) | (g << 10))) + ((g & h) | (a & (g | h)))) | 0;
    e = (e + (((b >>> 6) | (b << 26)) ^ ((b >>> 11) | (b << 21)) ^ ((b >>> 25) | (b << 7))) + (d ^ (b & (c ^ d))) + (K[i + 3] as number) + w3) | 0;
    a = (a + e) | 0;
    e = (e + (((f >>> 2) | (f << 30)) ^ ((f >>> 13) | (f << 19)) ^ ((f >>> 22) | (f << 10))) + ((f & g) | (h & (f | g)))) | 0;
    d = (d + (((a >>> 6) | (a << 26)) ^ ((a >>> 11) | (a << 21)) ^ ((a >>> 25) | (a << 7))) + (c ^ (a & (b ^ c))) + (K[i + 4] as number) + w4) | 0;
    h = (h + d) | 0;
    d = (d + (((e >>> 2) | (e << 30)) ^ ((e >>> 13) | (e << 19)) ^ ((e >>> 22) | (e << 10))) + ((e & f) | (g & (e | f)))) | 0;
    c = (c + (((h >>> 6) | (h << 26)) ^ ((h >>> 11) | (h << 21)) ^ ((h >>> 25) | (h << 7))) + (b ^ (h & (a ^ b))) + (K[i + 5] as number) + w5) | 0;
    g = (g + c) | 0;
    c = (c + (((d >>> 2) | (d << 30)) ^ ((d >>> 13) | (d << 19)) ^ ((d >>> 22) | (d << 10))) + ((d & e) | (f & (d | e)))) | 0;
    b = (b + (((g >>> 6) | (g << 26)) ^ ((g >>> 11) | (g << 21)) ^ ((g >>> 25) | (g << 7))) + (a ^ (g & (h ^ a))) + (K[i + 6] as number) + w6) | 0;
    f = (f + b) | 0;
    b = (b + (((c >>> 2) | (c << 30)) ^ ((c >>> 13) | (c << 19)) ^ ((c >>> 22) | (c << 10))) + ((c & d) | (e & (c | d)))) | 0;
    a = (a + (((f >>> 6) | (f << 26)) ^ ((f >>> 11) | (f << 21)) ^ ((f >>> 25) | (f << 7))) + (h ^ (f & (g ^ h))) + (K[i + 7] as number) + w7) | 0;
    e = (e + a) | 0;
    a = (a + (((b >>> 2) | (b << 30)) ^ ((b >>> 13) | (b << 19)) ^ ((b >>> 22) | (b << 10))) + ((b & c) | (d & (b | c)))) | 0;
    h = (h + (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) + (g ^ (e & (f ^ g))) + (K[i + 8] as number) + w8) | 0;
    d = (d + h) | 0;
    h = (h + (((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) + ((a & b) | (c & (a | b)))) | 0;
    g = (g + (((d >>> 6) | (d << 26)) ^ ((d >>> 11) | (d << 21)) ^ ((d >>> 25) | (d << 7))) + (f ^ (d & (e ^ f))) + (K[i + 9] as number) + w9) | 0;
    c = (c + g) | 0;
    g = (g + (((h >>> 2) | (h << 30)) ^ ((h >>> 13) | (h << 19)) ^ ((h >>> 22) | (h << 10))) + ((h & a) | (b & (h | a)))) | 0;
    f = (f + (((c >>> 6) | (c << 26)) ^ ((c >>> 11) | (c << 21)) ^ ((c >>> 25) | (c << 7))) + (e ^ (c & (d ^ e))) + (K[i + 10] as number) + w10) | 0;
    b = (b + f) | 0;
    f = (f + (((g >>> 2) | (g << 30)) ^ ((g >>> 13) | (g << 19)) ^ ((g >>> 22) | (g << 10))) + ((g & h) | (a & (g | h)))) | 0;
    e = (e + (((b >>> 6) | (b << 26)) ^ ((b >>> 11) | (b << 21)) ^ ((b >>> 25) | (b << 7))) + (d ^ (b & (c ^ d))) + (K[i + 11] as number) + w11) | 0;
    a = (a + e) | 0;
    e = (e + (((f >>> 2) | (f << 30)) ^ ((f >>> 13) | (f << 19)) ^ ((f >>> 22) | (f << 10))) + ((f & g) | (h & (f | g)))) | 0;
    d = (d + (((a >>> 6) | (a << 26)) ^ ((a >>> 11) | (a << 21)) ^ ((a >>> 25) | (a << 7))) + (c ^ (a & (b ^ c))) + (K[i + 12] as number) + w12) | 0;
    h = (h + d) | 0;
    d = (d + (((e >>> 2) | (e << 30)) ^ ((e >>> 13) | (e << 19)) ^ ((e >>> 22) | (e << 10))) + ((e & f) | (g & (e | f)))) | 0;
    c = (c + (((h >>> 6) | (h << 26)) ^ ((h >>> 11) | (h << 21)) ^ ((h >>> 25) | (h << 7))) + (b ^ (h & (a ^ b))) + (K[i + 13] as number) + w13) | 0;
    g = (g + c) | 0;
    c = (c + (((d >>> 2) | (d << 30)) ^ ((d >>> 13) | (d << 19)) ^ ((d >>> 22) | (d << 10))) + ((d & e) | (f & (d | e)))) | 0;
    b = (b + (((g >>> 6) | (g << 26)) ^ ((g >>> 11) | (g << 21)) ^ ((g >>> 25) | (g << 7))) + (a ^ (g & (h ^ a))) + (K[i + 14] as number) + w14) | 0;
    f = (f + b) | 0;
    b = (b + (((c >>> 2) | (c << 30)) ^ ((c >>> 13) | (c << 19)) ^ ((c >>> 22) | (c << 10))) + ((c & d) | (e & (c | d)))) | 0;
    a = (a + (((f >>> 6) | (f << 26)) ^ ((f >>> 11) | (f << 21)) ^ ((f >>> 25) | (f << 7))) + (h ^ (f & (g ^ h))) + (K[i + 15] as number) + w15) | 0;
    e = (e + a) | 0;
    a = (a + (((b >>> 2) | (b << 30)) ^ ((b >>> 13) | (b << 19)) ^ ((b >>> 22) | (b << 10))) + ((b & c) | (d & (b | c)))) | 0;
    if (i === 48) break;
    w0 = (w0 + (((w1 >>> 7) | (w1 << 25)) ^ ((w1 >>> 18) | (w1 << 14)) ^ (w1 >>> 3)) + w9 + (((w14 >>> 17) | (w14 << 15)) ^ ((w14 >>> 19) | (w14 << 13)) ^ (w14 >>> 10))) | 0;
    w1 = (w1 + (((w2 >>> 7) | (w2 << 25)) ^ ((w2 >>> 18) | (w2 << 14)) ^ (w2 >>> 3)) + w10 + (((w15 >>> 17) | (w15 << 15)) ^ ((w15 >>> 19) | (w15 << 13)) ^ (w15 >>> 10))) | 0;
    w2 = (w2 + (((w3 >>> 7) | (w3 << 25)) ^ ((w3 >>> 18) | (w3 << 14)) ^ (w3 >>> 3)) + w11 + (((w0 >>> 17) | (w0 << 15)) ^ ((w0 >>> 19) | (w0 << 13)) ^ (w0 >>> 10))) | 0;
    w3 = (w3 + (((w4 >>> 7) | (w4 << 25)) ^ ((w4 >>> 18) | (w4 << 14)) ^ (w4 >>> 3)) + w12 + (((w1 >>> 17) | (w1 << 15)) ^ ((w1 >>> 19) | (w1 << 13)) ^ (w1 >>> 10))) | 0;
    w4 = (w4 + (((w5 >>> 7) | (w5 << 25)) ^ ((w5 >>> 18) | (w5 << 14)) ^ (w5 >>> 3)) + w13 + (((w2 >>> 17) | (w2 << 15)) ^ ((w2 >>> 19) | (w2 << 13)) ^ (w2 >>> 10))) | 0;
    w5 = (w5 + (((w6 >>> 7) | (w6 << 25)) ^ ((w6 >>> 18) | (w6 << 14)) ^ (w6 >>> 3)) + w14 + (((w3 >>> 17) | (w3 << 15)) ^ ((w3 >>> 19) | (w3 << 13)) ^ (w3 >>> 10))) | 0;
    w6 = (w6 + (((w7 >>> 7) | (w7 << 25)) ^ ((w7 >>> 18) | (w7 << 14)) ^ (w7 >>> 3)) + w15 + (((w4 >>> 17) | (w4 << 15)) ^ ((w4 >>> 19) | (w4 << 13)) ^ (w4 >>> 10))) | 0;
    w7 = (w7 + (((w8 >>> 7) | (w8 << 25)) ^ ((w8 >>> 18) | (w8 << 14)) ^ (w8 >>> 3)) + w0 + (((w5 >>> 17) | (w5 << 15)) ^ ((w5 >>> 19) | (w5 << 13)) ^ (w5 >>> 10))) | 0;
    w8 = (w8 + (((w9 >>> 7) | (w9 << 25)) ^ ((w9 >>> 18) | (w9 << 14)) ^ (w9 >>> 3)) + w1 + (((w6 >>> 17) | (w6 << 15)) ^ ((w6 >>> 19) | (w6 << 13)) ^ (w6 >>> 10))) | 0;
    w9 = (w9 + (((w10 >>> 7) | (w10 << 25)) ^ ((w10 >>> 18) | (w10 << 14)) ^ (w10 >>> 3)) + w2 + (((w7 >>> 17) | (w7 << 15)) ^ ((w7 >>> 19) | (w7 << 13)) ^ (w7 >>> 10))) | 0;
    w10 = (w10 + (((w11 >>> 7) | (w11 << 25)) ^ ((w11 >>> 18) | (w11 << 14)) ^ (w11 >>> 3)) + w3 + (((w8 >>> 17) | (w8 << 15)) ^ ((w8 >>> 19) | (w8 << 13)) ^ (w8 >>> 10))) | 0;
    w11 = (w11 + (((w12 >>> 7) | (w12 << 25)) ^ ((w12 >>> 18) | (w12 << 14)) ^ (w12 >>> 3)) + w4 + (((w9 >>> 17) | (w9 << 15)) ^ ((w9 >>> 19) | (w9 << 13)) ^ (w9 >>> 10))) | 0;
    w12 = (w12 + (((w13 >>> 7) | (w13 << 25)) ^ ((w13 >>> 18) | (w13 << 14)) ^ (w13 >>> 3)) + w5 + (((w10 >>> 17) | (w10 << 15)) ^ ((w10 >>> 19) | (w10 << 13)) ^ (w10 >>> 10))) | 0;
    w13 = (w13 + (((w14 >>> 7) | (w14 << 25)) ^ ((w14 >>> 18) | (w14 << 14)) ^ (w14 >>> 3)) + w6 + (((w11 >>> 17) | (w11 << 15)) ^ ((w11 >>> 19) | (w11 << 13)) ^ (w11 >>> 10))) | 0;
    w14 = (w14 + (((w15 >>> 7) | (w15 << 25)) ^ ((w15 >>> 18) | (w15 << 14)) ^ (w15 >>> 3)) + w7 + (((w12 >>> 17) | (w12 << 15)) ^ ((w12 >>> 19) | (w12 << 13)) ^ (w12 >>> 10))) | 0;
    w15 = (w15 + (((w0 >>> 7) | (w0 << 25)) ^ ((w0 >>> 18) | (w0 << 14)) ^ (w0 >>> 3)) + w8 + (((w13 >>> 17) | (w13 << 15)) ^ ((w13 >>> 19) | (w13 << 13)) ^ (w13 >>> 10))) | 0;
  }
  state[0] = ((state[0] as number) + a) | 0;
  state[1] = ((state[1] as number) + b) | 0;
  state[2] = ((state[2] as number) + c) | 0;
  state[3] = ((state[3] as number) + d) | 0;
  state[4] = ((state[4] as number) + e) | 0;
  state[5] = ((state[5] as number) + f) | 0;
  state[6] = ((state[6] as number) + g) | 0;
  state[7] = ((state[7] as number) + h) | 0;
}
