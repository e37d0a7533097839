/** No false alarm on a target that behaves as the reference does, where our own side does otherwise. */
import { describe, expect, it } from 'vitest';
import { networks } from '../../src/index.ts';
import { auditAcceptor, auditInitiator } from '../../src/tools/audit/index.ts';
import { collect, IdleClock, MemoryTarget } from './targets.ts';

describe('a target that closes five seconds after a drop', () => {
  it.each([
    ['REMOTE_CALLED_US', auditAcceptor],
    ['WE_CALLED_REMOTE', auditInitiator],
  ] as const)('%s', async (role, audit) => {
    const clock = new IdleClock();
    const target = new MemoryTarget(clock, { closesAfterMs: 5_040 });
    const options = { network: networks.standalone, clock, seed: 'reference', hostile: true, slow: true };
    const results = await collect(audit(async () => target.open(role), options));
    clock.stop();
    const blemishes = results
      .filter(({ verdict }) => verdict !== 'pass')
      .map(({ id, verdict, came }) => `${id} ${verdict} ${came}`);
    expect(blemishes).toEqual([expect.stringMatching(/dont-have-type-99 differs/)]);
  });
});
