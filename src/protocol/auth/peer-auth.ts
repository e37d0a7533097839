/**
 * PeerAuth: what a node keeps between connections, as the reference does: one ECDH key, its current cert, and what has
 * already been computed about other nodes (protocol.md sections 3.3 to 3.5).
 * @module
 */
import { bytesKey, toHex } from '../bytes.ts';
import { CERT_REFRESH_SECONDS, SHARED_KEY_CACHE_ENTRIES, VERIFIED_CERT_CACHE_ENTRIES } from '../constants.ts';
import { networkIDBytes } from '../networks.ts';
import { encodePublicKey } from '../strkey.ts';
import type { AuthCert } from '../wire/messages.ts';
import { certExpiration, makeAuthCert, verifyAuthCert } from './auth-cert.ts';
import type { CryptoProvider, EcdhKey, SigningKey } from './crypto.ts';
import { deriveSharedKey, type PeerRole, sides } from './key-schedule.ts';

/** A node on one network. Not secret itself, but it holds secrets; none is enumerable. */
export class PeerAuth {
  /** 64 lower-case hex digits. */
  readonly networkID: string;
  /** The same as HELLO has it: 32 bytes, which nobody may change. */
  readonly networkIDBytes: Uint8Array;
  /** The identity as `G…`. */
  readonly peerID: string;
  readonly #crypto: CryptoProvider;
  readonly #identity: SigningKey;
  readonly #ecdh: EcdhKey;
  readonly #sharedKeys = new BoundedCache<Uint8Array | undefined>(SHARED_KEY_CACHE_ENTRIES);
  readonly #verifiedCerts = new BoundedCache<boolean>(VERIFIED_CERT_CACHE_ENTRIES);
  #cert: AuthCert | undefined;

  /**
   * @param identity signs the certs
   * @param ecdh the key that the certs vouch for
   * @param networkID of the one network it is used on, 64 hex digits: `networks.pubnet.networkID` for example
   * @throws {TypeError} when networkID is anything else
   */
  constructor(crypto: CryptoProvider, identity: SigningKey, ecdh: EcdhKey, networkID: string) {
    this.#crypto = crypto;
    this.#identity = identity;
    this.#ecdh = ecdh;
    this.networkIDBytes = networkIDBytes(networkID);
    this.networkID = toHex(this.networkIDBytes);
    this.peerID = encodePublicKey(identity.publicKey);
  }

  get identity(): SigningKey {
    return this.#identity;
  }

  get ecdh(): EcdhKey {
    return this.#ecdh;
  }

  /**
   * The cert to send now: the one sent before while it has at least half of its life left, else a fresh one. One with more
   * than its whole life left was signed while the clock was ahead.
   */
  cert(unixSeconds: number): AuthCert {
    const newest = certExpiration(unixSeconds);
    const oldest = BigInt(Math.floor(unixSeconds) + CERT_REFRESH_SECONDS);
    if (this.#cert === undefined || this.#cert.expiration < oldest || this.#cert.expiration > newest) {
      this.#cert = makeAuthCert(this.#crypto, this.#identity, this.networkID, this.#ecdh.publicKey, newest);
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
  /** Two generations: when the young one is full it becomes the old one, whose entries come back when they are used. */
  #young = new Map<string, V>();
  #old = new Map<string, V>();
  readonly #generationEntries: number;

  /** @param maxEntries 2 or more */
  constructor(maxEntries: number) {
    this.#generationEntries = Math.floor(maxEntries / 2);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** The entry, made when there is none. */
  get(key: string, make: () => V): V {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const value = this.#old.get(key) ?? make();
    if (value === undefined) return value;
    this.#old.delete(key);
    if (this.#young.size >= this.#generationEntries) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
    return value;
  }
}
