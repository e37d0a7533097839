/**
 * Flow control of flood messages, in messages and bytes, for both directions (protocol.md section 5). The size of a message is
 * the size of its XDR, the 4-byte type included.
 * @module
 */
import { SEND_MORE_BATCH_BYTES, SEND_MORE_BATCH_MESSAGES } from '../constants.ts';
import type { OverlayError } from '../errors.ts';
import { ProtocolViolation } from '../violation.ts';

/** Messages and bytes: a capacity or a grant. */
export interface FloodCapacity {
  readonly messages: number;
  readonly bytes: number;
}

const UINT32 = 0x1_0000_0000;

/** A u64 as two 32-bit halves: bigints would cost more than the rest of the flow control. */
class Credit {
  #high = 0;
  #low = 0;

  get value(): bigint {
    return (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }

  /** @returns false when it would exceed a u64 */
  add(amount: number): boolean {
    const low = this.#low + (amount % UINT32);
    this.#high += Math.floor(amount / UINT32) + Math.floor(low / UINT32);
    this.#low = low % UINT32;
    return this.#high < UINT32;
  }

  atLeast(amount: number): boolean {
    return this.#high > 0 || this.#low >= amount;
  }

  /** Takes at most what is there, see `atLeast`. */
  subtract(amount: number): void {
    this.#low -= amount;
    if (this.#low < 0) {
      this.#low += UINT32;
      this.#high--;
    }
  }
}

/** What the peer may still send us, and what we have to grant again. */
export class FloodReceiver {
  readonly #batch: FloodCapacity;
  #messages: number;
  #bytes: number;
  #processedMessages = 0;
  #processedBytes = 0;
  #isUsed = false;

  /** @param capacity the first grant (SEND_MORE_EXTENDED); the budgets are full at the start */
  constructor(capacity: FloodCapacity) {
    this.#messages = capacity.messages;
    this.#bytes = capacity.bytes;
    // A small capacity is granted again in smaller batches, in the same proportion as the default one. Otherwise a whole batch
    // would never be used up.
    this.#batch = {
      messages: Math.min(SEND_MORE_BATCH_MESSAGES, Math.ceil(capacity.messages / 5)),
      bytes: Math.min(SEND_MORE_BATCH_BYTES, Math.ceil(capacity.bytes / 3)),
    };
  }

  /** Whether any flood message has been received. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /**
   * Counts a received flood message: it takes from both budgets.
   * @throws {ProtocolViolation} OVERLAY_FLOOD_OVER_CAPACITY when it exceeds a budget
   */
  lock(size: number): void {
    if (this.#messages < 1 || this.#bytes < size) throw new ProtocolViolation('OVERLAY_FLOOD_OVER_CAPACITY');
    this.#messages--;
    this.#bytes -= size;
    this.#isUsed = true;
  }

  /**
   * Counts a consumed flood message: it returns to both budgets.
   * @returns the grant to send now: everything consumed since the last grant, once that is a batch
   */
  release(size: number): FloodCapacity | undefined {
    this.#messages++;
    this.#bytes += size;
    this.#processedMessages++;
    this.#processedBytes += size;
    if (this.#processedMessages < this.#batch.messages && this.#processedBytes < this.#batch.bytes) return undefined;
    const grant = { messages: this.#processedMessages, bytes: this.#processedBytes };
    this.#processedMessages = 0;
    this.#processedBytes = 0;
    return grant;
  }
}

/** Order in which queued messages are sent (FlowControl.h). */
const PRIORITY = { SCP_MESSAGE: 0, TRANSACTION: 1, FLOOD_DEMAND: 2, FLOOD_ADVERT: 3 } as const satisfies Record<string, number>;
/** Types that need credit. */
export type FloodType = keyof typeof PRIORITY;

/** Called once: without an error when the message has been sent, with an error when it never will be. */
export type Settle = (error?: OverlayError) => void;

interface Queued {
  /** The StellarMessage. */
  readonly xdr: Uint8Array;
  readonly settle: Settle;
}

const NO_QUEUES: readonly Queued[][] = [];

/** What we may still send to the peer, and the messages that wait for credit. */
export class FloodSender {
  readonly #messages = new Credit();
  readonly #bytes = new Credit();
  /** By priority. Most connections never need queues, so the first message that waits makes them. */
  #queues: readonly Queued[][] = NO_QUEUES;
  #queuedBytes = 0;
  #grants = 0;
  #starved = true;

  /** Grants received so far. */
  get grants(): number {
    return this.#grants;
  }

  /** Whether nothing has been granted since a message had to wait, or since the start. */
  get starved(): boolean {
    return this.#starved;
  }

  /** Credit left. */
  get credit(): { readonly messages: bigint; readonly bytes: bigint } {
    return { messages: this.#messages.value, bytes: this.#bytes.value };
  }

  /** Size of all queued messages. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /**
   * Takes the credit for a message that should be sent now.
   * @returns false when it has to wait: for credit, or for earlier messages of its type
   */
  take(type: FloodType, size: number): boolean {
    return !this.#queues[PRIORITY[type]]?.length && this.#spend(size);
  }

  /**
   * Queues a message. Takes ownership of the bytes. @returns a function that removes it again; it returns false when the
   * message has been sent
   */
  enqueue(type: FloodType, xdr: Uint8Array, settle: Settle): () => boolean {
    if (this.#queues === NO_QUEUES) this.#queues = [[], [], [], []];
    const queue = this.#queues[PRIORITY[type]] as Queued[];
    const entry = { xdr, settle };
    queue.push(entry);
    this.#starved = true;
    this.#queuedBytes += xdr.length;
    return () => {
      const at = queue.indexOf(entry);
      if (at < 0) return false;
      queue.splice(at, 1);
      this.#queuedBytes -= xdr.length;
      return true;
    };
  }

  /**
   * Adds a grant of the peer.
   * @throws {ProtocolViolation} OVERLAY_INVALID_SEND_MORE_EXTENDED, OVERLAY_CAPACITY_OVERFLOW
   */
  grant({ messages, bytes }: FloodCapacity): void {
    if (bytes === 0) throw new ProtocolViolation('OVERLAY_INVALID_SEND_MORE_EXTENDED');
    this.#grants++;
    this.#starved = false;
    const fits = this.#messages.add(messages) && this.#bytes.add(bytes);
    if (!fits) throw new ProtocolViolation('OVERLAY_CAPACITY_OVERFLOW');
  }

  /** Takes the next queued message that the credit allows, by priority. A message without credit blocks only its own type. */
  dequeue(): Queued | undefined {
    for (const queue of this.#queues) {
      const head = queue[0];
      if (head === undefined) continue;
      if (!this.#spend(head.xdr.length)) {
        this.#starved = true;
        continue;
      }
      queue.shift();
      this.#queuedBytes -= head.xdr.length;
      return head;
    }
    return undefined;
  }

  /** Removes every queued message: none of them will be sent. */
  clear(): readonly Queued[] {
    this.#queuedBytes = 0;
    return this.#queues.flatMap((queue) => queue.splice(0));
  }

  #spend(size: number): boolean {
    if (!this.#messages.atLeast(1) || !this.#bytes.atLeast(size)) return false;
    this.#messages.subtract(1);
    this.#bytes.subtract(size);
    return true;
  }
}

/** Whether a message type needs credit (protocol.md section 5.1). */
export function isFloodType(type: string): type is FloodType {
  return type === 'SCP_MESSAGE' || type === 'TRANSACTION' || type === 'FLOOD_ADVERT' || type === 'FLOOD_DEMAND';
}
