/**
 * Small helpers for Uint8Array that use no runtime-specific types.
 * @module
 */

/** A new array of all parts in order. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** A view of bytes[start, end), which must be inside. It takes half the time of `subarray`, which looks for a subclass. */
export function view(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

/** Whether both have the same bytes. Only for public values: it stops at the first difference. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Orders by unsigned bytes; a prefix comes before the longer value. Negative, 0 or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const order = (a[i] as number) - (b[i] as number);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Whether every byte is zero. */
export function isAllZero(bytes: Uint8Array): boolean {
  let seen = 0;
  for (let i = 0; i < bytes.length; i++) seen |= bytes[i] as number;
  return seen === 0;
}

/** Lower-case hex without prefix. */
export function toHex(bytes: Uint8Array): string {
  // Subtle: joined in one call. Otherwise the string stays a chain of its pieces, many times as large, for as long as it is
  // kept.
  const pairs = new Array<string>(bytes.length);
  for (let i = 0; i < bytes.length; i++) pairs[i] = HEX[bytes[i] as number] as string;
  return pairs.join('');
}

/** The two hex digits of each byte. */
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => (byte < 16 ? '0' : '') + byte.toString(16));

/**
 * The bytes of a hex string without prefix, in either case.
 * @throws {TypeError} when it is not hex or has an odd length
 */
export function fromHex(hex: string): Uint8Array {
  const out = new Uint8Array(hex.length >> 1);
  // The network ID is decoded for every new peer's certificate: parseInt of each pair takes several times as long.
  let bad = hex.length & 1;
  for (let i = 0; i < out.length; i++) {
    const value = (digit(hex.charCodeAt(2 * i)) << 4) | digit(hex.charCodeAt(2 * i + 1));
    bad |= value >> 8;
    out[i] = value;
  }
  if (bad !== 0) throw new TypeError('expected an even number of hex digits');
  return out;
}

/** The value of a hex digit in either case; for other characters, a value above all values of two digits. */
function digit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 && code < 0x80 ? lower - 0x57 : 0x1000;
}

/** A string that is equal for equal bytes and different for different bytes: one character per byte. For map keys. */
export function bytesKey(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}

/** The UTF-8 bytes of a string; a lone surrogate becomes U+FFFD (Encoding Standard). */
export function utf8Encode(text: string): Uint8Array {
  const out: number[] = [];
  for (const char of text) {
    let point = char.codePointAt(0) as number;
    if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
    if (point < 0x80) out.push(point);
    else if (point < 0x800) out.push(0xc0 | (point >> 6), 0x80 | (point & 63));
    else if (point < 0x10000) out.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    else {
      out.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    }
  }
  return Uint8Array.from(out);
}

/** The text of UTF-8 bytes; each byte that is not part of well-formed UTF-8 becomes U+FFFD. */
export function utf8Decode(bytes: Uint8Array): string {
  const characters: string[] = [];
  for (let i = 0; i < bytes.length; ) {
    const [point, length] = decodePoint(bytes, i);
    characters.push(String.fromCodePoint(point));
    i += length;
  }
  return characters.join('');
}

/** Code point at `at` and its length in bytes: shortest form only, no surrogate, at most U+10FFFF (RFC 3629). */
function decodePoint(bytes: Uint8Array, at: number): readonly [point: number, length: number] {
  const first = bytes[at] as number;
  if (first < 0x80) return [first, 1];
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > bytes.length) return [0xfffd, 1];
  let point = first & (0x7f >> length);
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i] as number;
    if ((byte & 0xc0) !== 0x80) return [0xfffd, 1];
    point = (point << 6) | (byte & 0x3f);
  }
  const smallest = length === 2 ? 0x80 : length === 3 ? 0x800 : 0x10000;
  const valid = point >= smallest && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
  return valid ? [point, length] : [0xfffd, 1];
}

/**
 * Checks an argument of a public function.
 * @throws {TypeError} when it is not a Uint8Array
 * @throws {RangeError} when it has another length
 */
export function assertBytes(value: Uint8Array, length: number, name: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array of ${length} bytes`);
  if (value.length !== length) throw new RangeError(`${name} must be ${length} bytes, got ${value.length}`);
  return value;
}

/** Checks that an argument is a whole number within bounds. @throws {RangeError} when it is not */
export function assertInteger(value: number, min: number, max: number, name: string): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be a whole number from ${min} to ${max}, got ${value}`);
  }
  return value;
}
