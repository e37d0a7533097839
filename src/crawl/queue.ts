/**
 * Addresses that are still to be dialled: in order, one at a time for each IP address and each known key, and again later where a
 * node asks for it.
 * @module
 */
import type { Clock, Timer } from '../net/clock.ts';
import { Roster } from '../net/roster.ts';
import { type Entry, NO_NAMES } from './address-book.ts';

/** Pause between two connections to one IP address or key, so that the node notices the end of the first one. In milliseconds. */
const PAUSE_MS = 100;
/** Entries that were taken stay in the list up to this number, because removing each one would move all others. */
const MAX_TAKEN = 1_000;

/** The addresses of a crawl whose turn has not come. */
export class Queue {
  readonly #clock: Clock;
  readonly #onReady: () => void;
  #entries: Entry[] = [];
  /** Number of entries at the beginning of the list that were taken. */
  #taken = 0;
  /** IP addresses and keys with a connection, and the entries that wait for its end. Not a Map, for the reason in net/roster.ts. */
  readonly #busy: Record<string, Entry[]> = Object.create(null);
  /** Number of entries that wait for a connection to end, or for a time. */
  #delayed = 0;
  readonly #timers = new Roster<Timer>();

  /** @param onReady is called when an entry that had to wait can be taken */
  constructor(clock: Clock, onReady: () => void) {
    this.#clock = clock;
    this.#onReady = onReady;
  }

  /** Number of entries that were not taken. */
  get size(): number {
    return this.#entries.length - this.#taken + this.#delayed;
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** Adds an entry after a time, in milliseconds. */
  addLater(entry: Entry, ms: number): void {
    this.#delayed++;
    this.#after(ms, () => {
      this.#delayed--;
      this.add(entry);
    });
  }

  /** Whether there is an entry whose IP address and key have no connection. */
  get isReady(): boolean {
    for (; this.#taken < this.#entries.length; this.#taken++) {
      const entry = this.#entries[this.#taken] as Entry;
      const { host, peerID } = entry;
      const waiting = this.#busy[host] ?? (peerID === undefined ? undefined : this.#busy[peerID]);
      if (waiting === undefined) return true;
      waiting.push(entry);
      this.#delayed++;
    }
    return false;
  }

  /** Takes the first entry whose IP address and key have no connection; `isReady` says that there is one. */
  take(): Entry {
    const entry = this.#entries[this.#taken++] as Entry;
    this.#hold(entry, entry.host);
    if (entry.peerID !== undefined) this.#hold(entry, entry.peerID);
    if (this.#taken > MAX_TAKEN && 2 * this.#taken > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#taken);
      this.#taken = 0;
    }
    return entry;
  }

  /** The connection of an entry is to a node with this key: other addresses that are known to have it wait. */
  hold(entry: Entry, peerID: string): void {
    entry.peerID = peerID;
    this.#hold(entry, peerID);
  }

  #hold(entry: Entry, name: string): void {
    if (entry.held.includes(name)) return;
    entry.held = [...entry.held, name];
    this.#busy[name] ??= [];
  }

  /** The connection of an entry has ended: entries that wait for its end get their turn soon. */
  release(entry: Entry): void {
    const { held } = entry;
    entry.held = NO_NAMES;
    this.#after(PAUSE_MS, () => {
      for (const name of held) {
        const next = this.#busy[name] ?? [];
        delete this.#busy[name];
        this.#delayed -= next.length;
        if (next.length === 0) continue;
        this.#entries = [...next, ...this.#entries.slice(this.#taken)];
        this.#taken = 0;
      }
    });
  }

  /** Nothing becomes ready any more. */
  stop(): void {
    for (const timer of this.#timers.members()) {
      timer.value.cancel();
      this.#timers.remove(timer);
    }
  }

  #after(ms: number, change: () => void): void {
    const timer = this.#timers.add(
      this.#clock.setTimer(() => {
        this.#timers.remove(timer);
        change();
        this.#onReady();
      }, ms),
    );
  }
}
