/**
 * How much one connection may do in one turn of the event loop.
 * @module
 */
import { TURN_BYTES, TURN_RECORDS } from '../protocol/constants.ts';

/** How much Node reads from a socket at once. After a shorter read no more bytes wait, and the next read is in another turn. */
export const FULL_READ_BYTES = 0x10000;

/** A turn with full reads: libuv reads up to 32 times from one socket before it serves another. */
export class Turn {
  /** Bytes read in this turn. */
  bytes = 0;
  readonly #recordsBefore: number;

  /**
   * @param recordsBefore number of records handled until now
   * @param onOver is called when other connections have had their turn
   */
  constructor(recordsBefore: number, onOver: () => void) {
    this.#recordsBefore = recordsBefore;
    setImmediate(onOver);
  }

  /** Whether the share is used up. @param records number of records handled until now */
  isSpent(records: number): boolean {
    return this.bytes >= TURN_BYTES || records - this.#recordsBefore >= TURN_RECORDS;
  }
}
