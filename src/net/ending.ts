/**
 * How the stream of a connection ends: one rule for both roles and every reason.
 * @module
 */
import type { Duplex } from 'node:stream';
import { FIN_DELAY_MS, LINGER_MS } from '../protocol/constants.ts';
import type { Clock, Timer } from './clock.ts';

/**
 * Closes a stream: at once when nothing is owed to the peer, otherwise half a second after the last byte has left or when
 * the peer closes, and after a second in any case. Input is read and thrown away meanwhile: closing with unread bytes makes
 * the kernel send RST, which can take the last bytes with it.
 *
 * Subtle: FIN itself waits, not just the end of the socket. stellar-core reads ahead, and drops a connection when it reads
 * its end, together with all it has read and not handled.
 */
export class Ending {
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #bound: Timer;
  #delay: Timer | undefined;

  constructor(stream: Duplex, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
    this.#bound = clock.setTimer(() => stream.destroy(), LINGER_MS);
    stream.once('end', () => this.finish());
    stream.resume();
  }

  /** The last byte has been handed to the operating system: the peer gets time to handle it. */
  written(): void {
    this.#delay ??= this.#clock.setTimer(() => this.finish(), FIN_DELAY_MS);
  }

  /** Nothing is owed any more. */
  finish(): void {
    const stream = this.#stream;
    this.#delay?.cancel();
    stream.end();
    if (stream.writableFinished) stream.destroy();
    else stream.once('finish', () => stream.destroy());
  }

  /** The stream is closed. */
  closed(): void {
    this.#bound.cancel();
    this.#delay?.cancel();
  }
}
