/**
 * CryptoProvider without Node, on @noble: for the browser.
 * @module
 */
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { isStrictSignature } from '../../src/crypto/ed25519-strict.ts';
import type { CryptoProvider, EcdhKey, MacKey, SigningKey } from '../../src/protocol/auth/crypto.ts';
import { assertBytes, concatBytes, equalBytes, isAllZero } from '../../src/protocol/bytes.ts';

const { Point } = ed25519;

/** The provider of the page. It takes no care of timing: what it computes with is in the file it runs in. */
export const webCrypto: CryptoProvider = {
  sha256: (data) => sha256(data),
  hmacSha256: (key, data) => hmac(sha256, key, data),
  macKey: (key) => new WebMacKey(assertBytes(key, 32, 'MAC key')),
  signingKey: (seed) => new WebSigningKey(assertBytes(seed, 32, 'seed')),
  ecdhKey: (secret) => new WebEcdhKey(assertBytes(secret, 32, 'ECDH secret')),
  verify(publicKey, message, signature) {
    if (!isStrictSignature(publicKey, signature)) return false;
    try {
      // Subtle: noble's own verify multiplies both sides by the cofactor, which libsodium and dalek's verify_strict do not:
      // R is recomputed and compared byte by byte (protocol.md sections 3.4 and 9.3).
      const [r, s] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))];
      const k = littleEndian(sha512(concatBytes(r, publicKey, message))) % Point.Fn.ORDER;
      const product = Point.fromBytes(publicKey, false).multiplyUnsafe(k);
      return equalBytes(Point.BASE.multiplyUnsafe(s).subtract(product).toBytes(), r);
    } catch {
      return false;
    }
  },
};

class WebSigningKey implements SigningKey {
  readonly publicKey: Uint8Array;
  readonly #seed: Uint8Array;

  constructor(seed: Uint8Array) {
    this.#seed = seed.slice();
    this.publicKey = ed25519.getPublicKey(seed);
  }

  sign(message: Uint8Array): Uint8Array {
    return ed25519.sign(message, this.#seed);
  }

  unsafeExportSeed(): Uint8Array {
    return this.#seed.slice();
  }
}

class WebEcdhKey implements EcdhKey {
  readonly publicKey: Uint8Array;
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array) {
    this.#secret = secret.slice();
    this.publicKey = x25519.getPublicKey(secret);
  }

  sharedSecret(remotePublicKey: Uint8Array): Uint8Array | undefined {
    try {
      const q = x25519.getSharedSecret(this.#secret, assertBytes(remotePublicKey, 32, 'ECDH public key'));
      return isAllZero(q) ? undefined : q;
    } catch {
      return undefined;
    }
  }

  unsafeExportSecret(): Uint8Array {
    return this.#secret.slice();
  }
}

class WebMacKey implements MacKey {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    this.#key = key.slice();
  }

  seal(bytes: Uint8Array, start: number, end: number): void {
    bytes.set(this.#mac(bytes, start, end), end);
  }

  verify(bytes: Uint8Array, start: number, end: number): boolean {
    return equalBytes(this.#mac(bytes, start, end), bytes.subarray(end, end + 32));
  }

  wipe(): void {
    this.#key.fill(0);
  }

  #mac(bytes: Uint8Array, start: number, end: number): Uint8Array {
    return hmac(sha256, this.#key, bytes.subarray(start, end));
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
