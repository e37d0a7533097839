/**
 * From statements to consecutive ledgers: finds the next one, checks it, and gives it up when it is too late. It uses no clock
 * and no peer: the time is an argument, and its results name what must be requested.
 * @module
 */
import type { CryptoProvider } from '../protocol/auth/crypto.ts';
import { toHex } from '../protocol/bytes.ts';
import type { Now } from '../protocol/clock.ts';
import type { Network } from '../protocol/networks.ts';
import type { StellarValue } from '../protocol/scp/stellar-value.ts';
import type { SCPEnvelope, SCPQuorumSet } from '../protocol/wire/messages.ts';
import { type CheckedTxSet, checkTxSet } from './checks.ts';
import type { FollowEvent, Ledger, LedgerProof } from './ledger.ts';
import { LedgerError } from './ledger-error.ts';
import { makeProof, toBase64 } from './proof.ts';
import { type Candidate, REMEMBERED_SLOTS, type Slot, type Verdict, Votes } from './votes.ts';

/** A ledger is given up when a later one has had its quorum for this time, in milliseconds. */
const GAP_AFTER_MS = 10_000;
/** How far ahead of our clock a ledger may close (Herder::MAX_TIME_SLIP_SECONDS). */
const MAX_TIME_SLIP_SECONDS = 60;
/** Maximum age of the first ledger when none is named, in seconds (Config::MAXIMUM_LEDGER_CLOSETIME_DRIFT). */
const MAX_START_AGE_SECONDS = 90;
/** Number of ledgers whose predecessors' hashes are kept. */
const REMEMBERED_HASHES = 64;
/** Number of ledgers, from the next one on, whose transaction sets are fetched. */
const FETCH_AHEAD = 8;

/** The beginning of a chain. */
export interface ChainOptions {
  readonly crypto: CryptoProvider;
  readonly network: Network;
  readonly quorumSet: SCPQuorumSet;
  /** First ledger. Default: the first recent one that has a quorum. */
  readonly from?: number | undefined;
}

/** An output for the application. */
export type ChainOutput = { readonly type: 'ledger'; readonly ledger: Ledger } | FollowEvent;

/** A transaction set that must be fetched. */
export interface WantedTxSet {
  readonly ledgerSeq: number;
  readonly hash: Uint8Array;
  /** The ledger it is for. */
  readonly candidate: Candidate;
}

/** The state of the next ledger. */
type Step =
  | { readonly type: 'deliver'; readonly ledger: Ledger }
  | { readonly type: 'wait'; readonly error?: LedgerError }
  /** It will never be good; the reason is given. */
  | { readonly type: 'lost'; readonly because?: FollowEvent };

/** A candidate whose value is good. */
type Agreed = Candidate & { readonly value: StellarValue; readonly quorumAtMs: number };

/** Consecutive closed ledgers. */
export class Chain {
  readonly #options: ChainOptions;
  readonly #votes: Votes;
  /** The hashes that the last ledgers name for their predecessors, hex. */
  readonly #previousHashes: string[] = [];
  #next: number | undefined;
  #last: Ledger | undefined;
  #lastQuorum: { readonly ledgerSeq: number; readonly atMs: number } | undefined;
  /** Since when a ledger after the next one has a quorum. */
  #stuckSinceMs: number | undefined;
  /** Whether it was reported that the next ledger is too far ahead. */
  #toldAhead = false;

  constructor(options: ChainOptions) {
    this.#options = options;
    this.#votes = new Votes(options.crypto, options.network, options.quorumSet);
    if (options.from !== undefined) this.#moveTo(options.from);
  }

  /** The next ledger; undefined while there is no first one. */
  get next(): number | undefined {
    return this.#next;
  }

  /** The last ledger that was yielded. */
  get last(): Ledger | undefined {
    return this.#last;
  }

  /** The latest ledger that has a quorum, and since when, by the monotonic clock. */
  get lastQuorum(): { readonly ledgerSeq: number; readonly atMs: number } | undefined {
    return this.#lastQuorum;
  }

  /** Signatures of statements checked so far. */
  get signatureChecks(): number {
    return this.#votes.signatureChecks;
  }

  /** Number of ledgers with kept statements. */
  get slotCount(): number {
    return this.#votes.slotCount;
  }

  /** Nodes of the quorum set that have not closed this ledger or a later one, `G…`. */
  missing(ledgerSeq: number, now: Now): readonly string[] {
    return this.#votes.missing(ledgerSeq, this.#earliestStart(now));
  }

  /** Whether a ledger after the next one has a quorum and the next has none: its statements should be requested. */
  get isBehind(): boolean {
    if (this.#next === undefined || this.#laterQuorum(this.#next) === undefined) return false;
    const slot = this.#votes.slot(this.#next);
    return slot === undefined || agreedOn(slot) === undefined;
  }

  /**
   * Takes an SCP_MESSAGE. `advance` then returns what can be yielded.
   * @param xdr the StellarMessage; kept as a copy
   * @param now called only if the message is new
   */
  receive(xdr: Uint8Array, now: () => Now): Verdict {
    const verdict = this.#votes.receive(xdr, now);
    if (verdict.type === 'counted') {
      const { ledgerSeq } = verdict.slot;
      const agreed = agreedOn(verdict.slot);
      const isNew = ledgerSeq > (this.#lastQuorum?.ledgerSeq ?? -1);
      if (agreed !== undefined && isNew && agreed.value.closeTime >= this.#earliestStart(now()))
        this.#lastQuorum = { ledgerSeq, atMs: agreed.quorumAtMs };
    }
    return verdict;
  }

  /** Transaction sets to fetch: of the next ledgers, as soon as at least one node that named them must be right. */
  wanted(): readonly WantedTxSet[] {
    const next = this.#next;
    if (next === undefined) return [];
    const wanted = [...this.#votes.slots].flatMap(({ ledgerSeq, forked, candidates }): WantedTxSet[] => {
      if (ledgerSeq < next || forked) return [];
      return [...candidates.values()].flatMap((candidate): WantedTxSet[] => {
        const { value, blocking, quorumAtMs, txSet } = candidate;
        // Both are checked: with a threshold below half, a slice need not block the quorum set.
        const isLikely = blocking === true || quorumAtMs !== undefined;
        if (value instanceof LedgerError || !isLikely || txSet !== undefined) return [];
        return [{ ledgerSeq, hash: value.txSetHash, candidate }];
      });
    });
    return wanted.sort((a, b) => a.ledgerSeq - b.ledgerSeq).slice(0, FETCH_AHEAD);
  }

  /**
   * Takes the transaction set of a value.
   * @param txSet XDR; kept, and passed to the application
   * @throws {LedgerError} LEDGER_TX_SET_HASH
   */
  takeTxSet({ candidate }: WantedTxSet, txSet: Uint8Array): void {
    if (candidate.value instanceof LedgerError) return;
    candidate.txSet = checkTxSet(this.#options.crypto, candidate.value, txSet);
  }

  /** Everything that can be yielded now, ledgers in order. */
  *advance(now: Now): Generator<ChainOutput, void, undefined> {
    if (this.#next === undefined) {
      const first = this.#first(now);
      if (first === undefined) return;
      this.#moveTo(first);
    }
    let gapFrom: number | undefined;
    for (;;) {
      const next = this.#next as unknown as number;
      const step = this.#judge(next, now);
      if (step.type === 'deliver') {
        this.#deliver(step.ledger);
        if (gapFrom !== undefined) yield { type: 'gap', from: gapFrom, to: next - 1 };
        gapFrom = undefined;
        yield { type: 'ledger', ledger: step.ledger };
        continue;
      }
      let goesOnAt: number | undefined = next + 1;
      if (step.type === 'lost') {
        if (step.because !== undefined) yield step.because;
      } else {
        if (step.error !== undefined && !this.#toldAhead) {
          this.#toldAhead = true;
          yield refusal(next, step.error);
        }
        goesOnAt = this.#givesUpFor(next, now);
      }
      if (goesOnAt === undefined) break;
      gapFrom ??= next;
      this.#moveTo(goesOnAt);
    }
    if (gapFrom !== undefined) yield { type: 'gap', from: gapFrom, to: (this.#next as number) - 1 };
  }

  /** The first ledger if the options name none: the earliest recent one with a quorum. Old ones may have been replayed. */
  #first(now: Now): number | undefined {
    const recent = [...this.#votes.slots].filter((slot) => {
      const agreed = agreedOn(slot);
      return agreed !== undefined && agreed.value.closeTime >= this.#earliestStart(now);
    });
    return recent.length === 0 ? undefined : Math.min(...recent.map(({ ledgerSeq }) => ledgerSeq));
  }

  /** The earliest close time of a first ledger; 0 once there is one. Replayed statements say nothing about the network now. */
  #earliestStart({ unixSeconds }: Now): number {
    return this.#next === undefined ? unixSeconds - MAX_START_AGE_SECONDS : 0;
  }

  #judge(ledgerSeq: number, { unixSeconds }: Now): Step {
    const slot = this.#votes.slot(ledgerSeq);
    if (slot === undefined) return { type: 'wait' };
    if (slot.forked) return { type: 'lost' };
    const bad = [...slot.candidates.values()].find(
      ({ value, quorumAtMs }) => quorumAtMs !== undefined && value instanceof LedgerError,
    );
    if (bad !== undefined) return { type: 'lost', because: refusal(ledgerSeq, bad.value as LedgerError) };
    const agreed = agreedOn(slot);
    if (agreed === undefined) return { type: 'wait' };
    const { value, txSet } = agreed;
    const closeTime = Number(value.closeTime);
    if (this.#last !== undefined && closeTime <= this.#last.closeTime) {
      const error = new LedgerError(
        'LEDGER_CLOSE_TIME',
        `It closes at ${isoTime(closeTime)}, not after ledger ${this.#last.ledgerSeq}.`,
      );
      return { type: 'lost', because: refusal(ledgerSeq, error) };
    }
    const ahead = Math.round(closeTime - unixSeconds);
    if (ahead > MAX_TIME_SLIP_SECONDS)
      return { type: 'wait', error: new LedgerError('LEDGER_CLOSE_TIME', `It closes ${ahead} s after now by this clock.`) };
    if (txSet === undefined) return { type: 'wait' };
    if (this.#previousHashes.includes(txSet.previousLedgerHash)) {
      const evidence = [...(this.#last === undefined ? [] : [this.#last.txSet]), txSet.txSet].map(toBase64);
      return { type: 'lost', because: { type: 'alarm', kind: 'chain', ledgerSeq, evidence } };
    }
    return { type: 'deliver', ledger: new FollowedLedger(slot, agreed, txSet, this.#options.quorumSet) };
  }

  /** The ledger to continue with when the next one is given up; undefined while the next one may still come. */
  #givesUpFor(next: number, { monotonicMs }: Now): number | undefined {
    const later = this.#laterQuorum(next);
    if (later === undefined) return undefined;
    this.#stuckSinceMs ??= monotonicMs;
    const slot = this.#votes.slot(next);
    const isForgotten =
      slot !== undefined && agreedOn(slot)?.unavailable === true && (this.#lastQuorum?.ledgerSeq ?? 0) - next >= REMEMBERED_SLOTS;
    return isForgotten || monotonicMs - this.#stuckSinceMs >= GAP_AFTER_MS ? later : undefined;
  }

  /** The earliest ledger after this one that has a quorum. */
  #laterQuorum(ledgerSeq: number): number | undefined {
    let later: number | undefined;
    for (const slot of this.#votes.slots)
      if (slot.ledgerSeq > ledgerSeq && slot.ledgerSeq < (later ?? Number.POSITIVE_INFINITY) && agreedOn(slot) !== undefined)
        later = slot.ledgerSeq;
    return later;
  }

  #deliver(ledger: Ledger): void {
    this.#last = ledger;
    this.#previousHashes.push(ledger.previousLedgerHash);
    if (this.#previousHashes.length > REMEMBERED_HASHES) this.#previousHashes.shift();
    this.#moveTo(ledger.ledgerSeq + 1);
  }

  #moveTo(ledgerSeq: number): void {
    this.#next = ledgerSeq;
    this.#stuckSinceMs = undefined;
    this.#toldAhead = false;
    this.#votes.close(ledgerSeq - 1);
  }
}

/** A ledger as the application gets it. */
class FollowedLedger implements Ledger {
  readonly ledgerSeq: number;
  readonly closeTime: number;
  readonly txSetHash: string;
  readonly previousLedgerHash: string;
  readonly upgrades: readonly Uint8Array[];
  readonly txSet: Uint8Array;
  readonly statements: readonly SCPEnvelope[];
  readonly quorumMs: number;
  readonly #quorumSet: SCPQuorumSet;

  constructor(slot: Slot, { value, statements, quorumAtMs }: Agreed, checked: CheckedTxSet, quorumSet: SCPQuorumSet) {
    this.ledgerSeq = slot.ledgerSeq;
    this.closeTime = Number(value.closeTime);
    this.txSetHash = toHex(value.txSetHash);
    this.previousLedgerHash = checked.previousLedgerHash;
    this.upgrades = value.upgrades;
    this.txSet = checked.txSet;
    this.statements = [...statements.values()];
    this.quorumMs = quorumAtMs - slot.heardAtMs;
    this.#quorumSet = quorumSet;
  }

  get proof(): LedgerProof {
    return makeProof(this, this.#quorumSet);
  }
}

/** The value of a slot that has a quorum, if there is one and it is valid. */
function agreedOn({ forked, candidates }: Slot): Agreed | undefined {
  if (forked) return undefined;
  for (const candidate of candidates.values())
    if (candidate.quorumAtMs !== undefined && !(candidate.value instanceof LedgerError)) return candidate as Agreed;
  return undefined;
}

function refusal(ledgerSeq: number, { code, message }: LedgerError): FollowEvent {
  return { type: 'refused', code, count: 1, message, ledgerSeq };
}

function isoTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString();
}
