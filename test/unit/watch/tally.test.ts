import { describe, expect, it } from 'vitest';
import { Tally } from '../../../src/watch/tally.ts';

const message = (type: 'SCP_MESSAGE' | 'UNKNOWN', bytes: number) => ({ type, xdr: new Uint8Array(bytes) });

describe('the tally of a watch', () => {
  it('counts messages, bytes and types, the most common type first', () => {
    const tally = new Tally(1000);
    tally.add(message('UNKNOWN', 8), 1000);
    tally.add(message('SCP_MESSAGE', 100), 1001);
    tally.add(message('SCP_MESSAGE', 100), 1002);
    expect([tally.messages, tally.bytes]).toEqual([3, 208]);
    expect(tally.types).toEqual([
      ['SCP_MESSAGE', 2],
      ['UNKNOWN', 1],
    ]);
    expect(tally.uptimeSeconds(3500)).toBe(2.5);
  });

  it('has a constant rate for a steady stream', () => {
    const tally = new Tally(0);
    for (let ms = 0; ms < 60_000; ms += 100) {
      tally.add(message('SCP_MESSAGE', 50), ms);
      if (ms >= 1000 && ms % 1000 === 900) {
        expect(tally.rates(ms + 100 - 1e-6).messages).toBeCloseTo(10, 3);
        expect(tally.rates(ms + 100 - 1e-6).bytes).toBeCloseTo(500, 1);
      }
    }
  });

  it('does not overestimate the rate of a burst', () => {
    const tally = new Tally(0);
    for (let i = 0; i < 20; i++) tally.add(message('SCP_MESSAGE', 1), 1);
    expect(tally.rates(1).messages).toBe(20);
  });

  it('excludes messages that are older than the window', () => {
    const tally = new Tally(0);
    for (let i = 0; i < 20; i++) tally.add(message('SCP_MESSAGE', 1), 1);
    expect(tally.rates(4_000).messages).toBe(5);
    expect(tally.rates(5_000)).toEqual({ messages: 0, bytes: 0 });
    expect(tally.rates(100_000)).toEqual({ messages: 0, bytes: 0 });
    expect(tally.messages).toBe(20);
  });

  it('has a rate of zero without messages', () => {
    expect(new Tally(5).rates(5)).toEqual({ messages: 0, bytes: 0 });
  });
});
