/**
 * Reproducible randomness: bytes that depend only on a seed and a name.
 * @module
 */
import { createCipheriv, hash } from 'node:crypto';

/** Random bytes for one purpose. The same seed and name give the same bytes in every run. */
export function seededRandom(seed: string, name: string): (length: number) => Uint8Array {
  const keyStream = createCipheriv('aes-256-ctr', hash('sha256', `${seed}\n${name}`, 'buffer'), new Uint8Array(16));
  return (length) => new Uint8Array(keyStream.update(new Uint8Array(length)));
}
