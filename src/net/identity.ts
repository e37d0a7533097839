/**
 * A node's identity: its persistent ed25519 seed, and the caches shared by its connections.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { freshEcdhKey, freshSigningKey, nodeCrypto } from '../crypto/node.ts';
import type { CryptoProvider, EcdhKey, SigningKey } from '../protocol/auth/crypto.ts';
import { PeerAuth } from '../protocol/auth/peer-auth.ts';
import { assertBytes } from '../protocol/bytes.ts';
import type { Network } from '../protocol/networks.ts';
import { decodeSecretSeed, encodePublicKey, encodeSecretSeed } from '../protocol/strkey.ts';

/**
 * The persistent key pair that identifies a node. Like a stellar-core process it has one X25519 key for all its connections and
 * caches certs and shared keys, so reuse one object for many connections. It never shows its seed: not in `inspect`, not in
 * JSON.
 *
 * @example
 * const identity = NodeIdentity.fromSecretSeed('S…')
 * identity.peerID // 'G…'
 */
export class NodeIdentity {
  /** The public key in its text form, `G…`. */
  readonly peerID: string;
  readonly #signingKey: SigningKey;
  /** Caches for each crypto provider that was used: rarely more than one. */
  readonly #keeps = new Map<CryptoProvider, Keep>();

  private constructor(signingKey: SigningKey) {
    this.#signingKey = signingKey;
    this.peerID = encodePublicKey(this.#signingKey.publicKey);
  }

  /** A fresh identity from the operating system's random source. */
  static random(): NodeIdentity {
    return new NodeIdentity(freshSigningKey());
  }

  /** The identity of a 32-byte seed, which is copied. @throws {TypeError | RangeError} when it is not 32 bytes */
  static fromSeed(seed: Uint8Array): NodeIdentity {
    return new NodeIdentity(nodeCrypto.signingKey(assertBytes(seed, 32, 'seed')));
  }

  /**
   * The identity of a secret seed in its text form, `S…`. @throws {TypeError} when length, alphabet, version byte or checksum
   * is wrong
   */
  static fromSecretSeed(secretSeed: string): NodeIdentity {
    return NodeIdentity.fromSeed(decodeSecretSeed(secretSeed));
  }

  /**
   * The identity of a file that contains a secret seed (`S…`): alone, as `stellar-core gen-seed` prints it, or as NODE_SEED in
   * a stellar-core.cfg. Comments (`#`) are ignored. The file must contain exactly one seed.
   * @throws {TypeError} when it does not; the message names the file, never its content
   * @throws {Error} of the file system, when the file cannot be read
   */
  static async fromSeedFile(path: string): Promise<NodeIdentity> {
    const { readFile } = await import('node:fs/promises'); // Most processes have no seed file.
    const text = await readFile(path, 'utf8');
    try {
      return NodeIdentity.fromSecretSeed(seedIn(text));
    } catch (error) {
      throw new TypeError(`${path}: ${(error as Error).message}`);
    }
  }

  /** The public key, 32 bytes. */
  get publicKey(): Uint8Array {
    return this.#signingKey.publicKey.slice();
  }

  /**
   * Signs with the seed, as stellar-core signs what it publishes.
   * @param message the bytes to sign; hash them first where the protocol requires it
   * @returns ed25519 signature (RFC 8032), 64 bytes
   */
  sign(message: Uint8Array): Uint8Array {
    return this.#signingKey.sign(message);
  }

  /**
   * Writes the secret seed (`S…`) to a new file that only its owner can read (mode 0600). @throws {Error} EEXIST when the file
   * exists
   */
  async writeSeedFile(path: string): Promise<void> {
    const text = `${encodeSecretSeed(this.#signingKey.unsafeExportSeed())}\n`;
    const { writeFile } = await import('node:fs/promises');
    await writeFile(path, text, { flag: 'wx', mode: 0o600 });
  }

  /**
   * Cert and caches for connections on a network.
   * @param ecdh one X25519 key for all connections, or a fresh one for this call with its own caches
   * @param crypto the provider; each provider has its own X25519 key and caches
   */
  peerAuth(
    { networkID }: Network,
    ecdh: 'per-process' | 'per-connection' = 'per-process',
    crypto: CryptoProvider = nodeCrypto,
  ): PeerAuth {
    const keep = this.#keep(crypto);
    if (ecdh === 'per-connection') return new PeerAuth(crypto, keep.signingKey, freshEcdh(crypto), networkID);
    let peerAuth = keep.peerAuths.get(networkID);
    if (peerAuth === undefined) {
      keep.ecdh ??= freshEcdh(crypto);
      peerAuth = new PeerAuth(crypto, keep.signingKey, keep.ecdh, networkID);
      keep.peerAuths.set(networkID, peerAuth);
    }
    return peerAuth;
  }

  #keep(crypto: CryptoProvider): Keep {
    let keep = this.#keeps.get(crypto);
    if (keep === undefined) {
      const own = this.#signingKey;
      const signingKey = crypto === nodeCrypto ? own : crypto.signingKey(own.unsafeExportSeed());
      keep = { signingKey, ecdh: undefined, peerAuths: new Map() };
      this.#keeps.set(crypto, keep);
    }
    return keep;
  }
}

/** What an identity caches between connections for one provider. */
interface Keep {
  readonly signingKey: SigningKey;
  ecdh: EcdhKey | undefined;
  readonly peerAuths: Map<string, PeerAuth>;
}

/** A new ECDH key from random bytes. */
function freshEcdh(crypto: CryptoProvider): EcdhKey {
  return crypto === nodeCrypto ? freshEcdhKey() : crypto.ecdhKey(new Uint8Array(randomBytes(32)));
}

/** The one seed in a text. Without any, the text itself, so that decoding it reports what is wrong. */
function seedIn(text: string): string {
  const told = text.replace(/^\ufeff/, '').replace(/#.*$/gm, '');
  const seeds = told.match(/(?<![A-Z2-7])S[A-Z2-7]{55}(?![A-Z2-7])/g) ?? [];
  if (seeds.length > 1) throw new TypeError('it contains more than one secret seed (S…)');
  if (seeds.length === 0 && told.includes('$FILE:'))
    throw new TypeError('NODE_SEED is in another file ($FILE:): give the path of that file');
  return seeds[0] ?? told.trim();
}
