/**
 * The results of `follow` as metrics of the exporter: the last ledger that a quorum set has closed, its age, the missing
 * validators.
 * @module
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import { type FollowEvent, type Follower, type FollowOptions, follow } from '../follow/index.ts';
import { quorumSetNodes } from '../protocol/scp/quorum-set.ts';

const ALARMS = ['equivocation', 'fork', 'chain'] as const;

/** Follows ledgers while the exporter runs. */
export class FollowMetrics {
  readonly #follower: Follower;
  readonly #ended: Promise<void>;
  readonly #stop = new AbortController();

  /**
   * @param registry gets the metrics
   * @param nowSeconds Unix time
   * @throws {TypeError | RangeError} when an option is wrong
   */
  constructor(options: FollowOptions, registry: Registry, nowSeconds: () => number = () => Date.now() / 1000) {
    const registers = [registry];
    const gauge = (name: string, help: string, value: () => number | undefined): void => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          // Without a ledger there is no value: 0 would be wrong.
          this.set(value() ?? Number.NaN);
        },
      });
    };
    const ledgers = new Counter({ name: 'stellar_follow_ledgers_total', help: 'Ledgers that were verified.', registers });
    const missed = new Counter({
      name: 'stellar_follow_missed_ledgers_total',
      help: 'Ledgers that no peer could send, or that failed a check.',
      registers,
    });
    const alarms = new Counter({
      name: 'stellar_follow_alarms_total',
      help: 'Contradictions: a node that signed two values, two values that each have a quorum, a broken chain.',
      labelNames: ['kind'],
      registers,
    });
    for (const kind of ALARMS) alarms.inc({ kind }, 0);
    const onEvent = (event: FollowEvent): void => {
      if (event.type === 'gap') missed.inc(event.to - event.from + 1);
      if (event.type === 'alarm') alarms.inc({ kind: event.kind });
    };
    const follower = follow({ ...options, onEvent, signal: this.#stop.signal });
    this.#follower = follower;
    gauge('stellar_follow_ledger_seq', 'The last ledger that was verified.', () => follower.status.ledgerSeq);
    gauge('stellar_follow_ledger_close_timestamp_seconds', 'When it closed, in Unix time.', () => follower.status.closeTime);
    gauge('stellar_follow_ledger_age_seconds', 'The age of this ledger by the clock of this machine.', () => {
      const { closeTime } = follower.status;
      return closeTime === undefined ? undefined : Math.round(nowSeconds() - closeTime);
    });
    gauge('stellar_follow_quorum_met', 'Whether the quorum set closes ledgers.', () => (follower.status.met ? 1 : 0));
    gauge('stellar_follow_peers', 'Peers that are connected.', () => follower.status.peers);
    const nodes = quorumSetNodes(options.quorumSet).length;
    gauge('stellar_follow_validators', 'Validators in the quorum set.', () => nodes);
    gauge(
      'stellar_follow_validators_missing',
      'Validators that have closed neither the last ledger nor the one before.',
      () => follower.status.missing.length,
    );
    new Gauge({
      name: 'stellar_follow_validator_missing',
      help: 'Validators that have closed neither the last ledger nor the one before, by key.',
      labelNames: ['peer_id'],
      registers,
      collect() {
        this.reset();
        for (const peer_id of follower.status.missing) this.set({ peer_id }, 1);
      },
    });
    this.#ended = this.#run(ledgers);
  }

  /** Stops following. @returns when every connection is closed */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #run(ledgers: Counter): Promise<void> {
    for await (const _ledger of this.#follower) ledgers.inc();
  }
}
