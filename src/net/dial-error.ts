/**
 * Errors of dialling: code and message, derived from the outcome of each address.
 * @module
 */
import { isIP } from 'node:net';
import type { OverlayErrorCode, Stage } from '../protocol/error-table.ts';
import { type DialAttempt, OverlayError } from '../protocol/errors.ts';
import type { Family } from './lookup.ts';
import { formatTarget } from './target.ts';

/** Meaning of the operating system's error codes. Those in OWN_REASONS are about this machine, not about the host. */
const REASONS: Readonly<Record<string, string>> = {
  EHOSTUNREACH:
    'a firewall rejects it (firewalld’s default REJECT answers so), the host is down, or no router has a route to it (EHOSTUNREACH)',
  ECONNABORTED: 'the connection was aborted on the way (ECONNABORTED)',
  ENOPROTOOPT: 'a firewall or the host rejects it by ICMP (ENOPROTOOPT)',
  EACCES: 'a firewall on the way rejects it by ICMPv6, or a rule of this machine forbids it (EACCES)',
};
const OWN_REASONS: Readonly<Record<string, string>> = {
  ENETUNREACH: 'this machine has no route there, or a router or firewall on the way reports that there is none (ENETUNREACH)',
  EADDRNOTAVAIL: 'this machine has no address, or no free port, to dial it from (EADDRNOTAVAIL)',
  EAFNOSUPPORT: 'this machine does not support this version of IP (EAFNOSUPPORT)',
  EINVAL: 'this machine cannot dial such an address; a link-local address needs its zone, for example fe80::1%eth0 (EINVAL)',
  EPERM: 'a firewall of this machine forbids it (EPERM)',
};

/** Whether the error means that no file descriptor was free. */
export function isOutOfFiles({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EMFILE' || code === 'ENFILE';
}

/** Outcome of an address for an error of its socket. */
export function outcomeOf({ code }: NodeJS.ErrnoException): DialAttempt['outcome'] {
  if (code === 'ETIMEDOUT') return 'connect-timeout';
  if (code === 'ECONNREFUSED') return 'connection-refused';
  return code === 'ECONNRESET' ? 'connection-reset' : 'unreachable';
}

/** The outcome of one address, as the end of a sentence. */
export function describeAttempt({ outcome, errno = 'unknown', ms }: DialAttempt): string {
  switch (outcome) {
    case 'connected':
      return 'connected';
    case 'overtaken':
      return 'had not answered when another address connected';
    case 'aborted':
      return 'had not answered when dialling was aborted';
    case 'connect-timeout':
      return `did not answer within ${formatSeconds(ms)}`;
    case 'connection-refused':
      return 'refused the connection';
    case 'connection-reset':
      return 'reset the connection';
    case 'unreachable':
      return `cannot be reached: ${REASONS[errno] ?? OWN_REASONS[errno] ?? errno}`;
  }
}

/** Codes in order of priority: the first is the most specific about the node. */
const CODES: readonly (readonly [code: OverlayErrorCode, holds: (attempt: DialAttempt) => boolean])[] = [
  ['OVERLAY_CONNECT_TIMEOUT', ({ outcome }) => outcome === 'connect-timeout'],
  ['OVERLAY_UNREACHABLE', ({ outcome, errno = '' }) => outcome === 'unreachable' && OWN_REASONS[errno] === undefined],
  ['OVERLAY_CONNECTION_RESET', ({ outcome }) => outcome === 'connection-reset'],
  ['OVERLAY_CONNECTION_REFUSED', ({ outcome }) => outcome === 'connection-refused'],
  ['OVERLAY_UNREACHABLE', () => true],
];

/**
 * No address of the host has connected.
 * @param attempts at least one
 * @param causes the errors of the sockets that failed
 */
export function dialError(
  host: string,
  port: number,
  attempts: readonly DialAttempt[],
  causes: readonly NodeJS.ErrnoException[],
): OverlayError {
  const [code] = CODES.find(([, holds]) => attempts.some(holds)) as (typeof CODES)[number];
  const where = formatTarget({ host, port });
  const [only] = attempts as [DialAttempt];
  const message =
    new Set(attempts.map(({ outcome, errno }) => `${outcome} ${errno}`)).size === 1
      ? sentence(where, only)
      : `${where} has no address that accepts a connection: ${attempts.map((one) => `${one.address} ${describeAttempt(one)}`).join('; ')}.`;
  const cause = causes.length > 1 ? new AggregateError(causes) : causes[0];
  return new OverlayError(code, { stage: 'tcp', message, cause, attempts });
}

/** The sentence when all addresses have the same outcome. */
function sentence(where: string, attempt: DialAttempt): string {
  const { outcome, errno = 'unknown' } = attempt;
  if (outcome === 'connection-refused') return `${where} refused the connection: nothing listens there.`;
  if (outcome === 'unreachable') return `${where} cannot be reached: ${REASONS[errno] ?? OWN_REASONS[errno] ?? errno}.`;
  return `${where} ${describeAttempt(attempt)}.`;
}

/** In milliseconds. A resolver that takes longer than this to fail has waited for a name server that did not answer. */
const SILENT_MS = 1_000;

/** The error for a host name without an address. @param cause the error of the look-up; undefined when it found nothing */
export function nameError(host: string, family: Family, cause: unknown, ms: number): OverlayError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (cause instanceof OverlayError) return cause;
  if (code === 'EMFILE' || code === 'ENFILE') return outOfFiles(cause as NodeJS.ErrnoException, 'dns');
  if (code === 'EAI_AGAIN') {
    const message = `The host name ${host} could not be looked up: no name server answered (EAI_AGAIN).`;
    const isSilent = ms >= SILENT_MS;
    return new OverlayError(isSilent ? 'OVERLAY_NAME_LOOKUP_TIMEOUT' : 'OVERLAY_NAME_LOOKUP_FAILED', {
      stage: 'dns',
      cause,
      message,
    });
  }
  if (isIP(host) !== 0)
    return new OverlayError('OVERLAY_NAME_NOT_FOUND', { stage: 'dns', message: `${host} is not an IPv${family} address.` });
  const what = family === 0 ? 'address' : `IPv${family} address`;
  return new OverlayError('OVERLAY_NAME_NOT_FOUND', { stage: 'dns', cause, message: `The host name ${host} has no ${what}.` });
}

/** The error when no resolver answered in time. */
export function lookupTimeout(host: string, ms: number): OverlayError {
  const message = `The host name ${host} was not resolved within ${formatSeconds(ms)}: no resolver answered.`;
  return new OverlayError('OVERLAY_NAME_LOOKUP_TIMEOUT', { stage: 'dns', message });
}

/** The error when no file descriptor was free during the whole time. */
export function outOfFiles(cause: NodeJS.ErrnoException, stage: Stage): OverlayError {
  const whose = cause.code === 'ENFILE' ? 'this machine' : 'this process';
  const message = `Nothing was dialled: ${whose} has reached its limit of open files (${cause.code}).`;
  return new OverlayError('OVERLAY_TOO_MANY_OPEN_FILES', { stage, cause, message });
}

function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
