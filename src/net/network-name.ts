/**
 * Names of networks as users write them.
 * @module
 */
import { type Network, type NetworkName, networks } from '../protocol/networks.ts';
import { hasSecretSeed } from '../protocol/strkey.ts';
import { closest } from './closest.ts';
import { networkFromPassphrase } from './options.ts';

/** Other common names of the networks. */
const ALIASES: Readonly<Record<string, NetworkName>> = { mainnet: 'pubnet', public: 'pubnet', local: 'standalone' };
/** Prefix for a passphrase that looks like a name. */
export const PASSPHRASE_MARK = 'passphrase:';

/**
 * Reads the name of a network (upper or lower case) or a passphrase. A word that is almost a name is treated as a mistake. With
 * `passphrase:` in front it is used as a passphrase.
 * @throws {TypeError} when it is empty, a secret seed, or almost a name; the message then suggests the name
 */
export function parseNetwork(text: string): Network {
  if (text === '' || text === PASSPHRASE_MARK) throw new TypeError('a network must be a name or a passphrase; it is empty');
  if (hasSecretSeed(text)) throw new TypeError('a secret seed is not a network; it was not used');
  if (text.startsWith(PASSPHRASE_MARK)) return networkFromPassphrase(text.slice(PASSPHRASE_MARK.length));
  const name = text.trim().toLowerCase();
  if (Object.hasOwn(networks, name)) return networks[name as NetworkName];
  const alias = Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined;
  if (alias !== undefined) return networks[alias];
  const meant = closest(name, [...Object.keys(networks), ...Object.keys(ALIASES)]);
  if (meant !== undefined)
    throw new TypeError(
      `${JSON.stringify(text)} is not a network; did you mean ${meant}? To use it as a passphrase, write ${PASSPHRASE_MARK}${text}`,
    );
  return networkFromPassphrase(text);
}

/** The notice for a network without a known name, with its passphrase; undefined when it has a name. */
export function passphraseNotice({ name, passphrase }: Network): string | undefined {
  if (name !== undefined) return undefined;
  const known = Object.values(networks);
  const meant = closest(
    passphrase,
    known.map((network) => network.passphrase),
  );
  const near = known.find((network) => network.passphrase === meant);
  const hint = near === undefined ? '' : ` The passphrase of ${near.name} differs in one or two letters: “${near.passphrase}”.`;
  return `Not a known network name: “${passphrase}” is used as the passphrase.${hint}`;
}
