/** Ledgers that are followed, in /metrics. */
import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { FollowMetrics } from '../../../src/exporter/follow-metrics.ts';
import { ManualClock, MockLedgers, MockValidators } from '../../../src/testing/index.ts';
import { passing } from '../../support/passing.ts';
import { ask, exporter } from './support.ts';

async function settle(): Promise<void> {
  for (let i = 0; i < 40; i++) await setImmediate();
}

describe('the metrics stellar_follow_', () => {
  it('have the last ledger, its age and the missing validators', async () => {
    const validators = new MockValidators();
    const node = new MockLedgers(validators);
    const clock = new ManualClock(validators.last.closeTime);
    const registry = new Registry();
    const { network, quorumSet } = validators;
    const metrics = new FollowMetrics(
      { peers: ['node'], network, quorumSet, clock, connect: (options) => node.connect(options) },
      registry,
      () => clock.now().unixSeconds,
    );
    const value = async (name: string): Promise<string | undefined> =>
      (await registry.metrics()).split('\n').find((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    await settle();
    expect(await value('stellar_follow_ledger_seq')).toBe('stellar_follow_ledger_seq Nan');
    expect(await value('stellar_follow_validators_missing')).toBe('stellar_follow_validators_missing 4');
    clock.advance(5_000);
    node.publish(validators.close({ by: [0, 1, 3] }));
    await settle();
    clock.advance(3_000);
    expect(await value('stellar_follow_ledger_seq')).toBe('stellar_follow_ledger_seq 1000');
    expect(await value('stellar_follow_ledger_age_seconds')).toBe('stellar_follow_ledger_age_seconds 3');
    expect(await value('stellar_follow_ledgers_total')).toBe('stellar_follow_ledgers_total 1');
    expect(await value('stellar_follow_quorum_met')).toBe('stellar_follow_quorum_met 1');
    expect(await value('stellar_follow_peers')).toBe('stellar_follow_peers 1');
    expect(await value('stellar_follow_validator_missing')).toBe(
      `stellar_follow_validator_missing{peer_id="${validators.nodeIDs[2]}"} 1`,
    );
    for (let i = 0; i < 12; i++) {
      clock.advance(1_000);
      await settle();
    }
    expect(await value('stellar_follow_quorum_met')).toBe('stellar_follow_quorum_met 0');
    await passing(clock, metrics.close());
    expect(node.connections).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it('are in /metrics when the exporter follows, and following ends when it closes', async () => {
    const validators = new MockValidators({ closeTime: Math.floor(Date.now() / 1000) - 8 });
    const node = new MockLedgers(validators);
    node.publish(validators.close());
    const listener = await node.listen();
    const follow = { peers: [`127.0.0.1:${listener.port}`], network: validators.network, quorumSet: validators.quorumSet };
    const exporting = await exporter({ follow });
    let text = '';
    for (let asked = 0; asked < 500 && !text.includes('stellar_follow_ledger_seq 1000'); asked++)
      ({ text } = await ask(exporting, '/metrics'));
    expect(text).toContain('stellar_follow_ledger_seq 1000');
    expect(text).toContain('stellar_follow_alarms_total{kind="fork"} 0');
    await exporting.close();
    expect(node.connections).toEqual([]);
    await listener.close();
  });

  it('are all named in docs/follow.md, and alerts name no others', async () => {
    const { network, quorumSet } = new MockValidators();
    const registry = new Registry();
    const metrics = new FollowMetrics({ peers: ['127.0.0.1:1'], network, quorumSet }, registry);
    const known = new Set([...(await registry.metrics()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    await metrics.close();
    const read = async (path: string): Promise<Set<string>> => {
      const text = await readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');
      return new Set([...text.matchAll(/\bstellar_follow_\w+/g)].map(([name]) => name));
    };
    expect(await read('docs/follow.md')).toEqual(known);
    for (const name of await read('examples/prometheus/alerts.yml')) expect(known).toContain(name);
  });

  it('make the start of exporter fail when an option is wrong', async () => {
    const { network, quorumSet } = new MockValidators();
    await expect(exporter({ follow: { peers: [], network, quorumSet } })).rejects.toThrow(TypeError);
  });
});
