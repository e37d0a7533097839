import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { sodiumCrypto } from '../../../src/crypto/sodium.ts';
import { webCrypto } from '../../../src/crypto/web.ts';
import { type CryptoProvider, connect, listen, networks } from '../../../src/index.ts';
import { connectedPair } from '../../../src/testing/index.ts';

const network = networks.standalone;
const providers = { node: nodeCrypto, web: webCrypto, sodium: sodiumCrypto };
const pairs = Object.entries(providers).flatMap(([a, ours]) =>
  Object.entries(providers).map(([b, theirs]) => [a, b, ours, theirs] as const),
);

describe('the option crypto', () => {
  it.each(pairs)('connects with %s to a listener with %s', async (_a, _b, ours, theirs) => {
    await using listener = await listen({ port: 0, network, crypto: theirs });
    const { host, port, peerID } = listener;
    await using connection = await connect({ host, port, network, crypto: ours, expectedPeerID: peerID });
    expect(connection.remote.peerID).toBe(peerID);
    expect(await connection.ping()).toBeGreaterThan(0);
  });

  it('is used for every step of the handshake and the channel', async () => {
    const calls = new Set<string>();
    const counted = Object.fromEntries(
      Object.entries(nodeCrypto).map(([name, compute]) => [
        name,
        (...args: never[]) => {
          calls.add(name);
          return (compute as (...args: never[]) => unknown)(...args);
        },
      ]),
    ) as unknown as CryptoProvider;
    const [connection] = await connectedPair({ network, crypto: counted }, { crypto: nodeCrypto });
    await connection.close();
    expect([...calls].sort()).toEqual(Object.keys(nodeCrypto).sort());
  });

  it.each([null, {}, 'node', { verify: () => true }])('is refused before anything is sent when it is %o', async (crypto) => {
    const options = { host: '127.0.0.1', port: 1, network, crypto: crypto as never };
    await expect(connect(options)).rejects.toThrow(new TypeError('crypto must be a CryptoProvider'));
    await expect(listen(options)).rejects.toThrow(TypeError);
  });
});
