/** Our own side of a connection, audited in both roles. */
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditAcceptor, auditInitiator, CASES, type CaseResult } from '../../src/audit/index.ts';
import { networks } from '../../src/index.ts';
import { collect, IdleClock, MemoryTarget } from './targets.ts';

let clock: IdleClock;

beforeEach(() => {
  clock = new IdleClock();
});

afterEach(() => clock.stop());

/** Verdicts other than a pass, each with the observation. */
function blemishes(results: readonly CaseResult[]): readonly string[] {
  return results.filter(({ verdict }) => verdict !== 'pass').map(({ id, verdict, came }) => `${id}: ${verdict}, ${came}`);
}

/** What we do on purpose: messages of unknown types are delivered, their MACs checked; and plain enums are strict. */
const ON_PURPOSE = [
  'dont-have-type-99',
  'type-14-after-auth',
  'type-4-after-auth',
  'type-99-after-auth',
  'unknown-type-wrongly-maced',
];

describe.each([
  ['acceptor', 'REMOTE_CALLED_US'],
  ['initiator', 'WE_CALLED_REMOTE'],
] as const)('our own implementation as %s', (name, role) => {
  const audit = (target: MemoryTarget): Promise<readonly CaseResult[]> => {
    const options = { network: networks.standalone, clock, seed: 'test', hostile: true, slow: true };
    const reach = async (): Promise<Duplex> => target.open(role);
    return collect(role === 'REMOTE_CALLED_US' ? auditAcceptor(reach, options) : auditInitiator(reach, options));
  };
  const count = CASES.filter((one) => one.role === role).length;

  it('passes every case when unknown message types are refused, as stellar-core does', async () => {
    const results = await audit(new MemoryTarget(clock));
    expect(blemishes(results).map((line) => line.split(',')[0])).toEqual([`${name}.dont-have-type-99: differs`]);
    expect(results.length).toBe(count);
  });

  it('differs by default only in the cases where it differs on purpose', async () => {
    const results = await audit(new MemoryTarget(clock, { options: { unknownMessages: 'deliver' } }));
    const ids = results.filter(({ verdict }) => verdict !== 'pass').map(({ id }) => id);
    expect(ids.sort()).toEqual(ON_PURPOSE.map((id) => `${name}.${id}`));
    expect(results.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
  });
});
