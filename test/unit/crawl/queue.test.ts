/** The order in which addresses are dialled: one connection for each IP address and each known key. */
import { beforeEach, describe, expect, it } from 'vitest';
import { AddressBook, type Entry } from '../../../src/crawl/address-book.ts';
import { Queue } from '../../../src/crawl/queue.ts';
import { ManualClock } from '../../../src/testing/index.ts';

const PAUSE_MS = 100;

describe('the queue of a crawl', () => {
  let clock: ManualClock;
  let queue: Queue;
  let book: AddressBook;

  beforeEach(() => {
    clock = new ManualClock();
    queue = new Queue(clock, () => {});
    book = new AddressBook({ allow: ['127.0.0.0/8'] });
  });

  const entry = (address: string): Entry => book.addNamed(address, 1) as Entry;
  /** Takes every entry that can be taken now. */
  const takeAll = (): readonly string[] => {
    const taken: string[] = [];
    while (queue.isReady) taken.push(queue.take().address);
    return taken;
  };

  it('has one entry of an IP address at a time, with a pause between two', () => {
    const [first, second] = [entry('127.0.0.1:1'), entry('127.0.0.1:2')];
    for (const one of [first, second, entry('127.0.0.2:1')]) queue.add(one);
    expect(takeAll()).toEqual(['127.0.0.1:1', '127.0.0.2:1']);
    expect(queue.size).toBe(1);
    queue.release(first);
    expect(takeAll()).toEqual([]);
    clock.advance(PAUSE_MS);
    expect(takeAll()).toEqual(['127.0.0.1:2']);
  });

  it('has one entry of a known key at a time', () => {
    const entries = [1, 2, 3].map((n) => entry(`127.0.0.${n}:1`));
    for (const one of entries) {
      one.peerID = 'G';
      queue.add(one);
    }
    for (const one of entries) {
      expect(takeAll()).toEqual([one.address]);
      queue.release(one);
      clock.advance(PAUSE_MS);
    }
    expect(queue.size).toBe(0);
  });

  it('lets other entries of a key wait while a connection turns out to have this key', () => {
    const [first, second] = [entry('127.0.0.1:1'), entry('127.0.0.2:1')] as [Entry, Entry];
    queue.add(first);
    queue.take();
    queue.hold(first, 'G');
    second.peerID = 'G';
    queue.addLater(second, 10);
    clock.advance(10);
    expect(takeAll()).toEqual([]);
    queue.release(first);
    clock.advance(PAUSE_MS);
    expect(takeAll()).toEqual(['127.0.0.2:1']);
  });

  it('releases every key of a connection, if the key of an address changes', () => {
    const [first, second, third] = [1, 2, 3].map((n) => entry(`127.0.0.${n}:1`)) as [Entry, Entry, Entry];
    first.peerID = 'G1';
    queue.add(first);
    queue.take();
    queue.hold(first, 'G2');
    second.peerID = 'G1';
    third.peerID = 'G2';
    queue.add(second);
    queue.add(third);
    expect(takeAll()).toEqual([]);
    first.peerID = 'G3';
    queue.release(first);
    clock.advance(PAUSE_MS);
    expect([...takeAll()].sort()).toEqual(['127.0.0.2:1', '127.0.0.3:1']);
    expect(queue.size).toBe(0);
  });

  it('takes 200,000 entries that wait for one IP address', () => {
    const first = entry('127.0.0.1:1');
    queue.add(first);
    queue.take();
    for (let i = 0; i < 200_000; i++) queue.add({ ...first, port: 2, held: [] });
    expect(takeAll()).toEqual([]);
    queue.release(first);
    clock.advance(PAUSE_MS);
    expect(takeAll()).toHaveLength(1);
    expect(queue.size).toBe(199_999);
  });
});
