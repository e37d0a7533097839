/**
 * Text for terminals: colours only where somebody sees them, and nothing that others wrote is ever taken for a command.
 * @module
 */
import { once } from 'node:events';
import { styleText } from 'node:util';
import { printable, printableJson } from '../protocol/printable.ts';

export { printable };

type Style = Parameters<typeof styleText>[0];

/** A stream one can print lines to. */
export interface Output {
  /** Prints one line: whatever in it is a control or invisible is shown as `·`, line feeds too; only `style` is obeyed. */
  line(text: string): void;
  /** Prints a value as one line of JSON. */
  json(value: unknown): void;
  /** Prints a document as it is, HTML for example: whoever made it has made it harmless. */
  document(text: string): void;
  /** The text in a style, where the stream shows styles. */
  style(style: Style, text: string): string;
  /**
   * Whoever prints without end waits for it after each line, so that nothing piles up behind a slow reader. Never rejects.
   * @returns undefined when the stream takes more now; else resolves when it does, will never again, or the signal aborts
   */
  drained(signal: AbortSignal): Promise<void> | undefined;
  /** Whether so much waits for a reader that whoever cannot wait prints no more. */
  readonly isStuck: boolean;
}

/** Output that waits for a reader, before it counts as stuck, in bytes. */
const STUCK_BYTES = 0x40000;

/** Why everything stops when nobody reads our output any more, as in `| head`: no failure. */
export class ReaderGone extends Error {
  override readonly name: string = 'ReaderGone';
}

/** Output that could not be written, to stdout or a file: exit code 8. */
export class OutputLost extends ReaderGone {
  override readonly name: string = 'OutputLost';
}

/**
 * Whether a stream shows styles: as FORCE_COLOR says, where it is set (0 and false: never; anything else: always, in a pipe
 * too), else when it is a terminal and NO_COLOR is not set.
 */
function showsStyles(stream: NodeJS.WriteStream): boolean {
  const { FORCE_COLOR: forced, NO_COLOR, TERM } = process.env;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return stream.isTTY === true && !NO_COLOR && TERM !== 'dumb';
}

/** Node 22 and newer would look at stdout instead, whatever stream the text is for. */
const style = styleText as (style: Style, text: string, options: { readonly validateStream: false }) => string;

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

/** Stands for the escape of a style of ours until a line is written: nobody else knows it, so that no text can hold it. */
const OWN_ESCAPE = `\ufdd0${Math.random().toString(36)}\ufdd1`;

/** A line as a terminal gets it. */
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
