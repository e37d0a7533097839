/**
 * A network, as people write it.
 * @module
 */
import { type Network, type NetworkName, networks } from '../protocol/networks.ts';
import { hasSecretSeed } from '../protocol/strkey.ts';
import { closest } from './closest.ts';
import { networkFromPassphrase } from './options.ts';

/** Other names people give to the networks. */
const ALIASES: Readonly<Record<string, NetworkName>> = { mainnet: 'pubnet', public: 'pubnet', local: 'standalone' };
/** In front of a passphrase that looks like a name. */
export const PASSPHRASE_MARK = 'passphrase:';

/**
 * Reads the name of a network, in any case, or a passphrase. A word that is nearly a name is taken for a mistake; with
 * `passphrase:` in front it is used as it is.
 * @throws {TypeError} when it is empty, a secret seed, or nearly a name, which is suggested then
 */
export function parseNetwork(text: string): Network {
  if (text === '' || text === PASSPHRASE_MARK) throw new TypeError('a network is a name or a passphrase, and not empty');
  if (hasSecretSeed(text)) throw new TypeError('a secret seed is no network, and was not used');
  if (text.startsWith(PASSPHRASE_MARK)) return networkFromPassphrase(text.slice(PASSPHRASE_MARK.length));
  const name = text.trim().toLowerCase();
  if (Object.hasOwn(networks, name)) return networks[name as NetworkName];
  const alias = Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined;
  if (alias !== undefined) return networks[alias];
  const meant = closest(name, [...Object.keys(networks), ...Object.keys(ALIASES)]);
  if (meant !== undefined)
    throw new TypeError(
      `${JSON.stringify(text)} is no network; did you mean ${meant}? A passphrase that looks like a name is written ${PASSPHRASE_MARK}${text}`,
    );
  return networkFromPassphrase(text);
}

/** Says that a network has no name here, and what its passphrase is; undefined when it has one. */
export function passphraseNotice({ name, passphrase }: Network): string | undefined {
  if (name !== undefined) return undefined;
  const known = Object.values(networks);
  const meant = closest(
    passphrase,
    known.map((network) => network.passphrase),
  );
  const near = known.find((network) => network.passphrase === meant);
  const hint = near === undefined ? '' : ` That of ${near.name} differs in a letter or two: “${near.passphrase}”.`;
  return `No network known here: “${passphrase}” is used as its passphrase.${hint}`;
}
