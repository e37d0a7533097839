/**
 * The knowledge of one side of a recorded connection, taken from the picture: enough to run its half of the protocol again. If its
 * secrets are missing, their recorded results are used.
 * @module
 */

import { webCrypto } from '../../src/crypto/web.ts';
import type { Picture, Side } from '../../src/explain/picture.ts';
import type { CryptoProvider, EcdhKey, MacKey, SigningKey } from '../../src/protocol/auth/crypto.ts';
import { deriveMacKeys, deriveSharedKey } from '../../src/protocol/auth/key-schedule.ts';
import { PeerAuth } from '../../src/protocol/auth/peer-auth.ts';
import { equalBytes, fromHex, toHex } from '../../src/protocol/bytes.ts';
import { DEFAULT_PORT, LEDGER_VERSION, OVERLAY_MIN_VERSION, OVERLAY_VERSION } from '../../src/protocol/constants.ts';
import { decodePublicKey } from '../../src/protocol/strkey.ts';
import type { AuthCert, Hello } from '../../src/protocol/wire/messages.ts';
import { helloIn, otherSide, recordsOf, type WireRecord } from './record.ts';

/** One side that can be run again. */
export interface Witness {
  readonly hello: Hello;
  /** Whether the side never sent HELLO, so that its identity is assumed. */
  readonly assumed: boolean;
  /** Whether MACs are computed; otherwise a record is compared with the one verified on arrival. */
  readonly computesMacs: boolean;
  readonly crypto: CryptoProvider;
  readonly peerAuth: PeerAuth;
}

/** The first HELLO of a side. */
export function helloOf(picture: Picture, side: Side): Hello | undefined {
  for (const { from, body } of recordsOf(picture)) {
    const hello = from === side ? helloIn(body) : undefined;
    if (hello !== undefined) return hello;
  }
  return undefined;
}

/** Makes the witness of a side. */
export function witnessOf(picture: Picture, side: Side): Witness {
  const own = helloOf(picture, side);
  const remote = helloOf(picture, otherSide(side));
  const hello = ownNetwork(picture, side, own ?? standIn(picture, remote));
  const ecdh = ecdhKeyOf(picture, side, hello, remote);
  const known = picture.secrets[side];
  const signing: SigningKey = known
    ? webCrypto.signingKey(fromHex(known.seed))
    : { publicKey: decodePublicKey(hello.peerID), sign: () => hello.cert.sig, unsafeExportSeed: notKnown };
  const computes = ecdh.isKnown || picture.secrets.macKeys !== undefined;
  const crypto = ecdh.isKnown || remote === undefined ? webCrypto : comparing(picture, side, hello, remote, ecdh.key);
  const peerAuth = new RecordedPeerAuth(crypto, signing, ecdh.key, hello);
  return { hello, assumed: own === undefined, computesMacs: computes, crypto, peerAuth };
}

/** A PeerAuth whose cert is the one that was sent. */
class RecordedPeerAuth extends PeerAuth {
  readonly #cert: AuthCert;

  constructor(crypto: CryptoProvider, identity: SigningKey, ecdh: EcdhKey, { networkID, cert }: Hello) {
    super(crypto, identity, ecdh, toHex(networkID));
    this.#cert = cert;
  }

  override cert(): AuthCert {
    return this.#cert;
  }
}

/** Our side uses the network that was named, not the one in its HELLO. */
function ownNetwork({ own, network }: Picture, side: Side, hello: Hello): Hello {
  return side === own && network !== undefined ? { ...hello, networkID: fromHex(network.networkID) } : hello;
}

/** Assumed values for a node that never sent HELLO: the network that was found or named, and the usual versions. */
function standIn({ network, foundNetworkID = network?.networkID }: Picture, remote: Hello | undefined): Hello {
  return {
    ledgerVersion: LEDGER_VERSION,
    overlayVersion: OVERLAY_VERSION,
    overlayMinVersion: OVERLAY_MIN_VERSION,
    networkID: foundNetworkID === undefined ? (remote?.networkID ?? new Uint8Array(32)) : fromHex(foundNetworkID),
    versionStr: '',
    listeningPort: DEFAULT_PORT,
    peerID: NOBODY,
    cert: { pubkey: STAND_IN_KEY.publicKey, expiration: 0n, sig: new Uint8Array(64) },
    nonce: new Uint8Array(32),
  };
}

/** X25519 from this side: by its secret, by the other's, or by a stand-in that is right about small-order keys. */
function ecdhKeyOf(picture: Picture, side: Side, hello: Hello, remote: Hello | undefined): { key: EcdhKey; isKnown: boolean } {
  const known = picture.secrets[side];
  if (known !== undefined) return { key: webCrypto.ecdhKey(fromHex(known.ecdhSecret)), isKnown: true };
  const other = picture.secrets[otherSide(side)];
  const otherKey = other && webCrypto.ecdhKey(fromHex(other.ecdhSecret));
  const publicKey = hello.cert.pubkey;
  const key: EcdhKey = {
    publicKey,
    sharedSecret: (remotePublicKey) =>
      otherKey !== undefined && remote !== undefined && equalBytes(remotePublicKey, remote.cert.pubkey)
        ? otherKey.sharedSecret(publicKey)
        : STAND_IN_KEY.sharedSecret(remotePublicKey),
    unsafeExportSecret: notKnown,
  };
  return { key, isKnown: otherKey !== undefined };
}

/**
 * The keys are not known, but a MAC fits only its own bytes. With the keys of the recorded HELLOs, a record is good if it was verified
 * or never checked. With other keys, or changed, it is bad.
 */
function comparing(picture: Picture, side: Side, hello: Hello, remote: Hello, ecdh: EcdhKey): CryptoProvider {
  const [a, b] = side === 'A' ? [hello, remote] : [remote, hello];
  const q = ecdh.sharedSecret(remote.cert.pubkey);
  if (q === undefined) return webCrypto;
  const sharedKey = deriveSharedKey(webCrypto, q, { a: a.cert.pubkey, b: b.cert.pubkey });
  const { K_AB, K_BA } = deriveMacKeys(webCrypto, sharedKey, { a: a.nonce, b: b.nonce });
  const records = recordsOf(picture);
  const { macKeys } = picture.secrets;
  return {
    ...webCrypto,
    macKey(key) {
      const sender = equalBytes(key, K_AB) ? 'A' : equalBytes(key, K_BA) ? 'B' : undefined;
      if (sender === undefined) return new RecordedMacs([]);
      if (macKeys !== undefined) return webCrypto.macKey(fromHex(sender === 'A' ? macKeys.K_AB : macKeys.K_BA));
      return new RecordedMacs(records.filter(({ from, mac }) => from === sender && mac !== 'bad'));
    },
  };
}

/** A MAC key of which only the accepted records are known. */
class RecordedMacs implements MacKey {
  readonly #good: ReadonlySet<string>;

  constructor(records: readonly WireRecord[]) {
    this.#good = new Set(records.map(({ body }) => toHex(body)));
  }

  seal(): void {}

  verify(bytes: Uint8Array): boolean {
    return this.#good.has(toHex(bytes));
  }

  wipe(): void {}
}

const STAND_IN_KEY = webCrypto.ecdhKey(new Uint8Array(32).fill(1));
/** StrKey of the public key of 32 bytes 0x01: it belongs to no node. */
const NOBODY = 'GAAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQDZ7H';

function notKnown(): never {
  throw new TypeError('the secrets of this side are not in the picture');
}
