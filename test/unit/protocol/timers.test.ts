import { describe, expect, it } from 'vitest';
import { Bench } from '../../support/vectors.ts';

const tick = (bench: Bench): string | undefined => {
  const event = bench.peer.tick(bench.now);
  return event?.type === 'closed' ? event.error.code : undefined;
};

describe('tick()', () => {
  it('ends a connection 2 s after its start if nothing was read or written', () => {
    const bench = new Bench('B');
    bench.advance(1999);
    expect(tick(bench)).toBeUndefined();
    bench.advance(1);
    expect(tick(bench)).toBe('OVERLAY_IDLE_TIMEOUT');
    expect([bench.error.dropReason, bench.error.told, bench.error.stage]).toEqual(['idle timeout', null, 'hello']);
    expect(bench.error.message).toBe('Nothing was read or written for 2000 ms.');
  });

  it('counts from the last complete header or record', () => {
    const bench = new Bench('B');
    const hello = bench.other.hello();
    bench.advance(1500);
    bench.feed(hello.slice(0, 4));
    bench.advance(1500);
    expect(tick(bench)).toBeUndefined();
    bench.feed(hello.slice(4));
    bench.advance(1999);
    expect(tick(bench)).toBeUndefined();
    bench.advance(1);
    expect(tick(bench)).toBe('OVERLAY_IDLE_TIMEOUT');
  });

  it('does not count single bytes of a body', () => {
    const bench = new Bench('B');
    const hello = bench.other.hello();
    bench.feed(hello.slice(0, 4));
    for (let i = 4; i < 10; i++) {
      bench.advance(333);
      bench.feed(hello.slice(i, i + 1));
    }
    expect(tick(bench)).toBeUndefined();
    bench.advance(2);
    expect(tick(bench)).toBe('OVERLAY_IDLE_TIMEOUT');
  });

  it('does not count an incomplete header', () => {
    const bench = new Bench('A');
    for (const byte of [0x80, 0, 1]) {
      bench.advance(700);
      bench.feed(Uint8Array.of(byte));
    }
    expect(tick(bench)).toBe('OVERLAY_IDLE_TIMEOUT');
  });

  it('counts from the last write as well', () => {
    const bench = new Bench('A');
    bench.advance(1500);
    expect(bench.sentTypes()).toEqual(['HELLO']);
    bench.advance(1999);
    expect(tick(bench)).toBeUndefined();
    bench.advance(1);
    expect(tick(bench)).toBe('OVERLAY_IDLE_TIMEOUT');
  });

  it('allows 30 s of silence after AUTH', () => {
    const bench = Bench.authenticated('A');
    bench.advance(29_999);
    expect(tick(bench)).toBeUndefined();
    bench.advance(1);
    expect(tick(bench)).toBe('OVERLAY_IDLE_TIMEOUT');
    expect(bench.error.stage).toBe('channel');
  });

  it('uses authenticationTimeoutMs and peerTimeoutMs', () => {
    const options = { authenticationTimeoutMs: 50, peerTimeoutMs: 70 };
    const early = new Bench('A', options);
    early.sent();
    early.advance(50);
    expect(tick(early)).toBe('OVERLAY_IDLE_TIMEOUT');
    const later = Bench.authenticated('A', options);
    later.advance(69);
    expect(tick(later)).toBeUndefined();
    later.advance(1);
    expect(tick(later)).toBe('OVERLAY_IDLE_TIMEOUT');
  });
});

describe('a peer that grants nothing', () => {
  /** Keeps the connection from being idle, by requests that are answered. */
  function passSeconds(bench: Bench, seconds: number, each: () => void = () => {}): string | undefined {
    for (let i = 0; i < seconds; i++) {
      bench.advance(1000);
      bench.feed(bench.other.seal({ type: 'GET_SCP_STATE', ledgerSeq: 1 }));
      each();
      const code = tick(bench);
      if (code !== undefined) return code;
    }
    return undefined;
  }
  const grant = (bench: Bench) => bench.feed(bench.other.seal({ type: 'SEND_MORE_EXTENDED', numMessages: 1, numBytes: 1000 }));
  const advert = { type: 'FLOOD_ADVERT', txHashes: [] } as const;

  it('is dropped without a message 60 s after the start', () => {
    const bench = Bench.authenticated('A');
    expect(passSeconds(bench, 59)).toBeUndefined();
    expect(passSeconds(bench, 1)).toBe('OVERLAY_NO_NEW_FLOOD_REQUESTS');
    expect([bench.error.dropReason, bench.error.told]).toEqual(['idle timeout (no new flood requests)', null]);
  });

  it('is kept if it has granted once and no message waits', () => {
    const bench = Bench.authenticated('A');
    grant(bench);
    expect(passSeconds(bench, 300)).toBeUndefined();
  });

  it('is dropped 60 s after the first message had to wait', () => {
    const bench = Bench.authenticated('A');
    grant(bench);
    passSeconds(bench, 100);
    bench.peer.send(advert, () => {});
    expect(passSeconds(bench, 100)).toBeUndefined();
    bench.peer.send(advert, () => {});
    expect(passSeconds(bench, 60)).toBeUndefined(); // the wait is first noticed at the next tick
    expect(passSeconds(bench, 1)).toBe('OVERLAY_NO_NEW_FLOOD_REQUESTS');
  });

  it('is kept for another 60 s after each grant, even if no message can leave', () => {
    const bench = Bench.authenticated('A');
    bench.peer.send(advert, () => {});
    expect(passSeconds(bench, 50)).toBeUndefined();
    bench.feed(bench.other.seal({ type: 'SEND_MORE_EXTENDED', numMessages: 0, numBytes: 1 }));
    expect(passSeconds(bench, 60)).toBeUndefined();
    expect(passSeconds(bench, 1)).toBe('OVERLAY_NO_NEW_FLOOD_REQUESTS');
  });
});
