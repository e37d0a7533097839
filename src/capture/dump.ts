/**
 * Reads bytes from text: hex, base64, and the dumps of hexdump, xxd, od, Wireshark and tshark.
 * @module
 */
import { concatBytes, fromHex } from '../protocol/bytes.ts';

/** The form of the text. */
export type TextFormat = 'hex' | 'hex dump' | 'base64';

/** A text, read in one form. */
export interface TextReading {
  readonly format: TextFormat;
  readonly bytes: Uint8Array;
}

/** The largest number of bytes in a dump, because a short dump can stand for many repeated lines. */
const MAX_BYTES = 0x8000000;

/**
 * The bytes of a text in every form in which it can be read, the most likely first. A form is read when it is asked for: a large
 * text and all its forms take much memory.
 * @throws {TypeError} names the mistake when no form fits
 */
export function* readBytesText(text: string): Generator<TextReading> {
  const start = text.startsWith('\ufeff') ? text.slice(1) : text;
  if (isDump(start)) {
    yield { format: 'hex dump', bytes: readDump(start.split(END_OF_LINE)) };
    return;
  }
  let wrong: unknown;
  try {
    yield { format: 'hex', bytes: readHexText(start) };
  } catch (error) {
    wrong = error;
  }
  const bytes = readBase64(start);
  if (bytes !== undefined) yield { format: 'base64', bytes };
  else if (wrong !== undefined) throw wrong;
}

const END_OF_LINE = /\r?\n/;

/**
 * The bytes of a hex text: white space, colons, commas, `0x`, and comments from `#`, `//` or `;` to the end of the line do
 * not matter.
 * @throws {TypeError} naming the line with something else
 */
export function readHexText(text: string): Uint8Array {
  const digits = hexDigits(text);
  if (!NOT_HEX.test(digits)) return fromHex(digits);
  const wrong = text.split(END_OF_LINE).findIndex((line) => NOT_HEX.test(hexDigits(line)));
  throw new TypeError(`line ${wrong + 1} is not hex`);
}

const NOT_HEX = /[^0-9a-f]/i;

function hexDigits(text: string): string {
  return text.replace(/(?:#|\/\/|;).*$/gm, '').replace(/0x|[\s:,]/gi, '');
}

/** Base64, also in the URL alphabet, in quotes, and split into lines; undefined when it is not base64. */
function readBase64(lines: string): Uint8Array | undefined {
  const text = lines.replace(/#.*$/gm, '').replace(/[\s"',]/g, '');
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) return undefined;
  return new Uint8Array(Buffer.from(text, 'base64'));
}

/** Indentation, offset, an optional colon, and the rest. */
const DUMP_LINE = /^(\s*)(?:0x)?([0-9a-f]{4,16})(:?)(?:\s+(\S.*))?$/i;
/** `hexdump` without an option: words in the order of the machine, which is little-endian. */
const WORDS = /^[0-9a-f]{4}(?:\s|$)/i;
const WORDS_OFFSET_DIGITS = 7;

/** Whether the first line begins with offset 0, followed by groups of digits. */
function isDump(text: string): boolean {
  const [first = ''] = /^(?!#).*\S.*$/m.exec(text) ?? [];
  const [, , offset = '', colon, rest = ''] = DUMP_LINE.exec(first) ?? [];
  if (!/^0+$/.test(offset)) return false;
  const isBytes = /^[0-9a-f]{2}(?:\s|$)/i.test(rest) || (colon === ':' && /^(?:[0-9a-f]{2})+(?:\s|$)/i.test(rest));
  return isBytes || (offset.length === WORDS_OFFSET_DIGITS && WORDS.test(rest));
}

/** One dump of several: Wireshark indents the bytes of the second side, and counts them separately. */
interface Part {
  /** Offset of the next byte. */
  due: number;
  line: Uint8Array;
}

/** @throws {TypeError} names the line that does not continue the previous one */
function readDump(lines: readonly string[]): Uint8Array {
  const parts = new Map<number, Part>();
  const all: Uint8Array[] = [];
  let total = 0;
  let isRepeated = false;
  const take = (part: Part, bytes: Uint8Array): void => {
    total += bytes.length;
    if (total > MAX_BYTES) throw new TypeError('the dump stands for too many bytes');
    all.push(bytes);
    part.due += bytes.length;
  };
  for (const [at, line] of lines.entries()) {
    const text = line.trimEnd();
    if (text === '' || text.startsWith('#')) continue;
    if (text.trim() === '*') {
      isRepeated = true;
      continue;
    }
    const [, indent, digits = '', colon, rest] = DUMP_LINE.exec(text) ?? [];
    if (indent === undefined) throw new TypeError(`line ${at + 1} is not of a hex dump`);
    const offset = Number.parseInt(digits, 16);
    const part = parts.get(indent.length) ?? { due: 0, line: new Uint8Array(0) };
    parts.set(indent.length, part);
    if (isRepeated) {
      if (part.line.length === 0) throw new TypeError(`line ${at} repeats nothing`);
      if (offset - part.due > MAX_BYTES) throw new TypeError('the dump stands for too many bytes');
      while (part.due + part.line.length <= offset) take(part, part.line);
      isRepeated = false;
    }
    // Another dump may follow.
    if (offset === 0 && rest !== undefined) part.due = 0;
    const isOdd = rest === undefined && offset === part.due - 1;
    if (isOdd) all.push((all.pop() as Uint8Array).subarray(0, -1));
    else if (offset !== part.due)
      throw new TypeError(`line ${at + 1} has offset ${digits} where ${part.due.toString(16)} is due`);
    if (rest === undefined) continue;
    const isWords = colon === '' && digits.length === WORDS_OFFSET_DIGITS && WORDS.test(rest);
    part.line = isWords ? wordBytes(rest, at) : columnBytes(rest, colon === ':', at);
    take(part, part.line);
  }
  return concatBytes(...all);
}

/** The bytes of a line, without the text column. */
function columnBytes(rest: string, hasColon: boolean, at: number): Uint8Array {
  const [column = ''] = rest.split(hasColon ? /\s{2,}/ : /[|>]|\s{3,}/);
  const groups = column.trim().split(/\s+/);
  if (!groups.every((group) => /^(?:[0-9a-f]{2})+$/i.test(group))) throw new TypeError(`line ${at + 1} is not of a hex dump`);
  return fromHex(groups.join(''));
}

function wordBytes(rest: string, at: number): Uint8Array {
  const words = rest.trim().split(/\s+/);
  if (!words.every((word) => /^[0-9a-f]{4}$/i.test(word))) throw new TypeError(`line ${at + 1} is not of a hex dump`);
  return fromHex(words.map((word) => word.slice(2) + word.slice(0, 2)).join(''));
}
