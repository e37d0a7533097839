/**
 * Key log: the MAC keys of connections as lines of text, so that `decode` can verify what was captured, as TLS's key log
 * does for its own. Format, all in hex, lines that begin with `#` aside:
 *
 *     STELLAR_MAC_KEYS <nonceA> <nonceB> <K_AB> <K_BA>
 *
 * Whoever has a line can forge messages on that connection while it lasts; nobody needs one to read them.
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
   * Adds the lines of a key log; lines of another kind and an incomplete last one are passed over, as in TLS's.
   * @returns how many lines have been understood
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

/** A key a record's MAC is good with. */
export interface FoundKey {
  readonly keys: MacKeys;
  /** Whose it is. */
  readonly side: 'A' | 'B';
}

/** Bytes under a MAC that are tried whatever the input, and as many more for each byte of it. */
const TRIED_BYTES = 0x4000000;
const TRIED_BYTES_A_BYTE = 16;
/** What a trial costs besides the bytes. */
const TRIAL_BYTES = 1_024;

/** Tries all keys on records of which nobody says whose they are: as much work as fits the input, and no more. */
export class KeyTrials {
  readonly #keys: KeyLog;
  #left = TRIED_BYTES;
  /** Records on which not every key has been tried, because that was too much work. */
  untried = 0;

  constructor(keys: KeyLog) {
    this.#keys = keys;
  }

  /** So much more of the input has come. */
  read(bytes: number): void {
    this.#left += TRIED_BYTES_A_BYTE * bytes;
  }

  /** @param body of a record @param sides whose it may be */
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

/** Which of these keys the MAC of a record body is good with. */
export function keyOf(body: Uint8Array, keys: MacKeys, sides: readonly ('A' | 'B')[] = ['A', 'B']): FoundKey | undefined {
  const side = sides.find((name) => {
    const key = nodeCrypto.macKey(name === 'A' ? keys.K_AB : keys.K_BA);
    return key.verify(body, SEQUENCE_OFFSET, body.length - MAC_BYTES);
  });
  return side && { keys, side };
}

/** The line of a handshake's step `mac-keys`; undefined for other steps, and when the step was told without secrets. */
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
