import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { type Follower, follow } from '../../../src/follow/index.ts';
import { ManualClock } from '../../../src/testing/clock.ts';
import { MockLedgers } from '../../../src/testing/mock-ledgers.ts';
import { MockValidators } from '../../../src/testing/mock-validators.ts';
import { passing } from '../../support/passing.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const PEERS = 50;
const WARM_UP = 40;
const LEDGERS = 200;
/** Growth of the heap that is not a leak, from compiled code for example. */
const NOISE_BYTES = 3_000_000;
/** Size of a transaction set. It is large enough that a leak of one per ledger is visible. */
const SET_BYTES = 40_000;

it('follow keeps no ledger that it has given out, with fifty peers', { timeout: 120_000 }, async () => {
  const validators = new MockValidators({ count: 3 });
  const clock = new ManualClock(validators.last.closeTime);
  const nodes = Array.from({ length: PEERS }, () => new MockLedgers(validators, { remembers: 1 }));
  const { network, quorumSet } = validators;
  const follower: Follower = follow({
    peers: nodes.map((_, i) => `node:${i + 1}`),
    connections: PEERS,
    network,
    quorumSet,
    clock,
    connect: ({ port = 0, ...rest }) => (nodes[port - 1] as MockLedgers).connect({ ...rest, port }),
  });
  const stream = follower[Symbol.asyncIterator]();
  const next = stream.next();
  while (follower.status.peers < PEERS) await setImmediate();
  const transaction = new Uint8Array(SET_BYTES);
  const closeMany = async (count: number, pending?: Promise<unknown>): Promise<void> => {
    for (let i = 0; i < count; i++) {
      clock.advance(5_000);
      const ledger = validators.close({ transactions: [transaction] });
      for (const node of nodes) node.publish(ledger);
      await (i === 0 && pending !== undefined ? pending : stream.next());
    }
  };
  const heap = async (): Promise<number> => {
    for (let i = 0; i < 3; i++) {
      await setImmediate();
      gc();
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  await closeMany(WARM_UP, next);
  const before = await heap();
  await closeMany(LEDGERS);
  const grown = (await heap()) - before;
  expect(follower.status.ledgerSeq).toBe(999 + WARM_UP + LEDGERS);
  expect(follower.signatureChecks).toBe(3 * (WARM_UP + LEDGERS));
  expect(LEDGERS * SET_BYTES).toBeGreaterThan(2 * NOISE_BYTES);
  expect(grown).toBeLessThan(NOISE_BYTES);
  await passing(clock, Promise.resolve(stream.return?.()));
});
