/**
 * Plays one case from its first connection to its verdict.
 * @module
 */
import type { Duplex } from 'node:stream';
import { type AbortWatch, offAbort, onAbort } from '../net/abort.ts';
import type { Clock } from '../net/clock.ts';
import { NodeIdentity } from '../net/identity.ts';
import { rangeFor } from '../protocol/handshake/overlay-range.ts';
import type { Network } from '../protocol/networks.ts';
import type { Hello } from '../protocol/wire/messages.ts';
import { AuditPeer, type HonestHello } from './audit-peer.ts';
import type { AuditCase } from './case.ts';
import type { Judgement } from './judgement.ts';
import { seededRandom } from './random.ts';
import { CannotPlay, type Scene, type TargetFacts, type Timing } from './scene.ts';
import { Transcript, type TranscriptEntry } from './transcript.ts';

/** The values that all cases of an audit share. */
export interface Stage {
  readonly network: Network;
  readonly clock: Clock;
  readonly seed: string;
  readonly hello: HonestHello;
  readonly timing: Timing;
  readonly facts?: TargetFacts | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The next connection to the target. @throws {TargetGone} when none can be made */
  reach(): Promise<Duplex>;
}

/** A case that was played. */
export interface Played {
  readonly judgement: Judgement;
  readonly durationMs: number;
  readonly transcript: readonly TranscriptEntry[];
  /** Whether the target has accepted our AUTH; a dialler then forgets earlier failures. */
  readonly authenticated: boolean;
  /** Its last HELLO. */
  readonly hello: Hello | undefined;
  /** Whether the target ended a connection. */
  readonly ended: boolean;
  /** The peerID of the target, `G…`; undefined without a HELLO. */
  readonly peerID: string | undefined;
}

/** The target no longer listens or dials. */
export class TargetGone extends Error {
  override readonly name: string = 'TargetGone';
}

/** Default time limit of a case, in milliseconds. */
const CASE_TIMEOUT_MS = 45_000;
/** Time that the target has to close too, before we drop the connection, in milliseconds. */
const LINGER_MS = 200;

type Playable = Pick<AuditCase, 'id' | 'role' | 'steps' | 'expect' | 'timeoutMs'>;

/**
 * Plays a case with fresh keys.
 * @throws {TargetGone} when no connection is possible
 */
export async function play(one: Playable, stage: Stage): Promise<Played> {
  const { clock, signal } = stage;
  const startMs = clock.now().monotonicMs;
  const transcript = new Transcript(() => clock.now().monotonicMs);
  const streams: Duplex[] = [];
  const life = { isOver: false };
  const scene = makeScene(one, stage, transcript, streams, life);
  let judgement: Judgement;
  try {
    judgement = await bounded(judge(one, scene), one.timeoutMs ?? CASE_TIMEOUT_MS, clock, signal);
  } finally {
    life.isOver = true;
    await Promise.all(scene.peers.map((peer, i) => hangUp(peer, streams[i] as Duplex)));
  }
  const hello = scene.peers.findLast(({ remoteHello }) => remoteHello !== undefined)?.remoteHello;
  return {
    judgement,
    durationMs: clock.now().monotonicMs - startMs,
    transcript: transcript.entries,
    authenticated: scene.peers.some((peer) => peer.types.includes('SEND_MORE_EXTENDED')),
    hello,
    ended: scene.peers.some(({ ended }) => ended !== undefined),
    peerID: hello?.peerID ?? stage.facts?.hello.peerID,
  };
}

async function judge({ steps, expect }: Playable, scene: Scene): Promise<Judgement> {
  try {
    await scene.open();
    for (const { play } of steps) await play(scene);
    const judgement = await expect.judge(scene);
    const fault = scene.peers.flatMap(({ faults }) => faults)[0];
    return fault === undefined || judgement.verdict === 'fail' ? judgement : { verdict: 'fail', came: fault };
  } catch (error) {
    if (!(error instanceof CannotPlay)) throw error;
    return { verdict: error.verdict, came: error.message, byTime: error.verdict === 'undecided' };
  }
}

function makeScene(
  { id, role }: Playable,
  stage: Stage,
  transcript: Transcript,
  streams: Duplex[],
  life: { readonly isOver: boolean },
): Scene {
  const { network, clock, hello, timing, facts, seed } = stage;
  const random = seededRandom(seed, id);
  const peers: AuditPeer[] = [];
  return {
    ...{ role, network, facts, clock, random, hello, timing, peers },
    get peer() {
      const peer = peers.at(-1);
      if (peer === undefined) throw new Error('no connection yet');
      return peer;
    },
    async open(identity = NodeIdentity.fromSeed(random(32))) {
      const stream = await stage.reach();
      if (life.isOver) {
        // The connection comes too late, and no other code would close it.
        stream.destroy();
        throw new CannotPlay('undecided', 'the case ended before there was a connection');
      }
      streams.push(stream);
      const number = peers.length + 1;
      const peer = new AuditPeer(stream, role, {
        ...{
          network,
          identity,
          clock,
          random,
          hello: understood(hello, facts?.hello),
          transcript,
          number,
          reactMs: timing.reactMs,
        },
      });
      peers.push(peer);
      peer.note('us', role === 'REMOTE_CALLED_US' ? 'TCP is connected' : 'TCP is accepted');
      return peer;
    },
  };
}

/** An honest HELLO, with versions that the target shares once they are known. */
export function understood(hello: HonestHello, heard: HonestHello | undefined): HonestHello {
  const range = heard === undefined ? hello : rangeFor(hello, heard);
  return range === hello ? hello : { ...hello, ...range };
}

/** Closes in an orderly way if there is time. */
async function hangUp(peer: AuditPeer, stream: Duplex): Promise<void> {
  peer.answers = false;
  peer.close();
  stream.resume();
  await peer.untilEnded(LINGER_MS);
  stream.destroy();
}

/** The judgement, or a timeout. @throws the reason of the signal, when it aborts */
async function bounded(
  judging: Promise<Judgement>,
  ms: number,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<Judgement> {
  judging.catch(() => {});
  let timer: { cancel(): void } | undefined;
  let watch: AbortWatch | undefined;
  try {
    return await Promise.race([
      judging,
      new Promise<Judgement>((resolve, reject) => {
        timer = clock.setTimer(
          () => resolve({ verdict: 'undecided', came: `it took longer than ${ms / 1000} s`, byTime: true }),
          ms,
        );
        const giveUp = (): void => reject(signal?.reason);
        watch = onAbort(signal, giveUp);
        if (signal?.aborted) giveUp();
      }),
    ]);
  } finally {
    timer?.cancel();
    offAbort(signal, watch);
  }
}
