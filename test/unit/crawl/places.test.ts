/** Parallel visits: dead addresses take no place that others need, and the rate limit holds. */
import { describe, expect, it } from 'vitest';
import { Places } from '../../../src/crawl/places.ts';
import { ManualClock } from '../../../src/testing/index.ts';

function places(concurrency: number, rate = 100_000) {
  const clock = new ManualClock();
  let freed = 0;
  const all = new Places({ clock, concurrency, rate, onFree: () => void freed++ });
  /** Takes as many as there are. */
  const fill = () => {
    const taken = [];
    while (all.begin()) taken.push(all.take());
    return taken;
  };
  return { clock, all, fill, freed: () => freed };
}

describe('the places of a crawl', () => {
  it('allow as many open connections as configured', () => {
    const { all, fill } = places(3);
    const [first] = fill();
    expect(all.attempts).toBe(3);
    first?.connected();
    expect([all.open, all.attempts, all.begin()]).toEqual([1, 2, false]);
    first?.leave();
    expect(fill()).toHaveLength(1);
    first?.leave();
    expect(all.open).toBe(0);
  });

  it('are freed by attempts that have no answer for a second', () => {
    const { clock, all, fill, freed } = places(3);
    const dead = fill();
    clock.advance(1_000);
    expect(freed()).toBe(3);
    expect(fill()).toHaveLength(3);
    for (const place of dead) place.leave();
    expect(all.attempts).toBe(3);
    expect(all.begin()).toBe(false);
  });

  it('count connections that open after this second', () => {
    const { clock, all, fill } = places(2);
    const late = fill();
    clock.advance(1_000);
    for (const place of late) place.connected();
    expect([all.open, all.attempts, all.begin()]).toEqual([2, 0, false]);
    for (const place of late) place.leave();
    expect([all.open, all.begin()]).toEqual([0, true]);
  });

  it('have a limit for attempts without an answer', () => {
    const { clock, all, fill } = places(2);
    for (let i = 0; i < 1_000; i++) {
      fill();
      clock.advance(1_000);
    }
    expect(all.attempts).toBe(100);
  });

  it('allow at most the configured number of new connections each second', () => {
    const { clock, fill, freed } = places(10_000, 20);
    let begun = fill().length;
    expect(begun).toBeLessThanOrEqual(2);
    for (let ms = 0; ms < 10_000; ms += 50) {
      clock.advance(50);
      begun += fill().length;
    }
    expect(begun).toBeGreaterThanOrEqual(200);
    expect(begun).toBeLessThanOrEqual(203);
    expect(freed()).toBeGreaterThan(0);
  });
});
