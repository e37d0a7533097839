/**
 * Lines of a file of proofs, as they are read: such files are large, and may be anything.
 * @module
 */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { UsageError } from './options.ts';

/** Longest line, in characters: several times what a ledger with all its transactions takes. */
const MAX_LINE = 0x8000000;
/** Longest JSON value in many lines: the longest proof, since a message of the overlay has 16 MiB at most. */
const MAX_JOINED = 0x2000000;

/**
 * The lines of a file, or of stdin for `-`. A text that is one JSON value in many lines is one line.
 * @param signal ends it, without an error
 * @throws {UsageError} when the file can't be read, or a line is too long for a proof
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

/** Text in chunks to lines, without what ends them. @throws {TypeError} naming a line that is longer than `max` */
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

/** Lines, all of them as one when they are one JSON value together that is not longer than `max`. */
export async function* joined(lines: AsyncIterable<string>, max: number): AsyncGenerator<string, void, undefined> {
  /** What may be the beginning of one value; undefined when it is known that there is a value in each line. */
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

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
