/**
 * Audits a target that dials: each connection it makes plays one case. A node that is refused again and again dials ever more
 * rarely, so that it is treated well in between.
 * @module
 */
import type { Duplex } from 'node:stream';
import { OverlayError } from '../../protocol/errors.ts';
import type { AuditCase } from './case.ts';
import { type AuditOptions, casesFor, makeStage } from './options.ts';
import { type Played, play, type Stage, TargetGone } from './play.ts';
import { reconnoitre } from './reconnoitre.ts';
import { type CaseResult, caseResult, type Judgement } from './result.ts';
import type { TargetFacts } from './scene.ts';

const ROLE = 'WE_CALLED_REMOTE';

/** Options of `auditInitiator`. */
export interface InitiatorAuditOptions extends AuditOptions {
  /**
   * Opens a connection to a target that also listens. When it has not dialled for a while, an honest handshake there, which
   * advertises `listeningPort`, reminds it of us.
   */
  readonly nudge?: (() => Promise<Duplex>) | undefined;
}

/**
 * Plays a case on each connection the target makes, with honest handshakes in between, and yields the verdicts.
 *
 * @example
 * await using acceptor = await acceptTcp({ host: '127.0.0.1', port: 11700 })
 * for await (const result of auditInitiator((signal) => acceptor.next(signal), { network: networks.standalone }))
 *   console.log(result.id, result.verdict)
 *
 * @param accept the next connection the target makes; rejects with the signal's reason when that aborts
 * @throws {OverlayError} when it does not dial, or an honest handshake fails, so that nothing could be said
 * @throws {RangeError} when an option is wrong
 */
export async function* auditInitiator(
  accept: (signal: AbortSignal) => Promise<Duplex>,
  options: InitiatorAuditOptions,
): AsyncGenerator<CaseResult, void, undefined> {
  yield* new InitiatorAudit(accept, options).run();
}

class InitiatorAudit {
  readonly #accept: (signal: AbortSignal) => Promise<Duplex>;
  readonly #options: InitiatorAuditOptions;
  readonly #stage: Stage;
  #queue: AuditCase[];
  readonly #again: AuditCase[] = [];
  #facts: TargetFacts | undefined;
  #handshakes = 0;

  constructor(accept: (signal: AbortSignal) => Promise<Duplex>, options: InitiatorAuditOptions) {
    this.#accept = accept;
    this.#options = options;
    this.#queue = [...casesFor(ROLE, options)];
    this.#stage = { ...makeStage(options), reach: () => this.#reach() };
  }

  async *run(): AsyncGenerator<CaseResult, void, undefined> {
    this.#facts = await this.#meet();
    this.#options.onFacts?.(this.#facts);
    yield* this.#playQueue(true);
    this.#queue = this.#again.splice(0);
    yield* this.#playQueue(false);
  }

  async #meet(): Promise<TargetFacts> {
    try {
      return await reconnoitre(ROLE, this.#stage);
    } catch (error) {
      if (!(error instanceof TargetGone)) throw error;
      throw new OverlayError('OVERLAY_HANDSHAKE_TIMEOUT', { stage: 'tcp', message: 'Nobody has dialled.' });
    }
  }

  async *#playQueue(isFirst: boolean): AsyncGenerator<CaseResult, void, undefined> {
    for (let one = this.#queue.shift(); one !== undefined; one = this.#queue.shift()) {
      let played: Played | undefined;
      let hasDied: Judgement | undefined;
      try {
        const stream = await this.#reach();
        const streams = [stream];
        played = await play(one, {
          ...this.#stage,
          facts: this.#facts,
          reach: async () => streams.shift() ?? this.#reach(),
        });
        if (isFirst && (played.judgement.verdict === 'undecided' || played.judgement.byTime === true)) this.#again.push(one);
        else yield caseResult(one, played.judgement, played);
        // Only who has let us in forgets that we refused it before.
        if (!played.authenticated) await this.#beNice();
      } catch (error) {
        if (!(error instanceof TargetGone)) throw error;
        hasDied = { verdict: 'undecided', came: error.message };
      }
      if (hasDied === undefined) continue;
      const rest = [...(played === undefined ? [one] : []), ...this.#queue.splice(0), ...this.#again.splice(0)];
      for (const left of rest) yield caseResult(left, hasDied, { durationMs: 0 });
    }
  }

  /** An honest handshake; how it goes does not matter. @throws {TargetGone} when it does not dial any more */
  async #beNice(): Promise<void> {
    try {
      await reconnoitre(ROLE, this.#stage, `honest ${this.#handshakes++}`);
    } catch (error) {
      this.#stage.signal?.throwIfAborted();
      if (!(error instanceof OverlayError)) throw error;
    }
  }

  /** The next connection of the target, which is reminded of us when it does not come. */
  async #reach(): Promise<Duplex> {
    const { patienceMs = 120_000, nudge } = this.#options;
    const { clock, signal } = this.#stage;
    const endMs = clock.now().monotonicMs + patienceMs;
    for (;;) {
      const leftMs = endMs - clock.now().monotonicMs;
      const stream = await this.#acceptWithin(nudge === undefined ? leftMs : Math.min(leftMs, NUDGE_AFTER_MS));
      signal?.throwIfAborted();
      if (stream !== undefined) return stream;
      if (clock.now().monotonicMs >= endMs) throw new TargetGone(`the target has not dialled for ${patienceMs / 1000} s`);
      if (nudge !== undefined) await this.#remind(nudge);
    }
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
    try {
      await reconnoitre('REMOTE_CALLED_US', { ...this.#stage, reach: nudge }, `nudge ${this.#handshakes++}`);
    } catch {
      // That it listens is not what is judged: it may dial all the same.
      this.#stage.signal?.throwIfAborted();
    }
  }
}

const TOO_LONG = new Error('too long');
/** Time without a connection after which the target is reminded of us, in milliseconds. */
const NUDGE_AFTER_MS = 8_000;
