/**
 * Key log: the MAC keys of connections as lines of text, so that `decode` can verify what was captured, as TLS's key log
 * does for its own. Format, all in hex, lines that begin with `#` aside:
 *
 *     STELLAR_MAC_KEYS <nonceA> <nonceB> <K_AB> <K_BA>
 *
 * Whoever has a line can forge messages on that connection while it lasts; nobody needs one to read them.
 * @module
 */
import { fromHex, toHex } from '../protocol/bytes.ts';
import { HASH_BYTES } from '../protocol/constants.ts';
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
