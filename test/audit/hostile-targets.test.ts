/** Targets that do not speak the protocol, or stop in the middle: every audit of them ends, in bounded time and memory. */
import { type Duplex, duplexPair } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditAcceptor, auditInitiator, CASES, type CaseResult } from '../../src/audit/index.ts';
import { networks, type OverlayError } from '../../src/index.ts';
import { MockPeer } from '../../src/testing/index.ts';
import { IdleClock, MemoryTarget } from './targets.ts';

let clock: IdleClock;

beforeEach(() => {
  clock = new IdleClock();
});

afterEach(() => clock.stop());

/** What a target does with its end of a connection. */
type Misdeed = (stream: Duplex) => void;

/** Our end of a connection to a target that misbehaves. */
function misbehaved(misdeed: Misdeed): Duplex {
  const [ours, theirs] = duplexPair();
  for (const stream of [ours, theirs]) stream.on('error', () => {});
  ours.on('data', () => clock.touch());
  misdeed(theirs);
  return ours;
}

/** Writes repeatedly, as fast as the other side reads, until it stops reading or the amount is enough for any test. */
function pours(chunk: Uint8Array, sent: number[]): Misdeed {
  return (stream) => {
    stream.resume();
    const connection = sent.push(0) - 1;
    const pour = (): void => {
      while (!stream.destroyed && stream.writable && (sent[connection] as number) < FAR_TOO_MUCH) {
        sent[connection] = (sent[connection] as number) + chunk.length;
        if (!stream.write(chunk)) {
          // In memory a drain follows at once. Without a turn of the event loop, nothing else would run.
          stream.once('drain', () => setImmediate(pour));
          return;
        }
      }
    };
    pour();
  };
}

const FAR_TOO_MUCH = 512 << 20;

const record = (length: number): Uint8Array => {
  const bytes = new Uint8Array(4 + length);
  new DataView(bytes.buffer).setUint32(0, 0x80000000 + length);
  return bytes;
};

const MISDEEDS: Readonly<Record<string, Misdeed>> = {
  'closes at once': (stream) => stream.end(),
  'breaks every connection': (stream) => stream.destroy(),
  'says nothing and reads nothing': () => {},
  'says nothing': (stream) => stream.resume(),
  'speaks HTTP': (stream) => void stream.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  'speaks TLS': (stream) => void stream.resume().write(Uint8Array.of(0x15, 3, 1, 0, 2, 2, 0x28)),
  'sends empty records': (stream) => void stream.resume().write(record(0)),
  'sends records of garbage': (stream) => void stream.resume().write(Buffer.concat(Array.from({ length: 50 }, () => record(64)))),
  'sends single bytes slowly': (stream) => {
    stream.resume();
    const drip = (): void => {
      if (!stream.destroyed && stream.write(Uint8Array.of(0x80))) clock.setTimer(drip, 500);
    };
    drip();
  },
  'refuses with an ERROR_MSG': (stream) => {
    new MockPeer(stream, 'REMOTE_CALLED_US', { network: networks.standalone, clock }).error('ERR_MISC', 'go away\u001b[31m');
    stream.end();
  },
};

interface Outcome {
  readonly results: readonly CaseResult[];
  readonly code: string;
}

async function outcome(from: AsyncIterable<CaseResult>): Promise<Outcome> {
  const results: CaseResult[] = [];
  try {
    for await (const one of from) results.push(one);
  } catch (error) {
    return { results, code: (error as OverlayError).code };
  }
  return { results, code: '' };
}

const options = () => ({ network: networks.standalone, clock, seed: 'test', hostile: true });

describe.each(Object.entries(MISDEEDS))('a target that %s', (_name, misdeed) => {
  it('is not audited if it misbehaves from the first connection, and the error has a code', async () => {
    for (const audit of [auditAcceptor, auditInitiator]) {
      const { results, code } = await outcome(audit(async () => misbehaved(misdeed), options()));
      expect(results).toEqual([]);
      expect(code).toMatch(/^OVERLAY_/);
    }
    expect(clock.now().monotonicMs).toBeLessThan(120_000);
  });

  it('ends the audit soon if it misbehaves after 12 connections, and no later case passes', async () => {
    const target = new MemoryTarget(clock);
    let dials = 0;
    const dial = async (): Promise<Duplex> => (dials++ < 12 ? target.open('REMOTE_CALLED_US') : misbehaved(misdeed));
    const { results, code } = await outcome(auditAcceptor(dial, options()));
    expect(code).toBe('OVERLAY_HANDSHAKE_TIMEOUT');
    expect(results.map(({ id }) => id).sort()).toEqual(idsOf('REMOTE_CALLED_US'));
    expect(results.filter(({ verdict }) => verdict === 'pass' || verdict === 'differs').length).toBeLessThan(12);
    expect(clock.now().monotonicMs).toBeLessThan(240_000);
  });
});

function idsOf(role: string): readonly string[] {
  return CASES.filter((one) => one.role === role && !one.slow)
    .map(({ id }) => id)
    .sort();
}

describe('a target that has no free slot for a moment', () => {
  it.each([
    ['one connection', 3],
    ['every connection after a case', 5],
  ])('is not reported as crashed when it immediately closes %s', async (_often, last) => {
    const target = new MemoryTarget(clock);
    let dials = 0;
    // The first two are the honest handshake and the case.
    const dial = async (): Promise<Duplex> => {
      dials++;
      return dials > 2 && dials <= last ? misbehaved((stream) => stream.end()) : target.open('REMOTE_CALLED_US');
    };
    const { results, code } = await outcome(auditAcceptor(dial, { ...options(), only: ['handshake'], concurrency: 1 }));
    expect(code).toBe('');
    expect(results.map(({ verdict, threat }) => [verdict, threat])).toEqual([['pass', undefined]]);
    expect(dials).toBeGreaterThan(last);
  });
});

describe('an audit of a target that sends without end', () => {
  it.each([
    ['bytes', new Uint8Array(1 << 16)],
    ['records', record(1 << 16)],
    ['records of 16 MiB', record(1 << 24)],
  ] as const)('stops reading and closes the connection when the target sends %s', async (_what, chunk) => {
    const target = new MemoryTarget(clock);
    const sent: number[] = [];
    let dials = 0;
    const dial = async (): Promise<Duplex> => (dials++ < 3 ? target.open('REMOTE_CALLED_US') : misbehaved(pours(chunk, sent)));
    const { results } = await outcome(auditAcceptor(dial, { ...options(), only: ['handshake', 'second-auth'], concurrency: 1 }));
    expect(results).toHaveLength(2);
    expect(sent.length).toBeGreaterThan(0);
    expect(Math.max(...sent)).toBeLessThan(80 << 20);
  });
});

describe('an audit that is stopped', () => {
  it('dials no more, and has closed its connections', async () => {
    const target = new MemoryTarget(clock);
    const dialled: Duplex[] = [];
    const dial = async (): Promise<Duplex> => {
      const stream = target.open('REMOTE_CALLED_US');
      dialled.push(stream);
      return stream;
    };
    for await (const { verdict } of auditAcceptor(dial, options())) {
      expect(verdict).toBe('pass');
      break;
    }
    const before = dialled.length;
    expect(dialled.filter(({ destroyed }) => !destroyed)).toEqual([]);
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(dialled).toHaveLength(before);
  });

  it('closes a connection that was just accepted', async () => {
    const target = new MemoryTarget(clock);
    const came: Duplex[] = [];
    const accept = async (): Promise<Duplex> => {
      const stream = target.open('WE_CALLED_REMOTE');
      came.push(stream);
      return stream;
    };
    // The third connection comes from a new process after a crash: the verdict of the previous case is given at once.
    const deaths = (): number => (came.length >= 3 ? 1 : 0);
    for await (const { threat } of auditInitiator(accept, { ...options(), only: ['conduct'], deaths })) {
      expect(threat).toBe('crash of the target');
      break;
    }
    expect(came).toHaveLength(3);
    expect(came[2]?.destroyed).toBe(true);
  });

  it('closes a connection that opens after the stop', async () => {
    const target = new MemoryTarget(clock);
    const stop = new AbortController();
    const late: Duplex[] = [];
    let dials = 0;
    const dial = async (): Promise<Duplex> => {
      const stream = target.open('REMOTE_CALLED_US');
      if (dials++ < 1) return stream;
      late.push(stream);
      stop.abort(new Error('enough'));
      await new Promise((resolve) => setImmediate(resolve));
      return stream;
    };
    const giveUp = async (): Promise<void> => {
      for await (const _ of auditAcceptor(dial, { ...options(), signal: stop.signal }));
    };
    await expect(giveUp()).rejects.toThrow('enough');
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(late.length).toBeGreaterThan(0);
    for (const stream of late) expect(stream.destroyed).toBe(true);
  });
});
