/**
 * The networks: a passphrase and the ID derived from it. Source: protocol.md section 3.1.
 * @module
 */
import type { CryptoProvider } from './auth/crypto.ts';
import { fromHex, toHex, utf8Encode } from './bytes.ts';

/** A Stellar network. Two nodes connect only when both have the same network. */
export interface Network {
  /** The short name of a well-known network; absent for any other. */
  readonly name?: NetworkName;
  /** The passphrase that defines the network. */
  readonly passphrase: string;
  /** SHA-256 of the passphrase's UTF-8 bytes: 32 bytes as lower-case hex. */
  readonly networkID: string;
}

/** The short names of well-known networks. */
export type NetworkName = 'pubnet' | 'testnet' | 'futurenet' | 'standalone';

/** The well-known networks, by short name. */
export const networks: Readonly<Record<NetworkName, Network>> = Object.freeze({
  pubnet: {
    name: 'pubnet',
    passphrase: 'Public Global Stellar Network ; September 2015',
    networkID: '7ac33997544e3175d266bd022439b22cdb16508c01163f26e5cb2a3e1045a979',
  },
  testnet: {
    name: 'testnet',
    passphrase: 'Test SDF Network ; September 2015',
    networkID: 'cee0302d59844d32bdca915c8203dd44b33fbb7edc19051ea37abedf28ecd472',
  },
  futurenet: {
    name: 'futurenet',
    passphrase: 'Test SDF Future Network ; October 2022',
    networkID: 'a3a1c6a78286713e29be0e9785670fa838d13917cd8eaeb4a3579ff1debc7fd5',
  },
  standalone: {
    name: 'standalone',
    passphrase: 'Standalone Network ; February 2017',
    networkID: 'baefd734b8d3e48472cff83912375fedbc7573701912fe308af730180f97d74a',
  },
});

/** The network of a passphrase. A well-known passphrase gets its short name. */
export function makeNetwork(passphrase: string, crypto: CryptoProvider): Network {
  return (
    Object.values(networks).find((network) => network.passphrase === passphrase) ?? {
      passphrase,
      networkID: toHex(crypto.sha256(utf8Encode(passphrase))),
    }
  );
}

/**
 * The 32 bytes of a network ID, as in HELLO and signatures. Everywhere else it is text.
 * @throws {TypeError} when it is not 64 hex digits
 */
export function networkIDBytes(networkID: string): Uint8Array {
  if (networkID !== last.networkID) {
    if (typeof networkID !== 'string' || networkID.length !== 64) throw new TypeError('networkID must be 64 hex digits');
    last = { networkID, bytes: fromHex(networkID) };
  }
  return last.bytes.slice();
}

/** The network ID that was asked for last: each signature asks for that of its network, and most processes have one. */
let last: { readonly networkID: string; readonly bytes: Uint8Array } = { networkID: '', bytes: new Uint8Array(0) };

/** The short name of a network ID given as hex, when it is a well-known one. */
export function networkName(networkID: string): NetworkName | undefined {
  return Object.values(networks).find((network) => network.networkID === networkID)?.name;
}
