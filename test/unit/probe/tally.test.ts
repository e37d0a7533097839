import { describe, expect, it } from 'vitest';
import { OverlayError } from '../../../src/index.ts';
import { parseTarget } from '../../../src/net/target.ts';
import type { ProbeResult } from '../../../src/probe/probe.ts';
import { TargetTally } from '../../../src/probe/tally.ts';

const TARGET = parseTarget('a.example');
const BASE = { target: 'a.example:11625', at: '2026-11-24T07:30:05.123Z', role: 'WE_CALLED_REMOTE' } as const;

function good(totalMs: number): ProbeResult {
  return { ...BASE, ok: true, timings: { dnsMs: 0, tcpMs: 0, helloMs: 0, authMs: 0, totalMs } };
}

function bad(code: 'OVERLAY_CONNECTION_REFUSED' | 'OVERLAY_CONNECT_TIMEOUT'): ProbeResult {
  return { ...BASE, ok: false, error: new OverlayError(code, { stage: 'tcp' }).toJSON() };
}

function tallyOf(...results: ProbeResult[]): TargetTally {
  const tally = new TargetTally(TARGET, []);
  for (const result of results) tally.add(result, [], 7);
  return tally;
}

describe('the tally of a target', () => {
  it('is empty without results', () => {
    const { target, probes, lost, times, remote, firstError } = tallyOf();
    expect({ target, probes, lost, times, remote, firstError }).toEqual({ target: 'a.example:11625', probes: 0, lost: 0 });
  });

  it.each([
    [[5], 5, 5],
    [[9, 1], 1, 9],
    [[9, 1, 5], 5, 9],
    [[100, 2, 30, 4], 4, 100],
  ])('has the median and the maximum of the times %j', (times, p50Ms, maxMs) => {
    expect(tallyOf(...times.map(good)).times).toEqual({ p50Ms, maxMs });
  });

  it('counts failures, keeps the first and the last cause, and excludes them from the times', () => {
    const tally = tallyOf(good(1), bad('OVERLAY_CONNECTION_REFUSED'), good(2), bad('OVERLAY_CONNECT_TIMEOUT'), good(3));
    expect(tally.probes).toBe(5);
    expect(tally.lost).toBe(2);
    expect(tally.firstError?.cause).toBe('connection-refused');
    expect(tally.lastError?.cause).toBe('connect-timeout');
    expect(tally.times).toEqual({ p50Ms: 2, maxMs: 3 });
    expect(tally.elapsedMs).toBe(35);
  });

  it('keeps the last 10,000 times, and the maximum of all', () => {
    const tally = tallyOf(good(1_000), ...Array.from({ length: 10_000 }, () => good(1)), good(2));
    expect(tally.times).toEqual({ p50Ms: 1, maxMs: 1_000 });
    expect(tally.probes).toBe(10_002);
  });

  it('counts verdicts for each rule, and keeps the detail of the first failure', () => {
    const tally = new TargetTally(TARGET, ['maxPingMs', 'network']);
    const rule = 'maxPingMs';
    const verdicts = [
      { rule, ok: true, detail: 'fast' },
      { rule, ok: null, detail: 'unknown' },
      { rule, ok: false, detail: 'slow' },
      { rule, ok: false, detail: 'slower' },
      { rule, ok: true, detail: 'fast again' },
    ] as const;
    for (const verdict of verdicts) tally.add(good(1), [verdict], 1);
    expect(tally.rules).toEqual([
      { rule: 'maxPingMs', kept: 2, broken: 2, undecided: 1, detail: 'slow' },
      { rule: 'network', kept: 0, broken: 0, undecided: 0, detail: 'not probed' },
    ]);
  });
});
