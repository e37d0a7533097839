/**
 * Which requests are allowed. A browser sends requests for every page that it shows, so requests of foreign pages must be told
 * from those of the operator.
 * @module
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isAddress } from '../net/allow-list.ts';

/** What a server knows of itself. */
export interface HttpRules {
  /** Whether a Host header names this server. */
  readonly isHost: (host: string) => boolean;
  /** Whether a link on another page may lead here. False where the request alone has an effect. */
  readonly isLinkable: (url: string) => boolean;
}

/**
 * Why a request is refused; undefined when it is allowed.
 *
 * Subtle: the Host is checked so that a foreign name that resolves to this server is not accepted (DNS rebinding). Browsers
 * send Sec-Fetch-Site only on loopback and with TLS. Clients that are not browsers send neither that nor an Origin.
 */
export function whyNot(url: string, headers: IncomingHttpHeaders, { isHost, isLinkable }: HttpRules): string | undefined {
  const { host, origin } = headers;
  if (host === undefined || !isHost(host)) return 'The Host of the request is not a name of this server.';
  if (origin !== undefined && origin !== `http://${host}`) return 'A page of another site may not send requests to this server.';
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return undefined;
  const isLink = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  if (isLink && isLinkable(url)) return undefined;
  return 'The request comes from a link on another page: type the address instead.';
}

/**
 * Whether a Host header is an IP address, localhost, or one of the names, with any port. Nobody else can make an IP address or
 * localhost lead to another server.
 */
export function isAddressOr(names: readonly string[]): (host: string) => boolean {
  const known = new Set(['localhost', ...names.map((name) => name.toLowerCase())]);
  return (host) => {
    const name = /^(.+?)(?::\d{1,5})?$/.exec(host)?.[1]?.toLowerCase() ?? '';
    return known.has(name) || isAddress(name.replace(/^\[(.*)\]$/, '$1'));
  };
}
