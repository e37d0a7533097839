/**
 * Finds the facts of the target with one honest handshake.
 * @module
 */
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import { OverlayError } from '../protocol/errors.ts';
import type { AuditPeer, HonestHello } from './audit-peer.ts';
import { holds } from './expect.ts';
import { play, type Stage, understood } from './play.ts';
import type { TargetFacts } from './scene.ts';
import { step } from './steps.ts';

/**
 * Does an honest handshake and returns the facts from it.
 * @param name decides the random values of this handshake, together with the seed. Without a name it is the first handshake;
 *   then the target must also refuse something, which shows how long it takes to close
 * @throws {TargetGone} when no connection is possible
 * @throws {OverlayError} when the handshake fails
 */
export async function reconnoitre(role: PeerRole, stage: Stage, name?: string): Promise<TargetFacts> {
  const { clock } = stage;
  let facts: TargetFacts | undefined;
  let failure: OverlayError | undefined;
  let others: HonestHello | undefined;
  const look = step('an honest handshake', async ({ peer }) => {
    const startMs = clock.now().monotonicMs;
    if (role === 'WE_CALLED_REMOTE') await peer.until(() => peer.remoteHello !== undefined, stage.timing.reactMs);
    const finish = await peer.finish(false);
    const hello = peer.remoteHello;
    const isIn = finish.how === 'open';
    if (hello === undefined || (!isIn && finish.how !== 'full')) {
      failure = failureOf(peer);
      others = hello;
      return;
    }
    const { overlayVersion, overlayMinVersion } = stage.hello;
    facts = {
      hello,
      overlayRange: { overlayVersion, overlayMinVersion },
      hasSlot: isIn,
      answersPings: isIn ? peer.types.includes('DONT_HAVE') : undefined,
      sendsPeers: peer.types.includes('PEERS'),
      handshakeMs: clock.now().monotonicMs - startMs,
    };
    peer.grant();
    if (isIn && name === undefined) facts = { ...facts, closingMs: await measureClosing(peer, stage) };
  });
  const expect = holds('the handshake succeeds', () => undefined);
  const { judgement } = await play({ id: name ?? 'reconnaissance', role, steps: [look], expect }, stage);
  // If a target shares no version with us, we use its versions.
  const hello = understood(stage.hello, others);
  if (facts === undefined && hello !== stage.hello) return reconnoitre(role, { ...stage, hello }, name);
  if (facts === undefined)
    throw failure ?? new OverlayError('OVERLAY_HANDSHAKE_TIMEOUT', { stage: 'hello', message: judgement.came });
  return facts;
}

/** Maximum time to wait for the close, in milliseconds. */
const MOST_CLOSING_MS = 20_000;

/** Time from an ERROR_MSG of the target to the end of the connection; undefined without ERROR_MSG. */
async function measureClosing(peer: AuditPeer, { clock, timing }: Stage): Promise<number | undefined> {
  // Of all refused messages, this one harms a careless target least.
  peer.say({ type: 'AUTH', flags: 200 }, 'a second AUTH, to measure how long it takes to close');
  if (!(await peer.until(() => peer.refusal !== undefined, timing.reactMs))) return undefined;
  const startMs = clock.now().monotonicMs;
  return (await peer.untilEnded(MOST_CLOSING_MS)) ? clock.now().monotonicMs - startMs : undefined;
}

/** Why an honest handshake failed, in the words of `probe`. */
function failureOf(peer: AuditPeer): OverlayError {
  const stage = peer.remoteHello === undefined ? 'hello' : 'auth';
  const { refusal, faultCode, faults } = peer;
  if (refusal !== undefined) {
    const code = typeof refusal.code === 'number' ? 'UNKNOWN' : refusal.code;
    const message = `The target refuses an honest handshake: ${refusal.msg} (${refusal.code}).`;
    return new OverlayError('OVERLAY_PEER_ERROR', { stage, message, peerError: { code, message: refusal.msg } });
  }
  if (faultCode !== undefined) return new OverlayError(faultCode, { stage, message: `${faults[0]}` });
  const closed = 'The target closes in an honest handshake, without an ERROR_MSG.';
  if (peer.ended !== undefined) return new OverlayError('OVERLAY_CONNECTION_CLOSED', { stage, message: closed });
  return new OverlayError('OVERLAY_HANDSHAKE_TIMEOUT', {
    stage,
    message: 'The target does not finish an honest handshake in time.',
  });
}
