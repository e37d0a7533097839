import { describe, expect, it } from 'vitest';
import type { Output } from '../../../src/cli/output.ts';
import { printTable } from '../../../src/cli/probe-text.ts';
import { parseTarget } from '../../../src/net/target.ts';
import type { ProbeResult } from '../../../src/probe/probe.ts';
import { TargetTally } from '../../../src/probe/tally.ts';

const RESULT: ProbeResult = {
  target: 'a.example:11625',
  at: '2026-11-24T07:30:05.123Z',
  ok: true,
  role: 'WE_CALLED_REMOTE',
  remote: {
    peerID: 'GCADMDSIGUXZD66NKUCOQTFBN3EYSE3OAW5MPN3VWP7DVLVXAYFJQTPN',
    versionStr: 'stellar-core 27.1.0 (a9b861321c5d)',
    ledgerVersion: 27,
    overlayVersion: 42,
    overlayMinVersion: 38,
    listeningPort: 11625,
    networkID: '00',
    certExpiration: '2026-01-01T00:30:00Z',
  },
  timings: { dnsMs: 1, tcpMs: 2, helloMs: 3, authMs: 4, totalMs: 10, pingMs: 5 },
  clockSkew: { minSeconds: -900, maxSeconds: 900 },
};

function table(room?: number): string[] {
  const tally = new TargetTally(parseTarget('a.example'), []);
  tally.add(RESULT, [], 10);
  tally.add({ ...RESULT, timings: { dnsMs: 1, tcpMs: 2, helloMs: 3, authMs: 4, totalMs: 30 } }, [], 30);
  const lines: string[] = [];
  const out: Output = {
    line: (text) => lines.push(text),
    json: () => {},
    document: () => {},
    style: (_style, text) => text,
    drained: () => undefined,
    isStuck: false,
  };
  printTable([tally], 2, out, room);
  return lines;
}

describe('the table of targets', () => {
  it('has all columns if there is space', () => {
    expect(table()).toEqual([
      '',
      '   target           result  peer        version                   overlay  clock (s)      p50      max  lost',
      '✓  a.example:11625  ok      GCADM…QTPN  stellar-core 27.1.0 (a9…  38–42    -900…+900  10.0 ms  30.0 ms   0/2',
      '',
      '1 target, 2 probes, 0 failed',
    ]);
  });

  it.each([
    [108, 'target result peer version overlay clock (s) p50 max lost'],
    [107, 'target result peer version overlay p50 max lost'],
    [80, 'target result peer overlay p50 max lost'],
    [62, 'target result peer p50 max lost'],
    [61, 'target result p50 max lost'],
    [1, 'target result p50 max lost'],
  ])('in %i characters has the columns %s', (room, titles) => {
    const lines = table(room);
    expect(lines[1]?.trim().replace(/ +/g, ' ')).toBe(titles);
    if (room >= 61) for (const line of lines) expect(line.length).toBeLessThanOrEqual(room);
  });
});
