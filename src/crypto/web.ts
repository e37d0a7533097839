/**
 * CryptoProvider for browsers, workers and other runtimes without node:crypto.
 *
 * The protocol computes synchronously, one record at a time, but `crypto.subtle` returns promises. So only the random bytes of
 * WebCrypto are usable: `crypto.getRandomValues` makes seeds, ECDH secrets and nonces. `@noble/curves` and `@noble/hashes`
 * (optional peer dependencies, version 2) do the computations.
 * @module stellar-handshake/crypto/web
 */
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import type { CryptoProvider, EcdhKey, MacKey, SigningKey } from '../protocol/auth/crypto.ts';
import { assertBytes, concatBytes, equalBytes } from '../protocol/bytes.ts';
import { strictly } from './ed25519-strict.ts';
import { notAllZero } from './x25519-strict.ts';

const { Point } = ed25519;

/**
 * The provider for runtimes without node:crypto. Stateless; one is enough for a process. It gives the same results as
 * `nodeCrypto`, bit by bit, and refuses the same keys and signatures.
 *
 * JavaScript guarantees no constant time: the noble packages avoid branches on secrets, but the engine may add some. MACs are
 * compared without an early exit. `wipe()` overwrites what this module holds; it cannot reach copies that the engine made.
 *
 * @example
 * const random = (): Uint8Array => crypto.getRandomValues(new Uint8Array(32))
 * const signingKey = webCrypto.signingKey(random())
 * const peerAuth = new PeerAuth(webCrypto, signingKey, webCrypto.ecdhKey(random()), networks.testnet.networkID)
 */
export const webCrypto: CryptoProvider = {
  sha256: (data) => sha256(data),
  hmacSha256: (key, data) => hmac(sha256, key, data),
  macKey: (key) => new WebMacKey(assertBytes(key, 32, 'MAC key')),
  signingKey: (seed) => new WebSigningKey(assertBytes(seed, 32, 'seed')),
  ecdhKey: (secret) => new WebEcdhKey(assertBytes(secret, 32, 'ECDH secret')),
  verify: strictly((publicKey, message, signature) => {
    // Subtle: the equation without the cofactor: R is recomputed and compared byte by byte (protocol.md section 3.4).
    const [r, s] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))];
    const k = littleEndian(sha512(concatBytes(r, publicKey, message))) % Point.Fn.ORDER;
    const product = Point.fromBytes(publicKey, false).multiplyUnsafe(k);
    return equalBytes(Point.BASE.multiplyUnsafe(s).subtract(product).toBytes(), r);
  }),
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
    assertBytes(remotePublicKey, 32, 'ECDH public key');
    try {
      const q = x25519.getSharedSecret(this.#secret, remotePublicKey);
      return notAllZero(q);
    } catch {
      return undefined;
    }
  }

  unsafeExportSecret(): Uint8Array {
    return this.#secret.slice();
  }
}

class WebMacKey implements MacKey {
  /** The state after the key's block of both hashes; each MAC starts with a copy of it. */
  readonly #keyed: ReturnType<typeof hmac.create>;
  #wiped = false;

  constructor(key: Uint8Array) {
    this.#keyed = hmac.create(sha256, key);
  }

  seal(bytes: Uint8Array, start: number, end: number): void {
    bytes.set(this.#mac(bytes, start, end), end);
  }

  verify(bytes: Uint8Array, start: number, end: number): boolean {
    const mac = this.#mac(bytes, start, end);
    let difference = bytes.length - end < mac.length ? 1 : 0;
    for (let i = 0; i < mac.length; i++) difference |= (mac[i] as number) ^ (bytes[end + i] as number);
    return difference === 0;
  }

  wipe(): void {
    this.#keyed.destroy();
    this.#wiped = true;
  }

  #mac(bytes: Uint8Array, start: number, end: number): Uint8Array {
    if (this.#wiped) throw new Error('the MAC key has been wiped');
    return this.#keyed.clone().update(bytes.subarray(start, end)).digest();
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
