/**
 * Who may ask: a browser obeys whatever page it has open, so that a page of somebody else's is told from the operator.
 * @module
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isAddress } from '../net/allow-list.ts';

/** What a server knows of itself. */
export interface HttpRules {
  /** Whether a Host header names this server. */
  readonly isHost: (host: string) => boolean;
  /** Whether a link on another page may lead here: not where asking alone does something. */
  readonly isLinkable: (url: string) => boolean;
}

/**
 * Why a request is not answered; undefined when it is.
 *
 * Subtle: the Host is judged so that no name of somebody else's that leads here is taken for ours (DNS rebinding). Sec-Fetch-Site
 * comes from browsers, and only on loopback and with TLS; what is no browser sends neither that nor an Origin.
 */
export function whyNot(url: string, headers: IncomingHttpHeaders, { isHost, isLinkable }: HttpRules): string | undefined {
  const { host, origin } = headers;
  if (host === undefined || !isHost(host)) return 'The Host of the request is not a name of this server.';
  if (origin !== undefined && origin !== `http://${host}`) return 'A page of somebody else’s may not ask this server.';
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return undefined;
  const isLink = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  if (isLink && isLinkable(url)) return undefined;
  return 'Another page has led here: type the address instead.';
}

/** Whether a Host header is an IP address or localhost, neither of which anybody can make lead elsewhere, or one of the names; with any port. */
export function isAddressOr(names: readonly string[]): (host: string) => boolean {
  const known = new Set(['localhost', ...names.map((name) => name.toLowerCase())]);
  return (host) => {
    const name = /^(.+?)(?::\d{1,5})?$/.exec(host)?.[1]?.toLowerCase() ?? '';
    return known.has(name) || isAddress(name.replace(/^\[(.*)\]$/, '$1'));
  };
}
