/**
 * How the stream of a connection is closed: one rule for both roles and every reason.
 * @module
 */
import type { Duplex } from 'node:stream';
import { FIN_DELAY_MS, LINGER_MS, QUIET_MS } from '../protocol/constants.ts';
import type { Clock, Timer } from './clock.ts';

/**
 * Closes a stream. It closes at once when the peer does not need time to read. Otherwise it closes half a second after the last
 * byte has left or when the peer closes, and after one second in any case. Until then input is read and discarded: closing a
 * socket with unread bytes makes the kernel send RST, which can destroy the last bytes sent. So a peer that is sending can
 * finish.
 *
 * Subtle: FIN itself is delayed, not only the destruction of the socket. stellar-core reads ahead, and when it reads the end of
 * the stream it drops the connection together with everything it has read but not handled.
 */
export class Ending {
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #bound: Timer;
  readonly #isTalking: boolean;
  #delay: Timer | undefined;
  /** Runs while the peer keeps sending after our FIN. */
  #quiet: Timer | undefined;
  #isHeard = false;

  /** @param isTalking whether the peer is sending and may continue until it has read our FIN */
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

  /** The last byte has been handed to the operating system: the peer now gets time to handle it. */
  written(): void {
    this.#delay ??= this.#clock.setTimer(() => this.finish(), FIN_DELAY_MS);
  }

  /** The peer needs no more time: the stream can close. */
  finish(): void {
    this.#delay?.cancel();
    if (this.#stream.writableEnded) return;
    this.#isHeard = this.#isTalking;
    // Subtle: two more turns of the loop, so that bytes that have arrived by then have been seen. The event for the sent FIN comes
    // before the first of these turns reads.
    this.#stream.once('finish', () => setImmediate(() => setImmediate(() => this.#leave())));
    this.#stream.end();
  }

  /** More bytes have come; they are discarded. */
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
