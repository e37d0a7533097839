/**
 * What has come so far, counted: in all, by type, and by the second of late.
 * @module
 */
import type { ReceivedMessage } from '../protocol/wire/authenticated-message.ts';

/** Seconds a rate is the mean of. */
const WINDOW_SECONDS = 5;

/** Messages and bytes of a second. */
interface Second {
  second: number;
  messages: number;
  bytes: number;
}

/** Counts messages. Time is monotonic, in milliseconds, and an argument. */
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

  /** Bytes of all StellarMessages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Messages by type, the commonest first. */
  get types(): readonly (readonly [type: string, messages: number])[] {
    return [...this.#types].sort(([, a], [, b]) => b - a);
  }

  /** A message has come. */
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

  /** Means a second over the last five, or over all there have been. */
  rates(nowMs: number): { readonly messages: number; readonly bytes: number } {
    const second = this.#second(nowMs);
    const recent = this.#window.filter((slot) => slot.second >= 0 && slot.second > second - WINDOW_SECONDS);
    const sum = (what: 'messages' | 'bytes'): number => recent.reduce((total, slot) => total + slot[what], 0);
    // The seconds before this one are whole; less than one second says little, so that it counts as one.
    const whole = Math.min(second, WINDOW_SECONDS - 1);
    const seconds = Math.max(1, this.uptimeSeconds(nowMs) - (second - whole));
    return { messages: sum('messages') / seconds, bytes: sum('bytes') / seconds };
  }

  #second(nowMs: number): number {
    return Math.floor(this.uptimeSeconds(nowMs));
  }
}
