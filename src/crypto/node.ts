/**
 * CryptoProvider on node:crypto.
 * @module
 */
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  verify as nodeVerify,
  sign,
} from 'node:crypto';
import type { CryptoProvider, EcdhKey, SigningKey } from '../protocol/auth/crypto.ts';
import { assertBytes } from '../protocol/bytes.ts';
import { isStrictSignature } from './ed25519-strict.ts';
import { HmacSha256Key } from './hmac-sha256.ts';

/** Fixed beginnings of the DER encodings of these keys (RFC 8410); the 32 raw bytes follow. */
const DER = {
  ed25519: { pkcs8: '302e020100300506032b657004220420', spki: '302a300506032b6570032100' },
  x25519: { pkcs8: '302e020100300506032b656e04220420', spki: '302a300506032b656e032100' },
} as const;
type Curve = keyof typeof DER;

/** The default provider. Stateless; one is enough for a process. */
export const nodeCrypto: CryptoProvider = {
  sha256: (data) => plain(createHash('sha256').update(data).digest()),
  hmacSha256: (key, data) => plain(createHmac('sha256', key).update(data).digest()),
  macKey: (key) => new HmacSha256Key(assertBytes(key, 32, 'MAC key')),
  signingKey: (seed) => new NodeSigningKey(assertBytes(seed, 32, 'seed')),
  ecdhKey: (secret) => new NodeEcdhKey(assertBytes(secret, 32, 'ECDH secret')),
  verify(publicKey, message, signature) {
    if (!isStrictSignature(publicKey, signature)) return false;
    try {
      return nodeVerify(null, message, importPublic('ed25519', publicKey), signature);
    } catch {
      return false;
    }
  },
};

class NodeSigningKey implements SigningKey {
  readonly publicKey: Uint8Array;
  readonly #key: KeyObject;

  constructor(seed: Uint8Array) {
    this.#key = importPrivate('ed25519', seed);
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

  constructor(secret: Uint8Array) {
    this.#key = importPrivate('x25519', secret);
    this.publicKey = publicBytes(this.#key);
  }

  sharedSecret(remotePublicKey: Uint8Array): Uint8Array | undefined {
    assertBytes(remotePublicKey, 32, 'ECDH public key'); // OpenSSL would not mind bytes behind the key.
    try {
      return plain(diffieHellman({ privateKey: this.#key, publicKey: importPublic('x25519', remotePublicKey) }));
    } catch {
      // OpenSSL refuses a result of all zero, which is what small-order keys give (RFC 7748 §6.1).
      return undefined;
    }
  }

  unsafeExportSecret(): Uint8Array {
    return secretBytes(this.#key);
  }
}

function importPrivate(curve: Curve, raw: Uint8Array): KeyObject {
  return createPrivateKey({ key: der(DER[curve].pkcs8, raw), format: 'der', type: 'pkcs8' });
}

function importPublic(curve: Curve, raw: Uint8Array): KeyObject {
  return createPublicKey({ key: der(DER[curve].spki, raw), format: 'der', type: 'spki' });
}

function der(prefixHex: string, raw: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(prefixHex, 'hex'), raw]);
}

function publicBytes(key: KeyObject): Uint8Array {
  return lastBytes(createPublicKey(key).export({ format: 'der', type: 'spki' }));
}

function secretBytes(key: KeyObject): Uint8Array {
  return lastBytes(key.export({ format: 'der', type: 'pkcs8' }));
}

function lastBytes(encoded: Buffer): Uint8Array {
  return Uint8Array.from(encoded.subarray(encoded.length - 32));
}

/** The same bytes as a Uint8Array that is no Buffer. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
