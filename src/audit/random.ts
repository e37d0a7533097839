/**
 * Reproducible randomness: bytes that depend only on a seed and a name.
 * @module
 */
import { nodeCrypto } from '../crypto/node.ts';
import { utf8Encode } from '../protocol/bytes.ts';

/** Random bytes for one purpose. The same seed and name give the same bytes in every run. */
export function seededRandom(seed: string, name: string): (length: number) => Uint8Array {
  const key = nodeCrypto.sha256(utf8Encode(`${seed}\n${name}`));
  let block = 0;
  return (length) => {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      const bytes = nodeCrypto.hmacSha256(key, utf8Encode(String(block++)));
      out.set(bytes.subarray(0, Math.min(32, length - at)), at);
    }
    return out;
  };
}
