import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { type FollowEvent, type Follower, type FollowOptions, follow, type Ledger } from '../../../src/follow/index.ts';
import type { ConnectOptions } from '../../../src/net/options.ts';
import type { CryptoProvider } from '../../../src/protocol/auth/crypto.ts';
import { OverlayError } from '../../../src/protocol/errors.ts';
import type { SendableMessage } from '../../../src/protocol/wire/authenticated-message.ts';
import { ManualClock } from '../../../src/testing/clock.ts';
import { MockLedgers, type MockLedgersOptions } from '../../../src/testing/mock-ledgers.ts';
import { type CloseOptions, type MockLedger, MockValidators } from '../../../src/testing/mock-validators.ts';
import { passing } from '../../support/passing.ts';

/** A follower of nodes in memory, on a manual clock. */
class Scene {
  readonly clock = new ManualClock();
  readonly validators: MockValidators;
  readonly nodes: readonly MockLedgers[];
  readonly events: FollowEvent[] = [];
  readonly ledgers: Ledger[] = [];
  readonly follower: Follower;
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();

  constructor(nodes: readonly MockLedgersOptions[], options: Partial<FollowOptions> = {}, validators = new MockValidators()) {
    this.validators = validators;
    this.nodes = nodes.map((node) => new MockLedgers(validators, node));
    const connect = ({ port = 0, ...rest }: ConnectOptions) => (this.nodes[port - 1] as MockLedgers).connect({ ...rest, port });
    this.follower = follow({
      peers: nodes.map((_, i) => `node:${i + 1}`),
      network: validators.network,
      quorumSet: validators.quorumSet,
      clock: this.clock,
      connect,
      signal: this.#stop.signal,
      onEvent: (event) => this.events.push(event),
      ...options,
    });
    this.ended = this.#follow();
    this.ended.catch(() => {});
  }

  get numbers(): readonly number[] {
    return this.ledgers.map(({ ledgerSeq }) => ledgerSeq);
  }

  /** The events other than those about peers. */
  get told(): readonly FollowEvent[] {
    return this.events.filter(({ type }) => type !== 'peer');
  }

  /** Closes a ledger and lets these nodes tell it; all of them by default. */
  async close(options: CloseOptions = {}, nodes: readonly MockLedgers[] = this.nodes): Promise<MockLedger> {
    await this.pass(5_000);
    const ledger = this.validators.close(options);
    for (const node of nodes) node.publish(ledger);
    await this.settle();
    return ledger;
  }

  /** Lets time pass in steps that timers are set in. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      this.clock.advance(Math.min(500, left));
      await this.settle();
    }
  }

  /** Lets everything that can happen without time happen. */
  async settle(): Promise<void> {
    for (let i = 0; i < 40; i++) await setImmediate();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await passing(this.clock, this.ended);
  }

  async #follow(): Promise<void> {
    for await (const ledger of this.follower) this.ledgers.push(ledger);
  }
}

const silent = (...types: string[]): MockLedgersOptions => ({ says: ({ type }) => (types.includes(type) ? [] : undefined) });
const sequence = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);
const dontHave: NonNullable<MockLedgersOptions['says']> = (message) =>
  message.type === 'GET_TX_SET' ? [{ type: 'DONT_HAVE', reqType: 'GENERALIZED_TX_SET', reqHash: message.txSetHash }] : undefined;

describe('follow', () => {
  it('gives every ledger once, in order, from several peers', async () => {
    const scene = new Scene([{}, {}, {}]);
    await scene.settle();
    for (let i = 0; i < 10; i++) await scene.close();
    expect(scene.numbers).toEqual(sequence(1000, 10));
    expect(scene.told).toEqual([]);
    expect(scene.events.map((event) => event.type === 'peer' && event.peerID)).toEqual(
      scene.nodes.map(({ identity }) => identity.peerID),
    );
    expect(scene.follower.status).toMatchObject({ ledgerSeq: 1009, peers: 3, missing: [], met: true });
    // Four validators, ten ledgers; the copies of the other peers cost no signature.
    expect(scene.follower.signatureChecks).toBe(40);
    await scene.stop();
    expect(scene.nodes.flatMap(({ connections }) => connections)).toEqual([]);
    expect(scene.clock.timers).toBe(0);
  });

  it('begins with the ledgers that peers remember', async () => {
    const validators = new MockValidators();
    const node = new MockLedgers(validators);
    for (let i = 0; i < 15; i++) node.publish(validators.close());
    const clock = new ManualClock(validators.last.closeTime + 2);
    const seen: number[] = [];
    const { network, quorumSet } = validators;
    const following = async (): Promise<void> => {
      for await (const { ledgerSeq } of follow({ peers: ['node'], network, quorumSet, clock, connect: (o) => node.connect(o) })) {
        seen.push(ledgerSeq);
        if (ledgerSeq === 1014) break;
      }
    };
    await passing(clock, following());
    expect(seen).toEqual(sequence(1003, 12));
    expect(clock.timers).toBe(0);
  });

  it('reports a gap when no peer remembers the first ledger', async () => {
    const scene = new Scene([{}], { from: 990 });
    await scene.settle();
    await scene.close();
    await scene.close();
    expect(scene.numbers).toEqual([]);
    await scene.close();
    expect(scene.told).toEqual([{ type: 'gap', from: 990, to: 999 }]);
    expect(scene.numbers).toEqual([1000, 1001, 1002]);
    await scene.stop();
  });

  it('requests a transaction set from another peer when a peer does not answer', async () => {
    const scene = new Scene([silent('GET_TX_SET'), silent('GET_TX_SET'), {}]);
    await scene.settle();
    for (let i = 0; i < 6; i++) await scene.close();
    await scene.pass(5_000);
    expect(scene.numbers).toEqual(sequence(1000, 6));
    expect(scene.told).toEqual([]);
    await scene.stop();
  });

  it('stops requesting transaction sets from a peer that never answers', async () => {
    const scene = new Scene([silent('GET_TX_SET'), {}]);
    await scene.settle();
    for (let i = 0; i < 40; i++) await scene.close();
    expect(scene.numbers).toEqual(sequence(1000, 40));
    expect(scene.nodes[0]?.requests.GET_TX_SET).toBe(8);
    await scene.stop();
  });

  it('loses no ledger when peers answer DONT_HAVE falsely', async () => {
    const scene = new Scene([{ says: dontHave }, { says: dontHave }, {}, { says: dontHave }]);
    await scene.settle();
    for (let i = 0; i < 6; i++) await scene.close();
    expect(scene.numbers).toEqual(sequence(1000, 6));
    await scene.stop();
  });

  it('reports an unavailable transaction set, and gives the ledger when the set comes', async () => {
    let lies = true;
    const scene = new Scene([{ says: (...args) => (lies ? dontHave(...args) : undefined) }]);
    await scene.settle();
    const { txSetHash } = await scene.close();
    await scene.pass(11_000);
    expect(scene.told).toContainEqual({ type: 'unavailable', ledgerSeq: 1000, txSetHash, since: expect.any(String) });
    expect(scene.numbers).toEqual([]);
    lies = false;
    await scene.pass(2_000);
    expect(scene.numbers).toEqual([1000]);
    await scene.stop();
  });

  it('replaces a peer that sends a transaction set with a wrong hash, and loses no ledger', async () => {
    const damaged = (messages: readonly SendableMessage[]): readonly SendableMessage[] =>
      messages.map((message) =>
        message.type === 'GENERALIZED_TX_SET'
          ? { ...message, generalizedTxSet: message.generalizedTxSet.map((byte, i) => (i === 20 ? byte ^ 1 : byte)) }
          : message,
      );
    const scene = new Scene([{ says: (_message, honest) => damaged(honest) }, {}]);
    await scene.settle();
    for (let i = 0; i < 4; i++) await scene.close();
    expect(scene.numbers).toEqual(sequence(1000, 4));
    expect(scene.told).toContainEqual(
      expect.objectContaining({ type: 'refused', code: 'LEDGER_TX_SET_HASH', address: 'node:1' }),
    );
    expect(scene.events).toContainEqual(
      expect.objectContaining({
        type: 'peer',
        address: 'node:1',
        error: expect.objectContaining({ code: 'LEDGER_PEER_FORGES' }),
      }),
    );
    await scene.stop();
  });

  it('ignores transaction sets that it has not requested, without hashing them', async () => {
    let sent = 0;
    const hashed: Uint8Array[] = [];
    const crypto: CryptoProvider = {
      ...nodeCrypto,
      sha256(data) {
        hashed.push(data.slice());
        return nodeCrypto.sha256(data);
      },
    };
    const says: MockLedgersOptions['says'] = ({ type }, honest) => {
      if (type !== 'GET_SCP_STATE') return undefined;
      const sets = unasked(50);
      sent += sets.length;
      return [...honest, ...sets];
    };
    const scene = new Scene([{ says }], { crypto });
    await scene.settle();
    const closed: MockLedger[] = [];
    for (let i = 0; i < 3; i++) closed.push(await scene.close());
    expect(scene.numbers).toEqual(sequence(1000, 3));
    expect(scene.told).toEqual([]);
    expect(sent).toBeGreaterThanOrEqual(50);
    for (const { txSet } of closed) expect(hashed).toContainEqual(txSet);
    expect(hashed.filter(({ length }) => length === UNASKED_BYTES)).toEqual([]);
    await scene.stop();
  });

  it('dials peers again when they close, and loses no ledger', async () => {
    const scene = new Scene([{}, {}]);
    await scene.settle();
    for (let i = 0; i < 10; i++) {
      const ledger = await scene.close();
      expect(ledger.ledgerSeq).toBe(1000 + i);
      await passing(scene.clock, (scene.nodes[i % 2] as MockLedgers).vanish());
      await scene.pass(2_000);
    }
    await scene.pass(20_000);
    expect(scene.numbers).toEqual(sequence(1000, 10));
    expect(scene.events.filter((event) => event.type === 'peer' && event.error !== undefined)).toHaveLength(10);
    await scene.stop();
  });

  it('gives a ledger after all peers have closed and are connected again', async () => {
    let isSilent = true;
    const says: NonNullable<MockLedgersOptions['says']> = ({ type }) => (isSilent && type === 'GET_TX_SET' ? [] : undefined);
    const scene = new Scene([{ says }, { says }]);
    await scene.settle();
    await scene.close();
    expect(scene.numbers).toEqual([]);
    await passing(scene.clock, Promise.all(scene.nodes.map((node) => node.vanish())));
    await scene.settle();
    expect(scene.follower.status.peers).toBe(0);
    isSilent = false;
    await scene.pass(10_000);
    expect(scene.follower.status.peers).toBe(2);
    expect(scene.numbers).toEqual([1000]);
    await scene.stop();
  });

  it('replaces a peer that sends no statements', async () => {
    const scene = new Scene([{ passesOn: () => [] }, {}], { connections: 1 });
    await scene.settle();
    for (let i = 0; i < 5; i++) await scene.close();
    expect(scene.numbers).toEqual([]);
    expect(scene.told).toContainEqual({ type: 'unmet', missing: scene.validators.nodeIDs, since: expect.any(String) });
    await scene.close();
    await scene.close();
    expect(scene.events).toContainEqual(
      expect.objectContaining({
        type: 'peer',
        address: 'node:1',
        error: expect.objectContaining({ code: 'LEDGER_PEER_SILENT' }),
      }),
    );
    expect(scene.numbers).toEqual(sequence(1000, 7));
    await scene.stop();
  });

  it('dials an address that refuses connections less and less often', async () => {
    const attempts: number[] = [];
    const clock = new ManualClock();
    const connect = async (): Promise<never> => {
      attempts.push(clock.now().monotonicMs);
      throw new OverlayError('OVERLAY_CONNECTION_REFUSED', { stage: 'tcp' });
    };
    const scene = new Scene([{}], { clock, connect });
    for (let i = 0; i < 1200; i++) {
      clock.advance(500);
      await setImmediate();
    }
    expect(attempts.length).toBeGreaterThan(8);
    expect(attempts.length).toBeLessThan(30);
    const gaps = attempts.slice(1).map((at, i) => at - (attempts[i] as number));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(91_000);
    expect(scene.events).toContainEqual({ type: 'unmet', missing: scene.validators.nodeIDs, since: expect.any(String) });
    await scene.stop();
  });

  it('reports forged statements with their number, and replaces the peer that sends them', async () => {
    const scene = new Scene([
      {
        passesOn: ({ envelopes }) =>
          envelopes.flatMap((envelope) =>
            Array.from({ length: 5 }, (_, i) => ({ ...envelope, signature: new Uint8Array(64).fill(i) })),
          ),
      },
      {},
    ]);
    await scene.settle();
    for (let i = 0; i < 3; i++) await scene.close();
    expect(scene.numbers).toEqual(sequence(1000, 3));
    await scene.stop();
    const refused = scene.told.filter((event) => event.type === 'refused');
    expect(refused).toMatchObject([
      { code: 'LEDGER_BAD_SIGNATURE', count: 1, address: 'node:1' },
      { code: 'LEDGER_BAD_SIGNATURE', count: expect.any(Number), address: 'node:1' },
    ]);
    expect(scene.events).toContainEqual(
      expect.objectContaining({ error: expect.objectContaining({ code: 'LEDGER_PEER_FORGES' }) }),
    );
  });

  it('requests a missing ledger, and gives it', async () => {
    let passes = true;
    const scene = new Scene([{ passesOn: ({ envelopes }) => (passes ? envelopes : []) }]);
    await scene.settle();
    await scene.close();
    passes = false;
    await scene.close();
    passes = true;
    await scene.close();
    expect(scene.numbers).toEqual([1000]);
    await scene.pass(1_000);
    expect(scene.numbers).toEqual([1000, 1001, 1002]);
    expect(scene.told).toEqual([]);
    await scene.stop();
  });

  it('reports within 15 s that the quorum set is not met, with the missing validators and the time', async () => {
    const scene = new Scene([{}, {}]);
    await scene.settle();
    await scene.close();
    const since = new Date(scene.clock.now().unixSeconds * 1000).toISOString();
    await scene.close({ by: [1, 3] });
    await scene.pass(10_000);
    const [a, , c] = scene.validators.nodeIDs;
    expect(scene.told).toEqual([{ type: 'unmet', missing: [a, c], since }]);
    expect(scene.follower.status).toMatchObject({ met: false, ledgerSeq: 1000 });
    // It is reported again only when other nodes are missing.
    await scene.pass(30_000);
    expect(scene.told).toHaveLength(1);
    await scene.stop();
  });

  it('reports equivocation as an alarm with both statements', async () => {
    const scene = new Scene([{}, {}]);
    await scene.settle();
    const ledger = await scene.close();
    const other = new MockValidators().close({ transactions: [new Uint8Array(4)] });
    const lie = scene.validators.externalize(3, 1000, other.valueXdr);
    (scene.nodes[1] as MockLedgers).publish({ ...ledger, envelopes: [lie] });
    await scene.settle();
    expect(scene.told).toEqual([
      { type: 'alarm', kind: 'equivocation', ledgerSeq: 1000, evidence: [expect.any(String), expect.any(String)] },
    ]);
    await scene.stop();
  });

  it('stops reading from peers while the application is slow, and then gives the ledgers that peers still have', async () => {
    const validators = new MockValidators();
    const node = new MockLedgers(validators);
    const clock = new ManualClock(validators.last.closeTime);
    const events: FollowEvent[] = [];
    const { network, quorumSet } = validators;
    const stream = follow({
      peers: ['node'],
      network,
      quorumSet,
      clock,
      connect: (options) => node.connect(options),
      onEvent: (event) => events.push(event),
    })[Symbol.asyncIterator]();
    const first = stream.next();
    for (let i = 0; i < 40; i++) await setImmediate();
    node.publish(validators.close());
    expect((await first).value?.ledgerSeq).toBe(1000);
    for (let i = 0; i < 10; i++) {
      clock.advance(5_000);
      node.publish(validators.close());
      for (let j = 0; j < 20; j++) await setImmediate();
    }
    const seen: (number | undefined)[] = [];
    for (let i = 0; i < 10; i++) seen.push((await stream.next()).value?.ledgerSeq);
    expect(seen).toEqual(sequence(1001, 10));
    expect(events.filter(({ type }) => type !== 'peer')).toEqual([]);
    await passing(clock, Promise.resolve(stream.return?.()));
    expect(clock.timers).toBe(0);
  });

  it('ends at once when the signal aborts, and leaves nothing open', async () => {
    const scene = new Scene([{}, {}]);
    await scene.settle();
    await scene.close();
    await scene.stop();
    expect(scene.numbers).toEqual([1000]);
    expect(scene.clock.timers).toBe(0);
    expect(() => scene.follower[Symbol.asyncIterator]()).toThrow(TypeError);
  });

  it('answers several next() calls at once, and ends them all with the stream', async () => {
    const validators = new MockValidators();
    const node = new MockLedgers(validators);
    const clock = new ManualClock(validators.last.closeTime);
    const { network, quorumSet } = validators;
    const controller = new AbortController();
    const { signal } = controller;
    const stream = follow({ peers: ['node'], network, quorumSet, clock, signal, connect: (o) => node.connect(o) });
    const iterator = stream[Symbol.asyncIterator]();
    const waiting = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
    for (let i = 0; i < 40; i++) await setImmediate();
    for (let i = 0; i < 2; i++) {
      clock.advance(5_000);
      node.publish(validators.close());
    }
    expect((await Promise.all(waiting.slice(0, 2))).map(({ value }) => value?.ledgerSeq)).toEqual([1000, 1001]);
    controller.abort();
    const rest = await passing(clock, Promise.all(waiting.slice(2)));
    expect(rest).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
    ]);
  });

  it('ends with the exception of onEvent', async () => {
    const scene = new Scene([{}], {
      onEvent: () => {
        throw new Error('mine');
      },
    });
    await expect(passing(scene.clock, scene.ended)).rejects.toThrow('mine');
    expect(scene.clock.timers).toBe(0);
  });

  it.each<[string, Partial<FollowOptions>]>([
    ['peers', { peers: [] }],
    ['not a target', { peers: ['a b'] }],
    ['from', { from: 0 }],
    ['connections', { connections: 65 }],
    ['quorumSet', { quorumSet: { threshold: 2, validators: [], innerSets: [] } }],
    ['onEvent', { onEvent: 1 as never }],
    ['network', { network: {} as never }],
  ])('refuses wrong options: %s', (name, options) => {
    const { network, quorumSet } = new MockValidators();
    expect(() => follow({ peers: ['node'], network, quorumSet, ...options })).toThrow(name);
  });
});

const UNASKED_BYTES = 1_000;

/** Sets that were never asked for. */
function unasked(count: number): readonly SendableMessage[] {
  return Array.from({ length: count }, (_, i) => ({
    type: 'GENERALIZED_TX_SET',
    generalizedTxSet: new Uint8Array(UNASKED_BYTES).fill(i),
  }));
}
