/**
 * The least work of an implementation, on bare sockets: no state machine, no flow control, no structure checks, no errors. A real
 * implementation needs these; the floor is only a base for ratios.
 * @module
 */
import { createHmac, createSecretKey, hash } from 'node:crypto';
import { HmacSha256Key } from '../../src/crypto/hmac-sha256.ts';
import { cpuSince } from './child.ts';

/** Computes HMAC-SHA256 of bytes[start, end). */
type Hmac = (bytes: Uint8Array, start: number, end: number) => void;

/** The fastest way to seal and verify records of one size. */
export interface FloorMac {
  readonly name: string;
  seal(bytes: Uint8Array, start: number, end: number): void;
  verify(bytes: Uint8Array, start: number, end: number): boolean;
}

/** Measures the candidates for this number of bytes and returns the best. */
export function fastestMac(key: Uint8Array, length: number): FloorMac {
  const candidates = [midstates(key), oneShot(key), openssl(key)];
  const sample = new Uint8Array(length + 32);
  const rounds = Math.max(20, Math.min(20_000, Math.floor(2e7 / (length + 500))));
  const time = (mac: FloorMac): number => {
    const mark = process.cpuUsage();
    for (let i = 0; i < rounds; i++) mac.verify(sample, 0, length);
    return cpuSince(mark);
  };
  for (const mac of candidates) time(mac);
  const times = candidates.map((mac) => Math.min(time(mac), time(mac), time(mac)));
  return candidates[times.indexOf(Math.min(...times))] as FloorMac;
}

function midstates(key: Uint8Array): FloorMac {
  const mac = new HmacSha256Key(key);
  return {
    name: 'src/crypto/hmac-sha256.ts',
    seal: (bytes, start, end) => mac.seal(bytes, start, end),
    verify: (bytes, start, end) => mac.verify(bytes, start, end),
  };
}

function openssl(key: Uint8Array): FloorMac {
  const secret = createSecretKey(key);
  return overDigest('createHmac', (bytes, start, end) =>
    createHmac('sha256', secret).update(bytes.subarray(start, end)).digest(),
  );
}

function oneShot(key: Uint8Array): FloorMac {
  const inner = Buffer.alloc(64, 0x36);
  const outer = Buffer.alloc(96, 0x5c);
  for (let i = 0; i < 32; i++) {
    inner[i] = (inner[i] as number) ^ (key[i] as number);
    outer[i] = (outer[i] as number) ^ (key[i] as number);
  }
  let joined = Buffer.alloc(1024);
  return overDigest('two crypto.hash', (bytes, start, end) => {
    const total = 64 + end - start;
    if (joined.length < total) joined = Buffer.alloc(total);
    joined.set(inner, 0);
    joined.set(bytes.subarray(start, end), 64);
    outer.set(hash('sha256', joined.subarray(0, total), 'buffer'), 64);
    return hash('sha256', outer, 'buffer');
  });
}

function overDigest(name: string, digest: (...args: Parameters<Hmac>) => Uint8Array): FloorMac {
  return {
    name,
    seal: (bytes, start, end) => bytes.set(digest(bytes, start, end), end),
    verify(bytes, start, end) {
      const mac = digest(bytes, start, end);
      let difference = 0;
      for (let i = 0; i < 32; i++) difference |= (mac[i] as number) ^ (bytes[end + i] as number);
      return difference === 0;
    },
  };
}

/** Cuts records and checks sequence and MAC of each. @param onRecord is given the whole buffer, and where the body begins and ends */
export class FloorReceiver {
  readonly #mac: FloorMac;
  readonly #onRecord: (bytes: Uint8Array, start: number, end: number) => void;
  #sequence: number;
  #partial = new Uint8Array(0);
  #have = 0;

  constructor(mac: FloorMac, sequence: number, onRecord: (bytes: Uint8Array, start: number, end: number) => void) {
    this.#mac = mac;
    this.#sequence = sequence;
    this.#onRecord = onRecord;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    if (this.#have > 0) {
      if (this.#have < 4) {
        const taken = Math.min(4 - this.#have, chunk.length);
        this.#partial.set(chunk.subarray(0, taken), this.#have);
        this.#have += taken;
        at = taken;
        if (this.#have < 4) return;
      }
      const total = 4 + recordLength(this.#partial, 0);
      if (this.#partial.length < total) {
        const grown = new Uint8Array(total);
        grown.set(this.#partial.subarray(0, this.#have));
        this.#partial = grown;
      }
      const taken = Math.min(total - this.#have, chunk.length - at);
      this.#partial.set(at === 0 && taken === chunk.length ? chunk : chunk.subarray(at, at + taken), this.#have);
      this.#have += taken;
      at += taken;
      if (this.#have < total) return;
      this.#have = 0;
      this.#check(this.#partial, 4, total);
    }
    while (chunk.length - at >= 4) {
      const end = at + 4 + recordLength(chunk, at);
      if (end > chunk.length) break;
      this.#check(chunk, at + 4, end);
      at = end;
    }
    if (at === chunk.length) return;
    const rest = chunk.length - at;
    this.#partial = new Uint8Array(rest >= 4 ? 4 + recordLength(chunk, at) : 4096);
    this.#partial.set(chunk.subarray(at), 0);
    this.#have = rest;
  }

  #check(bytes: Uint8Array, start: number, end: number): void {
    const sequence =
      ((bytes[start + 8] as number) << 24) |
      ((bytes[start + 9] as number) << 16) |
      ((bytes[start + 10] as number) << 8) |
      (bytes[start + 11] as number);
    if (sequence !== this.#sequence++) throw new Error('sequence');
    if (!this.#mac.verify(bytes, start + 4, end - 32)) throw new Error('MAC');
    this.#onRecord(bytes, start, end);
  }
}

/** Body length in a record header. */
export function recordLength(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) & 0x7f) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

/** Writes the header, version and sequence of a record around a message that is there already, and seals it. */
export function sealRecord(mac: FloorMac, bytes: Uint8Array, start: number, end: number, sequence: number): void {
  const length = end - start - 4;
  bytes[start] = 0x80 | (length >>> 24);
  bytes[start + 1] = length >>> 16;
  bytes[start + 2] = length >>> 8;
  bytes[start + 3] = length;
  bytes[start + 12] = sequence >>> 24;
  bytes[start + 13] = sequence >>> 16;
  bytes[start + 14] = sequence >>> 8;
  bytes[start + 15] = sequence;
  mac.seal(bytes, start + 8, end - 32);
}
