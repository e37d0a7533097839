/**
 * Failed handshakes from the acceptor's point of view. The advice in the error table is for a dialler about its peer; an
 * acceptor needs other advice.
 * @module
 */
import { toHex } from '../protocol/bytes.ts';
import { RECORD_HEADER_BYTES } from '../protocol/constants.ts';
import { OverlayError } from '../protocol/errors.ts';

/** Number of first bytes needed to recognise other protocols. */
export const STRANGER_BYTES = 64;

const NO_PROXY = ['the PROXY protocol', 'Turn the PROXY protocol off in the load balancer before this node.'] as const;
const SCANNER = 'Nothing has to be done: scanners that look for web servers try every port.';
/** First bytes of other clients, as text. */
const OTHERS: readonly (readonly [pattern: RegExp, name: string, advice: string])[] = [
  [/^PROXY (?:TCP[46]|UNKNOWN)/, ...NO_PROXY],
  [/^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT|PRI) /, 'HTTP', SCANNER],
  [/^SSH-/, 'SSH', SCANNER],
  [/^(?:EHLO|HELO|USER|HELP|QUIT)\b/i, 'a mail or FTP client’s language', SCANNER],
  [/^(?:\*\d+\r\n|PING\r\n|INFO\r\n)/, 'Redis', SCANNER],
  [/^[\t\r\n\x20-\x7e]{8}/, 'text', SCANNER],
];

/** First bytes of other clients, as hex. */
const BINARY_OTHERS: typeof OTHERS = [
  [/^0d0a0d0a000d0a515549540a/, ...NO_PROXY],
  [/^1603/, 'TLS', SCANNER],
  [/^0300/, 'RDP', SCANNER],
  [/^00.{6}f[ef]534d42/, 'SMB', SCANNER],
];

/**
 * The failure of a handshake as the acceptor sees it: the same code, unless another protocol is recognised, with its own
 * message and advice.
 * @param firstBytes the first bytes received, at most `STRANGER_BYTES` of them
 * @param elapsedMs time since the connection was accepted
 */
export function asAcceptor(error: OverlayError, firstBytes: Uint8Array, elapsedMs: number): OverlayError {
  switch (`${error.code} ${error.stage}`) {
    case 'OVERLAY_IDLE_TIMEOUT hello':
    case 'OVERLAY_HANDSHAKE_TIMEOUT hello':
      return retold(error, `${nothingYet(firstBytes)} within ${(elapsedMs / 1000).toFixed(1)} s.`, LOOKING);
    case 'OVERLAY_IDLE_TIMEOUT auth':
    case 'OVERLAY_HANDSHAKE_TIMEOUT auth':
      return retold(
        error,
        'It sent HELLO, got our answer, and sent no AUTH in time.',
        'Nothing has to be done unless a node should stay connected: then it is overloaded or suspended, or something on the path holds its bytes back.',
      );
    case 'OVERLAY_CONNECTION_CLOSED hello':
    case 'OVERLAY_CONNECTION_RESET hello':
      return notStellar(error, firstBytes) ?? retold(error, `${nothingYet(firstBytes)}, and closed the connection.`, LOOKING);
    case 'OVERLAY_CONNECTION_CLOSED auth':
    case 'OVERLAY_CONNECTION_RESET auth':
      return retold(
        error,
        'It sent HELLO, got our answer, and closed the connection without AUTH.',
        'A prober or crawler that needs no more behaves like this, and nothing has to be done. A node that should stay connected expects another key here, has banned our key, or has a clock so far ahead that our certificate has expired for it: its log has the reason.',
      );
    case 'OVERLAY_RECORD_LENGTH hello':
    case 'OVERLAY_CORRUPT_XDR hello':
    case 'OVERLAY_MESSAGE_BEFORE_HANDSHAKE hello':
      if (isLikeHello(firstBytes)) return error;
      return (
        notStellar(error, firstBytes) ?? retold(error, undefined, `The client is most likely not a Stellar node. ${SCANNER}`)
      );
    case 'OVERLAY_CERT_INVALID hello':
      return retold(
        error,
        undefined,
        'Most often a node of another network has this address, and nothing has to be done. If it should connect, compare its NETWORK_PASSPHRASE with --network here.',
      );
    default:
      return error;
  }
}

const LOOKING =
  'Nothing has to be done: health checks, load balancers and port scanners behave like this. If a node should connect, something on the path holds its HELLO back.';

function nothingYet(firstBytes: Uint8Array): string {
  return firstBytes.length === 0 ? 'It connected, sent nothing' : `It connected, sent ${hexOf(firstBytes)}, no whole HELLO`;
}

function retold(error: OverlayError, message: string | undefined, advice: string, code = error.code): OverlayError {
  const { stage, remote, peers, peerError, told, dropReason } = error;
  const words = { message: message ?? error.message, advice };
  return new OverlayError(code, { stage, cause: error, ...words, remote, peers, peerError, told: told ?? undefined, dropReason });
}

/** Undefined when the bytes belong to no protocol in the tables. */
function notStellar(error: OverlayError, firstBytes: Uint8Array): OverlayError | undefined {
  const text = String.fromCharCode(...firstBytes);
  const hex = toHex(firstBytes);
  const found = BINARY_OTHERS.find(([pattern]) => pattern.test(hex)) ?? OTHERS.find(([pattern]) => pattern.test(text));
  if (found === undefined) return undefined;
  const [, name, advice] = found;
  const start = text.split(/[\r\n]/)[0] ?? '';
  const shown = /^[\x20-\x7e]{3,}$/.test(start) ? `“${start}”` : hexOf(firstBytes);
  return retold(error, `It sent ${name}: ${shown}.`, advice, 'OVERLAY_NOT_STELLAR');
}

/** A header, version 0 and the type of HELLO: a Stellar node sent it, whatever is wrong in the rest. */
export function isLikeHello(bytes: Uint8Array): boolean {
  const body = bytes.subarray(RECORD_HEADER_BYTES);
  return toHex(body.subarray(0, 4)) === '00000000' && toHex(body.subarray(12, 16)) === '0000000d';
}

/** The first bytes as text, at most 12 of them. */
export function hexOf(bytes: Uint8Array): string {
  const shown = bytes.subarray(0, 12);
  return `the bytes ${toHex(shown).replace(/../g, '$& ').trim()}${bytes.length > shown.length ? ' …' : ''}`;
}
