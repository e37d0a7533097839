/**
 * Counts messages: in total, by type, and per second over the last seconds.
 * @module
 */
import type { ReceivedMessage } from '../protocol/wire/authenticated-message.ts';

/** A rate is the mean over this number of seconds. */
const WINDOW_SECONDS = 5;

/** Messages and bytes of one second. */
interface Second {
  second: number;
  messages: number;
  bytes: number;
}

/** Counts messages. The time is passed as an argument: monotonic milliseconds. */
export class Tally {
  readonly #startMs: number;
  readonly #types = new Map<string, number>();
  readonly #window: readonly Second[] = Array.from({ length: WINDOW_SECONDS }, () => ({ second: -1, messages: 0, bytes: 0 }));
  #messages = 0;
  #bytes = 0;

  constructor(nowMs: number) {
    this.#startMs = nowMs;
  }

  get messages(): number {
    return this.#messages;
  }

  /** Total bytes of all StellarMessages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Messages by type, the most frequent first. */
  get types(): readonly (readonly [type: string, messages: number])[] {
    return [...this.#types].sort(([, a], [, b]) => b - a);
  }

  /** Counts a message. */
  add({ type, xdr }: Pick<ReceivedMessage, 'type' | 'xdr'>, nowMs: number): void {
    this.#messages++;
    this.#bytes += xdr.length;
    this.#types.set(type, (this.#types.get(type) ?? 0) + 1);
    const second = this.#second(nowMs);
    const slot = this.#window[second % WINDOW_SECONDS] as Second;
    if (slot.second !== second) Object.assign(slot, { second, messages: 0, bytes: 0 });
    slot.messages++;
    slot.bytes += xdr.length;
  }

  /** Seconds since the start. */
  uptimeSeconds(nowMs: number): number {
    return (nowMs - this.#startMs) / 1000;
  }

  /** Mean rates per second over the last five seconds, or over the whole time when that is shorter. */
  rates(nowMs: number): { readonly messages: number; readonly bytes: number } {
    const second = this.#second(nowMs);
    const recent = this.#window.filter((slot) => slot.second >= 0 && slot.second > second - WINDOW_SECONDS);
    const sum = (what: 'messages' | 'bytes'): number => recent.reduce((total, slot) => total + slot[what], 0);
    // Only whole seconds before the current one count. Less than one second is too short for a rate, so it counts as one.
    const whole = Math.min(second, WINDOW_SECONDS - 1);
    const seconds = Math.max(1, this.uptimeSeconds(nowMs) - (second - whole));
    return { messages: sum('messages') / seconds, bytes: sum('bytes') / seconds };
  }

  #second(nowMs: number): number {
    return Math.floor(this.uptimeSeconds(nowMs));
  }
}
