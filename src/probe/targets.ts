/**
 * Lists of targets: from text to each target once.
 * @module
 */

import { parseTarget, type Target } from '../net/target.ts';
import { toHex } from '../protocol/bytes.ts';
import { parseIP } from '../protocol/wire/ip.ts';

/** A secret seed as StrKey writes it. */
const SEED = /^S[A-Z2-7]{55}$/;

/**
 * Reads a list: one target a line. `#` begins a comment, blank lines mean nothing.
 * @throws {TypeError} naming the line that is neither
 */
export function parseTargets(text: string): Target[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  return lines.flatMap((line, at) => {
    const entry = line.replace(/#.*$/, '').trim();
    if (entry === '') return [];
    // Subtle: a seed would pass for a host name, and be shown to whoever resolves names.
    if (SEED.test(entry)) throw new TypeError(`line ${at + 1}: a secret seed is no target`);
    try {
      return [parseTarget(entry)];
    } catch (error) {
      throw new TypeError(`line ${at + 1}: ${(error as Error).message}`);
    }
  });
}

/** The targets in their order, each once, as it is spelled first. */
export function uniqueTargets(targets: readonly Target[]): Target[] {
  const seen = new Map<string, Target>();
  for (const target of targets) {
    const key = targetKey(target);
    if (!seen.has(key)) seen.set(key, target);
  }
  return [...seen.values()];
}

/** The same text for every spelling of the same host and port. Names are not resolved: two names of one host stay two targets. */
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
