import { readFile } from 'node:fs/promises';
import { Account, Asset, Keypair, Operation, TransactionBuilder } from '@stellar/stellar-base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { Chain } from '../../../src/follow/chain.ts';
import { LEDGER_ERROR_TABLE, type Ledger, LedgerError, type LedgerProof, verifyLedger } from '../../../src/follow/index.ts';
import { type LedgerJson, ledgerJson } from '../../../src/follow/json.ts';
import { envelopeBase64, toBase64 } from '../../../src/follow/proof.ts';
import { verifyLines } from '../../../src/follow/proof-file.ts';
import { equalBytes, toHex } from '../../../src/protocol/bytes.ts';
import { networks } from '../../../src/protocol/networks.ts';
import { quorumSetHash } from '../../../src/protocol/scp/quorum-set.ts';
import { statementQuorumSetHash } from '../../../src/protocol/scp/statement.ts';
import { readMessage } from '../../../src/protocol/wire/authenticated-message.ts';
import type { SCPQuorumSet } from '../../../src/protocol/wire/messages.ts';
import { MockValidators } from '../../../src/testing/mock-validators.ts';
import { scpXdr } from '../../support/statements.ts';
import { bodyOf, transcripts } from '../../support/vectors.ts';

const validators = new MockValidators();
const { network, quorumSet } = validators;
const { nodeIDs: validatorIDs } = validators;
const payer = Keypair.fromRawEd25519Seed(Buffer.alloc(32, 7));
const closed = [validators.close(), validators.close({ transactions: [new Uint8Array(12)] }), validators.close()];

/** The proof of a ledger of ours, by these validators. */
function proofOf(index: number, by: readonly number[] = [0, 1, 2, 3]): LedgerProof {
  const ledger = closed[index] as (typeof closed)[number];
  return {
    statements: by.map((i) => envelopeBase64(ledger.envelopes[i] as (typeof ledger.envelopes)[number])),
    quorumSet,
    txSet: toBase64(ledger.txSet),
  };
}

const code = (proof: unknown, trusted: SCPQuorumSet = quorumSet, where = network): string => {
  try {
    verifyLedger(proof as LedgerProof, trusted, where);
    return 'proven';
  } catch (error) {
    if (error instanceof LedgerError) return error.code;
    throw error;
  }
};

describe('verifyLedger', () => {
  it('returns the facts that a proof proves', () => {
    const ledger = closed[1] as (typeof closed)[number];
    expect(verifyLedger(proofOf(1), quorumSet, network)).toEqual({
      ledgerSeq: 1001,
      closeTime: ledger.closeTime,
      txSetHash: ledger.txSetHash,
      previousLedgerHash: toHex((closed[0] as (typeof closed)[number]).hash),
      upgrades: [],
      txSet: ledger.txSet,
      statements: ledger.envelopes,
    });
  });

  it('uses the quorum set of the caller', () => {
    const [a = '', b = '', c = '', d = ''] = validators.nodeIDs;
    const all = { threshold: 4, validators: [a, b, c, d], innerSets: [] };
    const nested = { threshold: 2, validators: [a], innerSets: [{ threshold: 2, validators: [b, c, d], innerSets: [] }] };
    expect(code(proofOf(0, [0, 1, 2]))).toBe('proven');
    expect(code(proofOf(0, [0, 1]))).toBe('LEDGER_QUORUM_NOT_MET');
    expect(code(proofOf(0, [0, 1, 2]), all)).toBe('LEDGER_QUORUM_NOT_MET');
    expect(code(proofOf(0, [1, 2, 3]), nested)).toBe('LEDGER_QUORUM_NOT_MET');
    expect(code(proofOf(0, [0, 3, 1]), nested)).toBe('proven');
    // A node counts once, even with several statements.
    expect(code(proofOf(0, [0, 0, 0, 0]))).toBe('LEDGER_QUORUM_NOT_MET');
    expect(code({ ...proofOf(0, [0]), quorumSet: { threshold: 1, validators: [a], innerSets: [] } })).toBe(
      'LEDGER_QUORUM_NOT_MET',
    );
    expect(code(proofOf(0), new MockValidators({ seed: 'others' }).quorumSet)).toBe('LEDGER_QUORUM_NOT_MET');
    expect(() => verifyLedger(proofOf(0), { threshold: 0, validators: [], innerSets: [] }, network)).toThrow(RangeError);
  });

  it.each<[string, unknown, string]>([
    ['an undefined value', undefined, 'LEDGER_PROOF_MALFORMED'],
    ['a string', 'proof', 'LEDGER_PROOF_MALFORMED'],
    ['a proof without statements', { txSet: '' }, 'LEDGER_PROOF_MALFORMED'],
    ['a proof without transaction set', { statements: [] }, 'LEDGER_PROOF_MALFORMED'],
    ['an empty proof', { statements: [], txSet: '' }, 'LEDGER_QUORUM_NOT_MET'],
    ['statements that are numbers', { statements: [1], txSet: '' }, 'LEDGER_PROOF_MALFORMED'],
    ['statements that are not base64', { statements: ['*'], txSet: '' }, 'LEDGER_PROOF_MALFORMED'],
    ['base64 with a space after it', { ...proofOf(0), txSet: `${proofOf(0).txSet} ` }, 'LEDGER_PROOF_MALFORMED'],
    ['statements that are not envelopes', { statements: ['AAAA'], txSet: '' }, 'LEDGER_PROOF_MALFORMED'],
    ['bytes after an envelope', { ...proofOf(0), statements: [`${toBase64(new Uint8Array(300))}`] }, 'LEDGER_PROOF_MALFORMED'],
    [
      'statements of two ledgers',
      { ...proofOf(0), statements: [...proofOf(0).statements, ...proofOf(1).statements] },
      'LEDGER_PROOF_MALFORMED',
    ],
    ['the set of another ledger', { ...proofOf(0), txSet: proofOf(1).txSet }, 'LEDGER_TX_SET_HASH'],
    [
      'a nomination',
      {
        ...proofOf(0),
        statements: [
          envelopeBase64(
            validators.sign(0, 1000, {
              type: 'SCP_ST_NOMINATE',
              quorumSetHash: new Uint8Array(32),
              votes: [new Uint8Array(4)],
              accepted: [],
            }),
          ),
        ],
      },
      'LEDGER_INSANE_STATEMENT',
    ],
    [
      'a value that does not decode',
      { ...proofOf(0), statements: [0, 1, 2].map((i) => envelopeBase64(validators.externalize(i, 5, new Uint8Array(8)))) },
      'LEDGER_BAD_VALUE',
    ],
    [
      'a close time beyond the range of dates',
      {
        ...proofOf(0),
        statements: [0, 1, 2].map((i) =>
          envelopeBase64(
            new MockValidators().close({ closeTime: 8_640_000_000_001 }).envelopes[i] as ReturnType<
              typeof validators.externalize
            >,
          ),
        ),
      },
      'LEDGER_BAD_VALUE',
    ],
  ])('refuses %s with its code', (_name, proof, expected) => expect(code(proof)).toBe(expected));

  it('refuses a signature for another network', () => {
    expect(code(proofOf(0), quorumSet, networks.pubnet)).toBe('LEDGER_BAD_SIGNATURE');
  });

  it('never proves anything else when one byte is changed', () => {
    const proof = proofOf(1, [0, 1, 2]);
    const proven = verifyLedger(proof, quorumSet, network);
    fc.assert(
      fc.property(fc.nat(3), fc.nat(10_000), fc.integer({ min: 1, max: 255 }), (which, at, by) => {
        const flip = (text: string): string => {
          const bytes = Buffer.from(text, 'base64');
          bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ by;
          return bytes.toString('base64');
        };
        const statements = proof.statements.map((text, i) => (i === which ? flip(text) : text));
        const damaged = { ...proof, statements, txSet: which === 3 ? flip(proof.txSet) : proof.txSet };
        try {
          expect(verifyLedger(damaged, quorumSet, network)).toEqual(proven);
          expect.unreachable('every statement is needed');
        } catch (error) {
          expect(error).toBeInstanceOf(LedgerError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('files of proofs', () => {
  const lines = (...values: unknown[]): string[] => values.map((value) => JSON.stringify(value));
  const results = async (text: readonly string[]): Promise<unknown[]> => {
    const found: unknown[] = [];
    for await (const result of verifyLines(text, quorumSet, network))
      found.push('ledger' in result ? result.ledger.ledgerSeq : result.error.code);
    return found;
  };

  it('are verified line by line; other lines are ignored', async () => {
    const text = lines(
      { type: 'peer' },
      { type: 'ledger', proof: proofOf(0) },
      proofOf(1),
      { type: 'gap' },
      { proof: proofOf(2) },
    );
    expect(await results([...text, ''])).toEqual([1000, 1001, 1002]);
  });

  it('are refused when ledgers are not in order, or have the same predecessor', async () => {
    const same = new MockValidators();
    const previousLedgerHash = new Uint8Array(32).fill(1);
    const [first, second, third] = [
      same.close({ previousLedgerHash }),
      same.close({ previousLedgerHash }),
      same.close({ closeTime: 1 }),
    ].map(
      ({ envelopes, txSet }): LedgerProof => ({ statements: envelopes.map(envelopeBase64), quorumSet, txSet: toBase64(txSet) }),
    );
    expect(await results(lines(first, second, third))).toEqual([1000, 'LEDGER_CHAIN', 'LEDGER_CLOSE_TIME']);
    expect(await results(lines(proofOf(1), proofOf(0), proofOf(1)))).toEqual([1001, 'LEDGER_CHAIN', 'LEDGER_CHAIN']);
  });

  it('are refused when a line differs from its proof', async () => {
    const { closeTime, txSetHash } = verifyLedger(proofOf(0), quorumSet, network);
    expect(await results(lines({ closeTime, txSetHash, ledgerSeq: 1000, proof: proofOf(0) }))).toEqual([1000]);
    for (const lie of [{ closeTime: closeTime + 1 }, { txSetHash: '00' }, { ledgerSeq: '1000' }, { upgrades: ['AAAA'] }])
      expect(await results(lines({ ...lie, proof: proofOf(0) }))).toEqual(['LEDGER_PROOF_MALFORMED']);
  });

  describe('with the other fields that follow writes', () => {
    const payment = Operation.payment({ destination: payer.publicKey(), asset: Asset.native(), amount: '1' });
    const transaction = new TransactionBuilder(new Account(payer.publicKey(), '1'), { fee: '300', networkPassphrase: 'any' })
      .addOperation(Operation.bumpSequence({ bumpTo: '9' }))
      .addOperation(payment)
      .addOperation(payment)
      .setTimeout(0)
      .build();
    const { envelopes, txSet } = new MockValidators().close({
      transactions: [Uint8Array.from(transaction.toEnvelope().toXDR())],
    });
    const proof = { statements: envelopes.slice(0, 3).map(envelopeBase64), quorumSet, txSet: toBase64(txSet) };
    const written = (): Promise<LedgerJson> =>
      ledgerJson({ ...verifyLedger(proof, quorumSet, network), quorumMs: 7, proof }, { txSet: true, proof: true });

    /** The error of a line. */
    const refusal = async (line: object, trusted = quorumSet): Promise<string | undefined> => {
      const { value: result } = await verifyLines(lines(line), trusted, network).next();
      return result !== undefined && 'error' in result ? `${result.error.code}: ${result.error.message}` : undefined;
    };

    it('are verified as they were written, in any order of their fields, and without fields', async () => {
      const line = await written();
      expect(line).toMatchObject({ transactions: 1, operations: { payment: 2, bump_sequence: 1 } });
      expect(await refusal(line)).toBeUndefined();
      expect(await refusal({ ...line, operations: { bump_sequence: 1, payment: 2 } })).toBeUndefined();
      expect(await refusal({ ...line, validators: line.validators.toReversed() })).toBeUndefined();
      expect(await refusal({ ...line, transactions: null, operations: null, txSet: null })).toBeUndefined();
      expect(await refusal({ proof, transactions: 1 })).toBeUndefined();
    });

    it.each<[keyof LedgerJson, string, (line: LedgerJson) => unknown]>([
      ['validators', 'lacks one', ({ validators }) => validators.slice(1)],
      ['validators', 'has one that did not sign', ({ validators }) => [...validators, validatorIDs[3]]],
      ['validators', 'has one twice', ({ validators }) => [...validators, validators[0]]],
      ['validators', 'is empty', () => []],
      ['validators', 'is null', () => null],
      ['transactions', 'is too high', () => 2],
      ['operations', 'has another count', ({ operations }) => ({ ...operations, payment: 3 })],
      ['operations', 'is empty', () => ({})],
      ['txSet', 'is empty', () => ({})],
      [
        'txSet',
        'has another amount',
        ({ txSet: honest }) => JSON.parse(JSON.stringify(honest).replace('"10000000"', '"20000000"')),
      ],
    ])('are refused when %s %s', async (name, _how, change) => {
      const line = await written();
      const changed = change(line);
      expect(changed).not.toEqual(line[name]);
      expect(await refusal({ ...line, [name]: changed })).toBe(
        `LEDGER_PROOF_MALFORMED: The field ${name} of the line is not the one of its proof.`,
      );
    });

    it('are verified when they name validators that the verifier does not trust', async () => {
      const [, b = '', c = ''] = validatorIDs;
      const trusted = { threshold: 2, validators: [b, c], innerSets: [] };
      const line = await written();
      expect(await refusal(line, trusted)).toBeUndefined();
      expect(await refusal({ ...line, validators: [b, 'GANYBODY'] }, trusted)).toContain('validators');
      expect(await refusal({ ...line, validators: [b, c, 'GANYBODY'] }, trusted)).toBeUndefined();
    });

    it('are refused when the converter does not know the set that they describe', async () => {
      expect(await refusal({ proof: proofOf(1), transactions: null })).toBeUndefined();
      expect(await refusal({ proof: proofOf(1), transactions: 1 })).toBe(
        'LEDGER_PROOF_MALFORMED: The field transactions of the line cannot be checked: the XDR-JSON converter does not know the set.',
      );
    });

    it('are not compared in quorumMs, which nothing proves', async () => {
      expect(await refusal({ ...(await written()), quorumMs: 1 })).toBeUndefined();
    });
  });

  it('are refused when a line has no proof or is not JSON', async () => {
    expect(await results(['{', '7', ...lines({ type: 'ledger', ledgerSeq: 1 })])).toEqual(
      new Array<string>(3).fill('LEDGER_PROOF_MALFORMED'),
    );
  });
});

describe('recorded sessions with a stellar-core', () => {
  const sessions = transcripts.flatMap(([name, transcript]) => {
    const messages = transcript.records
      .filter(({ from, type }) => from === 'core' && ['SCP_MESSAGE', 'GENERALIZED_TX_SET'].includes(type))
      .map(({ frameHex }) => readMessage(bodyOf(frameHex)));
    return messages.length === 0 ? [] : [{ name, messages, network: { networkID: transcript.network.networkIdHex } }];
  });

  it.each(sessions)('$name: every ledger with a recorded transaction set is followed', ({ messages, network }) => {
    const statements = messages.flatMap((message) => (message.type === 'SCP_MESSAGE' ? [message.envelope.statement] : []));
    const sets = messages.flatMap((message) => (message.type === 'GENERALIZED_TX_SET' ? [message.generalizedTxSet] : []));
    const externalized = statements.filter(({ pledges }) => pledges.type === 'SCP_ST_EXTERNALIZE');
    const [first] = externalized;
    if (first === undefined) throw new Error('nothing was closed');
    const trusted: SCPQuorumSet = { threshold: 1, validators: [first.nodeID], innerSets: [] };
    expect(equalBytes(quorumSetHash(nodeCrypto, trusted), statementQuorumSetHash(first.pledges))).toBe(true);
    const slots = new Set(externalized.map(({ slotIndex }) => Number(slotIndex)));
    const hashes = new Set(sets.map((set) => toHex(nodeCrypto.sha256(set))));

    const chain = new Chain({ crypto: nodeCrypto, network: network as never, quorumSet: trusted, from: Math.min(...slots) });
    const followed: Ledger[] = [];
    const gaps: number[] = [];
    const now = { unixSeconds: 4e9, monotonicMs: 0 };
    for (const message of messages) if (message.type === 'SCP_MESSAGE') chain.receive(scpXdr(message.envelope), () => now);
    for (let step = 0; step < 2 * slots.size + 2; step++) {
      for (const wanted of chain.wanted()) {
        const set = sets.find((each) => equalBytes(nodeCrypto.sha256(each), wanted.hash));
        if (set !== undefined) chain.takeTxSet(wanted, set);
      }
      for (const output of chain.advance(now)) {
        if (output.type === 'ledger') followed.push(output.ledger);
        else if (output.type === 'gap') for (let seq = output.from; seq <= output.to; seq++) gaps.push(seq);
        else throw new Error(output.type);
      }
      now.monotonicMs += 10_000;
    }
    for (const ledger of followed) {
      expect(hashes).toContain(ledger.txSetHash);
      expect(verifyLedger(ledger.proof, trusted, network as never).ledgerSeq).toBe(ledger.ledgerSeq);
    }
    expect(followed.length).toBe(sets.length);
    for (const seq of slots) expect([...followed.map(({ ledgerSeq }) => ledgerSeq), ...gaps, chain.next]).toContain(seq);
  });

  it('contain a session with traffic', () => expect(sessions.map(({ name }) => name)).toContain('traffic'));
});

it('docs/follow.md lists every code, each with its own cause and advice', async () => {
  const text = await readFile(new URL('../../../docs/follow.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(LEDGER_\w+)` \|/gm)].map(([, code]) => code);
  expect(rows).toEqual(Object.keys(LEDGER_ERROR_TABLE));
  const causes = Object.values(LEDGER_ERROR_TABLE).map(({ cause }) => cause);
  expect(new Set(causes).size).toBe(causes.length);
  for (const { advice } of Object.values(LEDGER_ERROR_TABLE)) expect(advice.length).toBeGreaterThan(20);
});
