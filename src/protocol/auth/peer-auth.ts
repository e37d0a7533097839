/**
 * PeerAuth: what a node keeps between connections, as stellar-core does: one ECDH key, its current cert, and results already
 * computed for other nodes (protocol.md sections 3.3 to 3.5).
 * @module
 */

import { concatBytes, toHex } from '../bytes.ts';
import { BytesCache } from '../bytes-cache.ts';
import { CERT_REFRESH_SECONDS, SHARED_KEY_CACHE_ENTRIES, VERIFIED_CERT_CACHE_ENTRIES } from '../constants.ts';
import { networkIDBytes } from '../networks.ts';
import { decodePublicKey, encodePublicKey } from '../strkey.ts';
import type { AuthCert } from '../wire/messages.ts';
import { authCertPayload, certExpiration, makeAuthCert, verifyAuthCert } from './auth-cert.ts';
import type { CryptoProvider, EcdhKey, SigningKey } from './crypto.ts';
import { deriveSharedKey, type PeerRole, sides } from './key-schedule.ts';

/** A node on one network. It holds secrets; none of them is an enumerable property. */
export class PeerAuth {
  /** 64 lower-case hex digits. */
  readonly networkID: string;
  /** The same value in the form of HELLO: 32 bytes, which must not be changed. */
  readonly networkIDBytes: Uint8Array;
  /** The identity as `G…`. */
  readonly peerID: string;
  readonly #crypto: CryptoProvider;
  readonly #identity: SigningKey;
  readonly #ecdh: EcdhKey;
  /** By remote ECDH key. */
  readonly #sharedKeys: Readonly<Record<PeerRole, BytesCache>> = {
    WE_CALLED_REMOTE: new BytesCache(32, SHARED_KEY_CACHE_ENTRIES),
    REMOTE_CALLED_US: new BytesCache(32, SHARED_KEY_CACHE_ENTRIES),
  };
  /** 1 for a good cert and 0 for a bad one, by the digest of all that was verified. */
  readonly #verifiedCerts = new BytesCache(1, VERIFIED_CERT_CACHE_ENTRIES);
  #cert: AuthCert | undefined;

  /**
   * @param identity signs the certs
   * @param ecdh the key that the certs sign
   * @param networkID ID of the network, 64 hex digits: `networks.pubnet.networkID` for example
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
   * The cert to send now: the last one while at least half of its lifetime is left, else a fresh one. A cert with more than its
   * whole lifetime left was signed while the clock was ahead, so it is replaced too.
   */
  cert(unixSeconds: number): AuthCert {
    const newest = certExpiration(unixSeconds);
    const oldest = BigInt(Math.floor(unixSeconds) + CERT_REFRESH_SECONDS);
    if (this.#cert === undefined || this.#cert.expiration < oldest || this.#cert.expiration > newest) {
      this.#cert = makeAuthCert(this.#crypto, this.#identity, this.networkID, this.#ecdh.publicKey, newest);
    }
    return this.#cert;
  }

  /** Whether the peer's key made the cert's signature for our network. Results are cached. */
  verifyCert(peerID: string, cert: AuthCert): boolean {
    const payload = authCertPayload(this.networkID, cert.expiration, cert.pubkey);
    // Only the last part varies in length.
    const digest = this.#crypto.sha256(concatBytes(decodePublicKey(peerID), payload, cert.sig));
    const known = this.#verifiedCerts.get(digest);
    if (known !== undefined) return known[0] === 1;
    const isValid = verifyAuthCert(this.#crypto, peerID, this.networkID, cert);
    this.#verifiedCerts.set(digest, Uint8Array.of(isValid ? 1 : 0));
    return isValid;
  }

  /**
   * The key shared with the holder of an ECDH key, 32 bytes that the caller owns.
   * @returns undefined when the remote key is of small order
   */
  sharedKey(role: PeerRole, remotePublicKey: Uint8Array): Uint8Array | undefined {
    const cache = this.#sharedKeys[role];
    const known = cache.get(remotePublicKey);
    if (known !== undefined) return known;
    const q = this.#ecdh.sharedSecret(remotePublicKey);
    if (q === undefined) return undefined;
    const sharedKey = deriveSharedKey(this.#crypto, q, sides(role, this.#ecdh.publicKey, remotePublicKey));
    q.fill(0);
    cache.set(remotePublicKey, sharedKey);
    return sharedKey;
  }
}
