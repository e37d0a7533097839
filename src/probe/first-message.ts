/**
 * Measures the time from a peer's AUTH to its next record, on the bytes as they arrive.
 * @module
 */
import { type Clock, systemClock } from '../net/clock.ts';
import type { ConnectionInfo, OnBytes } from '../net/connection-info.ts';
import type { Target } from '../net/target.ts';
import { MAX_RECORD_BYTES } from '../protocol/constants.ts';
import { ProtocolViolation } from '../protocol/violation.ts';
import { RecordDecoder } from '../protocol/wire/framing.ts';
import { roundMs } from '../report/json.ts';
import type { ProbeOptions } from './options.ts';
import { type ProbeResult, probe } from './probe.ts';

/** A result of `probe` with one more phase. */
export interface TimedResult extends ProbeResult {
  readonly timings?: NonNullable<ProbeResult['timings']> & {
    /** From the peer's AUTH to its next record, in milliseconds; 0 when both came together, absent when none came. */
    readonly firstMessageMs?: number;
  };
}

/** Does the same as `probe` and measures the time to the first message. */
export async function probeTimed(target: Target, options: ProbeOptions): Promise<TimedResult> {
  const timer = new FirstMessageTimer(options.clock ?? systemClock);
  const onBytes: OnBytes = (direction, bytes, connection) => {
    if (direction === 'received') timer.push(bytes, connection);
    options.onBytes?.(direction, bytes, connection);
  };
  const result = await probe(target, { ...options, onBytes });
  const { firstMessageMs } = timer;
  if (!result.ok || result.timings === undefined || firstMessageMs === undefined) return result;
  return { ...result, timings: { ...result.timings, ...roundMs({ firstMessageMs }) } };
}

/** Records of a peer that completes the handshake: HELLO, AUTH, then the first message. */
const AUTH_RECORD = 2;

/** Counts the records of the last connection up to the first message, without reading their content. */
class FirstMessageTimer {
  readonly #clock: Clock;
  #connection: ConnectionInfo | undefined;
  #decoder: RecordDecoder | undefined;
  #records = 0;
  #authAtMs = 0;
  #firstMessageMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get firstMessageMs(): number | undefined {
    return this.#firstMessageMs;
  }

  push(bytes: Uint8Array, connection: ConnectionInfo): void {
    if (connection !== this.#connection) {
      this.#connection = connection;
      this.#decoder = new RecordDecoder();
      this.#records = 0;
      this.#firstMessageMs = undefined;
    }
    if (this.#decoder === undefined) return;
    try {
      this.#decoder.push(bytes);
      while (this.#decoder?.next(MAX_RECORD_BYTES) !== undefined) this.#count();
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      // The connection ends with this error.
      this.#decoder = undefined;
    }
  }

  #count(): void {
    const nowMs = this.#clock.now().monotonicMs;
    this.#records++;
    if (this.#records === AUTH_RECORD) this.#authAtMs = nowMs;
    if (this.#records <= AUTH_RECORD) return;
    this.#firstMessageMs = nowMs - this.#authAtMs;
    this.#decoder = undefined;
  }
}
