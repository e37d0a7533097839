import { describe, expect, it } from 'vitest';
import { isStatementSane, statementQuorumSetHash } from '../../../src/protocol/scp/statement.ts';
import type { SCPBallot, SCPPledges, SCPStatement } from '../../../src/protocol/wire/messages.ts';
import { envelopes } from '../../support/ledgers.ts';

const hash = new Uint8Array(32).fill(7);
const ballot = (counter: number, ...value: number[]): SCPBallot => ({ counter, value: Uint8Array.from(value) });
const of = (pledges: SCPPledges): SCPStatement => ({ nodeID: 'G', slotIndex: 1n, pledges });

type Fields<T extends SCPPledges['type']> = Partial<Extract<SCPPledges, { type: T }>>;
const prepare = (fields: Fields<'SCP_ST_PREPARE'>): SCPStatement =>
  of({
    type: 'SCP_ST_PREPARE',
    quorumSetHash: hash,
    ballot: ballot(3, 1),
    prepared: null,
    preparedPrime: null,
    nC: 0,
    nH: 0,
    ...fields,
  });
const confirm = (fields: Fields<'SCP_ST_CONFIRM'>): SCPStatement =>
  of({ type: 'SCP_ST_CONFIRM', ballot: ballot(5, 1), nPrepared: 5, nCommit: 2, nH: 4, quorumSetHash: hash, ...fields });
const externalize = (fields: Fields<'SCP_ST_EXTERNALIZE'>): SCPStatement =>
  of({ type: 'SCP_ST_EXTERNALIZE', commit: ballot(2, 1), nH: 3, commitQuorumSetHash: hash, ...fields });
const nominate = (votes: number[][], accepted: number[][] = []): SCPStatement =>
  of({
    type: 'SCP_ST_NOMINATE',
    quorumSetHash: hash,
    votes: votes.map((value) => Uint8Array.from(value)),
    accepted: accepted.map((value) => Uint8Array.from(value)),
  });

describe('statements', () => {
  it('are sane when a stellar-core has sent them', () => {
    expect(envelopes).toHaveLength(54);
    for (const { statement } of envelopes) expect(isStatementSane(statement)).toBe(true);
  });

  it.each<[string, SCPStatement]>([
    ['PREPARE of a first ballot', prepare({})],
    ['PREPARE with a prepared ballot', prepare({ prepared: ballot(2, 1) })],
    ['PREPARE with prepared ballots of two values', prepare({ prepared: ballot(2, 1), preparedPrime: ballot(2, 0) })],
    ['PREPARE with preparedPrime alone', prepare({ preparedPrime: ballot(2, 0) })],
    ['PREPARE with c and h', prepare({ prepared: ballot(3, 1), nC: 1, nH: 3 })],
    ['CONFIRM', confirm({})],
    ['CONFIRM of one ballot', confirm({ nCommit: 5, nH: 5 })],
    ['EXTERNALIZE', externalize({})],
    ['EXTERNALIZE with the largest h', externalize({ nH: 0xffffffff })],
    ['EXTERNALIZE of one ballot', externalize({ nH: 2 })],
    ['NOMINATE of one vote', nominate([[1]])],
    ['NOMINATE with accepted values only', nominate([], [[1]])],
    ['NOMINATE in order of bytes, the shorter first', nominate([[1], [1, 0], [0x80], [0xff]], [[2]])],
  ])('are sane: %s', (_name, statement) => expect(isStatementSane(statement)).toBe(true));

  it.each<[string, SCPStatement]>([
    ['PREPARE of ballot 0', prepare({ ballot: ballot(0, 1) })],
    ['PREPARE, prepared and preparedPrime of one value', prepare({ prepared: ballot(2, 1), preparedPrime: ballot(1, 1) })],
    ['PREPARE, preparedPrime above prepared', prepare({ prepared: ballot(2, 1), preparedPrime: ballot(3, 0) })],
    ['PREPARE, preparedPrime above by value', prepare({ prepared: ballot(2, 1), preparedPrime: ballot(2, 2) })],
    ['PREPARE, h without prepared', prepare({ nH: 1 })],
    ['PREPARE, h above prepared', prepare({ prepared: ballot(2, 1), nH: 3 })],
    ['PREPARE, c without h', prepare({ prepared: ballot(2, 1), nC: 1 })],
    ['PREPARE, c above h', prepare({ prepared: ballot(3, 1), nC: 3, nH: 2 })],
    ['PREPARE, h above the ballot', prepare({ prepared: ballot(9, 1), nC: 1, nH: 9 })],
    ['CONFIRM of ballot 0', confirm({ ballot: ballot(0, 1), nCommit: 0, nH: 0 })],
    ['CONFIRM, h above the ballot', confirm({ nH: 6 })],
    ['CONFIRM, c above h', confirm({ nCommit: 5, nH: 4 })],
    ['EXTERNALIZE of ballot 0', externalize({ commit: ballot(0, 1) })],
    ['EXTERNALIZE, h below the ballot', externalize({ nH: 1 })],
    ['NOMINATE without values', nominate([])],
    ['NOMINATE, votes out of order', nominate([[2], [1]])],
    ['NOMINATE, a vote twice', nominate([[1], [1]])],
    ['NOMINATE, accepted out of order', nominate([[1]], [[1, 0], [1]])],
  ])('are not sane: %s', (_name, statement) => expect(isStatementSane(statement)).toBe(false));

  it('name the hash of their quorum set', () => {
    for (const statement of [prepare({}), confirm({}), externalize({}), nominate([[1]])])
      expect(statementQuorumSetHash(statement.pledges)).toBe(hash);
  });
});
