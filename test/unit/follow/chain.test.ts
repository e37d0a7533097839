import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { Chain, type ChainOptions, type ChainOutput } from '../../../src/follow/chain.ts';
import type { FollowEvent, Ledger } from '../../../src/follow/ledger.ts';
import { toBase64, verifyLedger } from '../../../src/follow/proof.ts';
import type { Verdict } from '../../../src/follow/votes.ts';
import type { CryptoProvider } from '../../../src/protocol/auth/crypto.ts';
import { fromHex, toHex } from '../../../src/protocol/bytes.ts';
import { networks } from '../../../src/protocol/networks.ts';
import { encodePublicKey } from '../../../src/protocol/strkey.ts';
import type { SCPEnvelope, SCPQuorumSet } from '../../../src/protocol/wire/messages.ts';
import { ManualClock } from '../../../src/testing/clock.ts';
import { type CloseOptions, type MockLedger, MockValidators } from '../../../src/testing/mock-validators.ts';
import { ledgers, ledgersNetwork, messageOf } from '../../support/ledgers.ts';
import { scpXdr } from '../../support/statements.ts';

/** A chain that the test gives statements to, with the transaction sets that it requests. */
class Bench {
  readonly validators: MockValidators;
  readonly clock = new ManualClock();
  readonly chain: Chain;
  readonly outputs: ChainOutput[] = [];
  readonly sets = new Map<string, Uint8Array>();
  readonly now = () => this.clock.now();

  constructor(validators: MockValidators = new MockValidators(), options: Partial<ChainOptions> = {}) {
    this.validators = validators;
    const { network, quorumSet } = validators;
    this.chain = new Chain({ crypto: nodeCrypto, network, quorumSet, ...options });
  }

  get ledgers(): readonly Ledger[] {
    return this.outputs.flatMap((output) => (output.type === 'ledger' ? [output.ledger] : []));
  }

  get events(): readonly FollowEvent[] {
    return this.outputs.filter((output): output is FollowEvent => output.type !== 'ledger');
  }

  /** Closes a ledger at its close time, and keeps its set. */
  close(options: CloseOptions = {}): MockLedger {
    const ledger = this.validators.close(options);
    this.clock.advance(Math.max(0, ledger.closeTime - this.clock.now().unixSeconds) * 1000);
    this.sets.set(ledger.txSetHash, ledger.txSet);
    return ledger;
  }

  hear(...said: readonly SCPEnvelope[]): readonly Verdict[] {
    const verdicts = said.map((envelope) => this.chain.receive(scpXdr(envelope), this.now));
    this.advance();
    return verdicts;
  }

  /** Passes all statements of a ledger to the chain. */
  follow(ledger: MockLedger): void {
    this.hear(...ledger.envelopes);
  }

  advance(ms = 0): void {
    this.clock.advance(ms);
    for (let before = -1; before !== this.outputs.length; ) {
      before = this.outputs.length;
      this.outputs.push(...this.chain.advance(this.clock.now()));
      for (const wanted of this.chain.wanted()) {
        const set = this.sets.get(toHex(wanted.hash));
        if (set !== undefined) this.chain.takeTxSet(wanted, set);
      }
      this.outputs.push(...this.chain.advance(this.clock.now()));
    }
  }
}

const numbers = (followed: readonly Ledger[]): number[] => followed.map(({ ledgerSeq }) => ledgerSeq);
const sequence = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

/** Counts the signatures that are verified. */
function counting(): { readonly crypto: CryptoProvider; readonly verified: () => number } {
  let verified = 0;
  const verify: CryptoProvider['verify'] = (...args) => {
    verified++;
    return nodeCrypto.verify(...args);
  };
  return { crypto: { ...nodeCrypto, verify }, verified: () => verified };
}

describe('recorded ledgers of a stellar-core', () => {
  const [qSet] = Object.values(ledgers.quorumSets).map((hex) => {
    const message = messageOf(hex);
    if (message.type !== 'SCP_QUORUMSET') throw new Error(message.type);
    return message.qSet;
  }) as [SCPQuorumSet];

  function followAll(options: Partial<ChainOptions> = {}): { readonly outputs: ChainOutput[]; readonly chain: Chain } {
    const chain = new Chain({ crypto: nodeCrypto, network: ledgersNetwork, quorumSet: qSet, ...options });
    const outputs: ChainOutput[] = [];
    // The first closed at 06:27:02 UTC that day.
    const now = { unixSeconds: 0x6b0922c6 + 60, monotonicMs: 0 };
    for (const [i, { message }] of ledgers.envelopes.entries()) {
      chain.receive(fromHex(message), () => now);
      outputs.push(...chain.advance(now));
      for (const wanted of chain.wanted()) {
        const set = messageOf(ledgers.txSets[toHex(wanted.hash)] as string);
        if (set.type === 'GENERALIZED_TX_SET') chain.takeTxSet(wanted, set.generalizedTxSet);
      }
      outputs.push(...chain.advance(now));
      // The first ones, up to the checkpoint, were the answer to one request.
      if (i < 26) continue;
      now.unixSeconds += 5;
      now.monotonicMs += 5_000;
    }
    return { outputs, chain };
  }

  it('are followed: 26 in a row, each with its transaction set and a valid proof', () => {
    const { outputs } = followAll({ from: 479 });
    const followed = outputs.flatMap((output) => (output.type === 'ledger' ? [output.ledger] : []));
    expect(outputs.every(({ type }) => type === 'ledger')).toBe(true);
    expect(numbers(followed)).toEqual(sequence(479, 26));
    for (const ledger of followed) {
      expect(toHex(nodeCrypto.sha256(ledger.txSet))).toBe(ledger.txSetHash);
      expect(Object.keys(ledgers.txSets)).toContain(ledger.txSetHash);
      const { proof, quorumMs: _, ...facts } = { ...ledger, proof: ledger.proof };
      expect(verifyLedger(JSON.parse(JSON.stringify(proof)), qSet, ledgersNetwork)).toEqual(facts);
    }
  });

  it('are followed without a first ledger in the options', () => {
    const { outputs } = followAll();
    expect(outputs.filter(({ type }) => type === 'ledger')).toHaveLength(26);
  });

  it('are followed from the last checkpoint, with a gap after the checkpoint', () => {
    const { outputs } = followAll({ from: 448 });
    const [first, gap, ...rest] = outputs;
    expect(first).toMatchObject({ type: 'ledger', ledger: { ledgerSeq: 448 } });
    expect(gap).toEqual({ type: 'gap', from: 449, to: 478 });
    expect(rest.flatMap((output) => (output.type === 'ledger' ? [output.ledger.ledgerSeq] : []))).toEqual(sequence(479, 26));
  });

  it('are not accepted for another network', () => {
    const { outputs, chain } = followAll({ network: networks.pubnet });
    expect(outputs).toEqual([]);
    expect(chain.lastQuorum).toBeUndefined();
  });
});

describe('ledgers of a chain', () => {
  it('come out in order, once each, with all their contents', () => {
    const bench = new Bench();
    const closed = sequence(0, 15).map(() => bench.close({ upgrades: [Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 28)] }));
    for (const ledger of closed) bench.follow(ledger);
    for (const ledger of closed) bench.follow(ledger);
    expect(bench.events).toEqual([]);
    expect(numbers(bench.ledgers)).toEqual(sequence(1000, 15));
    for (const [i, ledger] of bench.ledgers.entries()) {
      const { closeTime, txSetHash, txSet } = closed[i] as MockLedger;
      expect(ledger).toMatchObject({ closeTime, txSetHash, txSet });
      expect(ledger.statements).toHaveLength(4);
      expect(ledger.upgrades).toEqual([Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 28)]);
      if (i > 0) expect(ledger.previousLedgerHash).toBe(toHex((closed[i - 1] as MockLedger).hash));
    }
  });

  it('need one signature check for each statement, however often it comes', () => {
    const { crypto, verified } = counting();
    const bench = new Bench(undefined, { crypto });
    for (let i = 0; i < 10; i++) {
      const ledger = bench.close();
      for (let copy = 0; copy < 8; copy++) bench.follow(ledger);
    }
    expect(bench.chain.signatureChecks).toBe(40);
    // And the value of each ledger once.
    expect(verified()).toBe(50);
  });

  it('come out when the last statement that the quorum needs has come', () => {
    const bench = new Bench();
    const { envelopes: said } = bench.close();
    bench.hear(...said.slice(0, 2));
    expect(bench.ledgers).toEqual([]);
    bench.clock.advance(700);
    bench.hear(said[3] as SCPEnvelope);
    expect(numbers(bench.ledgers)).toEqual([1000]);
    expect(bench.ledgers[0]?.quorumMs).toBe(700);
  });

  it('need EXTERNALIZE statements: CONFIRM statements close no ledger', () => {
    const bench = new Bench();
    const { validators } = bench;
    const ledger = bench.close();
    const confirmed = validators.keys.map((_, i) =>
      validators.sign(i, ledger.ledgerSeq, {
        type: 'SCP_ST_CONFIRM',
        ballot: { counter: 1, value: ledger.valueXdr },
        nPrepared: 1,
        nCommit: 1,
        nH: 1,
        quorumSetHash: validators.quorumSetHash,
      }),
    );
    expect(bench.hear(...confirmed).map(({ type }) => type)).toEqual(['other', 'other', 'other', 'other']);
    expect(bench.ledgers).toEqual([]);
    bench.follow(ledger);
    expect(numbers(bench.ledgers)).toEqual([1000]);
  });

  it('begin with one that is at most 90 seconds old when no first ledger is named', () => {
    const bench = new Bench();
    const old = sequence(0, 3).map(() => bench.close());
    bench.clock.advance(600_000);
    const fresh = bench.close({ closeTime: Math.round(bench.clock.now().unixSeconds) });
    for (const ledger of old) bench.follow(ledger);
    // Replayed old ledgers do not look like ledgers that the network closes now.
    expect(bench.chain.lastQuorum).toBeUndefined();
    expect(bench.chain.missing(0, bench.now())).toEqual(bench.validators.nodeIDs);
    bench.follow(fresh);
    expect(numbers(bench.ledgers)).toEqual([1003]);
    expect(bench.events).toEqual([]);
  });

  it('need no transaction set when the network has dropped it', () => {
    const bench = new Bench();
    const ledgersClosed = [bench.close(), bench.close({ dropped: true }), bench.close()];
    bench.sets.delete((ledgersClosed[1] as MockLedger).txSetHash);
    for (const ledger of ledgersClosed) bench.follow(ledger);
    expect(numbers(bench.ledgers)).toEqual([1000, 1001, 1002]);
    const [, dropped] = bench.ledgers;
    expect(dropped?.txSetHash).toBe('0'.repeat(64));
    expect(dropped?.previousLedgerHash).toBe(toHex((ledgersClosed[0] as MockLedger).hash));
    expect(dropped && verifyLedger(dropped.proof, bench.validators.quorumSet, bench.validators.network).txSet).toEqual(
      dropped?.txSet,
    );
  });
});

describe('the checks of a chain', () => {
  it('1: refuse a statement whose signature is wrong', () => {
    const bench = new Bench();
    const ledger = bench.close();
    const forged = ledger.envelopes.map(({ statement, signature }) => ({
      statement,
      signature: signature.map((byte, i) => (i === 0 ? byte ^ 1 : byte)),
    }));
    for (const verdict of bench.hear(...forged)) expect(verdict).toMatchObject({ error: { code: 'LEDGER_BAD_SIGNATURE' } });
    expect(bench.ledgers).toEqual([]);
    bench.follow(ledger);
    expect(numbers(bench.ledgers)).toEqual([1000]);
  });

  it('2: refuse 10,000 nodes outside the quorum set, with no signature check and no memory', () => {
    const bench = new Bench();
    const others = new MockValidators({ seed: 'others' });
    const ledger = bench.close();
    const { crypto, verified } = counting();
    const chain = new Chain({ crypto, network: bench.validators.network, quorumSet: bench.validators.quorumSet });
    const statement = scpXdr(others.externalize(0, ledger.ledgerSeq, ledger.valueXdr));
    expect(chain.receive(statement, bench.now).type).toBe('stranger');
    for (let i = 0; i < 10_000; i++) {
      new DataView(statement.buffer, statement.byteOffset).setUint32(8, i);
      expect(chain.receive(statement, bench.now).type).toBe('stranger');
    }
    expect(verified()).toBe(0);
    expect(chain.slotCount).toBe(0);
  });

  it('3: refuse a statement that is not sane', () => {
    const bench = new Bench();
    const ledger = bench.close();
    const insane = bench.validators.keys.map((_, i) => bench.validators.externalize(i, ledger.ledgerSeq, ledger.valueXdr, 0));
    for (const verdict of bench.hear(...insane)) expect(verdict).toMatchObject({ error: { code: 'LEDGER_INSANE_STATEMENT' } });
    const huge = bench.validators.externalize(0, 2 ** 40, ledger.valueXdr);
    expect(bench.hear(huge)).toMatchObject([{ error: { code: 'LEDGER_INSANE_STATEMENT' } }]);
    expect(bench.ledgers).toEqual([]);
    bench.follow(ledger);
    expect(numbers(bench.ledgers)).toEqual([1000]);
  });

  it('4: need the last node of a slice at depth 3', () => {
    const quorumSet = ([a, b, c, d, e, f]: readonly string[]): SCPQuorumSet => {
      const deepest = { threshold: 2, validators: [d, e, f] as string[], innerSets: [] };
      const third = { threshold: 2, validators: [c as string], innerSets: [deepest] };
      const second = { threshold: 2, validators: [b as string], innerSets: [third] };
      return { threshold: 2, validators: [a as string], innerSets: [second] };
    };
    const bench = new Bench(new MockValidators({ count: 6, quorumSet }));
    const { envelopes: said } = bench.close();
    bench.hear(...said.slice(0, 4));
    expect(bench.ledgers).toEqual([]);
    bench.hear(said[5] as SCPEnvelope);
    expect(numbers(bench.ledgers)).toEqual([1000]);
  });

  it.each<[string, (bench: Bench) => Uint8Array, string]>([
    ['a value that does not decode', () => Uint8Array.of(1, 2, 3), 'does not decode'],
    [
      'a value without a signature',
      ({ validators }) => {
        const { valueXdr } = validators.close();
        // The value is cut off after the type of its key.
        return Uint8Array.from([...valueXdr.subarray(0, 44), 0, 0, 0, 0]);
      },
      'not signed',
    ],
    [
      'a value with a wrong signature',
      ({ validators }) => {
        const { valueXdr } = validators.close();
        return valueXdr.map((byte, i) => (i === valueXdr.length - 1 ? byte ^ 1 : byte));
      },
      'has not signed it',
    ],
  ])('5: refuse %s', (_name, make, problem) => {
    const bench = new Bench();
    bench.follow(bench.close());
    const value = make(bench);
    const said = bench.validators.keys.map((_, i) => bench.validators.externalize(i, 1001, value));
    bench.hear(...said);
    expect(bench.events).toEqual([
      { type: 'refused', code: 'LEDGER_BAD_VALUE', count: 1, ledgerSeq: 1001, message: expect.stringContaining(problem) },
      { type: 'gap', from: 1001, to: 1001 },
    ]);
    if (bench.validators.last.ledgerSeq === 1000) bench.close();
    bench.follow(bench.close());
    expect(numbers(bench.ledgers)).toEqual([1000, 1002]);
  });

  it('5: refuse a close time that is not later than that of the previous ledger', () => {
    const bench = new Bench();
    const first = bench.close();
    bench.follow(first);
    bench.follow(bench.close({ closeTime: first.closeTime }));
    expect(bench.events).toMatchObject([
      { type: 'refused', code: 'LEDGER_CLOSE_TIME', ledgerSeq: 1001 },
      { type: 'gap', from: 1001, to: 1001 },
    ]);
    bench.follow(bench.close());
    expect(numbers(bench.ledgers)).toEqual([1000, 1002]);
  });

  it('5: report a close time far ahead once, and accept the ledger at that time', () => {
    const bench = new Bench();
    bench.follow(bench.close());
    const ledger = bench.validators.close({ closeTime: bench.validators.last.closeTime + 100 });
    bench.sets.set(ledger.txSetHash, ledger.txSet);
    bench.follow(ledger);
    bench.advance(30_000);
    expect(bench.events).toMatchObject([
      { type: 'refused', code: 'LEDGER_CLOSE_TIME', message: expect.stringContaining('100 s') },
    ]);
    expect(numbers(bench.ledgers)).toEqual([1000]);
    bench.advance(11_000);
    expect(numbers(bench.ledgers)).toEqual([1000, 1001]);
  });

  it('6: refuse a transaction set with another hash', () => {
    const bench = new Bench();
    const ledger = bench.close();
    bench.sets.clear();
    bench.follow(ledger);
    const [wanted] = bench.chain.wanted();
    if (wanted === undefined) throw new Error('nothing is wanted');
    const damaged = ledger.txSet.map((byte, i) => (i === 40 ? byte ^ 1 : byte));
    expect(() => bench.chain.takeTxSet(wanted, damaged)).toThrow(expect.objectContaining({ code: 'LEDGER_TX_SET_HASH' }));
    expect(bench.ledgers).toEqual([]);
    bench.chain.takeTxSet(wanted, ledger.txSet);
    bench.advance();
    expect(numbers(bench.ledgers)).toEqual([1000]);
  });

  it('6: accept the legacy hash of a TransactionSet', () => {
    const bench = new Bench();
    const { validators } = bench;
    const txSet = Uint8Array.from([...new Uint8Array(32).fill(5), 0, 0, 0, 1, ...new Uint8Array(8).fill(6)]);
    const txSetHash = nodeCrypto.sha256(Uint8Array.from([...txSet.subarray(0, 32), ...txSet.subarray(36)]));
    const value = validators.signValue({ txSetHash, closeTime: BigInt(validators.last.closeTime + 5), upgrades: [] });
    const { valueXdr } = validators.close();
    bench.clock.advance(5_000);
    const legacy = Uint8Array.from([...txSetHash, ...valueXdr.subarray(32)]);
    if (value.ext.type !== 'STELLAR_VALUE_SIGNED') throw new Error('not signed');
    legacy.set(value.ext.lcValueSignature.signature, legacy.length - 64);
    bench.sets.set(toHex(txSetHash), txSet);
    bench.hear(...validators.keys.map((_, i) => validators.externalize(i, 1000, legacy)));
    expect(bench.ledgers).toMatchObject([{ ledgerSeq: 1000, previousLedgerHash: '05'.repeat(32) }]);
  });

  it('7: report two ledgers with the same predecessor as an alarm', () => {
    const bench = new Bench();
    const previousLedgerHash = new Uint8Array(32).fill(9);
    const first = bench.close({ previousLedgerHash });
    const second = bench.close({ previousLedgerHash, transactions: [new Uint8Array(8)] });
    bench.follow(first);
    bench.follow(second);
    const evidence = [toBase64(first.txSet), toBase64(second.txSet)];
    expect(bench.events).toEqual([
      { type: 'alarm', kind: 'chain', ledgerSeq: 1001, evidence },
      { type: 'gap', from: 1001, to: 1001 },
    ]);
    bench.follow(bench.close());
    expect(numbers(bench.ledgers)).toEqual([1000, 1002]);
  });

  it('7: report skipped ledgers as a gap after ten seconds', () => {
    const bench = new Bench();
    bench.follow(bench.close());
    bench.close();
    bench.close();
    const later = bench.close();
    expect(bench.chain.isBehind).toBe(false);
    bench.follow(later);
    expect(bench.chain.isBehind).toBe(true);
    bench.advance(9_999);
    expect(bench.outputs).toHaveLength(1);
    bench.advance(1);
    expect(bench.events).toEqual([{ type: 'gap', from: 1001, to: 1002 }]);
    expect(numbers(bench.ledgers)).toEqual([1000, 1003]);
  });

  it('7: report no gap for a skipped ledger that comes late', () => {
    const bench = new Bench();
    const [first, second, third] = [bench.close(), bench.close(), bench.close()];
    bench.follow(first);
    bench.follow(third);
    bench.advance(5_000);
    bench.follow(second);
    bench.advance(20_000);
    expect(bench.events).toEqual([]);
    expect(numbers(bench.ledgers)).toEqual([1000, 1001, 1002]);
  });

  it('7: report two values of one node as an alarm with both statements, once', () => {
    const bench = new Bench();
    const first = bench.close({ by: [0, 1, 2] });
    const other = bench.validators.signValue({
      txSetHash: new Uint8Array(32).fill(1),
      closeTime: BigInt(first.closeTime),
      upgrades: [],
    });
    bench.follow(first);
    const second = new MockValidators().close();
    expect(toHex(second.valueXdr)).toBe(toHex(first.valueXdr));
    const { valueXdr } = new MockValidators().close({ transactions: [new Uint8Array(4)] });
    const lie = bench.validators.externalize(2, 1000, valueXdr);
    for (let i = 0; i < 3; i++) {
      const [verdict] = bench.hear(lie);
      if (i > 0) expect(verdict?.type).toBe('known');
      else
        expect(verdict).toMatchObject({
          contradictions: [{ kind: 'equivocation', evidence: [{ signature: expect.anything() }, lie] }],
        });
    }
    expect(other.ext.type).toBe('STELLAR_VALUE_SIGNED');
    expect(numbers(bench.ledgers)).toEqual([1000]);
  });

  it('7: report two values with a quorum each as an alarm, and accept neither', () => {
    const quorumSet = (validators: readonly string[]): SCPQuorumSet => ({ threshold: 2, validators, innerSets: [] });
    const make = (): MockValidators => new MockValidators({ quorumSet });
    const bench = new Bench(make());
    bench.follow(bench.close());
    const other = make();
    other.close();
    const left = bench.close({ by: [0, 1] });
    const right = other.close({ by: [2, 3], transactions: [new Uint8Array(4)] });
    bench.sets.clear();
    bench.follow(left);
    const [, verdict] = bench.hear(...right.envelopes);
    expect(verdict).toMatchObject({ contradictions: [{ kind: 'fork', evidence: [...left.envelopes, ...right.envelopes] }] });
    bench.sets.set(left.txSetHash, left.txSet).set(right.txSetHash, right.txSet);
    bench.advance();
    expect(bench.events).toEqual([{ type: 'gap', from: 1001, to: 1001 }]);
    bench.follow(bench.close());
    expect(numbers(bench.ledgers)).toEqual([1000, 1002]);
  });
});

it('a fork is reported as an alarm even after its ledger came out', () => {
  const quorumSet = (validators: readonly string[]): SCPQuorumSet => ({ threshold: 2, validators, innerSets: [] });
  const bench = new Bench(new MockValidators({ quorumSet }));
  bench.follow(bench.close({ by: [0, 1] }));
  const right = new MockValidators({ quorumSet }).close({ by: [2, 3], transactions: [new Uint8Array(4)] });
  const [, verdict] = bench.hear(...right.envelopes);
  expect(verdict).toMatchObject({ contradictions: [{ kind: 'fork' }] });
  expect(numbers(bench.ledgers)).toEqual([1000]);
  expect(bench.events).toEqual([]);
});

describe('the memory of a chain', () => {
  it('is bounded by the quorum set, for any number of ledgers in statements', () => {
    const bench = new Bench();
    bench.follow(bench.close());
    const { valueXdr } = new MockValidators().close();
    for (let i = 0; i < 500; i++) bench.chain.receive(scpXdr(bench.validators.externalize(3, 5_000 + i, valueXdr)), bench.now);
    expect(bench.chain.slotCount).toBeLessThanOrEqual(76 + 1);
    bench.follow(bench.close());
    expect(numbers(bench.ledgers)).toEqual([1000, 1001]);
  });

  it('keeps one of 100 different statements of a node, and the node can still close the ledger', () => {
    const bench = new Bench();
    const ledger = bench.close();
    const ways = sequence(1, 100).map((nH) => bench.validators.externalize(0, ledger.ledgerSeq, ledger.valueXdr, nH));
    bench.hear(...ways);
    expect(bench.ledgers).toEqual([]);
    bench.follow(ledger);
    expect(numbers(bench.ledgers)).toEqual([1000]);
  });

  it('refuses a statement with a value that is too long, without a signature check', () => {
    const { crypto, verified } = counting();
    const bench = new Bench(undefined, { crypto });
    const long = bench.validators.externalize(0, 1000, new Uint8Array(1 << 20));
    expect(bench.hear(long)).toMatchObject([{ error: { code: 'LEDGER_BAD_VALUE' } }]);
    expect(verified()).toBe(0);
  });
});

it('nodes without an EXTERNALIZE statement for a ledger are reported as missing', () => {
  const bench = new Bench();
  bench.follow(bench.close({ by: [0, 1, 3] }));
  expect(bench.chain.missing(1000, bench.now())).toEqual([bench.validators.nodeIDs[2]]);
  expect(bench.chain.missing(1001, bench.now())).toEqual(bench.validators.nodeIDs);
  expect(bench.chain.lastQuorum?.ledgerSeq).toBe(1000);
  expect(encodePublicKey(bench.validators.keys[2]?.publicKey ?? new Uint8Array(0))).toBe(bench.validators.nodeIDs[2]);
});
