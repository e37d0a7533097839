/**
 * For tests of applications, and our own: an in-memory pair and a manual clock.
 * @packageDocumentation
 */

export { ManualClock } from './clock.ts';
export { connectedPair, type PairSideOptions } from './pair.ts';
