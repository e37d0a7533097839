/**
 * The addresses in a PEERS message as text. A crawl reads hundreds of thousands of them, and knows most of them already.
 * @module
 */
import { formatTarget } from '../net/target.ts';
import type { AsItCame } from '../protocol/wire/authenticated-message.ts';
import { formatIP } from '../protocol/wire/ip.ts';
import { XdrReader } from '../protocol/xdr/reader.ts';

/**
 * Reads each address as `HOST:PORT`. Subtle: not from `message.peers`, because the message would keep these objects, which take
 * five times as much memory.
 * @param message a PEERS message, whose structure has been checked
 */
export function peerTexts({ xdr }: AsItCame): readonly string[] {
  const reader = new XdrReader(xdr, 4);
  return Array.from({ length: reader.uint32() }, () => {
    const isIPv4 = reader.uint32() === 0;
    const bytes = isIPv4 ? undefined : reader.opaque(16);
    const text = bytes === undefined ? ipv4Text(reader) : formatTarget({ host: formatIP(bytes), port: reader.uint32() });
    reader.skip(4); // numFailures
    return text;
  });
}

/** Codes of the characters of one text. */
const codes: number[] = [];
const [DOT, COLON, ZERO] = [0x2e, 0x3a, 0x30];

/** Reads an IPv4 address and a port. The text is made in one call: text made piece by piece leaves all its pieces behind. */
function ipv4Text(reader: XdrReader): string {
  const bits = reader.uint32();
  const port = reader.uint32();
  let length = 0;
  for (let shift = 24; shift >= 0; shift -= 8) {
    length = putDigits((bits >>> shift) & 255, length);
    codes[length++] = shift > 0 ? DOT : COLON;
  }
  codes.length = putDigits(port, length);
  return String.fromCharCode.apply(null, codes);
}

/** Puts a number at an index of `codes`. @returns the index after it */
function putDigits(value: number, at: number): number {
  const end = value < 10 ? at : putDigits(Math.floor(value / 10), at);
  codes[end] = ZERO + (value % 10);
  return end + 1;
}
