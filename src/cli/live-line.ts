/**
 * A last line on a terminal that stays while lines are printed above it.
 * @module
 */

import { rendered } from './output.ts';

/** How often it is drawn anew, in milliseconds. */
const PERIOD_MS = 500;
/** Back to the first column, and everything to the end of the line away. */
const CLEAR = '\r\u001b[K';

/** A line that is rewritten. Whoever prints to the same terminal does it between `clear` and `draw`. */
export class LiveLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #text: () => string;
  readonly #style: (text: string) => string;
  readonly #timer: NodeJS.Timeout;

  /**
   * @param text what it says now; one line of printable text
   * @param style how it is drawn; it adds no width
   */
  constructor(stream: NodeJS.WriteStream, text: () => string, style: (text: string) => string) {
    this.#stream = stream;
    this.#text = text;
    this.#style = style;
    this.#timer = setInterval(() => this.draw(), PERIOD_MS);
    this.#timer.unref();
  }

  clear(): void {
    this.#stream.write(CLEAR);
  }

  /** Draws it, cut where the terminal ends: a line that wraps could not be taken back. */
  draw(): void {
    const width = Math.max(0, (this.#stream.columns || 80) - 1);
    this.#stream.write(CLEAR + rendered(this.#style(this.#text().slice(0, width))));
  }

  /** Takes it away for good. */
  stop(): void {
    clearInterval(this.#timer);
    this.clear();
  }
}

/** Whether both streams are a terminal that understands more than text. */
export function hasLiveLine(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): boolean {
  return stdout.isTTY === true && stderr.isTTY === true && process.env.TERM !== 'dumb';
}
