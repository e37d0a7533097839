/**
 * The sent and received bytes of a case, up to a limit.
 * @module
 */
import { toHex } from '../protocol/bytes.ts';

/** Maximum number of bytes of one entry, and of entries of one connection: a target may send more than a reader wants. */
const MAX_ENTRY_BYTES = 4096;
const MAX_ENTRIES = 200;

/** Something that happened on a connection. */
export interface TranscriptEntry {
  /** Milliseconds from the first byte of the case's first connection. */
  readonly atMs: number;
  /** Number of the connection in the case, from 1. */
  readonly connection: number;
  readonly from: 'us' | 'target';
  /** Its description. */
  readonly text: string;
  /** The bytes on the wire, in hex, at most 4,096; absent if there were none. */
  readonly hex?: string;
  /** Total number of bytes. */
  readonly length?: number;
}

/** Collects the entries of a case's connections. */
export class Transcript {
  readonly #entries: TranscriptEntry[] = [];
  readonly #nowMs: () => number;
  #startMs: number | undefined;
  #dropped = 0;

  /** @param nowMs the time, monotonic */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The entries so far, in order. */
  get entries(): readonly TranscriptEntry[] {
    if (this.#dropped === 0) return [...this.#entries];
    const last = this.#entries.at(-1) as TranscriptEntry;
    return [...this.#entries, { ...last, text: `${this.#dropped} more entries are left out`, hex: '', length: 0 }];
  }

  /** Adds an entry. */
  add(connection: number, from: 'us' | 'target', text: string, bytes?: Uint8Array): void {
    if (this.#entries.length === MAX_ENTRIES) {
      this.#dropped++;
      return;
    }
    const now = this.#nowMs();
    this.#startMs ??= now;
    const atMs = Math.round((now - this.#startMs) * 10) / 10;
    const data = bytes && { hex: toHex(bytes.subarray(0, MAX_ENTRY_BYTES)), length: bytes.length };
    this.#entries.push({ atMs, connection, from, text, ...data });
  }
}
