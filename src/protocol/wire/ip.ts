/**
 * IP addresses as text and as the bytes of a PeerAddress.
 * @module
 */

/** Text of a 4-byte IPv4 or 16-byte IPv6 address; IPv6 in the form of RFC 5952. */
export function formatIP(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number));
  const [start, length] = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** Text of an IPv4 address given as 32 bits, first byte highest. */
export function formatIPv4(bits: number): string {
  const start = (FIRST[bits >>> 24] as string) + (FIRST[(bits >>> 16) & 255] as string) + (FIRST[(bits >>> 8) & 255] as string);
  return start + (bits & 255);
}

/** Each byte but the last as text: a crawl formats hundreds of thousands of addresses, and this makes half as many strings. */
const FIRST: readonly string[] = Array.from({ length: 256 }, (_, byte) => `${byte}.`);

/**
 * Bytes of an IPv4 or IPv6 address given as text.
 * @throws {TypeError} when it is neither
 */
export function parseIP(text: string): Uint8Array {
  const bytes = text.includes(':') ? parseIPv6(text) : parseIPv4(text);
  if (bytes === undefined) throw new TypeError(`not an IPv4 or IPv6 address: ${JSON.stringify(text)}`);
  return Uint8Array.from(bytes);
}

function parseIPv4(text: string): number[] | undefined {
  const bytes = [0, 0, 0, 0];
  let part = 0;
  let digits = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const byte = bytes[part] as number;
    if (code === DOT && digits > 0 && part < 3) {
      part++;
      digits = 0;
    } else if (code >= ZERO && code <= ZERO + 9 && !(digits > 0 && byte === 0)) {
      bytes[part] = 10 * byte + code - ZERO;
      digits++;
      if ((bytes[part] as number) > 255) return undefined;
    } else return undefined;
  }
  return part === 3 && digits > 0 ? bytes : undefined;
}

const DOT = 0x2e;
const ZERO = 0x30;

function parseIPv6(text: string): number[] | undefined {
  const halves = text.split('::');
  const [before, after] = halves.map((half, i) => parseGroups(half, i === halves.length - 1));
  if (halves.length > 2 || before === undefined) return undefined;
  if (halves.length === 1) return before.length === 16 ? before : undefined;
  if (after === undefined) return undefined;
  const zeros = 16 - before.length - after.length;
  return zeros < 2 ? undefined : [...before, ...new Array<number>(zeros).fill(0), ...after];
}

/** The bytes on one side of `::`: two for a hex group, four for an IPv4 address, which is allowed only at the end of the text. */
function parseGroups(text: string, endsText: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [i, group] of groups.entries()) {
    const isIPv4 = group.includes('.');
    if (isIPv4 && !(endsText && i === groups.length - 1)) return undefined;
    const parsed = isIPv4 ? parseIPv4(group) : parseGroup(group);
    if (parsed === undefined) return undefined;
    bytes.push(...parsed);
  }
  return bytes;
}

function parseGroup(group: string): number[] | undefined {
  if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 255];
}

function longestZeroRun(groups: readonly number[]): readonly [start: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > best[1]) best = [start, end - start];
  }
  return best;
}
