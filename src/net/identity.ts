/**
 * A node's identity: its persistent ed25519 seed, and what is kept between its connections.
 * @module
 */
import { readFile, writeFile } from 'node:fs/promises';
import { freshEcdhKey, freshSigningKey, nodeCrypto } from '../crypto/node.ts';
import type { EcdhKey, SigningKey } from '../protocol/auth/crypto.ts';
import { PeerAuth } from '../protocol/auth/peer-auth.ts';
import { assertBytes, fromHex } from '../protocol/bytes.ts';
import type { Network } from '../protocol/networks.ts';
import { decodeSecretSeed, encodePublicKey, encodeSecretSeed } from '../protocol/strkey.ts';

/**
 * The persistent key pair a node is known by. Like a stellar-core process it has one X25519 key for all its connections
 * and keeps certs and shared keys, so reuse one object for many connections. It never shows its seed: not in
 * `inspect`, not in JSON.
 *
 * @example
 * const identity = NodeIdentity.fromSecretSeed('S…')
 * identity.peerID // 'G…'
 */
export class NodeIdentity {
  /** The public key as everyone writes it, `G…`. */
  readonly peerID: string;
  readonly #signingKey: SigningKey;
  readonly #peerAuths = new Map<string, PeerAuth>();
  #ecdh: EcdhKey | undefined;

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

  /** The identity of an `S…` text. @throws {TypeError} when length, alphabet, version byte or checksum is wrong */
  static fromSecretSeed(secretSeed: string): NodeIdentity {
    return NodeIdentity.fromSeed(decodeSecretSeed(secretSeed));
  }

  /**
   * The identity of a file that holds an `S…` text and nothing else but white space.
   * @throws {TypeError} when it does not; the message names the file, never its content
   * @throws {Error} of the file system, when it cannot be read
   */
  static async fromSeedFile(path: string): Promise<NodeIdentity> {
    const text = (await readFile(path, 'utf8')).trim();
    try {
      return NodeIdentity.fromSecretSeed(text);
    } catch (error) {
      throw new TypeError(`${path}: ${(error as Error).message}`);
    }
  }

  /** The public key, 32 bytes. */
  get publicKey(): Uint8Array {
    return this.#signingKey.publicKey.slice();
  }

  /** Writes the `S…` text to a new file only its owner can read (mode 0600). @throws {Error} EEXIST when there is one */
  async writeSeedFile(path: string): Promise<void> {
    const text = `${encodeSecretSeed(this.#signingKey.unsafeExportSeed())}\n`;
    await writeFile(path, text, { flag: 'wx', mode: 0o600 });
  }

  /**
   * Cert and caches for connections on a network.
   * @param ecdh one X25519 key for all connections, or a fresh one for this call, with caches of its own
   */
  peerAuth(network: Network, ecdh: 'per-process' | 'per-connection' = 'per-process'): PeerAuth {
    if (ecdh === 'per-connection') return this.#newPeerAuth(network, freshEcdhKey());
    let peerAuth = this.#peerAuths.get(network.networkID);
    if (peerAuth === undefined) {
      this.#ecdh ??= freshEcdhKey();
      peerAuth = this.#newPeerAuth(network, this.#ecdh);
      this.#peerAuths.set(network.networkID, peerAuth);
    }
    return peerAuth;
  }

  #newPeerAuth({ networkID }: Network, ecdh: EcdhKey): PeerAuth {
    return new PeerAuth(nodeCrypto, this.#signingKey, ecdh, fromHex(networkID));
  }
}
