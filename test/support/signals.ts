/** What an AbortSignal keeps. */
import { getEventListeners } from 'node:events';
import { types } from 'node:util';

/** Number of things that a signal keeps: listeners, and signals that follow it. */
export function keptBy(signal: AbortSignal): number {
  const properties = Object.getOwnPropertySymbols(signal).map((symbol) => Reflect.get(signal, symbol));
  const sets = properties.filter((value) => types.isSet(value));
  return getEventListeners(signal, 'abort').length + sets.reduce((sum, { size }) => sum + size, 0);
}
