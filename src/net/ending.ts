/**
 * How the stream of a connection ends: one rule for both roles and every reason.
 * @module
 */
import type { Duplex } from 'node:stream';
import { FIN_DELAY_MS, LINGER_MS, QUIET_MS } from '../protocol/constants.ts';
import type { Clock, Timer } from './clock.ts';

/**
 * Closes a stream: at once when nothing is owed to the peer, otherwise half a second after the last byte has left or when
 * the peer closes, and after a second in any case. Input is read and thrown away meanwhile: closing with unread bytes makes
 * the kernel send RST, which can take the last bytes with it. So a peer in the middle of sending gets to its end.
 *
 * Subtle: FIN itself waits, not just the end of the socket. stellar-core reads ahead, and drops a connection when it reads
 * its end, together with all it has read and not handled.
 */
export class Ending {
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #bound: Timer;
  readonly #isTalking: boolean;
  #delay: Timer | undefined;
  /** Runs while a peer goes on sending behind our FIN. */
  #quiet: Timer | undefined;
  #isHeard = false;

  /** @param isTalking whether the peer is in the middle of sending, and may do so until it has read our FIN */
  constructor(stream: Duplex, clock: Clock, isTalking: boolean) {
    this.#stream = stream;
    this.#clock = clock;
    this.#isTalking = isTalking;
    this.#bound = clock.setTimer(() => stream.destroy(), LINGER_MS);
    stream.once('end', () => {
      this.finish();
      if (this.#quiet !== undefined) stream.destroy();
    });
    stream.resume();
  }

  /** The last byte has been handed to the operating system: the peer gets time to handle it. */
  written(): void {
    this.#delay ??= this.#clock.setTimer(() => this.finish(), FIN_DELAY_MS);
  }

  /** Nothing is owed any more. */
  finish(): void {
    this.#delay?.cancel();
    if (this.#stream.writableEnded) return;
    this.#isHeard = this.#isTalking;
    // Subtle: two turns of the loop more, so that what has come by then has been seen: the end of FIN is told before the first of
    // them reads.
    this.#stream.once('finish', () => setImmediate(() => setImmediate(() => this.#leave())));
    this.#stream.end();
  }

  /** Something has come that nobody reads. */
  heard(): void {
    this.#isHeard = true;
    if (this.#quiet !== undefined) this.#leave();
  }

  /** The stream is closed. */
  closed(): void {
    this.#bound.cancel();
    this.#delay?.cancel();
    this.#quiet?.cancel();
  }

  #leave(): void {
    this.#quiet?.cancel();
    if (!this.#isHeard || this.#stream.readableEnded) {
      this.#stream.destroy();
      return;
    }
    this.#isHeard = false;
    this.#quiet = this.#clock.setTimer(() => this.#leave(), QUIET_MS);
  }
}
