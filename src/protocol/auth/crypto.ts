/**
 * The cryptographic operations that the protocol needs, as an interface: `protocol/` computes none itself.
 * @module
 */

/**
 * The primitives of the handshake and the channel. They are synchronous: a record is checked before the next one is read.
 * Implementations: `stellar-handshake/crypto/node`, `/crypto/web` and `/crypto/sodium`.
 */
export interface CryptoProvider {
  /** SHA-256 (FIPS 180-4). @returns 32 bytes */
  sha256(data: Uint8Array): Uint8Array;
  /** HMAC-SHA256 (RFC 2104). @returns 32 bytes */
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** Prepares a 32-byte key for many MACs. The key is copied. */
  macKey(key: Uint8Array): MacKey;
  /** ed25519 key of a 32-byte seed (RFC 8032). The seed is copied. */
  signingKey(seed: Uint8Array): SigningKey;
  /**
   * Strict ed25519 verification, as libsodium and ed25519-dalek's verify_strict do it: a signature of exactly 64 bytes, S below
   * the group order, a canonical public key, and neither the key nor R of small order (protocol.md section 3.4). Never throws.
   */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** X25519 key of a 32-byte secret (RFC 7748), clamped at use. The secret is copied. */
  ecdhKey(secret: Uint8Array): EcdhKey;
}

/** A node's identity key: it signs. */
export interface SigningKey {
  /** ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** ed25519 signature, 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
  /** The 32-byte seed: a secret. Only for tools that are configured to show it. */
  unsafeExportSeed(): Uint8Array;
}

/** An X25519 key pair. */
export interface EcdhKey {
  /** X25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** X25519 with the peer's public key: 32 bytes, or undefined when the result would be all zero (small-order key). */
  sharedSecret(remotePublicKey: Uint8Array): Uint8Array | undefined;
  /** The 32-byte secret. Only for tools that are configured to show it. */
  unsafeExportSecret(): Uint8Array;
}

/** A MAC key of one direction. It works in place: the MAC follows the bytes that it covers. */
export interface MacKey {
  /** Writes HMAC-SHA256 of bytes[start, end) to bytes[end, end + 32). */
  seal(bytes: Uint8Array, start: number, end: number): void;
  /** Whether bytes[end, end + 32) is the HMAC-SHA256 of bytes[start, end), compared in constant time. */
  verify(bytes: Uint8Array, start: number, end: number): boolean;
  /** Overwrites the key; the object cannot be used afterwards. */
  wipe(): void;
}
