/**
 * Keys that remember their results. Importing a secret key takes OpenSSL a millisecond, and an operation on one a tenth: tests
 * that play many connections of the same keys do each once.
 * @module
 */
import type { EcdhKey, SigningKey } from '../../src/protocol/auth/crypto.ts';
import { toHex } from '../../src/protocol/bytes.ts';

/** A function of bytes that remembers its results. */
export function remembered<T>(make: (...inputs: readonly Uint8Array[]) => T): (...inputs: readonly Uint8Array[]) => T {
  const made = new Map<string, T>();
  return (...inputs) => {
    const name = inputs.map(toHex).join(' ');
    const known = made.get(name) ?? make(...inputs);
    made.set(name, known);
    return known;
  };
}

/** The same key, which signs each message once. */
export function rememberedSigningKey(key: SigningKey): SigningKey {
  const sign = remembered((message) => key.sign(message));
  return {
    publicKey: key.publicKey,
    sign: (message) => sign(message).slice(),
    unsafeExportSeed: () => key.unsafeExportSeed(),
  };
}

/** The same key, which computes each shared secret once. */
export function rememberedEcdhKey(key: EcdhKey): EcdhKey {
  const sharedSecret = remembered((publicKey) => key.sharedSecret(publicKey));
  return {
    publicKey: key.publicKey,
    // A copy: the caller overwrites it.
    sharedSecret: (publicKey) => sharedSecret(publicKey)?.slice(),
    unsafeExportSecret: () => key.unsafeExportSecret(),
  };
}
