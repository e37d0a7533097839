/** Every case can fail: targets that are broken on purpose fail the cases for their fault, and no others. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AuditCase, auditAcceptor, auditInitiator, CASES, type CaseResult } from '../../src/audit/index.ts';
import { networks } from '../../src/index.ts';
import { BY_ANY_FILTER, MUTANTS, type Mutant } from './mutants.ts';
import { collect, IdleClock, MemoryTarget } from './targets.ts';

const ROLES = ['REMOTE_CALLED_US', 'WE_CALLED_REMOTE'] as const;
type Role = (typeof ROLES)[number];

const nameOf = ({ id }: { readonly id: string }): string => id.slice(id.indexOf('.') + 1);

/** The cases that are played against a mutant. */
function casesFor({ groups }: Mutant, role: Role): readonly AuditCase[] {
  return CASES.filter((one) => one.role === role && groups.includes(one.group));
}

/** The names of the cases that must give another verdict than for our own side. */
function expected(mutant: Mutant, role: Role): readonly string[] {
  const { noticed, acceptorOnly = [], initiatorOnly = [], mutation } = mutant;
  const names = [
    ...(mutation.receives === undefined ? [] : BY_ANY_FILTER),
    ...(role === 'REMOTE_CALLED_US' ? acceptorOnly : initiatorOnly),
    ...(typeof noticed === 'function' ? [] : noticed),
  ];
  const cases = casesFor(mutant, role);
  return cases
    .filter((one) => names.includes(nameOf(one)) || (typeof noticed === 'function' && noticed(one)))
    .map(nameOf)
    .sort();
}

/** Whether a result is that of our own side, which passes every case but one: there it is stricter than stellar-core. */
function isOurWay({ id, verdict }: CaseResult): boolean {
  return verdict === 'pass' || (nameOf({ id }) === 'dont-have-type-99' && verdict === 'differs');
}

const roles = ({ role }: Mutant): readonly Role[] => (role === undefined ? ROLES : [role]);

describe.each(ROLES)('mutants in the role %s', (role) => {
  let clock: IdleClock;

  beforeEach(() => {
    clock = new IdleClock();
  });

  afterEach(() => clock.stop());

  it.each(MUTANTS.filter((mutant) => roles(mutant).includes(role)).map((mutant) => [mutant.name, mutant] as const))(
    'a target that %s fails its cases',
    async (_name, mutant) => {
      const target = new MemoryTarget(clock, mutant.mutation);
      const options = {
        network: networks.standalone,
        clock,
        seed: 'mutant',
        hostile: true,
        slow: true,
        patienceMs: 60_000,
        deaths: () => target.deaths,
      };
      const audit = role === 'REMOTE_CALLED_US' ? auditAcceptor : auditInitiator;
      const results = await collect(audit(async () => target.open(role), { ...options, cases: casesFor(mutant, role) }));
      const noticed = results.filter((result) => !isOurWay(result)).map(nameOf);
      expect(noticed.sort()).toEqual(expected(mutant, role));
    },
  );
});

it('every case fails for at least one mutant', () => {
  const found = new Set(
    MUTANTS.flatMap((mutant) => roles(mutant).flatMap((role) => expected(mutant, role).map((name) => `${role} ${name}`))),
  );
  expect(CASES.filter((one) => !found.has(`${one.role} ${nameOf(one)}`)).map(({ id }) => id)).toEqual([]);
});
