/**
 * Dials as stellar-core does (protocol.md section 4.7): it checks its address book every 3 s and waits longer after each failure.
 * Only a completed handshake resets the wait. It knows us from the start, or from an honest dial of ours.
 */
import type { Duplex } from 'node:stream';
import type { MemoryTarget } from './targets.ts';

const TICK_MS = 3_000;
const MAX_FAILURES = 120;

export class CoreDialler {
  /** Dials so far, and the most failures in a row. */
  dials = 0;
  worst = 0;
  readonly #target: MemoryTarget;
  readonly #waiting: Duplex[] = [];
  #taker: ((stream: Duplex) => void) | undefined;
  #knowsUs: boolean;
  #failures = 0;
  #nextMs = 0;
  #isConnected = false;
  #stopped = false;
  #random = 1;

  constructor(target: MemoryTarget, knowsUs = true) {
    this.#target = target;
    this.#knowsUs = knowsUs;
    this.#tick(2_000);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** The next connection it makes. */
  accept(signal: AbortSignal): Promise<Duplex> {
    const first = this.#waiting.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve, reject) => {
      this.#taker = resolve;
      signal.addEventListener('abort', () => {
        this.#taker = undefined;
        reject(signal.reason);
      });
    });
  }

  /** An honest dial of ours, whose HELLO names our listening port. */
  async nudge(): Promise<Duplex> {
    this.#knowsUs = true;
    return this.#target.open('REMOTE_CALLED_US');
  }

  #tick(ms: number): void {
    this.#target.clock.setTimer(() => {
      if (this.#stopped) return;
      this.#look();
      this.#tick(TICK_MS);
    }, ms);
  }

  #look(): void {
    const now = this.#target.clock.now().monotonicMs;
    if (!this.#knowsUs || this.#isConnected || now < this.#nextMs || this.#failures >= MAX_FAILURES) return;
    this.dials++;
    this.#failures++;
    this.worst = Math.max(this.worst, this.#failures);
    this.#backOff(now);
    this.#isConnected = true;
    const stream = this.#target.open('WE_CALLED_REMOTE', (session) => {
      session.authenticated.then(
        () => {
          this.#failures = 0;
          this.#backOff(this.#target.clock.now().monotonicMs);
        },
        () => {},
      );
      void session.closed.then(() => {
        this.#isConnected = false;
      });
    });
    if (this.#taker === undefined) this.#waiting.push(stream);
    else this.#taker(stream);
    this.#taker = undefined;
  }

  #backOff(now: number): void {
    this.#random = (this.#random * 48_271) % 0x7fffffff;
    const most = 10 * 2 ** Math.min(10, this.#failures);
    this.#nextMs = now + 1000 * (1 + (this.#random % most));
  }
}
