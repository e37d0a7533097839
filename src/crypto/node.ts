/**
 * CryptoProvider on node:crypto, the default of `connect` and `listen`.
 * @module stellar-handshake/crypto/node
 */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  type JsonWebKeyInput,
  type KeyObject,
  verify as nodeVerify,
  sign,
} from 'node:crypto';
import type { CryptoProvider, EcdhKey, SigningKey } from '../protocol/auth/crypto.ts';
import { assertBytes } from '../protocol/bytes.ts';
import { strictly } from './ed25519-strict.ts';
import { HmacSha256Key, hmacSha256 } from './hmac-sha256.ts';
import { notAllZero } from './x25519-strict.ts';

/** The two curves, by their names in JWK (RFC 8037). */
type Curve = 'Ed25519' | 'X25519';

/** Fixed prefixes of PKCS #8 private keys (RFC 8410); the 32 raw bytes follow. */
const PKCS8: Readonly<Record<Curve, string>> = {
  Ed25519: '302e020100300506032b657004220420',
  X25519: '302e020100300506032b656e04220420',
};

/**
 * The default provider. Stateless; one is enough for a process.
 *
 * @example
 * const peerAuth = new PeerAuth(nodeCrypto, nodeCrypto.signingKey(seed), nodeCrypto.ecdhKey(secret), networks.testnet.networkID)
 */
export const nodeCrypto: CryptoProvider = {
  sha256: (data) => plain(hash('sha256', data, 'buffer')),
  hmacSha256,
  macKey: (key) => new HmacSha256Key(assertBytes(key, 32, 'MAC key')),
  signingKey: (seed) => new NodeSigningKey(importPrivate('Ed25519', assertBytes(seed, 32, 'seed'))),
  ecdhKey: (secret) => new NodeEcdhKey(importPrivate('X25519', assertBytes(secret, 32, 'ECDH secret'))),
  verify: strictly((publicKey, message, signature) => nodeVerify(null, message, importPublic('Ed25519', publicKey), signature)),
};

/** A new signing key from random bytes. @internal */
export function freshSigningKey(): SigningKey {
  return new NodeSigningKey(freshPrivate('ed25519'));
}

/** A new ECDH key from random bytes. @internal */
export function freshEcdhKey(): EcdhKey {
  return new NodeEcdhKey(freshPrivate('x25519'));
}

class NodeSigningKey implements SigningKey {
  readonly publicKey: Uint8Array;
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
    this.publicKey = publicBytes(this.#key);
  }

  sign(message: Uint8Array): Uint8Array {
    return plain(sign(null, message, this.#key));
  }

  unsafeExportSeed(): Uint8Array {
    return secretBytes(this.#key);
  }
}

class NodeEcdhKey implements EcdhKey {
  readonly publicKey: Uint8Array;
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
    this.publicKey = publicBytes(this.#key);
  }

  sharedSecret(remotePublicKey: Uint8Array): Uint8Array | undefined {
    assertBytes(remotePublicKey, 32, 'ECDH public key'); // OpenSSL would ignore bytes after the key.
    try {
      const q = plain(diffieHellman({ privateKey: this.#key, publicKey: importPublic('X25519', remotePublicKey) }));
      return notAllZero(q);
    } catch {
      // OpenSSL refuses an all-zero result, which small-order keys give (RFC 7748 §6.1).
      return undefined;
    }
  }

  unsafeExportSecret(): Uint8Array {
    return secretBytes(this.#key);
  }
}

/** Imported as JWK: this takes a tenth of the time of parsing DER. */
function importPublic(crv: Curve, raw: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv, x: base64url(raw) }, format: 'jwk' });
}

function importPrivate(crv: Curve, raw: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([Buffer.from(PKCS8[crv], 'hex'), raw]), format: 'der', type: 'pkcs8' });
}

/**
 * Generated and imported as JWK: this takes a fifth of the time of importing random bytes as DER.
 * Subtle: only imported keys are ever exported. `generateKeyPairSync` is asked for JWK, never for KeyObjects.
 */
function freshPrivate(type: 'ed25519' | 'x25519'): KeyObject {
  const encoding = { publicKeyEncoding: JWK, privateKeyEncoding: JWK } as object;
  const { privateKey } = generateKeyPairSync(type as 'ed25519', encoding) as unknown as {
    readonly privateKey: JsonWebKeyInput['key'];
  };
  return createPrivateKey({ key: privateKey, format: 'jwk' });
}

const JWK = { format: 'jwk' } as const;

function publicBytes(key: KeyObject): Uint8Array {
  return fromBase64url(key.export({ format: 'jwk' }).x as string);
}

function secretBytes(key: KeyObject): Uint8Array {
  return fromBase64url(key.export({ format: 'jwk' }).d as string);
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

function fromBase64url(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'));
}

/** The same bytes as a plain Uint8Array, not a Buffer. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
