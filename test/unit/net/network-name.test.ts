import { describe, expect, it } from 'vitest';
import { networkFromPassphrase, networks } from '../../../src/index.ts';
import { parseNetwork, passphraseNotice } from '../../../src/net/network-name.ts';

describe('a network', () => {
  it.each([
    ['pubnet', 'pubnet'],
    ['PUBNET', 'pubnet'],
    ['Standalone', 'standalone'],
    [' testnet\n', 'testnet'],
    ['mainnet', 'pubnet'],
    ['Public', 'pubnet'],
    ['local', 'standalone'],
    ['Test SDF Network ; September 2015', 'testnet'],
  ] as const)('has a name in any case: %j', (text, name) => {
    const network = parseNetwork(text);
    expect(network).toBe(networks[name]);
    expect(passphraseNotice(network)).toBeUndefined();
  });

  it.each([
    ['tesnet', 'testnet'],
    ['Tesntet', 'testnet'],
    ['pubnett', 'pubnet'],
    ['futurnet', 'futurenet'],
    ['standalon', 'standalone'],
    ['maninet', 'mainnet'],
    ['testnet2', 'testnet'],
  ])('that is nearly a name is refused: %j', (text, meant) => {
    expect(() => parseNetwork(text)).toThrow(
      new TypeError(`"${text}" is not a network; did you mean ${meant}? To use it as a passphrase, write passphrase:${text}`),
    );
    expect(parseNetwork(`passphrase:${text}`)).toEqual(networkFromPassphrase(text));
  });

  it.each(['My Network ; 2026', 'devnet', 'x'])('is a passphrase else, and said to be one: %j', (text) => {
    const network = parseNetwork(text);
    expect(network).toEqual(networkFromPassphrase(text));
    expect(passphraseNotice(network)).toBe(`Not a known network name: “${text}” is used as the passphrase.`);
  });

  it('whose passphrase is nearly that of another is not changed, and the other one is named', () => {
    const network = parseNetwork('Test SDF Network; September 2015');
    expect(network.name).toBeUndefined();
    expect(passphraseNotice(network)).toContain(
      'The passphrase of testnet differs in one or two letters: “Test SDF Network ; September 2015”.',
    );
  });

  it('is not empty, and no seed', () => {
    const seed = 'SAEBFML7QAWLWRCNJJM4JVQAUJ5LZMZXD6QYRHQEPVHO4A2HSP65Z7JY';
    for (const text of ['', 'passphrase:']) expect(() => parseNetwork(text)).toThrow(/it is empty/);
    for (const text of [seed, `passphrase:${seed}`])
      expect(() => parseNetwork(text)).toThrow(new TypeError('a secret seed is not a network; it was not used'));
  });
});
