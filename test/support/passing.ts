/**
 * A manual clock that advances during a wait.
 * @module
 */
import { setImmediate } from 'node:timers/promises';
import type { ManualClock } from '../../src/testing/clock.ts';

/** Moves a clock on until a promise has settled, a minute at most: what ends has timers of its own. */
export async function passing<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  promise.then(settle, settle);
  for (let i = 0; i < 120 && !isSettled; i++) {
    for (let turn = 0; turn < 20 && !isSettled; turn++) await setImmediate();
    if (!isSettled) clock.advance(500);
  }
  return promise;
}
