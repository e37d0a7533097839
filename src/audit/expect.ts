/**
 * What a target may have to do, and how it is found out. Refusing in other words, or with fewer, is harmless and `differs`;
 * going on where the reference ends the connection, or ending it where the reference goes on, fails.
 * @module
 */
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import { isAllZero } from '../protocol/bytes.ts';
import { MAC_BYTES, MESSAGE_OFFSET, SEQUENCE_OFFSET } from '../protocol/constants.ts';
import type { ErrorCodeName } from '../protocol/error-table.ts';
import type { AuditPeer } from './audit-peer.ts';
import type { Judgement } from './judgement.ts';
import type { Scene } from './scene.ts';

/** What a target has to do. */
export interface Expectation {
  /** In words. */
  readonly text: string;
  /** Finds out whether it does. The steps have been played; what it takes to see is sent here. */
  judge(scene: Scene): Promise<Judgement>;
}

/** How far a target goes: it believes nothing of us, our certificate, all of our HELLO, or our AUTH. */
export type Reached = 'nothing' | 'certificate' | 'HELLO' | 'AUTH';

/** Of expectations that the connection ends. */
export interface EndOptions {
  /** How far the target goes before. Not looked at when left out. */
  readonly reached?: Reached;
  /** Whether going on is harmless: an implementation may do more than the reference. */
  readonly orOpen?: boolean;
  /** Whether what follows on the wire would be taken for the rest of what was sent: then nothing does. */
  readonly isMidRecord?: boolean;
}

/** It says why in an ERROR_MSG, and closes. */
export function refusal(code: ErrorCodeName, words: string, options: EndOptions = {}): Expectation {
  const { reached, orOpen = false, isMidRecord = false } = options;
  return {
    text: `${reachedText(reached)}ERROR_MSG ${code} “${words}”, then it closes`,
    async judge(scene) {
      const { peer, timing } = scene;
      const tooFar = (): string | undefined => overreach(scene, reached);
      const reacted = (): boolean => peer.refusal !== undefined || tooFar() !== undefined;
      const hasReacted = await peer.until(reacted, promptMs(scene, orOpen ? timing.settleMs : ANSWER_MS));
      if (hasReacted && isTakenIn(scene, reached)) return takenIn(`${tooFar()}`);
      if (!hasReacted && peer.ended === undefined) {
        const answered = isMidRecord ? () => false : peer.followUp();
        await peer.until(() => answered() || reacted(), closeMs(scene));
        if (answered()) return orOpen ? differs(GOES_ON) : fails('it continues: it answers the next message');
        if (peer.refusal !== undefined && !isMidRecord)
          return fails(`it continues, and refuses only later: ${cameText(peer)}`, true);
      }
      if (tooFar() !== undefined) return fails(`it continues: ${tooFar()}`);
      const said = peer.refusal;
      if (said === undefined) {
        if (peer.ended === undefined) return fails('it sends nothing and does not close', true);
        return differs(`it closes without an ERROR_MSG${peer.ended === 'RST' ? ', with RST' : ''}`);
      }
      if (!(await peer.untilEnded(closeMs(scene)))) return fails(`${cameText(peer)}, but it does not close`, true);
      if (said.code !== code) return differs(`another code: ${cameText(peer)}`);
      if (words !== '' && !said.msg.startsWith(words)) return differs(`another text: ${cameText(peer)}`);
      if (!isBare(peer)) return differs('its ERROR_MSG has a sequence or a MAC; that of stellar-core never has');
      const less = underreach(scene, reached);
      return less === undefined ? passes(cameText(peer)) : differs(`${less}: ${cameText(peer)}`);
    },
  };
}

/** It closes without a word. */
export function drop(options: EndOptions = {}): Expectation {
  const { reached, orOpen = false, isMidRecord = false } = options;
  return {
    text: `${reachedText(reached)}it closes without an ERROR_MSG`,
    async judge(scene) {
      const { peer, timing } = scene;
      const tooFar = (): string | undefined => overreach(scene, reached);
      const reacted = (): boolean => peer.refusal !== undefined || tooFar() !== undefined;
      const hasReacted = await peer.until(reacted, promptMs(scene, timing.settleMs));
      if (hasReacted && isTakenIn(scene, reached)) return takenIn(`${tooFar()}`);
      if (!hasReacted && peer.ended === undefined) {
        // A connection that is only slow to close listens no more; one that was not dropped answers.
        const answered = isMidRecord ? () => false : peer.followUp();
        await peer.until(() => answered() || reacted(), isMidRecord ? dropMs(scene) : closeMs(scene));
        if (answered()) return orOpen ? differs(GOES_ON) : fails('it continues: it answers the next message');
        if (peer.refusal !== undefined && !isMidRecord)
          return fails(`it continues, and refuses only later: ${cameText(peer)}`, true);
      }
      if (tooFar() !== undefined) return fails(`it continues: ${tooFar()}`);
      if (!(await peer.untilEnded(isMidRecord && peer.refusal === undefined ? 0 : closeMs(scene))))
        return fails(isMidRecord ? 'it does not close at once: it waits for the rest' : 'it does not close', true);
      if (peer.refusal !== undefined) return differs(`it sends more than stellar-core: ${cameText(peer)}`);
      const less = underreach(scene, reached);
      return less === undefined ? passes(cameText(peer)) : differs(`${less}: ${cameText(peer)}`);
    },
  };
}

/**
 * It goes on: the rest of an honest conversation succeeds, up to the answer of a ping.
 * @param orRefusal codes of a refusal that is harmless
 */
export function open(orRefusal: readonly ErrorCodeName[] = []): Expectation {
  return {
    text: 'it continues: the rest of an honest conversation succeeds',
    async judge({ peer, facts }) {
      const finish = await peer.finish(facts?.answersPings);
      if (finish.how === 'open') return passes('it continues');
      if (finish.how === 'full') return passes(`it accepts our AUTH, but has no free slot: “${finish.text}”`);
      const { refusal: said } = peer;
      if (said !== undefined && (orRefusal as readonly unknown[]).includes(said.code)) return differs(cameText(peer));
      if (said === undefined && finish.how === 'ended' && orRefusal.length > 0) return differs('it closes without an ERROR_MSG');
      if (finish.how === 'ended') return fails(`it ends the connection where ${finish.awaited} must come: ${cameText(peer)}`);
      return fails(`${finish.awaited} does not come`, true);
    },
  };
}

/** It closes, whatever it says. */
export function ends(text: string, { isMidRecord = true }: EndOptions = {}): Expectation {
  return {
    text,
    async judge(scene) {
      const { peer, timing } = scene;
      if (!(await peer.until(() => peer.refusal !== undefined, timing.settleMs)) && peer.ended === undefined && !isMidRecord) {
        const answered = peer.followUp();
        await peer.until(answered, closeMs(scene));
        if (answered()) return fails('it continues: it answers the next message');
      }
      const ended = await peer.untilEnded(isMidRecord ? dropMs(scene) : closeMs(scene));
      return ended ? passes(cameText(peer)) : fails('it does not close', true);
    },
  };
}

/**
 * Something holds of what has come.
 * @param check what is wrong; undefined when it holds
 * @param otherwise the verdict when it does not
 */
export function holds(
  text: string,
  check: (scene: Scene) => string | undefined | Promise<string | undefined>,
  otherwise: 'fail' | 'differs' | 'undecided' = 'fail',
): Expectation {
  return {
    text,
    async judge(scene) {
      const wrong = await check(scene);
      return wrong === undefined ? passes('as expected') : { verdict: otherwise, came: wrong };
    },
  };
}

/** One after the other; the first that is not as it has to be decides. */
export function all(...expectations: readonly Expectation[]): Expectation {
  return {
    text: expectations.map(({ text }) => text).join('; and '),
    async judge(scene) {
      let judgement = passes('');
      for (const one of expectations) {
        judgement = await one.judge(scene);
        if (judgement.verdict !== 'pass') break;
      }
      return judgement;
    },
  };
}

/** The same, of another connection of the case, the first being 0. */
export function onConnection(index: number, expectation: Expectation): Expectation {
  return {
    text: `on connection ${index + 1}: ${expectation.text}`,
    judge(scene) {
      const peer = scene.peers[index] ?? scene.peer;
      return expectation.judge({ ...scene, peers: scene.peers, peer, open: (identity) => scene.open(identity) });
    },
  };
}

/** Time a refusal may take before we go on, in milliseconds: less than a careless target takes to lose patience with us. */
const ANSWER_MS = 1_000;

/** Time this target may take for something, the way it does an honest handshake. */
function promptMs({ timing, facts }: Scene, ms: number): number {
  return Math.min(timing.reactMs, Math.max(ms, 4 * (facts?.handshakeMs ?? 0)));
}

/** What has come, in words. */
export function cameText(peer: AuditPeer): string {
  const parts = peer.received
    .map(({ message }) => message)
    .filter(({ type }) => type === 'HELLO' || type === 'AUTH' || type === 'PEERS' || type === 'ERROR_MSG')
    .map((message) => (message.type === 'ERROR_MSG' ? `ERROR_MSG ${message.code} “${message.msg}”` : message.type));
  if (peer.ended !== undefined) parts.push(peer.ended);
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

/** Time for a drop of a target we cannot ask. One that only waits is dropped later, for being idle. */
function dropMs(scene: Scene): number {
  const { closingMs } = scene.facts ?? {};
  return closingMs === undefined ? closeMs(scene) : closingMs + SLACK_MS;
}

/** Time for any end; a target may take longer than the reference. */
function closeMs({ facts, timing }: Scene): number {
  return Math.max(timing.closeMs, (facts?.closingMs ?? 0) + SLACK_MS);
}

const SLACK_MS = 1_500;

function passes(came: string): Judgement {
  return { verdict: 'pass', came };
}

function differs(came: string): Judgement {
  return { verdict: 'differs', came };
}

function fails(came: string, byTime = false): Judgement {
  return { verdict: 'fail', came, byTime };
}

/** Whether the target, which knows nothing of us yet, deals with us as with a peer it has let in. */
function isTakenIn({ peer }: Scene, reached: Reached | undefined): boolean {
  return reached === 'nothing' && peer.types.some((type) => !HANDSHAKE.includes(type) && type !== 'ERROR_MSG');
}

function takenIn(came: string): Judgement {
  return { verdict: 'fail', came: `before any handshake, ${came}`, threat: 'unauthenticated acceptance' };
}

const SAYS: Readonly<Record<PeerRole, Readonly<Record<Reached, readonly string[]>>>> = {
  REMOTE_CALLED_US: { nothing: [], certificate: ['HELLO'], HELLO: ['HELLO'], AUTH: ['HELLO', 'AUTH'] },
  WE_CALLED_REMOTE: { nothing: ['HELLO'], certificate: ['HELLO'], HELLO: ['HELLO', 'AUTH'], AUTH: ['HELLO', 'AUTH'] },
};

const GOES_ON = 'it continues as if nothing had happened';
const HANDSHAKE: readonly string[] = ['HELLO', 'AUTH'];

/** What the target has said beyond what it may. */
function overreach({ peer, role }: Scene, reached: Reached | undefined): string | undefined {
  if (reached === undefined) return undefined;
  const allowed = SAYS[role][reached];
  const said = peer.types.filter((type) => HANDSHAKE.includes(type));
  const more = said.find((type, i) => allowed[i] !== type);
  if (more !== undefined) return `it sends ${more}`;
  if (reached === 'AUTH') return undefined;
  const channel = peer.types.find((type) => !HANDSHAKE.includes(type) && type !== 'ERROR_MSG');
  return channel && `it sends ${channel}`;
}

/** What it has not said although it should. */
function underreach({ peer, role }: Scene, reached: Reached | undefined): string | undefined {
  if (reached === undefined) return undefined;
  const missing = SAYS[role][reached][peer.types.filter((type) => HANDSHAKE.includes(type)).length];
  return missing && `it does not send ${missing} before`;
}

function reachedText(reached: Reached | undefined): string {
  switch (reached) {
    case undefined:
      return '';
    case 'nothing':
      return 'our HELLO is not answered; ';
    case 'certificate':
      return 'an acceptor answers with its HELLO, a dialler sends no AUTH; ';
    case 'HELLO':
      return 'our AUTH is not answered; ';
    case 'AUTH':
      return 'our AUTH is answered; ';
  }
}

/** Whether the ERROR_MSG has sequence 0 and no MAC. */
function isBare(peer: AuditPeer): boolean {
  const body = peer.received.find(({ message }) => message.type === 'ERROR_MSG')?.body ?? new Uint8Array(0);
  return isAllZero(body.subarray(SEQUENCE_OFFSET, MESSAGE_OFFSET)) && isAllZero(body.subarray(body.length - MAC_BYTES));
}
