/**
 * What a mock peer has received: records in order, and how the other side has closed.
 * @module
 */
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../net/clock.ts';
import { MAX_RECORD_BYTES, MESSAGE_OFFSET } from '../protocol/constants.ts';
import { RecordDecoder } from '../protocol/wire/framing.ts';
import { MESSAGE_TYPES } from '../protocol/wire/messages.ts';
import { XdrReader } from '../protocol/xdr/reader.ts';

/** Cuts the bytes of a stream into records. */
export class MockInbox {
  readonly #clock: Clock;
  readonly #handlingMs: number;
  readonly #decoder = new RecordDecoder();
  readonly #bodies: Uint8Array[] = [];
  /** Waiting times of records that have arrived and are not handled yet. */
  readonly #timers = new Set<Timer>();
  #wake: (() => void) | undefined;
  #end: 'FIN' | 'RST' | undefined;
  #violation: unknown;
  #isRefused = false;

  /**
   * @param handlingMs time that each record waits before `next` returns it; records that still wait when the other side closes
   * are lost
   */
  constructor(stream: Duplex, clock: Clock, handlingMs: number) {
    this.#clock = clock;
    this.#handlingMs = handlingMs;
    stream.on('data', (chunk: Buffer) => {
      if (this.#violation === undefined) this.#onData(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    });
    stream.on('end', () => this.#onEnd('FIN')).on('close', () => this.#onEnd('RST'));
    stream.on('error', () => {}).resume();
  }

  /** How the other side has closed, undefined while it has not. */
  get end(): 'FIN' | 'RST' | undefined {
    return this.#end;
  }

  /** Whether `next` has returned an ERROR_MSG. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /**
   * The next record body; undefined when the other side has closed.
   * @throws {ProtocolViolation} OVERLAY_RECORD_LENGTH when the bytes are not a record: nothing after it can be read
   */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#bodies.length === 0 && this.#end === undefined && this.#violation === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const body = this.#bodies.shift();
    if (body === undefined && this.#violation !== undefined) throw this.#violation;
    this.#isRefused ||= body !== undefined && isErrorMessage(body);
    return body;
  }

  #onData(chunk: Uint8Array): void {
    try {
      this.#decoder.push(chunk);
      for (let body = this.#decoder.next(MAX_RECORD_BYTES); body; body = this.#decoder.next(MAX_RECORD_BYTES)) this.#take(body);
    } catch (error) {
      this.#violation = error;
    }
    this.#wake?.();
  }

  #take(body: Uint8Array): void {
    if (this.#handlingMs === 0) {
      this.#bodies.push(body);
      return;
    }
    const timer = this.#clock.setTimer(() => {
      this.#timers.delete(timer);
      this.#bodies.push(body);
      this.#wake?.();
    }, this.#handlingMs);
    this.#timers.add(timer);
  }

  #onEnd(how: 'FIN' | 'RST'): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#end ??= how;
    this.#wake?.();
  }
}

function isErrorMessage(body: Uint8Array): boolean {
  return body.length >= MESSAGE_OFFSET + 4 && new XdrReader(body, MESSAGE_OFFSET).int32() === MESSAGE_TYPES.ERROR_MSG;
}
