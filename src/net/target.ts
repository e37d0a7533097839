/**
 * HOST[:PORT], as users write it.
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
 * Reads a host name, an IPv4 address, or an IPv6 address. An IPv6 address needs brackets when a port follows.
 * @throws {TypeError} when it is none of these
 */
export function parseTarget(text: string): Target {
  if (hasSecretSeed(text)) throw new TypeError('a secret seed is not a target; it was not used: keep it off the command line');
  if (isPort(text)) throw new TypeError(`${text} is a number, not a host: write HOST:${Number(text)}`);
  // Subtle: % belongs to the zone of an IPv6 address. In a name it could make a part look like an address.
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s/%]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? (isIPv6(text) ? text : undefined);
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (host === undefined || (match?.[1] !== undefined && !isIPv6(match[1]))) {
    throw new TypeError(`not a target: ${JSON.stringify(text)}; write HOST, HOST:PORT or [IPv6]:PORT${suggestion(text)}`);
  }
  refuseHost(host);
  if (port < 1 || port > 65535) throw new TypeError(`not a port from 1 to 65535 in ${JSON.stringify(text)}`);
  return { host, port };
}

/** The target as text, always with its port. */
export function formatTarget({ host, port }: Target): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Whether the text is a valid port number. */
export function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535;
}

/**
 * Refuses texts that are not a host but would be looked up or dialled as one: a secret seed (which the message does not
 * repeat), the key of a node, and a number in a notation of inet_aton (`1` is 0.0.0.1). No host name ends in a number (WHATWG
 * URL, section 3.5).
 * @throws {TypeError} naming what it is
 */
export function refuseHost(host: string): void {
  if (hasSecretSeed(host)) throw new TypeError('a secret seed is not a host; it was not used');
  if (/^[GM][A-Z2-7]{50,}$/.test(host))
    throw new TypeError(`${host} is the key of a node, not its address: write HOST:PORT, and use --expect for the key`);
  if (!host.includes(':') && /(?:^|\.)(?:\d+|0x[\da-f]*)\.?$/i.test(host) && !isIPv4(host))
    throw new TypeError(`${JSON.stringify(host)} is neither a host name nor a complete IP address`);
}

/** A suggestion: host and port separated by a space, or the host and port of a URL. */
function suggestion(text: string): string {
  const spaced = /^([^\s:]+)\s+(\d{1,5})$/.exec(text.trim());
  const [, authority = ''] = /^[a-z][a-z\d+.-]*:\/\/(?:[^/@]*@)?([^\s/?#]+)/i.exec(text) ?? [];
  const meant = spaced === null ? authority : `${spaced[1]}:${spaced[2]}`;
  return meant === '' ? '' : `; did you mean ${meant}?`;
}

function isIPv4(text: string): boolean {
  try {
    return parseIP(text).length === 4;
  } catch {
    return false;
  }
}

function isIPv6(text: string): boolean {
  try {
    // A zone (fe80::1%eth0) is the operating system's business.
    return parseIP(text.replace(/%[\w.-]+$/, '')).length === 16;
  } catch {
    return false;
  }
}
