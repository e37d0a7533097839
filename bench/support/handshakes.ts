/**
 * The cases of the handshake bench, for both of its sides.
 * @module
 */
import { cpuSince, type RoundResult } from './child.ts';

/** The kind of the other side, and the life of our own ECDH key; see handshake.ts. */
export const VARIANTS = ['new peer', 'known peer', 'own ECDH key each', 'late peer'] as const;
export type Variant = (typeof VARIANTS)[number];
export type Side = 'dials' | 'accepts';

/** Handshakes at once: with one at a time, the wake-up time of the machine would dominate. */
export const AT_ONCE = 8;

/** Dials this number of times, measured as a whole. @param dial resolves when the connection is over */
export async function dialMany(count: number, dial: () => Promise<unknown>): Promise<RoundResult> {
  const mark = process.cpuUsage();
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await dial();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { micros: cpuSince(mark) / count };
}
