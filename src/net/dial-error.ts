/**
 * What it means that nobody could be dialled, told by what each address did.
 * @module
 */
import { isIP } from 'node:net';
import type { OverlayErrorCode, Stage } from '../protocol/error-table.ts';
import { type DialAttempt, OverlayError } from '../protocol/errors.ts';
import type { Family } from './lookup.ts';
import { formatTarget } from './target.ts';

/** What the operating system's reasons mean; those of this machine say nothing about the host. */
const REASONS: Readonly<Record<string, string>> = {
  EHOSTUNREACH:
    'a firewall rejects it (firewalld’s default REJECT answers so), the host is down, or no router knows the way (EHOSTUNREACH)',
  ECONNABORTED: 'the connection was aborted on the way (ECONNABORTED)',
  ENOPROTOOPT: 'a firewall or the host rejects it by ICMP (ENOPROTOOPT)',
  EACCES: 'a firewall on the way rejects it by ICMPv6, or a rule of this machine forbids it (EACCES)',
};
const OWN_REASONS: Readonly<Record<string, string>> = {
  ENETUNREACH: 'this machine has no route there, or a router or firewall on the way says that there is none (ENETUNREACH)',
  EADDRNOTAVAIL: 'this machine has no address, or no free port, to dial it from (EADDRNOTAVAIL)',
  EAFNOSUPPORT: 'this machine does not speak this version of IP (EAFNOSUPPORT)',
  EINVAL: 'this machine cannot dial such an address; a link-local one needs its zone, like fe80::1%eth0 (EINVAL)',
  EPERM: 'a firewall of this machine forbids it (EPERM)',
};

/** Whether there is no file descriptor for it. */
export function isOutOfFiles({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EMFILE' || code === 'ENFILE';
}

/** What an error of a socket says of the address. */
export function outcomeOf({ code }: NodeJS.ErrnoException): DialAttempt['outcome'] {
  if (code === 'ETIMEDOUT') return 'connect-timeout';
  if (code === 'ECONNREFUSED') return 'connection-refused';
  return code === 'ECONNRESET' ? 'connection-reset' : 'unreachable';
}

/** What one address did, as the end of a sentence. */
export function describeAttempt({ outcome, errno = 'unknown', ms }: DialAttempt): string {
  switch (outcome) {
    case 'connected':
      return 'connected';
    case 'overtaken':
      return 'had not answered when another address did';
    case 'aborted':
      return 'had not answered when it was given up';
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

/** The codes, the one that says most about the node first. */
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
 * @param causes the errors of the sockets that had one
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
      : `${where} has no address that can be connected to: ${attempts.map((one) => `${one.address} ${describeAttempt(one)}`).join('; ')}.`;
  const cause = causes.length > 1 ? new AggregateError(causes) : causes[0];
  return new OverlayError(code, { stage: 'tcp', message, cause, attempts });
}

/** What all addresses did. */
function sentence(where: string, attempt: DialAttempt): string {
  const { outcome, errno = 'unknown' } = attempt;
  if (outcome === 'connection-refused') return `${where} refused the connection: nothing listens there.`;
  if (outcome === 'unreachable') return `There is no way to ${where}: ${REASONS[errno] ?? OWN_REASONS[errno] ?? errno}.`;
  return `${where} ${describeAttempt(attempt)}.`;
}

/** A resolver that is slower than this to say that it does not know has waited for one that did not answer, in milliseconds. */
const SILENT_MS = 1_000;

/** A host name has no address. @param cause of the look-up; undefined when it found nothing */
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
    return new OverlayError('OVERLAY_NAME_NOT_FOUND', { stage: 'dns', message: `${host} is no IPv${family} address.` });
  const what = family === 0 ? 'address' : `IPv${family} address`;
  return new OverlayError('OVERLAY_NAME_NOT_FOUND', { stage: 'dns', cause, message: `The host name ${host} has no ${what}.` });
}

/** No resolver has answered in time. */
export function lookupTimeout(host: string, ms: number): OverlayError {
  const message = `The host name ${host} was not resolved within ${formatSeconds(ms)}: no resolver has answered.`;
  return new OverlayError('OVERLAY_NAME_LOOKUP_TIMEOUT', { stage: 'dns', message });
}

/** There was no file descriptor all the time. */
export function outOfFiles(cause: NodeJS.ErrnoException, stage: Stage): OverlayError {
  const whose = cause.code === 'ENFILE' ? 'this machine has' : 'this process has';
  const message = `Nothing was dialled: ${whose} as many files open as it may (${cause.code}).`;
  return new OverlayError('OVERLAY_TOO_MANY_OPEN_FILES', { stage, cause, message });
}

function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
