/**
 * Expectations about a target, and how they are tested. Refusing with another text, or without one, is harmless: `differs`.
 * Continuing where stellar-core ends the connection, or ending it where stellar-core continues, is `fail`.
 * @module
 */
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import { isAllZero } from '../protocol/bytes.ts';
import { MAC_BYTES, MESSAGE_OFFSET, SEQUENCE_OFFSET } from '../protocol/constants.ts';
import type { ErrorCodeName } from '../protocol/error-table.ts';
import type { AuditPeer } from './audit-peer.ts';
import type { Judgement } from './judgement.ts';
import type { Scene } from './scene.ts';

/** The required behaviour of a target. */
export interface Expectation {
  /** Its description. */
  readonly text: string;
  /** Tests it after the steps; it sends further messages if necessary. */
  judge(scene: Scene): Promise<Judgement>;
}

/** How much the target accepts: nothing, our certificate, our whole HELLO, or our AUTH. */
export type Reached = 'nothing' | 'certificate' | 'HELLO' | 'AUTH';

/** Options of expectations that the connection ends. */
export interface EndOptions {
  /** How much the target accepts before. Not tested when left out. */
  readonly reached?: Reached;
  /** Whether continuing is harmless: an implementation may accept more than stellar-core. */
  readonly orOpen?: boolean;
  /** Whether the target would read further bytes as the rest of a record: then nothing more is sent. */
  readonly isMidRecord?: boolean;
}

/** It sends an ERROR_MSG with the reason, and closes. */
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

/** It closes without an ERROR_MSG. */
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
        // A dropped connection that closes late is not read; one that was not dropped answers.
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
 * It continues: the rest of an honest conversation succeeds, up to the answer of a ping.
 * @param orRefusal codes of harmless refusals
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

/** It closes, with or without an ERROR_MSG. */
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
 * A condition on the received messages.
 * @param check returns the fault, or undefined
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

/** Several expectations in order; the first one that is not met decides. */
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

/** The same for another connection of the case; the first one is 0. */
export function onConnection(index: number, expectation: Expectation): Expectation {
  return {
    text: `on connection ${index + 1}: ${expectation.text}`,
    judge(scene) {
      const peer = scene.peers[index] ?? scene.peer;
      return expectation.judge({ ...scene, peers: scene.peers, peer, open: (identity) => scene.open(identity) });
    },
  };
}

/** Time for a refusal before we continue, in milliseconds: shorter than the timeouts of targets. */
const ANSWER_MS = 1_000;

/** Time limit for this target, based on its time for an honest handshake. */
function promptMs({ timing, facts }: Scene, ms: number): number {
  return Math.min(timing.reactMs, Math.max(ms, 4 * (facts?.handshakeMs ?? 0)));
}

/** The received messages as text. */
export function cameText(peer: AuditPeer): string {
  const parts = peer.received
    .map(({ message }) => message)
    .filter(({ type }) => type === 'HELLO' || type === 'AUTH' || type === 'PEERS' || type === 'ERROR_MSG')
    .map((message) => (message.type === 'ERROR_MSG' ? `ERROR_MSG ${message.code} “${message.msg}”` : message.type));
  if (peer.ended !== undefined) parts.push(peer.ended);
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

/** Time limit for a drop where no request can be sent. An idle connection is dropped later. */
function dropMs(scene: Scene): number {
  const { closingMs } = scene.facts ?? {};
  return closingMs === undefined ? closeMs(scene) : closingMs + SLACK_MS;
}

/** Time limit for any end; a target may take longer than stellar-core. */
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

/** Whether the target treats us as authenticated before any handshake. */
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

/** Messages of the target that are not allowed. */
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

/** Messages that the target should have sent but has not. */
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
