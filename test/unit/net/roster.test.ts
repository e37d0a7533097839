import { describe, expect, it } from 'vitest';
import { type Member, Roster } from '../../../src/net/roster.ts';
import { Random } from '../../support/random.ts';

const valuesOf = <T>(roster: Roster<T>): readonly T[] => roster.members().map(({ value }) => value);

describe('a roster', () => {
  it('keeps its members in the order in which they came, whichever leave', () => {
    const random = new Random(1);
    const roster = new Roster<number>();
    let expected: Member<number>[] = [];
    for (let value = 0; value < 2_000; value++) {
      if (expected.length > 0 && random.below(2) === 0) {
        const leaves = expected[random.below(expected.length)] as Member<number>;
        expect(roster.remove(leaves)).toBe(true);
        expected = expected.filter((member) => member !== leaves);
      } else expected.push(roster.add(value));
      expect(roster.size).toBe(expected.length);
      if (value % 50 === 0) expect(roster.members()).toEqual(expected);
    }
    expect(valuesOf(roster)).toEqual(expected.map(({ value }) => value));
    for (const member of roster.members()) roster.remove(member);
    expect(roster.members()).toEqual([]);
    expect(roster.size).toBe(0);
  });

  it('removes a member once', () => {
    const roster = new Roster<string>();
    const [a, b, c] = ['a', 'b', 'c'].map((value) => roster.add(value)) as [Member<string>, Member<string>, Member<string>];
    expect(roster.remove(b)).toBe(true);
    expect(roster.remove(b)).toBe(false);
    expect(valuesOf(roster)).toEqual(['a', 'c']);
    expect(roster.remove(a)).toBe(true);
    expect(roster.remove(c)).toBe(true);
    expect(roster.remove(a)).toBe(false);
    roster.add('d');
    expect(valuesOf(roster)).toEqual(['d']);
  });

  it('leaves nothing in a removed member that refers to others', () => {
    const roster = new Roster<number>();
    const [, middle] = [1, 2, 3].map((value) => roster.add(value)) as [unknown, Member<number>];
    roster.remove(middle);
    expect(middle).toEqual({ value: 2, previous: undefined, next: undefined, isIn: false });
  });
});
