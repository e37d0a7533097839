/**
 * Reads the lines of a file of proofs. Such files are large, and their contents are not trusted.
 * @module
 */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { isJson } from '../protocol/json.ts';
import { UsageError } from './options.ts';

/** Longest line, in characters. It is several times as long as a ledger with all its transactions. */
const MAX_LINE = 0x8000000;
/** Longest JSON value in many lines, in characters. No proof is longer, because a message has at most 16 MiB. */
const MAX_JOINED = 0x2000000;

/**
 * The lines of a file, or of stdin for `-`. If the whole text is one JSON value in many lines, it is returned as one line.
 * @param signal ends the lines without an error
 * @throws {UsageError} when the file cannot be read, or a line is too long for a proof
 */
export async function* proofLines(file: string, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  const input: Readable = file === '-' ? process.stdin : createReadStream(file);
  const stop = (): void => void input.destroy();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    yield* joined(split(input.setEncoding('utf8'), MAX_LINE), MAX_JOINED);
  } catch (error) {
    if (!signal.aborted) throw new UsageError(`${file === '-' ? 'stdin' : file}: ${(error as Error).message}`);
  } finally {
    signal.removeEventListener('abort', stop);
    input.destroy();
  }
}

/** Splits text into lines, without their line endings. @throws {TypeError} naming a line that is longer than `max` */
export async function* split(chunks: AsyncIterable<string>, max: number): AsyncGenerator<string, void, undefined> {
  let parts: string[] = [];
  let length = 0;
  let number = 1;
  for await (const chunk of chunks) {
    const [first = '', ...more] = chunk.split('\n');
    parts.push(first);
    length += first.length;
    if (length > max) throw new TypeError(`line ${number} is longer than any proof, ${max} characters`);
    for (const part of more) {
      yield withoutCarriageReturn(parts.join(''));
      number++;
      parts = [part];
      length = part.length;
    }
  }
  if (length > 0) yield withoutCarriageReturn(parts.join(''));
}

/** The lines, or one line if all of them together are one JSON value of at most `max` characters. */
export async function* joined(lines: AsyncIterable<string>, max: number): AsyncGenerator<string, void, undefined> {
  /** The lines so far, while they may be the beginning of one value; undefined when they are not. */
  let all: string[] | undefined = [];
  let length = 0;
  for await (const line of lines) {
    if (all === undefined) {
      yield line;
      continue;
    }
    all.push(line);
    length += line.length + 1;
    if (length <= max && !(all.length === 1 && isJson(line))) continue;
    yield* all;
    all = undefined;
  }
  if (all === undefined) return;
  const whole = all.join('\n');
  if (isJson(whole)) yield whole;
  else yield* all;
}

function withoutCarriageReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
