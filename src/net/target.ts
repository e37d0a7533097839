/**
 * HOST[:PORT], as people write it.
 * @module
 */
import { DEFAULT_PORT } from '../protocol/constants.ts';
import { hasSecretSeed } from '../protocol/strkey.ts';
import { parseIP } from '../protocol/wire/ip.ts';

/** Where to connect to. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads a host name, an IPv4 address, or an IPv6 address with brackets when a port follows.
 * @throws {TypeError} when it is none of these
 */
export function parseTarget(text: string): Target {
  if (hasSecretSeed(text)) throw new TypeError('a secret seed is no target, and was not used: keep it off the command line');
  // Subtle: % belongs to the zone of an IPv6 address. In a name it could make one that looks like an address in part.
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s/%]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? (isIPv6(text) ? text : undefined);
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (host === undefined || (match?.[1] !== undefined && !isIPv6(match[1]))) {
    throw new TypeError(`not a target: ${JSON.stringify(text)}; write HOST, HOST:PORT or [IPv6]:PORT`);
  }
  if (port < 1 || port > 65535) throw new TypeError(`not a port from 1 to 65535 in ${JSON.stringify(text)}`);
  return { host, port };
}

/** The target as it is shown, always with its port. */
export function formatTarget({ host, port }: Target): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function isIPv6(text: string): boolean {
  try {
    // A zone (fe80::1%eth0) is the operating system's business.
    return parseIP(text.replace(/%[\w.-]+$/, '')).length === 16;
  } catch {
    return false;
  }
}
