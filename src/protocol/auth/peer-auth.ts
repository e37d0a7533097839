/**
 * PeerAuth: what a node keeps between connections, as the reference does: one ECDH key, its current cert, and what has
 * already been computed about other nodes (protocol.md sections 3.3 to 3.5).
 * @module
 */
import { bytesKey } from '../bytes.ts';
import { CERT_REFRESH_SECONDS, SHARED_KEY_CACHE_ENTRIES, VERIFIED_CERT_CACHE_ENTRIES } from '../constants.ts';
import type { AuthCert } from '../wire/messages.ts';
import { certExpiration, makeAuthCert, verifyAuthCert } from './auth-cert.ts';
import type { CryptoProvider, EcdhKey, SigningKey } from './crypto.ts';
import { deriveSharedKey, type PeerRole, sides } from './key-schedule.ts';

/** A node on one network. Not secret itself, but it holds secrets; none is enumerable. */
export class PeerAuth {
  /** 32 bytes. */
  readonly networkID: Uint8Array;
  readonly #crypto: CryptoProvider;
  readonly #identity: SigningKey;
  readonly #ecdh: EcdhKey;
  readonly #sharedKeys = new BoundedCache<Uint8Array | undefined>(SHARED_KEY_CACHE_ENTRIES);
  readonly #verifiedCerts = new BoundedCache<boolean>(VERIFIED_CERT_CACHE_ENTRIES);
  #cert: AuthCert | undefined;

  constructor(crypto: CryptoProvider, identity: SigningKey, ecdh: EcdhKey, networkID: Uint8Array) {
    this.#crypto = crypto;
    this.#identity = identity;
    this.#ecdh = ecdh;
    this.networkID = networkID;
  }

  get identity(): SigningKey {
    return this.#identity;
  }

  get ecdh(): EcdhKey {
    return this.#ecdh;
  }

  /** The cert to send now: the one sent before while it has at least half of its life left, else a fresh one. */
  cert(unixSeconds: number): AuthCert {
    if (this.#cert === undefined || this.#cert.expiration < BigInt(Math.floor(unixSeconds) + CERT_REFRESH_SECONDS)) {
      this.#cert = makeAuthCert(this.#crypto, this.#identity, this.networkID, this.#ecdh.publicKey, certExpiration(unixSeconds));
    }
    return this.#cert;
  }

  /** Whether the cert's signature is the peer's over our network; a cert seen before costs nothing. */
  verifyCert(peerID: string, cert: AuthCert): boolean {
    const key = `${peerID} ${cert.expiration} ${bytesKey(cert.pubkey)}${bytesKey(cert.sig)}`;
    return this.#verifiedCerts.get(key, () => verifyAuthCert(this.#crypto, peerID, this.networkID, cert));
  }

  /**
   * The key shared with the holder of an ECDH key, 32 bytes, which stays owned by the cache.
   * @returns undefined when the remote key is of small order
   */
  sharedKey(role: PeerRole, remotePublicKey: Uint8Array): Uint8Array | undefined {
    const key = `${role} ${bytesKey(remotePublicKey)}`;
    return this.#sharedKeys.get(key, () => {
      const q = this.#ecdh.sharedSecret(remotePublicKey);
      if (q === undefined) return undefined;
      const sharedKey = deriveSharedKey(this.#crypto, q, sides(role, this.#ecdh.publicKey, remotePublicKey));
      q.fill(0);
      return sharedKey;
    });
  }
}

/** Keeps the entries used last, up to a number of them. An undefined value is not kept. */
export class BoundedCache<V> {
  readonly #entries = new Map<string, V>();
  readonly #maxEntries: number;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The entry, made when there is none. It becomes the youngest; the oldest leaves when there are too many. */
  get(key: string, make: () => V): V {
    const known = this.#entries.get(key);
    const value = known ?? make();
    if (value === undefined) return value;
    if (known !== undefined) this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#maxEntries) this.#entries.delete(this.#entries.keys().next().value as string);
    return value;
  }
}
