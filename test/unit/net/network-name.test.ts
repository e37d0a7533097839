import { describe, expect, it } from 'vitest';
import { networkFromPassphrase, networks } from '../../../src/index.ts';
import { parseNetwork, passphraseNotice } from '../../../src/net/network-name.ts';

describe('the name of a network', () => {
  it.each([
    ['pubnet', 'pubnet'],
    ['PUBNET', 'pubnet'],
    ['Standalone', 'standalone'],
    [' testnet\n', 'testnet'],
    ['mainnet', 'pubnet'],
    ['Public', 'pubnet'],
    ['local', 'standalone'],
    ['Test SDF Network ; September 2015', 'testnet'],
  ] as const)('is recognised in upper and lower case, and by its passphrase: %j', (text, name) => {
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
  ])('is refused with a suggestion when it has a typing mistake: %j', (text, meant) => {
    expect(() => parseNetwork(text)).toThrow(
      new TypeError(`"${text}" is not a network; did you mean ${meant}? To use it as a passphrase, write passphrase:${text}`),
    );
    expect(parseNetwork(`passphrase:${text}`)).toEqual(networkFromPassphrase(text));
  });

  it.each(['My Network ; 2026', 'devnet', 'x'])('is used as a passphrase, with a notice, when it is unknown: %j', (text) => {
    const network = parseNetwork(text);
    expect(network).toEqual(networkFromPassphrase(text));
    expect(passphraseNotice(network)).toBe(`Not a known network name: “${text}” is used as the passphrase.`);
  });

  it('is used as a passphrase when it is nearly a known passphrase, and the notice names the known one', () => {
    const network = parseNetwork('Test SDF Network; September 2015');
    expect(network.name).toBeUndefined();
    expect(passphraseNotice(network)).toContain(
      'The passphrase of testnet differs in one or two letters: “Test SDF Network ; September 2015”.',
    );
  });

  it('must not be empty or a secret seed', () => {
    const seed = 'SAEBFML7QAWLWRCNJJM4JVQAUJ5LZMZXD6QYRHQEPVHO4A2HSP65Z7JY';
    for (const text of ['', 'passphrase:']) expect(() => parseNetwork(text)).toThrow(/it is empty/);
    for (const text of [seed, `passphrase:${seed}`])
      expect(() => parseNetwork(text)).toThrow(new TypeError('a secret seed is not a network; it was not used'));
  });
});
