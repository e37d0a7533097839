/**
 * A manual clock that advances during a wait.
 * @module
 */
import { setImmediate } from 'node:timers/promises';
import type { ManualClock } from '../../src/testing/clock.ts';

/** Advances a clock until a promise has settled, by at most one minute, because the end of a connection needs timers. */
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
