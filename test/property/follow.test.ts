/** Peers may do anything with the signed statements of validators: no ledger is lost, and none is invented. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { Chain } from '../../src/follow/chain.ts';
import { LedgerError } from '../../src/follow/index.ts';
import { toHex } from '../../src/protocol/bytes.ts';
import { MockValidators } from '../../src/testing/mock-validators.ts';
import { scpXdr } from '../support/statements.ts';

const LEDGERS = 6;
const validators = new MockValidators({ count: 5 });
const others = new MockValidators({ count: 5, seed: 'others' });
const closed = Array.from({ length: LEDGERS }, (_, i) => validators.close({ transactions: [new Uint8Array(4 * i)] }));
const statements = closed.flatMap(({ envelopes }) => envelopes.map(scpXdr));
const sets = new Map(closed.map(({ txSet, txSetHash }) => [txSetHash, txSet]));

/** Something a peer sends: a statement, right or wrong. */
const sent = fc.record({
  which: fc.nat(statements.length - 1),
  how: fc.constantFrom('honest', 'honest', 'honest', 'damaged', 'stranger', 'replaced signature'),
  at: fc.nat(400),
  by: fc.integer({ min: 1, max: 255 }),
});

function bytesOf({ which, how, at, by }: { which: number; how: string; at: number; by: number }): Uint8Array {
  const xdr = (statements[which] as Uint8Array).slice();
  if (how === 'stranger') return scpXdr(others.externalize(which % 5, 1000 + (which % LEDGERS), new Uint8Array(40)));
  if (how === 'replaced signature')
    xdr.set((statements[(which + 1) % statements.length] as Uint8Array).subarray(-64), xdr.length - 64);
  // The channel refuses XDR that is not well-formed. Therefore only bytes of keys, hashes, numbers and signatures are damaged.
  if (how === 'damaged') {
    const places = [8, 20, 47, 55, 70, 100, xdr.length - 1, xdr.length - 40, xdr.length - 80];
    const place = places[at % places.length] as number;
    xdr[place] = (xdr[place] as number) ^ by;
  }
  return xdr;
}

it('every ledger comes out once and in order, from any mixture of good and bad statements and sets', () => {
  fc.assert(
    fc.property(
      fc.array(sent, { maxLength: 120 }),
      fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
      (messages, lies) => {
        const { network, quorumSet } = validators;
        const chain = new Chain({ crypto: nodeCrypto, network, quorumSet, from: 1000 });
        const now = { unixSeconds: validators.last.closeTime, monotonicMs: 0 };
        const followed: number[] = [];
        let turn = 0;
        const advance = (): void => {
          for (const wanted of chain.wanted()) {
            const set = sets.get(toHex(wanted.hash));
            if (set === undefined) throw new Error('a set is wanted that nobody closed a ledger with');
            const isLie = lies[turn++ % lies.length] === true;
            try {
              chain.takeTxSet(wanted, isLie ? set.map((byte, i) => (i === 10 ? byte ^ 1 : byte)) : set);
              expect(isLie).toBe(false);
            } catch (error) {
              expect(error).toBeInstanceOf(LedgerError);
              expect(isLie).toBe(true);
            }
          }
          for (const output of chain.advance(now)) {
            if (output.type !== 'ledger') throw new Error(`${output.type} was told`);
            const { ledger } = output;
            const origin = closed[ledger.ledgerSeq - 1000];
            expect(toHex(ledger.txSet)).toBe(toHex(origin?.txSet ?? new Uint8Array(0)));
            expect(ledger.statements.length).toBeGreaterThanOrEqual(quorumSet.threshold);
            followed.push(ledger.ledgerSeq);
          }
        };
        for (const message of messages) {
          const verdict = chain.receive(bytesOf(message), () => now);
          if (verdict.type === 'counted') expect(verdict.contradictions).toEqual([]);
          advance();
        }
        // One honest peer sends everything, and there is time for its sets.
        for (const xdr of statements) chain.receive(xdr, () => now);
        for (let i = 0; i < 60; i++) advance();
        expect(followed).toEqual(closed.map(({ ledgerSeq }) => ledgerSeq));
      },
    ),
    { numRuns: 40 },
  );
});
