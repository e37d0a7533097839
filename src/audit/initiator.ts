/**
 * Audits a target that dials: one case is played on each of its connections. A node that is refused repeatedly dials less and
 * less often, so honest handshakes are made in between.
 * @module
 */
import type { Duplex } from 'node:stream';
import { OverlayError } from '../protocol/errors.ts';
import type { Hello } from '../protocol/wire/messages.ts';
import type { AuditCase } from './case.ts';
import { claimedPeerID } from './claimed-peer-id.ts';
import { IncarnationWatch } from './incarnation.ts';
import { type AuditOptions, casesFor, makeStage } from './options.ts';
import { type Played, play, type Stage, TargetGone } from './play.ts';
import { reconnoitre } from './reconnoitre.ts';
import { type CaseResult, caseResult } from './result.ts';
import type { TargetFacts } from './scene.ts';
import { authenticated, authenticatedWithoutGrant } from './steps.ts';

const ROLE = 'WE_CALLED_REMOTE';

/** Options of `auditInitiator`. */
export interface InitiatorAuditOptions extends AuditOptions {
  /**
   * Opens a connection to a target that also listens. When it has not dialled for a while, an honest handshake there, which
   * advertises `listeningPort`, reminds it of us.
   */
  readonly nudge?: (() => Promise<Duplex>) | undefined;
  /**
   * The number of crashes of the target so far, if you run it and can count them. Without it, a crash is detected only by a new
   * ECDH key, which a process keeps, and by a target that no longer dials.
   */
  readonly deaths?: (() => number) | undefined;
  /**
   * Is called with each connection of another node than the first one: nodes learn addresses from each other. It is closed, and
   * no case is played on it, unless the target has another key for each connection.
   */
  readonly onStranger?: ((peerID: string, isPlayedWith: boolean) => void) | undefined;
}

/**
 * Plays a case on each connection of the target, with honest handshakes in between, and yields the verdicts.
 *
 * @example
 * await using acceptor = await acceptTcp({ host: '127.0.0.1', port: 11700 })
 * for await (const result of auditInitiator((signal) => acceptor.next(signal), { network: networks.standalone }))
 *   console.log(result.id, result.verdict)
 *
 * @param accept returns the next connection of the target; rejects with the signal's reason when the signal aborts
 * @throws {OverlayError} when the target does not dial or the first honest handshake fails, so that there is no verdict; also
 *   after the last verdict, when the target has stopped dialling before the end
 * @throws {RangeError} when an option is wrong
 */
export async function* auditInitiator(
  accept: (signal: AbortSignal) => Promise<Duplex>,
  options: InitiatorAuditOptions,
): AsyncGenerator<CaseResult, void, undefined> {
  yield* new InitiatorAudit(accept, options).run();
}

/** A played case whose verdict waits until the target has answered again. */
interface Withheld {
  readonly one: AuditCase;
  readonly played: Played;
}

class InitiatorAudit {
  readonly #accept: (signal: AbortSignal) => Promise<Duplex>;
  readonly #options: InitiatorAuditOptions;
  readonly #stage: Stage;
  readonly #incarnations = new IncarnationWatch();
  #queue: AuditCase[];
  /** Cases that get a second chance. */
  readonly #again: AuditCase[] = [];
  #withheld: Withheld[] = [];
  #isFirstPass = true;
  #facts: TargetFacts | undefined;
  #handshakes = 0;
  #deaths = 0;
  /** The first other nodes that have dialled; and whether any node has dialled twice with the same key. */
  readonly #strangers = new Set<string>();
  #hasLastingKeys = false;
  /** Whether nothing listened at the address for reminders. */
  #isRefused = false;

  constructor(accept: (signal: AbortSignal) => Promise<Duplex>, options: InitiatorAuditOptions) {
    this.#accept = accept;
    this.#options = options;
    this.#queue = [...casesFor(ROLE, options)];
    this.#stage = { ...makeStage(options), reach: () => this.#reach() };
  }

  async *run(): AsyncGenerator<CaseResult, void, undefined> {
    this.#hasDied();
    this.#facts = await this.#meet();
    this.#options.onFacts?.(this.#facts);
    try {
      yield* this.#playQueue();
      this.#isFirstPass = false;
      this.#queue = this.#again.splice(0);
      yield* this.#playQueue();
    } catch (error) {
      if (!(error instanceof TargetGone)) throw error;
      yield* this.#bury(error.message);
      throw new OverlayError('OVERLAY_HANDSHAKE_TIMEOUT', { stage: 'tcp', message: `${capital(error.message)}.` });
    }
  }

  async #meet(): Promise<TargetFacts> {
    try {
      return await reconnoitre(ROLE, this.#stage);
    } catch (error) {
      if (!(error instanceof TargetGone)) throw error;
      throw new OverlayError('OVERLAY_HANDSHAKE_TIMEOUT', { stage: 'tcp', message: 'The target has not dialled.' });
    }
  }

  /**
   * Plays all cases in the queue. A node forgets earlier refusals only after a successful handshake. A case that refuses the
   * target is therefore followed by one that does not, or by an honest handshake.
   * @throws {TargetGone} when it no longer dials; the cases that were not played are then in the queue
   */
  async *#playQueue(): AsyncGenerator<CaseResult, void, undefined> {
    let owed = false;
    for (let one = this.#next(owed); one !== undefined || owed || this.#withheld.length > 0; one = this.#next(owed)) {
      if (one === undefined) {
        yield* this.#settle((await this.#beNice())?.hello, true);
        owed = false;
        continue;
      }
      let stream: Duplex;
      try {
        stream = await this.#reach();
      } catch (error) {
        this.#queue.unshift(one);
        throw error;
      }
      const streams = [stream];
      const reach = async (): Promise<Duplex> => streams.shift() ?? this.#reach();
      let played: Played;
      try {
        yield* this.#settle(undefined);
        played = await play(one, { ...this.#stage, facts: this.#facts, reach });
      } finally {
        // A caller that wants no further results leaves it unused.
        for (const untaken of streams) untaken.destroy();
      }
      const hasDied = this.#hasDied();
      yield* this.#settle(played.hello);
      owed = !played.authenticated;
      if (hasDied) yield crash(one, played, DIED);
      else this.#withheld.push({ one, played });
    }
  }

  /** Whether the target has crashed since the last call, by the caller's count. */
  #hasDied(): boolean {
    const before = this.#deaths;
    this.#deaths = this.#options.deaths?.() ?? 0;
    return this.#deaths !== before;
  }

  /** The next case; if an honest handshake is due, the next case that begins with one. */
  #next(owed: boolean): AuditCase | undefined {
    if (!owed) return this.#queue.shift();
    const at = this.#queue.findIndex(letsIn);
    return at < 0 ? undefined : this.#queue.splice(at, 1)[0];
  }

  /**
   * Yields the verdicts of cases that the target has survived, or that crashed it.
   * @param hello its HELLO since then
   * @param isCertain whether verdicts are given even if it has sent nothing
   */
  *#settle(hello: Hello | undefined, isCertain = false): Generator<CaseResult, void, undefined> {
    const hasDied = this.#hasDied();
    const isReborn = hello !== undefined && this.#incarnations.isReborn(hello);
    if (!hasDied && hello === undefined && !isCertain) return;
    for (const { one, played } of this.#withheld.splice(0)) {
      const { verdict, byTime } = played.judgement;
      const isUnclear = verdict === 'undecided' || byTime === true || (isReborn && !hasDied);
      if (hasDied) yield crash(one, played, DIED);
      else if (isUnclear && this.#isFirstPass) this.#again.push(one);
      else if (isReborn) yield crash(one, played, 'the target was a new process afterwards, each time: its ECDH key has changed');
      else yield caseResult(one, played.judgement, played);
    }
  }

  /** Yields the possible verdicts when the target no longer dials. */
  *#bury(reason: string): Generator<CaseResult, void, undefined> {
    const isDead = this.#isRefused || this.#hasDied();
    for (const { one, played } of this.#withheld.splice(0)) {
      if (isDead) yield crash(one, played, 'the target crashed, and did not come back');
      else if (played.judgement.verdict === 'fail') yield caseResult(one, played.judgement, played);
      else yield caseResult(one, { verdict: 'undecided', came: `${reason} since then: the case may have crashed it` }, played);
    }
    for (const one of [...this.#queue.splice(0), ...this.#again.splice(0)])
      yield caseResult(one, { verdict: 'undecided', came: reason }, { durationMs: 0, peerID: this.#facts?.hello.peerID });
  }

  /**
   * An honest handshake, which may fail: after the last case a client may have no reason to dial again.
   * @throws {TargetGone} when the target no longer dials
   */
  async #beNice(): Promise<TargetFacts | undefined> {
    const isLast = this.#queue.length + this.#again.length === 0 && this.#options.deaths === undefined;
    const reach = (): Promise<Duplex> => this.#reach(isLast ? LAST_PATIENCE_MS : undefined);
    try {
      return await reconnoitre(ROLE, { ...this.#stage, reach }, `honest ${this.#handshakes++}`);
    } catch (error) {
      this.#stage.signal?.throwIfAborted();
      if (error instanceof OverlayError || (isLast && error instanceof TargetGone && !this.#isRefused)) return undefined;
      throw error;
    }
  }

  /** The next connection of the target. If it does not come, the target is reminded of us. */
  async #reach(mostMs = Number.POSITIVE_INFINITY): Promise<Duplex> {
    const { nudge } = this.#options;
    const patienceMs = Math.min(mostMs, this.#options.patienceMs ?? 120_000);
    const { clock, signal } = this.#stage;
    const endMs = clock.now().monotonicMs + patienceMs;
    for (;;) {
      const leftMs = endMs - clock.now().monotonicMs;
      const stream = await this.#acceptWithin(nudge === undefined ? leftMs : Math.min(leftMs, NUDGE_AFTER_MS));
      if (signal?.aborted) stream?.destroy();
      signal?.throwIfAborted();
      if (stream !== undefined && (await this.#isTarget(stream))) return stream;
      signal?.throwIfAborted();
      if (clock.now().monotonicMs >= endMs) throw new TargetGone(`the target has not dialled for ${patienceMs / 1000} s`);
      if (stream === undefined && nudge !== undefined) await this.#remind(nudge);
    }
  }

  /** Whether this is the first node of the audit. The connection of another node is closed. */
  async #isTarget(stream: Duplex): Promise<boolean> {
    const { clock, timing } = this.#stage;
    const own = this.#facts?.hello.peerID;
    if (own === undefined) return true;
    const peerID = await claimedPeerID(stream, clock, timing.reactMs);
    const isPlayedWith = this.#stage.signal?.aborted !== true && this.#isTargetsKey(peerID, own);
    if (peerID !== undefined && peerID !== own) this.#options.onStranger?.(peerID, isPlayedWith);
    if (isPlayedWith) return true;
    stream.on('error', () => {});
    stream.destroy();
    return false;
  }

  /** Nodes keep their keys. If no key has come twice, it is the target that has another key each time. */
  #isTargetsKey(peerID: string | undefined, own: string): boolean {
    // A dialler without a HELLO may be the target.
    if (peerID === undefined) return true;
    this.#hasLastingKeys ||= peerID === own || this.#strangers.has(peerID);
    if (this.#strangers.size <= STRANGERS) this.#strangers.add(peerID);
    return peerID === own || (!this.#hasLastingKeys && this.#strangers.size > STRANGERS);
  }

  async #acceptWithin(ms: number): Promise<Duplex | undefined> {
    const { clock, signal } = this.#stage;
    const limit = new AbortController();
    const timer = clock.setTimer(() => limit.abort(TOO_LONG), Math.max(1, ms));
    const abort = (): void => limit.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    try {
      return await this.#accept(limit.signal);
    } catch (error) {
      if (error !== TOO_LONG) throw error;
      return undefined;
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', abort);
    }
  }

  async #remind(nudge: () => Promise<Duplex>): Promise<void> {
    const reach = async (): Promise<Duplex> => {
      try {
        const stream = await nudge();
        this.#isRefused = false;
        return stream;
      } catch (cause) {
        this.#isRefused = true;
        throw new TargetGone('nothing listens there now', { cause });
      }
    };
    try {
      await reconnoitre('REMOTE_CALLED_US', { ...this.#stage, reach }, `nudge ${this.#handshakes++}`);
    } catch {
      // Listening is not judged: the target may still dial.
      this.#stage.signal?.throwIfAborted();
    }
  }
}

const DIED = 'the target crashed, and came back';

/** Whether a case begins with an honest handshake. */
function letsIn({ steps }: AuditCase): boolean {
  return steps[0] === authenticated || steps[0] === authenticatedWithoutGrant;
}

function crash(one: AuditCase, played: Played, came: string): CaseResult {
  return caseResult(one, { verdict: 'fail', came }, { ...played, threat: 'crash of the target' });
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The number of dials in a row, each with another key, that still count as other nodes. */
const STRANGERS = 5;
const TOO_LONG = new Error('too long');
/** Time without a connection after which the target is reminded of us, in milliseconds. */
const NUDGE_AFTER_MS = 8_000;
/**
 * Time to wait for an honest handshake after the last case, in milliseconds: the time after which a node that was refused once
 * dials again.
 */
const LAST_PATIENCE_MS = 25_000;
