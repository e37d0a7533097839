/**
 * Cuts the bytes of one side into records for display. Memory is bounded, whatever comes.
 * @module
 */
import { MAX_RECORD_BYTES, RECORD_HEADER_BYTES } from '../protocol/constants.ts';

/** Maximum number of record bytes that are shown, so that the page stays readable. */
export const MAX_SHOWN_BYTES = 0x80000;

/** Cuts bytes into whole records, headers included. After an invalid length nothing more counts as a record. */
export class RecordCutter {
  /** The incomplete record so far, or the first bytes that are no record. */
  #part = new Uint8Array(RECORD_HEADER_BYTES);
  #filled = 0;
  /** Missing bytes of a record that is too long to be shown. */
  #skipping = 0;
  #isStray = false;
  /** Number of bytes that are no record. */
  #strayBytes = 0;
  /** Number of records that were too long to be shown. */
  omitted = 0;

  /** Bytes at the end that are no whole record: the first of them, and their number. */
  get rest(): { readonly bytes: Uint8Array; readonly length: number } {
    const bytes = this.#part.subarray(0, this.#filled);
    return { bytes, length: this.#isStray ? this.#strayBytes : bytes.length };
  }

  /** The records completed by these bytes. The bytes are copied. */
  push(bytes: Uint8Array): readonly Uint8Array[] {
    const records: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const left = bytes.length - at;
      const wanted = this.#part.length - this.#filled;
      if (this.#skipping > 0) {
        const skipped = Math.min(this.#skipping, left);
        this.#skipping -= skipped;
        at += skipped;
        continue;
      }
      if (this.#isStray) this.#strayBytes += left;
      const taken = Math.min(wanted, left);
      this.#part.set(bytes.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#isStray) break;
      if (this.#filled < this.#part.length) continue;
      if (this.#filled === RECORD_HEADER_BYTES) this.#begin();
      else {
        records.push(this.#part);
        this.#restart();
      }
      if (this.#isStray) this.#strayBytes = RECORD_HEADER_BYTES;
    }
    return records;
  }

  /** The header is complete. */
  #begin(): void {
    const length = new DataView(this.#part.buffer).getUint32(0) & 0x7fffffff;
    this.#isStray = length === 0 || length > MAX_RECORD_BYTES;
    if (!this.#isStray && length > MAX_SHOWN_BYTES) {
      this.omitted++;
      this.#skipping = length;
      this.#restart();
      return;
    }
    const part = new Uint8Array(RECORD_HEADER_BYTES + (this.#isStray ? STRAY_BYTES : length));
    part.set(this.#part);
    this.#part = part;
  }

  #restart(): void {
    this.#part = new Uint8Array(RECORD_HEADER_BYTES);
    this.#filled = 0;
  }
}

/** Number of bytes shown that are no record. */
export const STRAY_BYTES = 512;
