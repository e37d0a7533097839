/**
 * HMAC-SHA256 with a key that is used many times (RFC 2104, FIPS 180-4), for the MAC of every message.
 *
 * The state after the key's block is computed once for each of the two hashes, so that a short message costs two
 * compressions. In plain JavaScript these cost less than the call into OpenSSL, up to `JS_MAX_BYTES`; above it the inner
 * hash is one call of `crypto.hash`, and above `STREAM_BYTES` it is OpenSSL's own HMAC, which copies nothing.
 * Both limits are measured: bench/mac.ts.
 * @module
 */
import { createHmac, hash } from 'node:crypto';
import type { MacKey } from '../protocol/auth/crypto.ts';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
/** Longest message hashed in JavaScript. */
const JS_MAX_BYTES = 183;
/** Message from which on the copy that `crypto.hash` needs costs more than OpenSSL's HMAC. */
const STREAM_BYTES = 16_384;

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

/** Scratch of one computation at a time; everything here is synchronous. */
const W = new Int32Array(64);
const state = new Int32Array(8);
const tail = new Uint8Array(2 * BLOCK_BYTES);
const outerBlock = new Uint8Array(BLOCK_BYTES);
const digest = new Uint8Array(DIGEST_BYTES);
let joined = Buffer.alloc(4 * 1024);

/** A MacKey on this HMAC. */
export class HmacSha256Key implements MacKey {
  readonly #innerPad = new Uint8Array(BLOCK_BYTES).fill(0x36);
  readonly #inner = new Int32Array(INITIAL);
  readonly #outer = new Int32Array(INITIAL);
  #wiped = false;

  /** @param key 32 bytes, copied */
  constructor(key: Uint8Array) {
    const outerPad = new Uint8Array(BLOCK_BYTES).fill(0x5c);
    for (let i = 0; i < key.length; i++) {
      this.#innerPad[i] = (this.#innerPad[i] as number) ^ (key[i] as number);
      outerPad[i] = (outerPad[i] as number) ^ (key[i] as number);
    }
    compress(this.#inner, this.#innerPad, 0);
    compress(this.#outer, outerPad, 0);
    outerPad.fill(0);
  }

  seal(bytes: Uint8Array, start: number, end: number): void {
    this.#compute(bytes, start, end);
    bytes.set(digest, end);
  }

  verify(bytes: Uint8Array, start: number, end: number): boolean {
    this.#compute(bytes, start, end);
    let difference = bytes.length - end < DIGEST_BYTES ? 1 : 0;
    for (let i = 0; i < DIGEST_BYTES; i++) difference |= (digest[i] as number) ^ (bytes[end + i] as number);
    return difference === 0;
  }

  wipe(): void {
    this.#innerPad.fill(0);
    this.#inner.fill(0);
    this.#outer.fill(0);
    this.#wiped = true;
  }

  /** Leaves the MAC of bytes[start, end) in `digest`. */
  #compute(bytes: Uint8Array, start: number, end: number): void {
    if (this.#wiped) throw new Error('the MAC key has been wiped');
    const length = end - start;
    if (length <= JS_MAX_BYTES) this.#innerInJavaScript(bytes, start, end);
    else if (length < STREAM_BYTES) {
      const total = BLOCK_BYTES + length;
      if (joined.length < total) joined = Buffer.alloc(2 * total);
      joined.set(this.#innerPad, 0);
      joined.set(bytes.subarray(start, end), BLOCK_BYTES);
      outerBlock.set(hash('sha256', joined.subarray(0, total), 'buffer'), 0);
    } else {
      const key = this.#innerPad.map((byte) => byte ^ 0x36);
      digest.set(createHmac('sha256', key).update(bytes.subarray(start, end)).digest());
      key.fill(0);
      return;
    }
    state.set(this.#outer);
    finish(outerBlock, DIGEST_BYTES, BLOCK_BYTES + DIGEST_BYTES);
    compress(state, outerBlock, 0);
    writeState(digest);
  }

  #innerInJavaScript(bytes: Uint8Array, start: number, end: number): void {
    state.set(this.#inner);
    let at = start;
    for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) compress(state, bytes, at);
    const rest = end - at;
    for (let i = 0; i < rest; i++) tail[i] = bytes[at + i] as number;
    const blocks = finish(tail, rest, BLOCK_BYTES + end - start);
    for (let block = 0; block < blocks; block++) compress(state, tail, block * BLOCK_BYTES);
    writeState(outerBlock);
  }
}

/** Pads a message whose last `length` bytes stand in `block` (FIPS 180-4 §5.1.1). @returns blocks it takes */
function finish(block: Uint8Array, length: number, totalBytes: number): number {
  const size = length + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
  block.fill(0, length + 1, size);
  block[length] = 0x80;
  const bits = totalBytes * 8;
  block[size - 4] = bits >>> 24;
  block[size - 3] = bits >>> 16;
  block[size - 2] = bits >>> 8;
  block[size - 1] = bits;
  return size / BLOCK_BYTES;
}

function writeState(out: Uint8Array): void {
  for (let i = 0; i < 8; i++) {
    const word = state[i] as number;
    out[4 * i] = word >>> 24;
    out[4 * i + 1] = word >>> 16;
    out[4 * i + 2] = word >>> 8;
    out[4 * i + 3] = word;
  }
}

/** The compression function (FIPS 180-4 §6.2.2) over the 64 bytes at `at`. */
function compress(h: Int32Array, bytes: Uint8Array, at: number): void {
  for (let i = 0, j = at; i < 16; i++, j += 4) {
    W[i] =
      ((bytes[j] as number) << 24) |
      ((bytes[j + 1] as number) << 16) |
      ((bytes[j + 2] as number) << 8) |
      (bytes[j + 3] as number);
  }
  for (let i = 16; i < 64; i++) {
    const x = W[i - 15] as number;
    const y = W[i - 2] as number;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    W[i] = ((W[i - 16] as number) + s0 + (W[i - 7] as number) + s1) | 0;
  }
  let a = h[0] as number;
  let b = h[1] as number;
  let c = h[2] as number;
  let d = h[3] as number;
  let e = h[4] as number;
  let f = h[5] as number;
  let g = h[6] as number;
  let z = h[7] as number;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (z + s1 + (g ^ (e & (f ^ g))) + (K[i] as number) + (W[i] as number)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) | (c & (a | b)))) | 0;
    z = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  h[0] = ((h[0] as number) + a) | 0;
  h[1] = ((h[1] as number) + b) | 0;
  h[2] = ((h[2] as number) + c) | 0;
  h[3] = ((h[3] as number) + d) | 0;
  h[4] = ((h[4] as number) + e) | 0;
  h[5] = ((h[5] as number) + f) | 0;
  h[6] = ((h[6] as number) + g) | 0;
  h[7] = ((h[7] as number) + z) | 0;
}
