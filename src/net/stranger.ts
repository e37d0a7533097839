/**
 * Who connects to a listener and does not get through the handshake, in an acceptor's words: what a dialler would be
 * advised to do about its peer is no advice to somebody who was called.
 * @module
 */
import { toHex } from '../protocol/bytes.ts';
import { RECORD_HEADER_BYTES } from '../protocol/constants.ts';
import { OverlayError } from '../protocol/errors.ts';

/** Bytes by which other protocols are known. */
export const STRANGER_BYTES = 64;

const NO_PROXY = ['the PROXY protocol', 'Turn the PROXY protocol off in the load balancer before this node.'] as const;
const SCANNER = 'Nothing has to be done: whatever looks for web servers tries every port.';
/** What other clients say first, as text. */
const OTHERS: readonly (readonly [pattern: RegExp, name: string, advice: string])[] = [
  [/^PROXY (?:TCP[46]|UNKNOWN)/, ...NO_PROXY],
  [/^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT|PRI) /, 'HTTP', SCANNER],
  [/^SSH-/, 'SSH', SCANNER],
  [/^(?:EHLO|HELO|USER|HELP|QUIT)\b/i, 'a mail or FTP client’s language', SCANNER],
  [/^(?:\*\d+\r\n|PING\r\n|INFO\r\n)/, 'Redis', SCANNER],
  [/^[\t\r\n\x20-\x7e]{8}/, 'text', SCANNER],
];

/** The same as hex. */
const BINARY_OTHERS: typeof OTHERS = [
  [/^0d0a0d0a000d0a515549540a/, ...NO_PROXY],
  [/^1603/, 'TLS', SCANNER],
  [/^0300/, 'RDP', SCANNER],
  [/^00.{6}f[ef]534d42/, 'SMB', SCANNER],
];

/**
 * The failure of a handshake as the acceptor sees it: same code, unless another protocol is recognised; its own message and advice.
 * @param firstBytes what came first, at most `STRANGER_BYTES` of it
 * @param elapsedMs since the connection was taken
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
        'It said HELLO, was answered, and sent no AUTH in time.',
        'Nothing has to be done unless it is a node that should stay: then it is overloaded or suspended, or something on the way holds its bytes back.',
      );
    case 'OVERLAY_CONNECTION_CLOSED hello':
    case 'OVERLAY_CONNECTION_RESET hello':
      return notStellar(error, firstBytes) ?? retold(error, `${nothingYet(firstBytes)}, and left.`, LOOKING);
    case 'OVERLAY_CONNECTION_CLOSED auth':
    case 'OVERLAY_CONNECTION_RESET auth':
      return retold(
        error,
        'It said HELLO, was answered, and left without AUTH.',
        'A prober or crawler that wanted no more looks so, and nothing has to be done. A node that should stay expects another key here, has banned ours, or its clock is so far ahead that our certificate has expired for it: its log tells.',
      );
    case 'OVERLAY_RECORD_LENGTH hello':
    case 'OVERLAY_CORRUPT_XDR hello':
    case 'OVERLAY_MESSAGE_BEFORE_HANDSHAKE hello':
      if (isLikeHello(firstBytes)) return error;
      return (
        notStellar(error, firstBytes) ?? retold(error, undefined, `What connected is most likely no Stellar node. ${SCANNER}`)
      );
    case 'OVERLAY_CERT_INVALID hello':
      return retold(
        error,
        undefined,
        'Most often a node of another network has this address, and nothing has to be done. If it is to connect, compare NETWORK_PASSPHRASE there with --network here.',
      );
    default:
      return error;
  }
}

const LOOKING =
  'Nothing has to be done: health checks, load balancers and port scanners look so. Only if it is a node that should connect, something on the way holds its HELLO back.';

function nothingYet(firstBytes: Uint8Array): string {
  return firstBytes.length === 0 ? 'It connected, said nothing' : `It connected, sent ${hexOf(firstBytes)}, no whole HELLO`;
}

function retold(error: OverlayError, message: string | undefined, advice: string, code = error.code): OverlayError {
  const { stage, remote, peers, peerError, told, dropReason } = error;
  const words = { message: message ?? error.message, advice };
  return new OverlayError(code, { stage, cause: error, ...words, remote, peers, peerError, told: told ?? undefined, dropReason });
}

/** Undefined when the bytes are of no protocol known here. */
function notStellar(error: OverlayError, firstBytes: Uint8Array): OverlayError | undefined {
  const text = String.fromCharCode(...firstBytes);
  const hex = toHex(firstBytes);
  const found = BINARY_OTHERS.find(([pattern]) => pattern.test(hex)) ?? OTHERS.find(([pattern]) => pattern.test(text));
  if (found === undefined) return undefined;
  const [, name, advice] = found;
  const start = text.split(/[\r\n]/)[0] ?? '';
  const shown = /^[\x20-\x7e]{3,}$/.test(start) ? `“${start}”` : hexOf(firstBytes);
  return retold(error, `It speaks ${name}: ${shown}.`, advice, 'OVERLAY_NOT_STELLAR');
}

/** A header, version 0 and the type of HELLO: whatever is wrong behind that, a Stellar node sent it. */
export function isLikeHello(bytes: Uint8Array): boolean {
  const body = bytes.subarray(RECORD_HEADER_BYTES);
  return toHex(body.subarray(0, 4)) === '00000000' && toHex(body.subarray(12, 16)) === '0000000d';
}

/** The first bytes in words, 12 of them at most. */
export function hexOf(bytes: Uint8Array): string {
  const shown = bytes.subarray(0, 12);
  return `the bytes ${toHex(shown).replace(/../g, '$& ').trim()}${bytes.length > shown.length ? ' …' : ''}`;
}
