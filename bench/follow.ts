/**
 * The cost of following ledgers: a known statement, a ledger from eight peers, memory over ten thousand ledgers.
 * @module
 */
import { MockLedgers, MockValidators } from '../src/testing/index.ts';
import { build } from './support/build.ts';
import { Child, type RoundResult } from './support/child.ts';
import type { MemoryReading } from './support/memory-reading.ts';
import type { BenchOptions } from './support/options.ts';
import { Acceptor, encode, freshPeerAuth, shakeHands } from './support/raw-peer.ts';
import { type Case, median, type Report, ratio } from './support/report.ts';
import { measure, type Subject, stopBoth, toCase } from './support/rounds.ts';

const VALIDATORS = 30;
/** Known statements in each round. */
const SEEN = 30_000;
const PEERS = 8;
/** Ledgers in each round. */
const LEDGERS = 40;
/** Peers and ledgers of the soak, and where memory is read. */
const SOAK_PEERS = 50;
const SOAK_AT = [1_000, 10_000] as const;
const SOAK_VALIDATORS = 4;

export async function run(options: BenchOptions): Promise<Report> {
  const out = build();
  const cases: Case[] = [];
  const is = (name: string): boolean => name.includes(options.only ?? '');
  if (is('statement seen'))
    cases.push(toCase('statement seen before', await measure(options, () => startSeen(out)), { receive: 1.3 }));
  if (is('ledger')) cases.push(await ledgers(options, out));
  if (is('soak')) cases.push(await soak(out));
  const what = `CPU of a statement, and of a ledger of ${VALIDATORS} validators from ${PEERS} peers; heap`;
  return { name: 'follow', what, unit: 'µs; bytes of heap', cases };
}

/** The same statements repeatedly, for a follower and for a child that only receives. */
async function startSeen(out: string): Promise<readonly Subject[]> {
  const validators = new MockValidators({ count: VALIDATORS });
  const { envelopes } = validators.close();
  const xdrs = envelopes.map((envelope) => encode({ type: 'SCP_MESSAGE', envelope }));
  const batch = Array.from({ length: SEEN }, (_, i) => xdrs[i % xdrs.length] as Uint8Array);
  const start = async (name: string, mode: string): Promise<Subject> => {
    const acceptor = await Acceptor.listen();
    const args = [mode, '1000', String(SEEN), JSON.stringify(validators.quorumSet), String(acceptor.port)];
    const child = new Child(out, 'follow-ours', args);
    const peer = await shakeHands(await acceptor.next(), 'REMOTE_CALLED_US', freshPeerAuth());
    acceptor.close();
    peer.socket.resume();
    return {
      name,
      play() {
        peer.socket.write(peer.seal(batch));
        return child.next<RoundResult>();
      },
      stop: () => stopBoth(peer.socket, child),
    };
  };
  return [await start('ours', 'seen'), await start('receive', 'receive')];
}

/** Ledgers of 30 validators, each statement from eight peers. */
async function ledgers(options: BenchOptions, out: string): Promise<Case> {
  const micros: number[] = [];
  const checks: number[] = [];
  for (let generation = 0; generation < options.generations; generation++) {
    const world = await startWorld(out, VALIDATORS, PEERS, 'ledgers');
    let before = 0;
    for (let round = 0; round < 3 + options.rounds; round++) {
      const result = await world.play(LEDGERS, false);
      if (round >= 3) {
        micros.push(result.micros);
        checks.push((result.signatureChecks - before) / LEDGERS);
      }
      before = result.signatureChecks;
    }
    await world.stop();
  }
  return {
    name: `ledger, ${VALIDATORS} validators, ${PEERS} peers`,
    figures: {
      'CPU per ledger': median(micros),
      'statements received per ledger': VALIDATORS * PEERS,
      'signature checks per ledger': median(checks),
    },
    ratios: {
      'signature checks / distinct statements': ratio(
        checks,
        checks.map(() => VALIDATORS),
        1,
      ),
    },
  };
}

/** Thousands of ledgers from fifty peers. */
async function soak(out: string): Promise<Case> {
  const world = await startWorld(out, SOAK_VALIDATORS, SOAK_PEERS, 'soak', ['--expose-gc']);
  const readings: MemoryReading[] = [];
  let done = 0;
  for (const at of SOAK_AT) {
    readings.push(await world.play(at - done, true));
    done = at;
  }
  await world.stop();
  const [before, after] = readings as [MemoryReading, MemoryReading];
  return {
    name: `soak, ${SOAK_PEERS} peers, ${SOAK_VALIDATORS} validators`,
    figures: {
      [`heap after ${SOAK_AT[0]} ledgers`]: before.heap,
      [`heap after ${SOAK_AT[1]}`]: after.heap,
      'external then': before.external,
      'external at the end': after.external,
      'rss then': before.rss,
      'rss at the end': after.rss,
    },
    ratios: { 'heap after / before': ratio([after.heap], [before.heap], 1.1) },
  };
}

interface World {
  play(ledgers: number, memory: boolean): Promise<RoundResult & MemoryReading & { readonly signatureChecks: number }>;
  stop(): Promise<void>;
}

/** Nodes in this process, and a child that follows them. A ledger is sent when the child has taken the previous one. */
async function startWorld(
  out: string,
  count: number,
  peers: number,
  mode: string,
  nodeArgs: readonly string[] = [],
): Promise<World> {
  const validators = new MockValidators({ count });
  // A ledger is sent when the child has requested the previous one: nodes remember twelve, so the child does not fall behind.
  const asked = new Set<string>();
  let wake = (): void => {};
  const listen = ({ txSetHash }: { readonly txSetHash: Uint8Array }): void => {
    asked.add(Buffer.from(txSetHash).toString('hex'));
    wake();
  };
  const nodes = Array.from(
    { length: peers },
    () =>
      new MockLedgers(validators, {
        says(message) {
          if (message.type === 'GET_TX_SET') listen(message);
          return undefined;
        },
      }),
  );
  const listeners = await Promise.all(nodes.map((node) => node.listen()));
  const ports = listeners.map(({ port }) => String(port));
  const child = new Child(out, 'follow-ours', [mode, '1000', '0', JSON.stringify(validators.quorumSet), ...ports], nodeArgs);
  return {
    async play(ledgers, memory) {
      const done = child.ask<RoundResult & MemoryReading & { signatureChecks: number }>({ ledgers, memory });
      for (let i = 0; i < ledgers; i++) {
        const ledger = validators.close();
        for (const node of nodes) node.publish(ledger);
        while (!asked.delete(ledger.txSetHash)) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
      return done;
    },
    async stop() {
      await child.stop();
      await Promise.all(listeners.map((listener) => listener.close()));
    },
  };
}
