/**
 * Text for terminals: colours only on terminals, and text from others never acts as a control sequence.
 * @module
 */
import { once } from 'node:events';
import { styleText } from 'node:util';
import { printable, printableJson } from '../protocol/printable.ts';

export { printable };

type Style = Parameters<typeof styleText>[0];

/** A stream for printing lines. */
export interface Output {
  /**
   * Prints one line. Control and invisible characters, line feeds too, are shown as `·`; only the output of `style` has an
   * effect.
   */
  line(text: string): void;
  /** Prints a value as one line of JSON. */
  json(value: unknown): void;
  /** Prints a document such as HTML unchanged. The caller has made sure that it is harmless. */
  document(text: string): void;
  /** The text in a style, if the stream shows styles. */
  style(style: Style, text: string): string;
  /**
   * Code that prints any number of lines waits for this after each line, so that output does not accumulate behind a slow
   * reader. Never rejects.
   * @returns undefined when the stream accepts more now; else resolves when it does, when it has failed, or when the signal
   *   aborts
   */
  drained(signal: AbortSignal): Promise<void> | undefined;
  /** Whether so much output waits for the reader that code which cannot wait should print no more. */
  readonly isStuck: boolean;
}

/** Waiting output above which the stream counts as stuck, in bytes. */
const STUCK_BYTES = 0x40000;

/** The reason to stop when our output is no longer read, as with `| head`. This is not a failure. */
export class ReaderGone extends Error {
  override readonly name: string = 'ReaderGone';
}

/** Output that could not be written, to stdout or a file: exit code 8. */
export class OutputLost extends ReaderGone {
  override readonly name: string = 'OutputLost';
}

/**
 * Whether a stream shows styles. FORCE_COLOR decides if it is set (0 and false: never; any other value: always, also in a
 * pipe). Otherwise a terminal shows styles unless NO_COLOR is set.
 */
function showsStyles(stream: NodeJS.WriteStream): boolean {
  const { FORCE_COLOR: forced, NO_COLOR, TERM } = process.env;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return stream.isTTY === true && !NO_COLOR && TERM !== 'dumb';
}

/** By default Node 22 and newer check stdout, even for text for another stream. */
const style = styleText as (style: Style, text: string, options: { readonly validateStream: false }) => string;

/** Whether `stderr` was used. */
let hasStderr = false;

/** The stream of this process for everything but results. If nobody reads it, stdout may still be read. */
export function stderr(): NodeJS.WriteStream {
  if (!hasStderr) process.stderr.on('error', () => {});
  hasStderr = true;
  return process.stderr;
}

/** Output on a stream. */
export function outputOn(stream: NodeJS.WriteStream): Output {
  const styled = showsStyles(stream);
  return {
    line: (text) => void stream.write(`${rendered(text)}\n`),
    json: (value) => void stream.write(`${printableJson(value)}\n`),
    document: (text) => void stream.write(`${text}\n`),
    style: (format, text) =>
      styled ? style(format, printable(text), { validateStream: false }).replaceAll('\u001b', OWN_ESCAPE) : text,
    drained: (signal) => (stream.writableNeedDrain ? settled(once(stream, 'drain', { signal })) : undefined),
    get isStuck() {
      return stream.writableLength > STUCK_BYTES;
    },
  };
}

/** Resolves when the promise settles, either way. */
async function settled(promise: Promise<unknown>): Promise<void> {
  await Promise.allSettled([promise]);
}

/**
 * Replaces the escape character of our styles until a line is written. It is random, so no text from others contains it.
 */
const OWN_ESCAPE = `\ufdd0${Math.random().toString(36)}\ufdd1`;

/** The line as sent to the terminal. */
export function rendered(text: string): string {
  return printable(text).replaceAll(OWN_ESCAPE, '\u001b');
}

/** Milliseconds for people. */
export function formatMs(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** Seconds for people, with sign. */
export function formatSeconds(seconds: number): string {
  const total = Math.abs(Math.round(seconds));
  const [days, hours, minutes, rest] = [
    Math.floor(total / 86400),
    Math.floor(total / 3600) % 24,
    Math.floor(total / 60) % 60,
    total % 60,
  ];
  const parts = [
    [days, 'd'],
    [hours, 'h'],
    [minutes, 'm'],
    [rest, 's'],
  ] as const;
  const shown = parts.filter(([value]) => value > 0).slice(0, 2);
  const text = shown.length === 0 ? '0 s' : shown.map(([value, unit]) => `${value} ${unit}`).join(' ');
  return seconds < 0 && total > 0 ? `-${text}` : `+${text}`;
}
