/** Our own side of a connection, audited in both roles. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { networks } from '../../src/index.ts';
import { auditAcceptor, auditInitiator, CASES, type CaseResult } from '../../src/tools/audit/index.ts';
import { collect, IdleClock, MemoryTarget } from './targets.ts';

let clock: IdleClock;

beforeEach(() => {
  clock = new IdleClock();
});

afterEach(() => clock.stop());

/** Verdicts that are not a pass, each with what came. */
function blemishes(results: readonly CaseResult[]): readonly string[] {
  return results.filter(({ verdict }) => verdict !== 'pass').map(({ id, verdict, came }) => `${id}: ${verdict}, ${came}`);
}

describe('our own implementation passes every case', () => {
  it('as acceptor', async () => {
    const target = new MemoryTarget(clock);
    const options = { network: networks.standalone, clock, seed: 'test', hostile: true, slow: true };
    const results = await collect(auditAcceptor(async () => target.open('REMOTE_CALLED_US'), options));
    expect(blemishes(results)).toEqual([]);
    expect(results.length).toBe(CASES.filter(({ role }) => role === 'REMOTE_CALLED_US').length);
  });

  it('as initiator', async () => {
    const target = new MemoryTarget(clock);
    const options = { network: networks.standalone, clock, seed: 'test', hostile: true, slow: true };
    const results = await collect(auditInitiator(async () => target.open('WE_CALLED_REMOTE'), options));
    expect(blemishes(results)).toEqual([]);
    expect(results.length).toBe(CASES.filter(({ role }) => role === 'WE_CALLED_REMOTE').length);
  });
});
