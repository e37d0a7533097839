/**
 * What one connection may do in one turn of the event loop.
 * @module
 */
import { TURN_BYTES, TURN_RECORDS } from '../protocol/constants.ts';

/** What Node reads of a socket at once. Behind a shorter read nothing more waits, and the next one is of another turn. */
export const FULL_READ_BYTES = 0x10000;

/** A turn with full reads: libuv reads 32 times before it looks at anybody else. */
export class Turn {
  /** Read in this turn. */
  bytes = 0;
  readonly #recordsBefore: number;

  /**
   * @param recordsBefore handled until now
   * @param onOver told when others have had their turn
   */
  constructor(recordsBefore: number, onOver: () => void) {
    this.#recordsBefore = recordsBefore;
    setImmediate(onOver);
  }

  /** Whether it is enough. @param records handled until now */
  isSpent(records: number): boolean {
    return this.bytes >= TURN_BYTES || records - this.#recordsBefore >= TURN_RECORDS;
  }
}
