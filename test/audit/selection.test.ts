/** The selection of cases, the repetition of a run, and its interruption. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditAcceptor, CASES, type CaseResult, selectCases } from '../../src/audit/index.ts';
import { networks } from '../../src/index.ts';
import { keptBy } from '../support/signals.ts';
import { collect, IdleClock, MemoryTarget } from './targets.ts';

const ROLE = 'REMOTE_CALLED_US';
const ids = (selection: Parameters<typeof selectCases>[2]): readonly string[] =>
  selectCases(CASES, ROLE, selection).map(({ id }) => id);

describe('the list of cases', () => {
  it('has a unique id for each case, with its role, and at least 80 and 30 cases for the roles', () => {
    expect(new Set(CASES.map(({ id }) => id)).size).toBe(CASES.length);
    for (const { id, role } of CASES)
      expect(id).toMatch(role === ROLE ? /^acceptor\.[a-z0-9]+(-[a-z0-9]+)*$/ : /^initiator\.[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(CASES.filter(({ role }) => role === ROLE).length).toBeGreaterThanOrEqual(80);
    expect(CASES.filter(({ role }) => role !== ROLE).length).toBeGreaterThanOrEqual(30);
  });

  it('has a reason, a section of the protocol document, steps and an expectation for each case', () => {
    for (const { why, source, title, steps, expect: expected } of CASES) {
      expect(why).toMatch(/^[A-Z0-9].{20,}\.$/);
      expect(source).toMatch(/^\d+\.\d+(, check \d+)?$/);
      expect(title.length).toBeGreaterThan(3);
      expect(steps.length).toBeGreaterThan(0);
      expect(expected.text).not.toBe('');
    }
  });

  it('names a threat for each critical case', () => {
    const critical = CASES.filter(({ severity }) => severity === 'critical');
    expect(critical.length).toBeGreaterThan(20);
    expect(critical.filter(({ threat }) => threat === undefined).map(({ id }) => id)).toEqual([]);
  });

  it('names no threat for other cases, except for some of HELLO and of limits', () => {
    const threatening = CASES.filter(({ severity, threat }) => severity !== 'critical' && threat !== undefined);
    const named = new Set(threatening.map(({ id, threat }) => `${id.replace(/^[a-z]+\.|-key-.*/g, '')}: ${threat}`));
    expect([...named].sort()).toEqual([
      'bytes-beyond-credit: unbounded buffering',
      'expired-just-now: unauthenticated acceptance',
      'expired-long-ago: unauthenticated acceptance',
      'messages-beyond-credit: unbounded buffering',
      'other-network: unauthenticated acceptance',
      'oversized-header-after-auth: unbounded buffering',
      'oversized-header-after-hello: unbounded buffering',
      'oversized-header-before-auth: unbounded buffering',
      'small-order: unauthenticated acceptance',
      'whole-hello-of-another-network: unauthenticated acceptance',
    ]);
  });
});

describe('a selection of cases', () => {
  it('accepts ids, names without a role, and groups', () => {
    expect(ids({ only: ['acceptor.second-auth', 'garbage'] })).toEqual(['acceptor.garbage', 'acceptor.second-auth']);
    expect(ids({ only: ['flow'], skip: ['send-more'] })).not.toContain('acceptor.send-more');
    expect(ids({ only: ['initiator.second-auth'] })).toEqual([]);
  });

  it('leaves out hostile and slow cases by default', () => {
    const withAll = ids({ hostile: true, slow: true });
    expect(withAll.filter((id) => !ids({}).includes(id))).toEqual([
      'acceptor.nothing-granted-nothing-answered',
      'acceptor.nothing-granted',
      'acceptor.pours-before-auth',
      'acceptor.twenty-silent-connections',
    ]);
  });

  it('accepts a severity', () => {
    const critical = selectCases(CASES, ROLE, { severity: 'critical' });
    expect(new Set(critical.map(({ severity }) => severity))).toEqual(new Set(['critical']));
    expect(ids({ severity: 'high' }).length).toBeGreaterThan(critical.length);
  });

  it('is refused when it names an unknown case or group', () => {
    expect(() => ids({ only: ['nonsense'] })).toThrow('there is no case or group "nonsense"');
  });
});

describe('an audit', () => {
  let clock: IdleClock;

  beforeEach(() => {
    clock = new IdleClock();
  });

  afterEach(() => clock.stop());

  const run = async (seed: string): Promise<readonly string[]> => {
    const target = new MemoryTarget(clock, { options: { unknownMessages: 'deliver' } });
    const options = { network: networks.standalone, clock, seed, only: ['type-99-after-auth'], concurrency: 1 };
    const results = await collect(auditAcceptor(async () => target.open(ROLE), options));
    return results.flatMap(({ transcript = [] }: CaseResult) =>
      transcript.filter(({ from, text }) => from === 'us' && text === 'HELLO').map(({ hex }) => hex?.slice(0, 216) ?? ''),
    );
  };

  it('sends the same bytes for the same seed, and other bytes for another seed', async () => {
    const [first, again, other] = [await run('a'), await run('a'), await run('b')];
    expect(first).toHaveLength(1);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it('leaves nothing on a signal that lives longer', async () => {
    const { signal } = new AbortController();
    const target = new MemoryTarget(clock);
    const only = ['acceptor.garbage'];
    for await (const _ of auditAcceptor(async () => target.open(ROLE), { network: networks.standalone, clock, signal, only }));
    expect(keptBy(signal)).toBe(0);
  });

  it('ends when its signal aborts, and throws the reason of the signal', async () => {
    const target = new MemoryTarget(clock);
    const abort = new AbortController();
    const audit = auditAcceptor(async () => target.open(ROLE), { network: networks.standalone, clock, signal: abort.signal });
    expect((await audit.next()).done).toBe(false);
    abort.abort(new Error('enough'));
    await expect(collect(audit)).rejects.toThrow('enough');
  });

  it('throws the code and the stage when an honest handshake fails', async () => {
    const target = new MemoryTarget(clock);
    const audit = auditAcceptor(async () => target.open(ROLE), { network: networks.pubnet, clock });
    await expect(audit.next()).rejects.toMatchObject({ code: 'OVERLAY_CONNECTION_CLOSED', stage: 'hello' });
  });
});
