/**
 * The last line on a terminal, which stays while lines are printed above it.
 * @module
 */

import { rendered } from './output.ts';

/** The time between two redraws, in milliseconds. */
const PERIOD_MS = 500;
/** Moves to the first column and clears to the end of the line. */
const CLEAR = '\r\u001b[K';

/**
 * A line that is rewritten. Code that prints to the same terminal must call `clear` before and `draw`
 * after.
 */
export class LiveLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #text: () => string;
  readonly #style: (text: string) => string;
  readonly #timer: NodeJS.Timeout;

  /**
   * @param text returns the current text, one line of printable text
   * @param style styles the text; it adds no width
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

  /** Draws the line, cut at the width of the terminal: a wrapped line could not be cleared. */
  draw(): void {
    const width = Math.max(0, (this.#stream.columns || 80) - 1);
    this.#stream.write(CLEAR + rendered(this.#style(this.#text().slice(0, width))));
  }

  /** Removes the line. */
  stop(): void {
    clearInterval(this.#timer);
    this.clear();
  }
}

/** Whether both streams are a terminal that supports control sequences. */
export function hasLiveLine(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): boolean {
  return stdout.isTTY === true && stderr.isTTY === true && process.env.TERM !== 'dumb';
}
