import { describe, expect, it } from 'vitest';
import { parseTarget, type Target } from '../../../src/net/target.ts';
import { campaign, type Probed } from '../../../src/probe/campaign.ts';
import { ManualClock } from '../../../src/testing/index.ts';

const TARGETS = ['a', 'b', 'c', 'd', 'e'].map(parseTarget);

/** Probes that end on the test's command. */
class Probes {
  /** Hosts in the order in which their probes began. */
  readonly begun: string[] = [];
  readonly running = new Map<string, (result: string) => void>();
  most = 0;

  readonly one = (target: Target, signal: AbortSignal): Promise<string> => {
    if (this.running.has(target.host)) throw new Error(`${target.host} is being probed already`);
    this.begun.push(target.host);
    return new Promise((resolve) => {
      const end = (result: string): void => {
        this.running.delete(target.host);
        resolve(result);
      };
      this.running.set(target.host, end);
      this.most = Math.max(this.most, this.running.size);
      signal.addEventListener('abort', () => end('aborted'), { once: true });
    });
  };

  end(host: string): void {
    const end = this.running.get(host);
    if (end === undefined) throw new Error(`${host} is not being probed`);
    end('done');
  }
}

/** Runs what can run without time passing. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function told({ round, target, result }: Probed<string>): string {
  return `${round} ${target.host} ${result}`;
}

async function collect(probes: AsyncIterable<Probed<string>>, into: string[] = []): Promise<string[]> {
  for await (const probed of probes) into.push(told(probed));
  return into;
}

describe('a campaign', () => {
  it('yields results in the order of the targets', async () => {
    const probes = new Probes();
    const order: string[] = [];
    const onProbed = ({ target }: Probed<string>): number => order.push(target.host);
    const all = collect(campaign(TARGETS, probes.one, { onProbed }));
    await settle();
    for (const host of ['e', 'c', 'a', 'd', 'b']) {
      probes.end(host);
      await settle();
    }
    expect(await all).toEqual(['1 a done', '1 b done', '1 c done', '1 d done', '1 e done']);
    expect(order).toEqual(['e', 'c', 'a', 'd', 'b']);
  });

  it('yields a result as soon as it and those before it are ready', async () => {
    const probes = new Probes();
    const seen: string[] = [];
    const all = collect(campaign(TARGETS.slice(0, 3), probes.one), seen);
    await settle();
    probes.end('b');
    await settle();
    expect(seen).toEqual([]);
    probes.end('a');
    await settle();
    expect(seen).toEqual(['1 a done', '1 b done']);
    probes.end('c');
    await all;
  });

  it('runs at most `concurrency` probes at the same time, and begins the next when one ends', async () => {
    const probes = new Probes();
    const all = collect(campaign(TARGETS, probes.one, { concurrency: 2 }));
    await settle();
    expect([...probes.running.keys()]).toEqual(['a', 'b']);
    probes.end('b');
    await settle();
    expect([...probes.running.keys()]).toEqual(['a', 'c']);
    for (const host of ['a', 'c', 'd', 'e']) {
      probes.end(host);
      await settle();
    }
    await all;
    expect(probes.begun).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(probes.most).toBe(2);
  });

  it('begins a round one interval after the end of the previous round', async () => {
    const clock = new ManualClock();
    const probes = new Probes();
    const seen: string[] = [];
    const all = collect(campaign(TARGETS.slice(0, 2), probes.one, { count: 2, intervalMs: 5_000, clock }), seen);
    await settle();
    clock.advance(60_000);
    await settle();
    expect(probes.begun).toEqual(['a', 'b']);
    probes.end('a');
    await settle();
    expect(clock.timers).toBe(0);
    probes.end('b');
    await settle();
    clock.advance(4_999);
    await settle();
    expect(probes.begun).toEqual(['a', 'b']);
    clock.advance(1);
    await settle();
    expect(probes.begun).toEqual(['a', 'b', 'a', 'b']);
    probes.end('b');
    probes.end('a');
    expect(await all).toEqual(['1 a done', '1 b done', '2 a done', '2 b done']);
    expect(clock.timers).toBe(0);
  });

  it('reports the duration of each probe', async () => {
    const clock = new ManualClock();
    const probes = new Probes();
    const elapsed: number[] = [];
    const all = collect(campaign(TARGETS.slice(0, 2), probes.one, { clock, onProbed: (one) => elapsed.push(one.elapsedMs) }));
    await settle();
    clock.advance(20);
    probes.end('b');
    await settle();
    clock.advance(30);
    probes.end('a');
    await all;
    expect(elapsed).toEqual([20, 50]);
  });

  it('probes a target that is named twice once in each round', async () => {
    const twice = ['a:1', 'b:1', 'A:1'].map(parseTarget);
    expect(await collect(campaign(twice, async () => 'done'))).toEqual(['1 a done', '1 b done']);
  });

  it('ends at once without targets', async () => {
    expect(
      await collect(
        campaign([], async () => 'done', { count: 3, clock: new ManualClock(), intervalMs: 0 }),
        [],
      ),
    ).toEqual([]);
  });

  it('aborts running probes when its signal aborts, yields them, and begins no others', async () => {
    const probes = new Probes();
    const interrupt = new AbortController();
    const all = collect(campaign(TARGETS, probes.one, { concurrency: 3, count: 9, signal: interrupt.signal }));
    await settle();
    probes.end('b');
    await settle();
    interrupt.abort(new Error('enough'));
    expect(await all).toEqual(['1 a aborted', '1 b done', '1 c aborted', '1 d aborted']);
    expect(probes.begun).toEqual(['a', 'b', 'c', 'd']);
  });

  it('aborts probes with the reason of its signal', async () => {
    const interrupt = new AbortController();
    const reasons: unknown[] = [];
    const one = (_target: Target, signal: AbortSignal): Promise<string> =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason);
          resolve('aborted');
        }),
      );
    const all = collect(campaign(TARGETS.slice(0, 2), one, { signal: interrupt.signal }));
    await settle();
    interrupt.abort('enough');
    await all;
    expect(reasons).toEqual(['enough', 'enough']);
  });

  it('ends between two rounds when its signal aborts, and keeps no timer', async () => {
    const clock = new ManualClock();
    const interrupt = new AbortController();
    const all = collect(campaign(TARGETS.slice(0, 1), async () => 'done', { count: 9, clock, signal: interrupt.signal }));
    await settle();
    expect(clock.timers).toBe(1);
    interrupt.abort();
    expect(await all).toEqual(['1 a done']);
    expect(clock.timers).toBe(0);
  });

  it('begins no probe when its signal has aborted before', async () => {
    const probes = new Probes();
    expect(await collect(campaign(TARGETS, probes.one, { signal: AbortSignal.abort() }))).toEqual([]);
    expect(probes.begun).toEqual([]);
  });

  it('aborts running probes when the loop ends, and waits for them', async () => {
    const probes = new Probes();
    const done = (async () => {
      for await (const probed of campaign(TARGETS, probes.one, { concurrency: 2, count: 2 })) {
        expect(told(probed)).toBe('1 a done');
        break;
      }
    })();
    await settle();
    probes.end('a');
    await done;
    expect(probes.running.size).toBe(0);
    expect(probes.begun).toEqual(['a', 'b', 'c']);
  });

  it('throws the exception of a probe in its order, and aborts the others', async () => {
    const probes = new Probes();
    const one = (target: Target, signal: AbortSignal): Promise<string> =>
      target.host === 'b' ? Promise.reject(new RangeError('a bug')) : probes.one(target, signal);
    const seen: string[] = [];
    const all = collect(campaign(TARGETS, one), seen);
    const outcome = expect(all).rejects.toThrow('a bug');
    await settle();
    probes.end('a');
    await outcome;
    expect(seen).toEqual(['1 a done']);
    expect(probes.running.size).toBe(0);
  });

  it('gives each probe its own signal, so that Node warns of no leak', async () => {
    const signals = new Set<AbortSignal>();
    const one = async (_target: Target, signal: AbortSignal): Promise<string> => {
      signals.add(signal);
      return 'done';
    };
    await collect(campaign(TARGETS, one, { count: 3, intervalMs: 0 }));
    expect(signals.size).toBe(15);
  });

  it.each([{ count: 0 }, { count: 1.5 }, { count: 1_000_001 }, { intervalMs: -1 }, { concurrency: 0 }, { concurrency: 1_001 }])(
    'refuses %j before any probe begins',
    async (options) => {
      const probes = new Probes();
      await expect(collect(campaign(TARGETS, probes.one, options))).rejects.toThrow(Object.keys(options)[0]);
      expect(probes.begun).toEqual([]);
    },
  );
});
