import { Keypair, xdr } from '@stellar/stellar-base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { toHex } from '../../../src/protocol/bytes.ts';
import {
  isQuorumSetSane,
  isQuorumSlice,
  isVBlocking,
  normalizeQuorumSet,
  parseQuorumSet,
  quorumSetHash,
  quorumSetNodes,
  quorumSetProblem,
} from '../../../src/protocol/scp/quorum-set.ts';
import { encodePublicKey } from '../../../src/protocol/strkey.ts';
import type { SCPQuorumSet } from '../../../src/protocol/wire/messages.ts';
import { ledgers, messageOf } from '../../support/ledgers.ts';

/** The n-th node of these tests: a key whose order by bytes is the order of n. */
function node(n: number): string {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(0, n);
  return encodePublicKey(key);
}

const nodes = (...numbers: number[]): string[] => numbers.map(node);
const set = (threshold: number, validators: string[], ...innerSets: SCPQuorumSet[]): SCPQuorumSet => ({
  threshold,
  validators,
  innerSets,
});
/** One validator below a number of levels. */
const nested = (levels: number): SCPQuorumSet => (levels === 0 ? set(1, nodes(1)) : set(1, [], nested(levels - 1)));

/** Any sane quorum set of the validators 1 to 12. */
const sane: fc.Arbitrary<SCPQuorumSet> = fc
  .record({
    levels: fc.array(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
    thresholds: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 8, maxLength: 8 }),
    deep: fc.boolean(),
  })
  .map(({ levels, thresholds, deep }) => {
    const seen = new Set<number>();
    const build = (rest: number[][], depth: number): SCPQuorumSet | undefined => {
      const [first, ...others] = rest;
      if (first === undefined) return undefined;
      const own = first.filter((n) => !seen.has(n) && seen.add(n));
      const inner = deep ? [build(others, depth + 1)] : others.map((numbers) => build([numbers], depth + 1));
      const innerSets = inner.filter((s): s is SCPQuorumSet => s !== undefined);
      const entries = own.length + innerSets.length;
      if (entries === 0) return undefined;
      return set(1 + Math.floor((thresholds[depth] ?? 0) * entries), own.map(node), ...innerSets);
    };
    return build(levels, 0) ?? set(1, nodes(1));
  });

/** What a slice is by its definition: every combination is tried. */
function slices({ threshold, validators, innerSets }: SCPQuorumSet): Set<string>[] {
  const entries = [...validators.map((nodeID) => [new Set([nodeID])]), ...innerSets.map(slices)];
  const choose = (from: number, left: number): Set<string>[] => {
    if (left === 0) return [new Set()];
    if (entries.length - from < left) return [];
    const rest = choose(from + 1, left);
    const withIt = choose(from + 1, left - 1).flatMap((tail) =>
      (entries[from] as Set<string>[]).map((head) => new Set([...head, ...tail])),
    );
    return [...withIt, ...rest];
  };
  return choose(0, threshold);
}

describe('quorum sets', () => {
  it('have the hash that stellar-core uses', () => {
    for (const [hash, message] of Object.entries(ledgers.quorumSets)) {
      const received = messageOf(message);
      if (received.type !== 'SCP_QUORUMSET') throw new Error(received.type);
      expect(toHex(quorumSetHash(nodeCrypto, received.qSet))).toBe(hash);
    }
    expect(Object.keys(ledgers.quorumSets)).toHaveLength(1);
  });

  it('have the hash of the XDR that Stellar’s own library writes', () => {
    const key = (text: string) => Keypair.fromPublicKey(text).xdrPublicKey();
    const theirs = ({ threshold, validators, innerSets }: SCPQuorumSet): xdr.ScpQuorumSet =>
      new xdr.ScpQuorumSet({ threshold, validators: validators.map(key), innerSets: innerSets.map(theirs) });
    const ours = set(2, nodes(1, 2), set(1, nodes(3), set(1, nodes(4, 5))));
    expect(quorumSetHash(nodeCrypto, ours)).toEqual(nodeCrypto.sha256(theirs(ours).toXDR()));
  });

  it.each<[string, SCPQuorumSet, string]>([
    ['a threshold of 0', set(0, nodes(1)), 'a threshold of 0'],
    ['a threshold above its entries', set(3, nodes(1), set(1, nodes(2))), 'a threshold of 3'],
    ['an inner threshold of 0', set(1, nodes(1), set(0, nodes(2))), 'a threshold of 0'],
    ['an empty inner set', set(1, nodes(1), set(1, [])), 'a threshold of 1'],
    ['no validator', set(0, []), 'a threshold of 0'],
    ['a node twice on one level', set(1, nodes(1, 1)), 'twice'],
    ['a node on two levels', set(1, nodes(1), set(1, nodes(1))), 'twice'],
    ['five levels below the top', nested(5), 'deeper than 4'],
    [
      '1001 validators',
      set(
        1,
        Array.from({ length: 1001 }, (_, n) => node(n)),
      ),
      'more than 1000',
    ],
  ])('are not sane: %s', (_name, quorumSet, problem) => {
    expect(isQuorumSetSane(quorumSet)).toBe(false);
    expect(quorumSetProblem(quorumSet)).toContain(problem);
    expect(() => parseQuorumSet(quorumSet)).toThrow(/quorumSet/);
  });

  it.each<[string, SCPQuorumSet]>([
    ['one validator', set(1, nodes(1))],
    ['four levels below the top', nested(4)],
    [
      '1000 validators',
      set(
        1000,
        Array.from({ length: 1000 }, (_, n) => node(n)),
      ),
    ],
    ['a threshold below the v-blocking size, which stellar-core checks only for its own', set(1, nodes(1, 2, 3))],
  ])('are sane: %s', (_name, quorumSet) => {
    expect(isQuorumSetSane(quorumSet)).toBe(true);
    expect(parseQuorumSet(quorumSet)).toEqual(quorumSet);
  });

  it('have no slice without its last node at depth 3', () => {
    const quorumSet = set(2, nodes(1), set(2, nodes(2), set(2, nodes(3), set(2, nodes(4, 5, 6)))));
    expect(isQuorumSlice(quorumSet, new Set(nodes(1, 2, 3, 4)))).toBe(false);
    expect(isQuorumSlice(quorumSet, new Set(nodes(1, 2, 3, 4, 6)))).toBe(true);
    expect(isVBlocking(quorumSet, new Set(nodes(4)))).toBe(false);
    expect(isVBlocking(quorumSet, new Set(nodes(4, 6)))).toBe(true);
  });

  it('have no slice and no blocking set with a threshold of 0', () => {
    expect(isQuorumSlice(set(0, nodes(1)), new Set(nodes(1)))).toBe(false);
    expect(isVBlocking(set(0, nodes(1)), new Set(nodes(1)))).toBe(false);
  });

  it('have exactly the slices and blocking sets of the definition', () => {
    fc.assert(
      fc.property(sane, fc.uniqueArray(fc.integer({ min: 1, max: 12 })), (quorumSet, members) => {
        const chosen = new Set(members.map(node));
        const all = slices(quorumSet);
        expect(isQuorumSetSane(quorumSet)).toBe(true);
        expect(isQuorumSlice(quorumSet, chosen)).toBe(all.some((slice) => [...slice].every((nodeID) => chosen.has(nodeID))));
        expect(isVBlocking(quorumSet, chosen)).toBe(all.every((slice) => [...slice].some((nodeID) => chosen.has(nodeID))));
      }),
    );
  });

  it('keep their meaning when they are normalised, and are then sorted by key', () => {
    const before = set(3, nodes(9, 300), set(1, nodes(2)), set(1, [], set(2, nodes(8, 7, 6))), set(1, nodes(5, 4)));
    expect(normalizeQuorumSet(before)).toEqual(set(3, nodes(2, 9, 300), set(1, nodes(4, 5)), set(2, nodes(6, 7, 8))));
    fc.assert(
      fc.property(sane, fc.uniqueArray(fc.integer({ min: 1, max: 12 })), (quorumSet, members) => {
        const chosen = new Set(members.map(node));
        const normal = normalizeQuorumSet(quorumSet);
        expect(isQuorumSlice(normal, chosen)).toBe(isQuorumSlice(quorumSet, chosen));
        expect(normalizeQuorumSet(normal)).toEqual(normal);
        expect(new Set(quorumSetNodes(normal))).toEqual(new Set(quorumSetNodes(quorumSet)));
      }),
    );
  });

  it('are read with either name of inner sets, and without empty lists', () => {
    const inner = { threshold: 1, validators: nodes(2) };
    const expected = set(1, nodes(1), set(1, nodes(2)));
    expect(parseQuorumSet({ threshold: 1, validators: nodes(1), innerQuorumSets: [inner] })).toEqual(expected);
    expect(parseQuorumSet({ threshold: 1, validators: nodes(1), innerSets: [inner] })).toEqual(expected);
    expect(parseQuorumSet({ threshold: 1, innerSets: [inner] })).toEqual(set(1, [], set(1, nodes(2))));
  });

  it.each<[unknown, string]>([
    [null, 'quorumSet must be an object'],
    [[], 'quorumSet must be an object'],
    [{ validators: nodes(1) }, 'quorumSet.threshold'],
    [{ threshold: 1.5, validators: nodes(1) }, 'quorumSet.threshold'],
    [{ threshold: 1, validators: 'G' }, 'quorumSet.validators must be a list'],
    [{ threshold: 1, validators: ['GABC'] }, 'quorumSet.validators[0]'],
    [{ threshold: 1, validators: [7] }, 'quorumSet.validators[0]'],
    [{ threshold: 1, innerSets: {} }, 'quorumSet.innerSets must be a list'],
    [{ threshold: 1, innerSets: [{ threshold: 1, validators: [''] }] }, 'quorumSet.innerSets[0].validators[0]'],
    [{ threshold: 1, innerSets: [], innerQuorumSets: [] }, 'both innerSets and innerQuorumSets'],
  ])('are refused with the path of the mistake: %j', (value, problem) => {
    expect(() => parseQuorumSet(value)).toThrow(problem);
  });

  it('are refused when JSON is nested 10,000 levels deep', () => {
    let value: object = { threshold: 1, validators: nodes(1) };
    for (let i = 0; i < 10_000; i++) value = { threshold: 1, innerSets: [value] };
    expect(() => parseQuorumSet(value)).toThrow('deeper than 4 levels');
  });
});
