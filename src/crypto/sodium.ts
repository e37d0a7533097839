/**
 * CryptoProvider that uses libsodium, for programs that accept or dial thousands of unknown peers: libsodium verifies an
 * ed25519 signature in half of OpenSSL's time or less. It needs `sodium-native` 5, an optional peer dependency; importing this
 * module without it throws ERR_MODULE_NOT_FOUND.
 * @module stellar-handshake/crypto/sodium
 */
import sodium from 'sodium-native';
import type { CryptoProvider, EcdhKey, SigningKey } from '../protocol/auth/crypto.ts';
import { assertBytes } from '../protocol/bytes.ts';
import { strictly } from './ed25519-strict.ts';
import { nodeCrypto } from './node.ts';
import { notAllZero } from './x25519-strict.ts';

/**
 * The provider on libsodium for ed25519 and X25519. Hashes and MACs are those of `nodeCrypto`, because libsodium has no
 * advantage there. Stateless; one is enough for a process. It gives the same results and refuses the same inputs as
 * `nodeCrypto`.
 *
 * @example
 * const listener = await listen({ network: networks.pubnet, crypto: sodiumCrypto })
 */
export const sodiumCrypto: CryptoProvider = {
  ...nodeCrypto,
  signingKey: (seed) => new SodiumSigningKey(assertBytes(seed, 32, 'seed')),
  ecdhKey: (secret) => new SodiumEcdhKey(assertBytes(secret, 32, 'ECDH secret')),
  verify: strictly((publicKey, message, signature) =>
    sodium.crypto_sign_verify_detached(view(signature), view(message), view(publicKey)),
  ),
};

class SodiumSigningKey implements SigningKey {
  readonly publicKey: Uint8Array;
  /** Seed and public key, in libsodium's format. */
  readonly #secretKey = new Uint8Array(sodium.crypto_sign_SECRETKEYBYTES);

  constructor(seed: Uint8Array) {
    this.publicKey = new Uint8Array(sodium.crypto_sign_PUBLICKEYBYTES);
    sodium.crypto_sign_seed_keypair(view(this.publicKey), view(this.#secretKey), view(seed));
  }

  sign(message: Uint8Array): Uint8Array {
    const signature = new Uint8Array(sodium.crypto_sign_BYTES);
    sodium.crypto_sign_detached(view(signature), view(message), view(this.#secretKey));
    return signature;
  }

  unsafeExportSeed(): Uint8Array {
    return this.#secretKey.slice(0, sodium.crypto_sign_SEEDBYTES);
  }
}

class SodiumEcdhKey implements EcdhKey {
  readonly publicKey: Uint8Array;
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array) {
    this.#secret = secret.slice();
    this.publicKey = new Uint8Array(sodium.crypto_scalarmult_BYTES);
    sodium.crypto_scalarmult_base(view(this.publicKey), view(this.#secret));
  }

  sharedSecret(remotePublicKey: Uint8Array): Uint8Array | undefined {
    assertBytes(remotePublicKey, 32, 'ECDH public key');
    const q = new Uint8Array(sodium.crypto_scalarmult_BYTES);
    try {
      sodium.crypto_scalarmult(view(q), view(this.#secret), view(remotePublicKey));
    } catch {
      // libsodium refuses keys of small order (RFC 7748 §6.1).
      return undefined;
    }
    return notAllZero(q);
  }

  unsafeExportSecret(): Uint8Array {
    return this.#secret.slice();
  }
}

/** The same memory as a Buffer, which the typings require. */
function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
