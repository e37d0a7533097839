/**
 * Audits a target that accepts: dials it, several connections at once, and notices when it crashes.
 * @module
 */
import type { Duplex } from 'node:stream';
import { offAbort, onAbort } from '../net/abort.ts';
import { OverlayError } from '../protocol/errors.ts';
import type { AuditCase } from './case.ts';
import { IncarnationWatch } from './incarnation.ts';
import type { Judgement } from './judgement.ts';
import { type AuditOptions, casesFor, makeStage } from './options.ts';
import { type Played, play, type Stage, TargetGone } from './play.ts';
import { reconnoitre } from './reconnoitre.ts';
import { type CaseResult, caseResult } from './result.ts';
import type { TargetFacts } from './scene.ts';

const ROLE = 'REMOTE_CALLED_US';

/** Options of `auditAcceptor`. */
export interface AcceptorAuditOptions extends AuditOptions {
  /** Cases played at the same time, each on its own connections. Default 8. */
  readonly concurrency?: number | undefined;
  /** Time between two dials, in milliseconds. Default 20. */
  readonly spacingMs?: number | undefined;
}

/**
 * Plays the cases against the target, and yields each verdict as soon as it is certain that the target has survived the case.
 *
 * @example
 * const dial = () => dialTcp({ host: '127.0.0.1', port: 11625 })
 * for await (const result of auditAcceptor(dial, { network: networks.standalone })) console.log(result.id, result.verdict)
 *
 * @param dial opens a connection to the target, a socket or any other duplex stream of bytes; rejects when nothing listens
 * @throws {OverlayError} when the first honest handshake fails, so that no verdict is possible; and after the last verdict, when
 *   the target has stopped during the audit and does not come back
 * @throws {RangeError} when an option is wrong; nothing is sent then
 */
export async function* auditAcceptor(
  dial: () => Promise<Duplex>,
  options: AcceptorAuditOptions,
): AsyncGenerator<CaseResult, void, undefined> {
  yield* new AcceptorAudit(dial, options).run();
}

/** A played case whose verdict waits until the target has answered again. */
interface Withheld {
  readonly one: AuditCase;
  readonly played: Played;
  /** When it ended, by the counter of the audit. */
  readonly end: number;
}

class AcceptorAudit {
  readonly #dial: () => Promise<Duplex>;
  readonly #options: AcceptorAuditOptions;
  readonly #stage: Stage;
  /** Whether the caller wants no further results. */
  readonly #over = new AbortController();
  #queue: AuditCase[];
  /** Cases that get a second chance, alone. */
  readonly #again: AuditCase[] = [];
  readonly #ready: CaseResult[] = [];
  #withheld: Withheld[] = [];
  #wake: () => void = () => {};
  #facts: TargetFacts | undefined;
  #nextDialMs = Number.NEGATIVE_INFINITY;
  /** Counts ends and dials, because two of them may have the same time. */
  #now = 0;
  #gone = false;
  /** Whether a dial has failed since the last successful one. */
  #wasAway = false;
  readonly #incarnations = new IncarnationWatch();
  #checks = 0;
  /** Cases in a row that could not be played. */
  #unplayed = 0;
  /** Whether the target is gone and did not come back. */
  #isLost = false;
  /** Crashes that no case can have caused. */
  #causeless = 0;
  /** Cases that are played again because the target crashed while several cases ran, and those that it has survived. */
  readonly #suspects = new Set<AuditCase>();
  #cleared: Withheld[] = [];
  /** After a crash, one case at a time is played, to find the one that crashes the target. */
  #isAlone: boolean;

  constructor(dial: () => Promise<Duplex>, options: AcceptorAuditOptions) {
    this.#dial = dial;
    this.#options = options;
    this.#queue = [...casesFor(ROLE, options)];
    this.#isAlone = options.concurrency === 1;
    const { signal } = this.#over;
    this.#stage = { ...makeStage({ ...options, signal }), reach: async () => (await this.#dialNext()).stream };
  }

  async *run(): AsyncGenerator<CaseResult, void, undefined> {
    const { signal } = this.#options;
    // Subtle: not AbortSignal.any, of which a signal that lives longer keeps a kilobyte each time.
    const watch = onAbort(signal, () => this.#over.abort(signal?.reason));
    if (signal?.aborted) this.#over.abort(signal.reason);
    try {
      yield* this.#run();
    } finally {
      offAbort(signal, watch);
    }
  }

  async *#run(): AsyncGenerator<CaseResult, void, undefined> {
    this.#facts = await this.#meet();
    this.#options.onFacts?.(this.#facts);
    yield* this.#playQueue(this.#isAlone ? 1 : (this.#options.concurrency ?? 8));
    this.#queue = this.#again.splice(0);
    this.#isAlone = true;
    yield* this.#playQueue(1);
    const message = 'The target no longer completes an honest handshake.';
    if (this.#isLost) throw new OverlayError('OVERLAY_HANDSHAKE_TIMEOUT', { stage: 'tcp', message });
  }

  /** The first handshake; for a target with other versions, with its own. */
  async #meet(): Promise<TargetFacts> {
    try {
      return await reconnoitre(ROLE, this.#stage);
    } catch (error) {
      if (error instanceof TargetGone && error.cause !== undefined) throw error.cause;
      throw error;
    }
  }

  /** Plays all cases in the queue, also after crashes of the target. */
  async *#playQueue(concurrency: number): AsyncGenerator<CaseResult, void, undefined> {
    while (this.#queue.length > 0 || this.#withheld.length > 0) {
      const count = this.#isAlone ? 1 : concurrency;
      let working = count;
      let failure: { readonly error: unknown } | undefined;
      const workers = Array.from({ length: count }, () =>
        this.#work()
          .catch((error: unknown) => {
            failure ??= { error };
            this.#queue.length = 0;
          })
          .finally(() => {
            working--;
            this.#wake();
          }),
      );
      try {
        while (working > 0) {
          yield* this.#ready.splice(0);
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
            if (working === 0 || this.#ready.length > 0) resolve();
          });
        }
      } finally {
        if (working > 0) this.#over.abort();
        await Promise.all(workers);
      }
      if (failure !== undefined) throw failure.error;
      if (!this.#gone && (await this.#isHealthy())) this.#settle(this.#now);
      else await this.#afterDeath();
      yield* this.#ready.splice(0);
    }
  }

  async #work(): Promise<void> {
    while (!this.#gone) {
      const one = this.#queue.shift();
      if (one === undefined) return;
      try {
        // A message on a connection shows that the target has survived all cases that ended before it was dialled.
        let firstDial: number | undefined;
        const reach = async (): Promise<Duplex> => {
          const { dial, stream } = await this.#dialNext();
          firstDial ??= dial;
          return stream;
        };
        const played = await play(one, { ...this.#stage, facts: this.#facts, reach });
        if (played.hello !== undefined && firstDial !== undefined) {
          if (this.#incarnations.isReborn(played.hello)) {
            // An earlier case crashed it, and no dial happened while it was away.
            this.#queue.unshift(one);
            this.#gone = true;
            return;
          }
          this.#settle(firstDial);
        }
        if (await this.#isStuck(played.judgement)) {
          this.#queue.unshift(one);
          this.#gone = true;
          return;
        }
        const isLast = this.#isAlone;
        if (!isLast && deservesAnotherChance(played.judgement)) this.#again.push(one);
        else if (isLast) await this.#lookCloser(one, played);
        else this.#withhold(one, played);
      } catch (error) {
        if (!(error instanceof TargetGone)) throw error;
        this.#queue.unshift(one);
        this.#gone = true;
        this.#wasAway = true;
        return;
      }
    }
  }

  /** Whether several cases in a row could not be played, and an honest handshake fails too. */
  async #isStuck({ verdict }: Judgement): Promise<boolean> {
    this.#unplayed = verdict === 'undecided' ? this.#unplayed + 1 : 0;
    if (this.#unplayed < MAX_UNPLAYED || this.#isAlone) return false;
    this.#unplayed = 0;
    return (await this.#isHealthy()) === undefined;
  }

  /** After a case played alone: whether the target has survived it, and if nothing came in time, whether it is only slow. */
  async #lookCloser(one: AuditCase, played: Played): Promise<void> {
    const facts = await this.#isHealthy();
    if (facts === undefined) {
      this.#withhold(one, played);
      this.#gone = true;
      return;
    }
    const isSlow = played.judgement.byTime === true && facts.handshakeMs > this.#stage.timing.reactMs / 4;
    const came = `${played.judgement.came}; but an honest handshake takes ${Math.round(facts.handshakeMs)} ms too`;
    this.#withhold(one, isSlow ? { ...played, judgement: { verdict: 'undecided', came } } : played);
    this.#settle(this.#now);
  }

  #withhold(one: AuditCase, played: Played): void {
    this.#withheld.push({ one, played, end: this.#now++ });
  }

  /**
   * Dials, not too fast. Success does not show that the target runs: the system also accepts connections for a crashing process.
   */
  async #dialNext(): Promise<{ readonly dial: number; readonly stream: Duplex }> {
    const { clock } = this.#stage;
    const { spacingMs = 20 } = this.#options;
    const atMs = Math.max(clock.now().monotonicMs, this.#nextDialMs);
    this.#nextDialMs = atMs + spacingMs;
    const waitMs = atMs - clock.now().monotonicMs;
    if (waitMs > 0) await new Promise<void>((resolve) => void clock.setTimer(resolve, waitMs));
    this.#stage.signal?.throwIfAborted();
    const dial = this.#now++;
    try {
      return { dial, stream: await this.#dial() };
    } catch (cause) {
      throw new TargetGone('nothing listens there now', { cause });
    }
  }

  /** Yields the verdicts of cases that had ended by then. */
  #settle(before: number): void {
    const settled = this.#withheld.filter(({ end }) => end < before);
    this.#withheld = this.#withheld.filter(({ end }) => end >= before);
    for (const one of settled) {
      if (this.#suspects.has(one.one)) this.#cleared.push(one);
      else this.#tell(one);
    }
    if (this.#suspects.size > 0 && this.#cleared.length === this.#suspects.size) {
      const ids = [...this.#suspects].map(({ id }) => id).join(', ');
      const what = `the target crashed while these cases were played: ${ids}; alone, none of them crashes it. It`;
      for (const one of this.#cleared.splice(0)) {
        // If it listened all the time, the new key may have another reason.
        if (this.#wasAway) this.#ready.push(crash(one, true, what));
        else this.#tell(one);
      }
      this.#suspects.clear();
      this.#wasAway = false;
    }
    if (this.#ready.length > 0) this.#wake();
  }

  #tell({ one, played }: Withheld): void {
    this.#ready.push(caseResult(one, played.judgement, played));
  }

  /**
   * Whether the target still completes an honest handshake as the same process, and the facts from it.
   * @param tries how often it is asked when it closes without an ERROR_MSG: connections it has dropped may still take up its
   *   places
   */
  async #isHealthy(tries = 3): Promise<TargetFacts | undefined> {
    this.#stage.signal?.throwIfAborted();
    try {
      const facts = await reconnoitre(ROLE, this.#stage, `health ${this.#checks++}`);
      return this.#incarnations.isReborn(facts.hello) ? undefined : facts;
    } catch (error) {
      this.#stage.signal?.throwIfAborted();
      // If something still listens, it may only have no free place: this alone is not a crash.
      if (error instanceof TargetGone) this.#wasAway = true;
      else if (!(error instanceof OverlayError)) throw error;
      else if (error.code === 'OVERLAY_CONNECTION_CLOSED' && tries > 1) {
        const { clock } = this.#stage;
        const waitMs = (this.#facts?.closingMs ?? 0) + REVIVAL_PERIOD_MS;
        await new Promise<void>((resolve) => void clock.setTimer(resolve, waitMs));
        return this.#isHealthy(tries - 1);
      }
      return undefined;
    }
  }

  /** After a crash: finds the case that caused it, and whether the target comes back. */
  async #afterDeath(): Promise<void> {
    const suspects = this.#withheld.splice(0);
    const isBack = await this.#comesBack();
    this.#isAlone = true;
    this.#gone = false;
    const [only] = suspects;
    const isProven = this.#wasAway || (only !== undefined && this.#suspects.has(only.one));
    if (only !== undefined && suspects.length === 1 && isProven) {
      // Of several suspects, this one crashed it.
      for (const one of this.#cleared.splice(0)) this.#tell(one);
      this.#suspects.clear();
      const what = this.#wasAway
        ? 'the target crashed, and'
        : 'no honest handshake succeeds after this case, each time; the target';
      this.#wasAway = false;
      this.#ready.push(crash(only, isBack, what));
    } else if (isBack && suspects.length > 0) {
      for (const { one } of suspects) this.#suspects.add(one);
      this.#queue = [...this.#suspects, ...this.#queue.filter((one) => !this.#suspects.has(one))];
    } else {
      const ids = suspects.map(({ one }) => one.id).join(', ');
      for (const suspect of suspects)
        this.#ready.push(crash(suspect, false, `the target crashed while these cases were played: ${ids}. It`));
      if (suspects.length === 0 && this.#wasAway) this.#causeless++;
      this.#wasAway = false;
    }
    if (isBack && this.#causeless < MAX_CAUSELESS_DEATHS) return;
    this.#isLost = true;
    for (const one of this.#cleared.splice(0)) this.#tell(one);
    this.#suspects.clear();
    for (const one of [...this.#queue.splice(0), ...this.#again.splice(0)]) {
      const judgement: Judgement = { verdict: 'not-applicable', came: 'the target is gone' };
      this.#ready.push(caseResult(one, judgement, { durationMs: 0, peerID: this.#facts?.hello.peerID }));
    }
  }

  /** Waits until it can be dialled again, or until the time limit. */
  async #comesBack(): Promise<boolean> {
    const { clock } = this.#stage;
    const endMs = clock.now().monotonicMs + (this.#options.patienceMs ?? 30_000);
    while ((await this.#isHealthy()) === undefined) {
      if (clock.now().monotonicMs >= endMs) return false;
      await new Promise<void>((resolve) => void clock.setTimer(resolve, REVIVAL_PERIOD_MS));
    }
    return true;
  }
}

const REVIVAL_PERIOD_MS = 500;
const MAX_CAUSELESS_DEATHS = 3;
const MAX_UNPLAYED = 8;

/** Beside other cases, a case may fail because of the time or of a missing slot. */
function deservesAnotherChance({ verdict, byTime }: Judgement): boolean {
  return verdict === 'undecided' || verdict === 'not-applicable' || byTime === true;
}

function crash({ one, played }: Withheld, isBack: boolean, what: string): CaseResult {
  const came = `${what} ${isBack ? 'came back' : 'did not come back'}`;
  return caseResult(one, { verdict: 'fail', came }, { ...played, threat: 'crash of the target' });
}
