/** Audits of targets that dial: the course of an audit, independent of its verdicts. */
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditInitiator, CASES, type CaseResult, type InitiatorAuditOptions } from '../../src/audit/index.ts';
import { networks, type OverlayError } from '../../src/index.ts';
import { CoreDialler } from './core-dialler.ts';
import { collect, IdleClock, MemoryTarget } from './targets.ts';

let clock: IdleClock;

beforeEach(() => {
  clock = new IdleClock();
});

afterEach(() => clock.stop());

const CASES_OF_DIALLERS = CASES.filter(({ role }) => role === 'WE_CALLED_REMOTE');

function options(more: Partial<InitiatorAuditOptions> = {}): InitiatorAuditOptions {
  return { network: networks.standalone, clock, seed: 'test', ...more };
}

/** The results before the exception, and the code of the exception. */
async function collectUntilError(
  from: AsyncIterable<CaseResult>,
): Promise<{ readonly results: readonly CaseResult[]; readonly code: string }> {
  const results: CaseResult[] = [];
  try {
    for await (const one of from) results.push(one);
  } catch (error) {
    return { results, code: (error as OverlayError).code };
  }
  return { results, code: '' };
}

const verdicts = (results: readonly CaseResult[]): readonly string[] =>
  results.map(({ id, verdict, threat }) => `${id} ${verdict}${threat === undefined ? '' : `, ${threat}`}`);

describe('a target that waits longer after each failed connection, as stellar-core does', () => {
  it('is audited completely: after each refusal, a complete handshake resets its wait', async () => {
    const dialler = new CoreDialler(new MemoryTarget(clock));
    const results = await collect(auditInitiator((signal) => dialler.accept(signal), options({ hostile: true, slow: true })));
    dialler.stop();
    expect(results.map(({ id }) => id).sort()).toEqual(CASES_OF_DIALLERS.map(({ id }) => id).sort());
    expect(results.filter(({ verdict }) => verdict === 'undecided' || verdict === 'fail')).toEqual([]);
    expect(dialler.worst).toBeLessThanOrEqual(3);
    expect(clock.now().monotonicMs).toBeLessThan(60 * 60_000);
  });

  it('dials us after our honest dial if it did not know our address', async () => {
    const dialler = new CoreDialler(new MemoryTarget(clock), false);
    const only = ['handshake', 'peers-twice'];
    const nudge = (): Promise<Duplex> => dialler.nudge();
    const results = await collect(auditInitiator((signal) => dialler.accept(signal), options({ only, nudge })));
    dialler.stop();
    expect(verdicts(results)).toEqual(['initiator.handshake pass', 'initiator.peers-twice pass']);
  });

  it('ends the audit with OVERLAY_HANDSHAKE_TIMEOUT if it does not know our address and does not learn it', async () => {
    const dialler = new CoreDialler(new MemoryTarget(clock), false);
    const { results, code } = await collectUntilError(auditInitiator((signal) => dialler.accept(signal), options()));
    dialler.stop();
    expect({ results, code }).toEqual({ results: [], code: 'OVERLAY_HANDSHAKE_TIMEOUT' });
    expect(clock.now().monotonicMs).toBeLessThan(130_000);
  });
});

/** Dials on each request, up to a number of times. */
function dialsOnly(count: number, target: MemoryTarget): (signal: AbortSignal) => Promise<Duplex> {
  let left = count;
  return async (signal) =>
    left-- > 0 ? target.open('WE_CALLED_REMOTE') : new Promise((_, reject) => (signal.onabort = () => reject(signal.reason)));
}

const ONLY = ['handshake', 'peers-twice', 'second-auth', 'full'];

describe('a target that stops dialling', () => {
  it('leaves the remaining cases undecided, and the audit ends with OVERLAY_HANDSHAKE_TIMEOUT', async () => {
    const { results, code } = await collectUntilError(
      auditInitiator(dialsOnly(3, new MemoryTarget(clock)), options({ only: ONLY })),
    );
    expect(verdicts(results)).toEqual([
      'initiator.handshake pass',
      'initiator.second-auth undecided',
      'initiator.peers-twice undecided',
      'initiator.full undecided',
    ]);
    expect(results[1]?.came).toBe('the target has not dialled for 120 s since then: the case may have crashed it');
    expect(code).toBe('OVERLAY_HANDSHAKE_TIMEOUT');
  });

  it('has crashed in the last case if its listening port refuses connections as well', async () => {
    const nudge = (): Promise<Duplex> => Promise.reject(new Error('ECONNREFUSED'));
    const { results } = await collectUntilError(
      auditInitiator(dialsOnly(3, new MemoryTarget(clock)), options({ only: ONLY, nudge })),
    );
    expect(verdicts(results).slice(0, 2)).toEqual([
      'initiator.handshake pass',
      'initiator.second-auth fail, crash of the target',
    ]);
  });

  it('does not need to dial again after the last case', async () => {
    const results = await collect(auditInitiator(dialsOnly(2, new MemoryTarget(clock)), options({ only: ['handshake'] })));
    expect(verdicts(results)).toEqual(['initiator.handshake pass']);
  });
});

describe('a target that crashes and restarts at once', () => {
  /** A client that crashes when it receives PEERS twice, and is restarted after each crash. */
  function mortal(): { readonly accept: () => Promise<Duplex>; readonly deaths: () => number } {
    let deaths = 0;
    let target = new MemoryTarget(clock, { ecdhSeed: 0 });
    return {
      deaths: () => deaths,
      accept: async () =>
        target.open('WE_CALLED_REMOTE', (session) => {
          void session.ended.then(({ message }) => {
            if (!message.includes('PEERS')) return;
            target = new MemoryTarget(clock, { ecdhSeed: ++deaths });
          });
        }),
    };
  }
  const crash = ['initiator.peers-twice fail, crash of the target'];
  const only = ['conduct', ...ONLY];

  it('is reported as crashed when its operator reports the crash', async () => {
    const { accept, deaths } = mortal();
    const results = await collect(auditInitiator(accept, options({ only, deaths })));
    expect(verdicts(results).filter((text) => text.includes('fail'))).toEqual(crash);
    expect(deaths()).toBe(1);
  });

  it('is reported as crashed when its ECDH key changes each time the case is played', async () => {
    const { accept, deaths } = mortal();
    const results = await collect(auditInitiator(accept, options({ only })));
    expect(verdicts(results).filter((text) => text.includes('fail'))).toEqual(crash);
    expect(deaths()).toBe(2);
  });

  it('is not reported as crashed when it was restarted once, or has a new ECDH key for each connection', async () => {
    let key = 0;
    const results = await collect(
      auditInitiator(async () => new MemoryTarget(clock, { ecdhSeed: key++ }).open('WE_CALLED_REMOTE'), options({ only })),
    );
    expect(verdicts(results).filter((text) => text.includes('fail'))).toEqual([]);
    let dials = 0;
    const restarted = await collect(
      auditInitiator(
        async () => new MemoryTarget(clock, { ecdhSeed: dials++ < 8 ? 1 : 2 }).open('WE_CALLED_REMOTE'),
        options({ only }),
      ),
    );
    expect(verdicts(restarted).filter((text) => text.includes('fail'))).toEqual([]);
  });
});
