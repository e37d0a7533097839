/**
 * Visit: one address, from the connection attempt to its result: the place it takes, and what is heard meanwhile.
 * @module
 */
import type { Clock } from '../net/clock.ts';
import type { Connection } from '../net/connection.ts';
import type { Phase } from '../net/connection-info.ts';
import type { ProbeHooks } from '../probe/options.ts';
import type { ReceivedMessage } from '../protocol/wire/authenticated-message.ts';
import type { Entry } from './address-book.ts';
import { Listener } from './listener.ts';
import type { Place } from './places.ts';
import type { Queue } from './queue.ts';
import type { Validators } from './validators.ts';

/** What every visit of a crawl uses. */
export interface VisitContext {
  readonly clock: Clock;
  readonly queue: Queue;
  readonly validators: Validators | undefined;
}

/** One visit. Subtle: an object with methods instead of closures. Silent nodes are visited for ten seconds, a hundred at once. */
export class Visit implements ProbeHooks {
  readonly entry: Entry;
  readonly #place: Place;
  readonly #context: VisitContext;
  #listener: Listener | undefined;

  constructor(entry: Entry, place: Place, context: VisitContext) {
    this.entry = entry;
    this.#place = place;
    this.#context = context;
  }

  onPhase(phase: Phase): void {
    if (phase === 'tcp') this.#place.connected();
  }

  onMessage(message: ReceivedMessage): void {
    this.#listener?.hear(message);
  }

  stay(connection: Connection): Promise<void> | undefined {
    const { clock, queue, validators } = this.#context;
    queue.hold(this.entry, connection.remote.peerID);
    if (validators === undefined) return undefined;
    this.#listener = new Listener(validators, this.entry.address, clock);
    return this.#listener.listen(connection);
  }

  /** The visit has ended. */
  leave(): void {
    this.#place.leave();
    this.#context.queue.release(this.entry);
  }
}
