/**
 * AuthCert: an ECDH key signed by a node's identity, for one network and at most one hour (protocol.md section 3.4).
 * @module
 */
import { assertBytes } from '../bytes.ts';
import { CERT_LIFETIME_SECONDS, ENVELOPE_TYPE_AUTH } from '../constants.ts';
import { networkIDBytes } from '../networks.ts';
import { decodePublicKey } from '../strkey.ts';
import type { AuthCert } from '../wire/messages.ts';
import type { CryptoProvider, SigningKey } from './crypto.ts';

/**
 * The 76 bytes whose SHA-256 is signed: networkID, ENVELOPE_TYPE_AUTH as a 4-byte enum, expiration, ECDH public key.
 * @param networkID 64 hex digits
 * @throws {TypeError} when networkID is anything else
 * @throws {RangeError} when pubkey does not have 32 bytes
 */
export function authCertPayload(networkID: string, expiration: bigint, pubkey: Uint8Array): Uint8Array {
  const payload = new Uint8Array(76);
  const view = new DataView(payload.buffer);
  payload.set(networkIDBytes(networkID));
  view.setUint32(32, ENVELOPE_TYPE_AUTH);
  view.setBigUint64(36, expiration);
  payload.set(assertBytes(pubkey, 32, 'pubkey'), 44);
  return payload;
}

/**
 * Signs a cert.
 * @param networkID the signer's own network, 64 hex digits
 * @param pubkey X25519 public key, 32 bytes
 * @param expiration Unix seconds; see `certExpiration`
 */
export function makeAuthCert(
  crypto: CryptoProvider,
  identity: Pick<SigningKey, 'sign'>,
  networkID: string,
  pubkey: Uint8Array,
  expiration: bigint,
): AuthCert {
  const digest = crypto.sha256(authCertPayload(networkID, expiration, pubkey));
  return { pubkey, expiration, sig: identity.sign(digest) };
}

/** When a cert signed now expires, in Unix seconds. */
export function certExpiration(unixSeconds: number): bigint {
  return BigInt(Math.floor(unixSeconds) + CERT_LIFETIME_SECONDS);
}

/**
 * Whether the peer's key made the signature for our network. The expiration is checked elsewhere (handshake/hello.ts).
 * @param networkID the verifier's own network, 64 hex digits; never the one in HELLO
 */
export function verifyAuthCert(crypto: CryptoProvider, peerID: string, networkID: string, cert: AuthCert): boolean {
  const digest = crypto.sha256(authCertPayload(networkID, cert.expiration, cert.pubkey));
  return crypto.verify(decodePublicKey(peerID), digest, cert.sig);
}
