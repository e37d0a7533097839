/**
 * Key log: the MAC keys of connections as lines of text, with which `decode` verifies captures, like the key log of TLS. The
 * format, all in hex; lines that begin with `#` are comments:
 *
 *     STELLAR_MAC_KEYS <nonceA> <nonceB> <K_AB> <K_BA>
 * A person who has a line can forge messages on that connection while it lasts. Reading messages needs no key.
 * @module
 */
import { nodeCrypto } from '../crypto/node.ts';
import { fromHex, toHex } from '../protocol/bytes.ts';
import { HASH_BYTES, MAC_BYTES, SEQUENCE_OFFSET } from '../protocol/constants.ts';
import type { HandshakeStep } from '../protocol/handshake/steps.ts';

/** The MAC keys of one connection, 32 bytes each. */
export interface MacKeys {
  /** Of what A sends; A dialled. */
  readonly K_AB: Uint8Array;
  /** Of what B sends. */
  readonly K_BA: Uint8Array;
}

/** The keys of a key log. */
export class KeyLog {
  readonly #byNonces = new Map<string, MacKeys>();

  /**
   * Adds the lines of a key log; other lines and an incomplete last line are ignored, as in TLS.
   * @returns how many lines contained keys
   */
  add(text: string): number {
    let count = 0;
    for (const line of text.split(/\r?\n/)) {
      const match = LINE.exec(line.trim());
      if (match === null) continue;
      const [, nonceA = '', nonceB = '', ab = '', ba = ''] = match;
      this.#byNonces.set(noncesKey(nonceA.toLowerCase(), nonceB.toLowerCase()), { K_AB: fromHex(ab), K_BA: fromHex(ba) });
      count++;
    }
    return count;
  }

  /** Keys of the connection with these nonces, 32 bytes each. */
  find(nonceA: Uint8Array, nonceB: Uint8Array): MacKeys | undefined {
    return this.#byNonces.get(noncesKey(toHex(nonceA), toHex(nonceB)));
  }

  /** All keys, the newest last. */
  get all(): readonly MacKeys[] {
    return [...this.#byNonces.values()];
  }
}

/** A key with which a record's MAC is good. */
export interface FoundKey {
  readonly keys: MacKeys;
  /** The side that sends with it. */
  readonly side: 'A' | 'B';
}

/** The bytes on which keys are tried for any input, and the further bytes for each byte of the input. */
const TRIED_BYTES = 0x4000000;
const TRIED_BYTES_A_BYTE = 16;
/** The fixed cost of a trial, in bytes. */
const TRIAL_BYTES = 1_024;

/** Tries all keys on records whose connection is not known. The work is limited by the size of the input. */
export class KeyTrials {
  readonly #keys: KeyLog;
  #left = TRIED_BYTES;
  /** Records on which not every key has been tried, because that was too much work. */
  untried = 0;

  constructor(keys: KeyLog) {
    this.#keys = keys;
  }

  /** Call this for further bytes of the input. */
  read(bytes: number): void {
    this.#left += TRIED_BYTES_A_BYTE * bytes;
  }

  /** @param body of a record @param sides the possible senders */
  find(body: Uint8Array, sides: readonly ('A' | 'B')[]): FoundKey | undefined {
    for (const keys of this.#keys.all) {
      this.#left -= sides.length * (TRIAL_BYTES + body.length);
      if (this.#left < 0) {
        this.untried++;
        return undefined;
      }
      const found = keyOf(body, keys, sides);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** The key with which the MAC of a record body is good. */
export function keyOf(body: Uint8Array, keys: MacKeys, sides: readonly ('A' | 'B')[] = ['A', 'B']): FoundKey | undefined {
  const side = sides.find((name) => {
    const key = nodeCrypto.macKey(name === 'A' ? keys.K_AB : keys.K_BA);
    return key.verify(body, SEQUENCE_OFFSET, body.length - MAC_BYTES);
  });
  return side && { keys, side };
}

/** The line of a handshake's step `mac-keys`; undefined for other steps, and when the step has no secrets. */
export function keyLogLine(step: HandshakeStep): string | undefined {
  if (step.step !== 'mac-keys' || step.secrets === undefined) return undefined;
  const nonceA = step.inputAB.subarray(1, 1 + HASH_BYTES);
  const nonceB = step.inputAB.subarray(1 + HASH_BYTES, 1 + 2 * HASH_BYTES);
  const { K_AB, K_BA } = step.secrets;
  return ['STELLAR_MAC_KEYS', ...[nonceA, nonceB, K_AB, K_BA].map(toHex)].join(' ');
}

const LINE = /^STELLAR_MAC_KEYS ([0-9a-f]{64}) ([0-9a-f]{64}) ([0-9a-f]{64}) ([0-9a-f]{64})$/i;

function noncesKey(nonceA: string, nonceB: string): string {
  return `${nonceA} ${nonceB}`;
}
