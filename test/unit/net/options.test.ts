import { describe, expect, it } from 'vitest';
import {
  type ConnectOptions,
  connect,
  type ListenOptions,
  listen,
  NodeIdentity,
  networkFromPassphrase,
  networks,
} from '../../../src/index.ts';
import { RawNode } from '../../support/raw-peer.ts';

const network = networks.standalone;
type Kind = typeof TypeError | typeof RangeError;

/** Options that both connect and listen refuse. */
const BAD: readonly (readonly [name: string, options: object, kind: Kind])[] = [
  ['no network', { network: undefined }, TypeError],
  ['a network by its name', { network: 'pubnet' }, TypeError],
  ['a network ID of 31 bytes', { network: { passphrase: 'x', networkID: '00'.repeat(31) } }, TypeError],
  ['a network ID in upper case', { network: { passphrase: 'x', networkID: 'AB'.repeat(32) } }, TypeError],
  ['a seed as identity', { identity: 'S'.repeat(56) }, TypeError],
  ['an object in place of an identity', { identity: { peerID: 'G' } }, TypeError],
  ['a signal that is no AbortSignal', { signal: {} }, TypeError],
  ['overlayVersion -1', { overlayVersion: -1 }, RangeError],
  ['overlayVersion 2^32', { overlayVersion: 2 ** 32 }, RangeError],
  ['overlayVersion 41.5', { overlayVersion: 41.5 }, RangeError],
  ['overlayVersion below overlayMinVersion', { overlayVersion: 37 }, RangeError],
  ['overlayMinVersion above overlayVersion', { overlayMinVersion: 43 }, RangeError],
  ['overlayMinVersion as text', { overlayMinVersion: '38' }, RangeError],
  ['ledgerVersion NaN', { ledgerVersion: Number.NaN }, RangeError],
  ['listeningPort 0', { listeningPort: 0 }, RangeError],
  ['listeningPort 65536', { listeningPort: 65536 }, RangeError],
  ['handshakeTimeoutMs 0', { handshakeTimeoutMs: 0 }, RangeError],
  ['handshakeTimeoutMs infinite', { handshakeTimeoutMs: Number.POSITIVE_INFINITY }, RangeError],
  ['handshakeTimeoutMs 2^31', { handshakeTimeoutMs: 2 ** 31 }, RangeError],
  ['peerTimeoutMs -5', { peerTimeoutMs: -5 }, RangeError],
  ['peerTimeoutMs null', { peerTimeoutMs: null }, RangeError],
  ['scpStateLedgerSeq -1', { scpStateLedgerSeq: -1 }, RangeError],
  ['floodCapacity of no messages', { floodCapacity: { messages: 0, bytes: 1 } }, RangeError],
  ['floodCapacity of no bytes', { floodCapacity: { messages: 1, bytes: 0 } }, RangeError],
  ['floodCapacity without bytes', { floodCapacity: { messages: 1 } }, RangeError],
  ['versionStr of 101 bytes', { versionStr: 'x'.repeat(101) }, RangeError],
  ['versionStr of 51 characters of two bytes', { versionStr: 'ü'.repeat(51) }, RangeError],
  ['versionStr as number', { versionStr: 27 }, TypeError],
  ['ecdh of another name', { ecdh: 'per-day' }, TypeError],
  ['unknownMessages of another name', { unknownMessages: 'ignore' }, TypeError],
];

const BAD_TARGETS: readonly (readonly [name: string, options: object, kind: Kind])[] = [
  ['no host', { host: undefined }, TypeError],
  ['an empty host', { host: '' }, TypeError],
  ['a host that is a number', { host: 127 }, TypeError],
  ['a host with its port', { host: '127.0.0.1:11625' }, TypeError],
  ['an IPv6 address in brackets', { host: '[::1]' }, TypeError],
  ['a host with a space', { host: 'local host' }, TypeError],
  ['a URL', { host: 'http://localhost' }, TypeError],
  ['a number as host', { host: '1' }, TypeError],
  ['half an IPv4 address', { host: '127.1' }, TypeError],
  ['the key of a node as host', { host: 'GCADMDSIGUXZD66NKUCOQTFBN3EYSE3OAW5MPN3VWP7DVLVXAYFJQTPN' }, TypeError],
  ['a seed as host', { host: 'SAEBFML7QAWLWRCNJJM4JVQAUJ5LZMZXD6QYRHQEPVHO4A2HSP65Z7JY' }, TypeError],
  ['an unknown address family', { family: 5 }, RangeError],
  ['a lookup that is no function', { lookup: '127.0.0.1' }, TypeError],
  ['port 0', { port: 0 }, RangeError],
  ['port 65536', { port: 65536 }, RangeError],
  ['a port as text', { port: '11625' }, RangeError],
  ['an expected peerID that is no key', { expectedPeerID: 'GABC' }, TypeError],
  ['an expected peerID that is a seed', { expectedPeerID: 'S'.repeat(56) }, TypeError],
  ['an expected peerID with a typing error', { expectedPeerID: `${NodeIdentity.random().peerID.slice(0, -4)}AAAA` }, TypeError],
];

const BAD_LISTENERS: readonly (readonly [name: string, options: object, kind: Kind])[] = [
  ['port -1', { port: -1 }, RangeError],
  ['port 65536', { port: 65536 }, RangeError],
  ['no pending place', { maxPendingConnections: 0 }, RangeError],
  ['0.5 slots', { maxAuthenticatedConnections: 0.5 }, RangeError],
  ['101 peers', { peers: Array.from({ length: 101 }, () => ({ ip: '192.0.2.1', port: 1, numFailures: 0 })) }, RangeError],
  ['a peer by its name', { peers: [{ ip: 'example.org', port: 1, numFailures: 0 }] }, TypeError],
  ['a peer at port -1', { peers: [{ ip: '192.0.2.1', port: -1, numFailures: 0 }] }, RangeError],
  ['a peer without numFailures', { peers: [{ ip: '192.0.2.1', port: 1 }] }, RangeError],
];

describe('connect() refuses these options before it dials:', () => {
  it.each([...BAD, ...BAD_TARGETS])('%s', async (_name, options, kind) => {
    await using node = await RawNode.start();
    const good = { host: '127.0.0.1', port: node.port, network };
    await expect(connect({ ...good, ...options } as ConnectOptions)).rejects.toThrow(kind);
    expect(node.accepted).toBe(0);
  });
});

describe('listen() refuses these options before it listens:', () => {
  it.each([...BAD, ...BAD_LISTENERS])('%s', async (_name, options, kind) => {
    await expect(listen({ port: 0, network, ...options } as ListenOptions)).rejects.toThrow(kind);
  });
});

it('the error for a wrong option names the option and the allowed values', async () => {
  await expect(listen({ port: 0, network, peerTimeoutMs: -1 })).rejects.toThrow(
    'peerTimeoutMs must be a whole number from 1 to 2147483647, got -1',
  );
});

describe('networkFromPassphrase', () => {
  it('computes SHA-256, and returns the well-known networks', () => {
    expect(networkFromPassphrase('Test SDF Network ; September 2015')).toBe(networks.testnet);
    expect(networkFromPassphrase('my network')).toEqual({
      passphrase: 'my network',
      networkID: 'd12f888be2872d9e1583d011a30c987f99e9492b0ccc16a98f5a46d54de84dfa',
    });
    expect(networkFromPassphrase('my network ').networkID).not.toBe(networkFromPassphrase('my network').networkID);
  });

  it.each([[''], [undefined], [5]])('refuses %j', (passphrase) => {
    expect(() => networkFromPassphrase(passphrase as string)).toThrow(TypeError);
  });
});
