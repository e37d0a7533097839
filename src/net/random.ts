/**
 * Random bytes for nonces and pings, drawn a page at a time: a call into OpenSSL costs 30 µs in a new process.
 * @module
 */
import { randomFillSync } from 'node:crypto';

const page = new Uint8Array(4_096);
let used = page.length;

/** @returns `length` random bytes, never returned before; at most 4,096 */
export function randomBytes(length: number): Uint8Array {
  if (used + length > page.length) {
    randomFillSync(page);
    used = 0;
  }
  const bytes = page.slice(used, used + length);
  // Clear the returned bytes from the page.
  page.fill(0, used, used + length);
  used += length;
  return bytes;
}
