/**
 * The cost of a handshake for one side, each on a new connection: this package, the rival, and bare sockets that exchange
 * records of the same size with only the necessary cryptography.
 *
 * - `new peer`: the other side has never been seen: one X25519, one ed25519 verification, five HMACs.
 * - `known peer`: the same other side again; shared key and verified cert are kept, as in the reference.
 * - `own ECDH key each`: a new peer, and a fresh ECDH key and cert of ours for each connection; one key pair, one signature more.
 * - `late peer`: a new one that answers late and keeps its socket open for five seconds; the side that dials hangs up.
 *
 * @module
 */
import type { PeerAuth } from '../src/protocol/index.ts';
import { build } from './support/build.ts';
import { Child, type RoundResult } from './support/child.ts';
import { AT_ONCE, type Side, VARIANTS, type Variant } from './support/handshakes.ts';
import { latePeer } from './support/late-peer.ts';
import type { BenchOptions } from './support/options.ts';
import { Acceptor, dial, freshPeerAuth, shakeHands } from './support/raw-peer.ts';
import { type Case, type Report, ratio } from './support/report.ts';
import { measure, type Subject, toCase } from './support/rounds.ts';

/** Handshakes in each round: warm, of a process that has run for long, and cold, the first of a process, as in a probe or crawl. */
const COUNT = { warm: 400, cold: 1_000 } as const;
/** Number of known peers: more than are connected at once, and few enough that nearly all have connected before. */
const KNOWN = 40;
/** Processes measured cold, of each subject, for each generation: each has one round only. */
const COLD_PROCESSES = 3;

export async function run(options: BenchOptions): Promise<Report> {
  const ours = build();
  const other = options.against === undefined ? undefined : build(options.against);
  const cases: Case[] = [];
  for (const side of ['dials', 'accepts'] as const) {
    for (const variant of VARIANTS) {
      if (side === 'accepts' && variant === 'late peer') continue;
      const isNew = variant !== 'known peer';
      for (const temperature of ['cold', 'warm'] as const) {
        const name = `${side}, ${variant}, ${temperature}`;
        if (!name.includes(options.only ?? '')) continue;
        const begin = (subject: string, out: string, script: string): Promise<Subject> =>
          start(subject, out, script, side, variant, COUNT[temperature]);
        const subjects = async (): Promise<readonly Subject[]> => [
          await begin('ours', ours, 'handshake-ours'),
          ...(options.fast ? [] : [await begin('rival', ours, 'handshake-rival')]),
          ...(isNew ? [await begin('sodium', ours, 'handshake-sodium')] : []),
          await begin('floor', ours, 'handshake-floor'),
          ...(other === undefined ? [] : [await begin('against', other, 'handshake-ours')]),
        ];
        const series =
          temperature === 'warm'
            ? await measure(options, subjects)
            : await measure({ generations: options.generations * COLD_PROCESSES, rounds: 1 }, subjects, 0);
        const { rival, sodium } = series;
        const { name: _, ...found } = toCase(name, series, { rival: isNew ? 1.1 : 0.85 });
        const ratios = { ...found.ratios, ...(rival && sodium && { 'sodium / rival': ratio(sodium, rival, 0.85) }) };
        cases.push({ name, ...found, ratios });
      }
    }
  }
  return { name: 'handshake', what: 'CPU of one side for one connection with its handshake', unit: 'µs per handshake', cases };
}

async function start(name: string, out: string, script: string, side: Side, variant: Variant, count: number): Promise<Subject> {
  const known = Array.from({ length: KNOWN }, freshPeerAuth);
  // An acceptor takes one connection of a peerID at a time, so that even known ones are as many as are open at once.
  const nodes = (): PeerAuth[] =>
    Array.from({ length: count }, (_, i) => (variant === 'known peer' ? (known[i % known.length] as PeerAuth) : freshPeerAuth()));
  const acceptor = await Acceptor.listen();
  const late = variant === 'late peer' ? await latePeer(acceptor.port) : undefined;
  const child = new Child(out, script, [side, variant, String(late?.port ?? acceptor.port)]);
  const { port } = await child.next<{ port: number }>();
  return {
    name,
    async play() {
      const peers = nodes();
      // Certs are signed before the clock starts.
      for (const peer of peers) peer.cert(Date.now() / 1000);
      child.tell({ count });
      const queue = peers.values();
      const worker = async (): Promise<void> => {
        for (const peer of queue) {
          const [socket, role] =
            side === 'accepts'
              ? ([await dial(port), 'WE_CALLED_REMOTE'] as const)
              : ([await acceptor.next(), 'REMOTE_CALLED_US'] as const);
          await shakeHands(socket, role, peer);
          socket.resume();
          socket.end();
          await new Promise((resolve) => socket.once('close', resolve));
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      return child.next<RoundResult>();
    },
    async stop() {
      acceptor.close();
      late?.close();
      await child.stop();
    },
  };
}
