/** No false alarm on targets that behave as stellar-core may, where our own side behaves differently. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditAcceptor, auditInitiator, type CaseResult } from '../../src/audit/index.ts';
import { networks, type PeerRole } from '../../src/index.ts';
import { collect, IdleClock, MemoryTarget, type Mutation } from './targets.ts';

let clock: IdleClock;

beforeEach(() => {
  clock = new IdleClock();
});

afterEach(() => clock.stop());

const AUDITS = { REMOTE_CALLED_US: auditAcceptor, WE_CALLED_REMOTE: auditInitiator } as const;

async function audit(mutation: Mutation, role: PeerRole): Promise<readonly CaseResult[]> {
  const target = new MemoryTarget(clock, mutation);
  const options = { network: networks.standalone, clock, seed: 'reference', hostile: true, slow: true };
  return collect(AUDITS[role](async () => target.open(role), options));
}

/** All but passes and what our own side means to do otherwise. */
function blemishes(results: readonly CaseResult[]): readonly string[] {
  return results
    .filter(({ id, verdict }) => verdict !== 'pass' && !(verdict === 'differs' && id.endsWith('dont-have-type-99')))
    .map(({ id, verdict, came }) => `${id} ${verdict} ${came}`);
}

describe.each(Object.keys(AUDITS) as PeerRole[])('an audit of a correct target in the role %s', (role) => {
  it('passes when the target closes five seconds after a drop', async () => {
    expect(blemishes(await audit({ closesAfterMs: 5_040 }, role))).toEqual([]);
  });

  it('passes when the target sends many messages and requests, sends PEERS and closes late', async () => {
    const peers = Array.from({ length: 50 }, (_, i) => ({ ip: `203.0.113.${i + 1}`, port: 11625, numFailures: 0 }));
    const mutation = { isTalkative: true, closesAfterMs: 5_040, options: { peers } };
    // A target without credit that has messages to send keeps its peer, as stellar-core does.
    const allowed = /(nothing-granted|nothing-granted-nothing-answered) undecided/;
    expect(blemishes(await audit(mutation, role)).filter((line) => !allowed.test(line))).toEqual([]);
  });
});

it('cases that need a slot are not applicable for a target without a free slot, and no case fails', async () => {
  const results = await audit({ slots: 0, closesAfterMs: 5_040 }, 'REMOTE_CALLED_US');
  expect(blemishes(results).filter((line) => !/not-applicable it has no free slot: ERR_LOAD “peer rejected”/.test(line))).toEqual(
    [],
  );
  expect(results.filter(({ verdict }) => verdict === 'not-applicable').length).toBeGreaterThan(60);
});
