import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closest } from '../../../src/net/closest.ts';

const VERBS = ['probe', 'explain', 'listen', 'watch', 'audit', 'decode', 'exporter', 'keygen'];

describe('the suggestion for a mistyped word', () => {
  it.each([
    ['prob', 'probe'],
    ['wach', 'watch'],
    ['watchh', 'watch'],
    ['explian', 'explain'],
    ['lsiten', 'listen'],
    ['AUDIT', 'audit'],
    ['xeproter', 'exporter'],
  ])('is the nearest word: for %s it is %s', (word, meant) => expect(closest(word, VERBS)).toBe(meant));

  it.each(['probe', 'prod', 'node1', 'w', '', 'core-live-a', 'expert', 'x'.repeat(10_000)])(
    'is absent when the word exists or no word is near: %s',
    (word) => {
      expect(closest(word, VERBS)).toBeUndefined();
    },
  );

  it('is found after any single error in any word', () => {
    const letters = fc.string({ minLength: 3, maxLength: 12, unit: fc.constantFrom('a', 'b', 'c', 'd') });
    fc.assert(
      fc.property(letters, fc.nat(), fc.constantFrom('drop', 'add', 'change', 'swap'), (word, seed, error) => {
        const at = seed % word.length;
        const changed = {
          drop: word.slice(0, at) + word.slice(at + 1),
          add: `${word.slice(0, at)}x${word.slice(at)}`,
          change: `${word.slice(0, at)}x${word.slice(at + 1)}`,
          swap: word.slice(0, at) + [...word.slice(at, at + 2)].reverse().join('') + word.slice(at + 2),
        }[error];
        expect(closest(changed, [word])).toBe(changed === word ? undefined : word);
      }),
    );
  });
});
