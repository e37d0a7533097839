/**
 * Lists of targets: from text to targets without duplicates.
 * @module
 */

import { parseTarget, type Target } from '../net/target.ts';
import { toHex } from '../protocol/bytes.ts';
import { hasSecretSeed } from '../protocol/strkey.ts';
import { parseIP } from '../protocol/wire/ip.ts';

/** Keys of a stellar-core.cfg whose values are addresses: those of its peer lists, and of each of its validators. */
const ADDRESS_KEYS: readonly (string | undefined)[] = ['KNOWN_PEERS', 'PREFERRED_PEERS', 'ADDRESS'];
/** A TOML string or a comment. A `#` inside a string starts no comment. */
const STRING_OR_COMMENT = /"((?:[^"\\]|\\.)*)"|'([^']*)'|#.*$/g;

/**
 * Reads a list with one target per line. `#` starts a comment; blank lines are ignored. The list can also be a stellar-core.cfg
 * or lines copied from one: then its KNOWN_PEERS, its PREFERRED_PEERS and the ADDRESS of each of its VALIDATORS are the
 * targets.
 * @throws {TypeError} naming the line that is none of these
 */
export function parseTargets(text: string): Target[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  const config = new ConfigLines();
  return lines.flatMap((line, at) =>
    config.addresses(line).map((entry) => {
      // Subtle: a seed could pass as a host name, and would then be sent to name servers.
      if (hasSecretSeed(entry)) throw new TypeError(`line ${at + 1}: a secret seed is not a target`);
      try {
        return parseTarget(entry);
      } catch (error) {
        throw new TypeError(`line ${at + 1}: ${(error as Error).message}`);
      }
    }),
  );
}

/** Finds the addresses in a list or a stellar-core.cfg, line by line, so that a part of such a file works too. */
class ConfigLines {
  /** The key whose array continues on the next line, and the nesting depth. */
  #array: { readonly key: string; depth: number } | undefined;

  addresses(line: string): readonly string[] {
    const strings: string[] = [];
    const bare = line
      .replace(STRING_OR_COMMENT, (match, double?: string, single?: string) => {
        if (!match.startsWith('#')) strings.push(double ?? single ?? '');
        return match.startsWith('#') ? '' : '""';
      })
      .trim();
    const [, key, value] = /^([A-Za-z_][\w.-]*)\s*=(.*)$/.exec(bare) ?? [];
    if (key !== undefined) this.#array = { key, depth: 0 };
    const { key: owner } = this.#array ?? {};
    if (owner !== undefined) this.#close(value ?? bare);
    else if (strings.length === 0) return isPunctuation(bare) ? [] : [bare];
    return owner === undefined || ADDRESS_KEYS.includes(owner) ? strings : [];
  }

  #close(bare: string): void {
    const array = this.#array as { depth: number };
    for (const character of bare) array.depth += character === '[' ? 1 : character === ']' ? -1 : 0;
    if (array.depth <= 0) this.#array = undefined;
  }
}

/** Whether the rest of a line is empty, the head of a table, or punctuation of an array. */
function isPunctuation(bare: string): boolean {
  return /^(?:\[\[?\s*[A-Z][A-Z0-9_]*(?:\.[\w-]+)*\s*\]\]?|[[\],\s]*)$/.test(bare);
}

/** The targets in order, each once, in its first spelling. */
export function uniqueTargets(targets: readonly Target[]): Target[] {
  const seen = new Map<string, Target>();
  for (const target of targets) {
    const key = targetKey(target);
    if (!seen.has(key)) seen.set(key, target);
  }
  return [...seen.values()];
}

/**
 * The same text for every spelling of the same host and port. Names are not resolved: two names of one host remain two targets.
 */
export function targetKey({ host, port }: Target): string {
  const [address = '', zone] = host.split('%');
  return `${canonicalHost(address)}${zone === undefined ? '' : `%${zone}`} ${port}`;
}

function canonicalHost(host: string): string {
  try {
    return `ip ${toHex(parseIP(host))}`;
  } catch {
    return host.toLowerCase();
  }
}
