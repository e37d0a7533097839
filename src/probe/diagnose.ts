/**
 * From a failed attempt to its cause, by what was seen of the connection and what a second look found.
 * @module
 */
import { hexOf, isLikeHello } from '../net/stranger.ts';
import { toHex } from '../protocol/bytes.ts';
import { OverlayError } from '../protocol/errors.ts';
import type { Evidence } from './evidence.ts';
import type { Finding } from './knowledge.ts';

/** First bytes of answers of other services, as text. */
const OTHERS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^HTTP\/\d|^<(?:!doctype|html)/i, 'an HTTP server'],
  [/^SSH-/, 'an SSH server'],
  [/^220[ -]/, 'a mail or FTP server'],
  [/^\* OK/, 'an IMAP server'],
  [/^(?:-ERR|\+OK|\+PONG)/, 'a Redis or POP3 server'],
  [/^[\t\r\n\x20-\x7e]{8}/, 'a text protocol server'],
];

/** First bytes of answers of other services, as hex. */
const BINARY_OTHERS: typeof OTHERS = [
  [/^1[56]03/, 'a TLS server'],
  [/^.{6}000a(?:3[0-9])+2e/, 'a MySQL server'],
  [/^fff[b-e]/, 'a Telnet server'],
];

/** Whether the peer closed after our HELLO without an answer. Then only a second look can find the cause. */
export function isSilentRefusal({ code, stage }: OverlayError, { firstBytes }: Evidence): boolean {
  const closed = code === 'OVERLAY_CONNECTION_CLOSED' || code === 'OVERLAY_CONNECTION_RESET';
  return closed && stage === 'hello' && firstBytes.length === 0;
}

/** The same failure with a message that uses the evidence; the error itself when there is nothing to add. */
export function diagnose(error: OverlayError, evidence: Evidence): OverlayError {
  if (evidence.isEcho) {
    const message = 'It sends our own HELLO back: it is an echo service.';
    return new OverlayError('OVERLAY_NOT_STELLAR', { stage: 'hello', cause: error, message });
  }
  switch (`${error.code} ${error.stage}`) {
    case 'OVERLAY_RECORD_LENGTH hello':
    case 'OVERLAY_CORRUPT_XDR hello':
      return isLikeHello(evidence.firstBytes) ? error : notStellar(error, evidence);
    case 'OVERLAY_HANDSHAKE_TIMEOUT hello':
      return retold(error, silence(evidence));
    case 'OVERLAY_HANDSHAKE_TIMEOUT auth':
      return retold(error, 'It answered our HELLO with its own, and then sent no AUTH in time.');
    case 'OVERLAY_CONNECTION_CLOSED auth':
      return retold(error, 'It sent its HELLO, and closed the connection without an error message when we sent AUTH.');
    case 'OVERLAY_CONNECTION_CLOSED channel':
      return retold(error, 'It completed the handshake, and closed the connection without an error message right after that.');
    case 'OVERLAY_CERT_EXPIRED hello':
      return retold(error, `${error.message} Either our clock is ahead, or its clock is behind by half an hour or more.`);
    default:
      return error;
  }
}

/**
 * The error for a connection that the peer closed without an answer, with the finding of a second look. When that found
 * nothing, the message says so.
 * @param ownKeyAgain whether our own key was refused a second time, after another key was accepted
 */
export function diagnoseSilence(
  error: OverlayError,
  { lastedMs, network }: Evidence,
  finding: Finding,
  ownKeyAgain: boolean,
): OverlayError {
  const known = { stage: 'hello', cause: error } as const;
  switch (finding.is) {
    case 'other-network':
      return new OverlayError('OVERLAY_OTHER_NETWORK', {
        ...known,
        remote: finding.remote,
        message: `The node is on ${finding.network.name}, not on ${network.name ?? `the network of the passphrase “${network.passphrase}”`}.`,
      });
    case 'own-clock-behind':
      return new OverlayError('OVERLAY_OWN_CLOCK_BEHIND', {
        ...known,
        remote: finding.remote,
        message: `The clock of this machine is at least ${duration(finding.seconds)} behind the node’s clock, so the node treats our certificate as expired.`,
      });
    case 'closes-at-once':
      return new OverlayError('OVERLAY_CLOSED_AT_ONCE', known);
    case 'closes-unheard': {
      const message = `It closes every connection after ${(finding.afterMs / 1000).toFixed(1)} s, whatever it receives.`;
      return new OverlayError('OVERLAY_CLOSED_UNHEARD', { ...known, message });
    }
    case 'lets-others-in':
      if (ownKeyAgain) return new OverlayError('OVERLAY_BANNED_THERE', { ...known, remote: finding.remote });
      return retold(error, `${silentEnd(error, lastedMs)} The cause is unknown: it answers some connections and not others.`);
    case 'cut-short':
      return retold(error, `${silentEnd(error, lastedMs)} The cause is unknown: there was no time for a second look.`);
    case 'not-taken':
      return retold(error, `${silentEnd(error, lastedMs)} The cause is unknown: no second look was taken.`);
    default:
      return retold(
        error,
        `${silentEnd(error, lastedMs)} The cause is unknown: another known network, a later certificate and another key get no answer either.`,
      );
  }
}

function silentEnd({ code }: OverlayError, lastedMs: number): string {
  const how = code === 'OVERLAY_CONNECTION_RESET' ? 'broke' : 'closed';
  return `It ${how} the connection without an answer, ${(lastedMs / 1000).toFixed(1)} s after our HELLO.`;
}

function retold(error: OverlayError, message: string): OverlayError {
  const { code, stage, remote, peers, peerError } = error;
  return new OverlayError(code, { stage, cause: error, message, remote, peers, peerError });
}

function notStellar(error: OverlayError, { firstBytes }: Evidence): OverlayError {
  const text = String.fromCharCode(...firstBytes);
  const hex = toHex(firstBytes);
  const [, name] = BINARY_OTHERS.find(([pattern]) => pattern.test(hex)) ?? OTHERS.find(([pattern]) => pattern.test(text)) ?? [];
  const start = text.split(/[\r\n]/)[0] ?? '';
  const shown = /^[\x20-\x7e]{3,}$/.test(start) ? `“${start}”` : hexOf(firstBytes);
  return new OverlayError('OVERLAY_NOT_STELLAR', {
    stage: 'hello',
    cause: error,
    message: name ? `It answers like ${name}: ${shown}.` : `It answers, but not like a Stellar node: ${shown}.`,
  });
}

function silence({ firstBytes, lastedMs }: Evidence): string {
  const within = `within ${(lastedMs / 1000).toFixed(1)} s`;
  if (firstBytes.length === 0) return `It accepts the connection, but sends nothing ${within}.`;
  return `It sent ${hexOf(firstBytes)} and no whole message ${within}.`;
}

/** A duration in the largest suitable unit, rounded down. */
function duration(seconds: number): string {
  const [size, unit] = seconds >= 172_800 ? [86_400, 'days'] : seconds >= 7_200 ? [3_600, 'hours'] : [60, 'minutes'];
  return `${Math.floor(seconds / (size as number))} ${unit}`;
}
