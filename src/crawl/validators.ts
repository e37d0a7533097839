/**
 * The validators of a crawl: the SCP statements and quorum sets that nodes pass on, with every signature and hash verified.
 * @module
 */
import { nodeCrypto } from '../crypto/node.ts';
import { verifySCPEnvelope } from '../net/scp-envelope.ts';
import { bytesKey, equalBytes, toHex } from '../protocol/bytes.ts';
import type { Network } from '../protocol/networks.ts';
import { isQuorumSetSane, isQuorumSlice, quorumSetHash } from '../protocol/scp/quorum-set.ts';
import type { SCPEnvelope, SCPQuorumSet } from '../protocol/wire/messages.ts';
import type { CrawlEvent, QuorumSetLine } from './events.ts';
import { closedValue, hashOf, kindOf, Statements } from './statements.ts';
import type { ValidatorLine, ValidatorState } from './validator-line.ts';
import { closureOf, type Reached, weighedByReached } from './weigh.ts';

/** After this number of consecutive answers with nothing new, no further node is asked. */
const ENOUGH_ANSWERS = 8;
/** The largest number of nodes that are asked while no key is weighed yet. */
const MAX_BLIND_ANSWERS = 24;
/** The largest number of nodes that are asked for one quorum set. */
const MAX_ASKED_FOR_SET = 8;
/** The largest number of quorum sets that one node is asked for; stellar-core answers 300 in a minute. */
const MAX_SETS_PER_NODE = 60;
/** The largest number of keys without weight that are kept. */
const MAX_STRANGERS = 10_000;
/** The number of ledgers by which a validator may be behind or ahead of the others and still counts as validating. */
const MAX_LAG = 1;
const MAX_LEAD = 12;
/** The largest number of nodes in `heardFrom`. */
const MAX_HEARD_FROM = 20;
/** Number of signatures that are verified before other work of the process gets its turn. */
const VERIFIED_AT_ONCE = 50;

/** The latest statement of one key. */
interface Voice {
  ledgerSeq: number;
  statement: NonNullable<ValidatorLine['statement']>;
  quorumSetHash: string;
  signature: Uint8Array;
  /** The latest ledger that the key has closed, and the value it closed the ledger with. */
  closed: { readonly ledgerSeq: number; readonly value: string } | undefined;
  /** Index of the answer that contained the statement. */
  answer: number;
  readonly heardFrom: Set<string>;
}

/** The statements of one node, while it is asked. */
export interface Answer {
  readonly address: string;
  readonly statements: Statements;
  /** The fingerprint before the node was asked. */
  readonly before: string;
}

/** All validators of a crawl. */
export class Validators {
  readonly #network: Network;
  readonly #own: SCPQuorumSet | undefined;
  readonly #voices = new Map<string, Voice>();
  readonly #quorumSets = new Map<string, SCPQuorumSet>();
  /** Hashes of quorum sets that are not known yet, with the number of nodes that were asked for each. */
  readonly #wanted = new Map<string, number>();
  readonly #reached = new Map<string, Reached>();
  /** Keys of the nodes that were asked for SCP state: a node with several addresses is asked once. */
  readonly #asked = new Set<string>();
  /** The latest ledger that the weighed keys had closed, after each answer. */
  readonly #ledgers: (number | undefined)[] = [];
  /** Lines of an earlier run, for keys that have not been heard since. */
  readonly #earlier = new Map<string, ValidatorLine>();
  readonly #told = new Map<string, string>();
  readonly #lines: CrawlEvent[] = [];
  #weighed: ReadonlySet<string> = new Set();
  #named: ReadonlySet<string> = new Set();
  #isStale = true;
  #answers = 0;
  #toldAnswers = 0;
  #inFlight = 0;
  #barren = 0;

  /** @param quorumSet the quorum set of the user; when it is given, it alone decides which keys are weighed */
  constructor(network: Network, quorumSet: SCPQuorumSet | undefined) {
    this.#network = network;
    this.#own = quorumSet;
  }

  /** Takes a line of an earlier run. */
  restore(line: ValidatorLine | QuorumSetLine): void {
    if (line.type === 'validator') this.#earlier.set(line.peerID, line);
    else if (isQuorumSetSane(line.quorumSet) && toHex(quorumSetHash(nodeCrypto, line.quorumSet)) === line.hash)
      this.#quorumSets.set(line.hash, line.quorumSet);
    this.#told.set(line.type === 'validator' ? line.peerID : line.hash, JSON.stringify(line));
    this.#isStale = true;
  }

  /** Adds a node that has proved its key. */
  reached(node: Reached): void {
    const known = this.#reached.get(node.peerID);
    if (known?.isSeed) return;
    this.#reached.set(node.peerID, node);
    // Most nodes have no quorum set, and do not change which keys are weighed.
    if (this.#hashOf(node.peerID) !== undefined) this.#isStale = true;
  }

  /** Whether a node with this key has to be asked for SCP state. */
  wants(peerID: string): boolean {
    if (this.#asked.has(peerID)) return false;
    this.#weigh();
    if (this.#inFlight + this.#barren < ENOUGH_ANSWERS) return true;
    // A validator is the best source of its own statements.
    return this.#weighed.has(peerID) && !this.#isHeard(peerID);
  }

  /** Is called when a node is about to be asked. */
  begin(peerID: string, address: string): Answer {
    this.#asked.add(peerID);
    this.#inFlight++;
    return { address, statements: new Statements((peerID) => this.#named.has(peerID)), before: this.#fingerprint() };
  }

  /**
   * Takes the statements of a node and verifies those that are new. Never rejects.
   */
  async take({ address, statements }: Answer): Promise<void> {
    const index = this.#answers++;
    let verified = 0;
    for (const [peerID, newestFirst] of statements) {
      if (this.#take(peerID, newestFirst, address, index) && ++verified % VERIFIED_AT_ONCE === 0) await turn();
    }
    this.#isStale = true;
  }

  /** Is called when a node has been asked, or its connection has ended. */
  end({ before }: Answer): void {
    this.#inFlight--;
    this.#weigh();
    // While no key is weighed, unknown keys would decide which ledger is the latest.
    if (this.#weighed.size > 0) while (this.#ledgers.length < this.#answers) this.#ledgers.push(this.#latestLedger());
    const isBlind = this.#weighed.size === 0 && this.#answers < MAX_BLIND_ANSWERS;
    this.#barren = isBlind || this.#fingerprint() !== before ? 0 : this.#barren + 1;
    this.#tell(false);
  }

  /** A text that changes whenever an answer contains something new about weighed keys. */
  #fingerprint(): string {
    this.#weigh();
    const heard = [...this.#weighed].filter((peerID) => this.#isHeard(peerID));
    return `${this.#weighed.size} ${heard.length} ${this.quorumSetCount}`;
  }

  /** Hashes of the quorum sets to ask a node for; those of weighed keys first. */
  setsToAsk(): readonly string[] {
    if (this.#wanted.size === 0) return [];
    this.#weigh();
    const of = new Set<string>();
    for (const peerID of [...this.#weighed, ...this.#reached.keys()]) {
      const hash = this.#hashOf(peerID);
      if (hash !== undefined && this.#wanted.has(hash)) of.add(hash);
    }
    for (const [hash] of this.#wanted) {
      if (of.size >= MAX_SETS_PER_NODE) break;
      of.add(hash);
    }
    const hashes = [...of].slice(0, MAX_SETS_PER_NODE);
    for (const hash of hashes) {
      const asked = (this.#wanted.get(hash) as number) + 1;
      if (asked >= MAX_ASKED_FOR_SET) this.#wanted.delete(hash);
      else this.#wanted.set(hash, asked);
    }
    return hashes;
  }

  /** Whether quorum sets of weighed keys are missing, and more nodes may be asked for them. */
  get wantsSets(): boolean {
    for (const peerID of this.#weighed) {
      const hash = this.#hashOf(peerID);
      if (hash !== undefined && this.#wanted.has(hash)) return true;
    }
    return false;
  }

  /**
   * Takes a quorum set that a node was asked for.
   * @param hash the hash of the quorum set, 64 hex digits
   */
  addQuorumSet(quorumSet: SCPQuorumSet, hash: string): void {
    if (this.#quorumSets.has(hash) || !isQuorumSetSane(quorumSet)) return;
    this.#wanted.delete(hash);
    this.#quorumSets.set(hash, quorumSet);
    this.#isStale = true;
    this.#lines.push({ type: 'quorumSet', hash, quorumSet });
  }

  /** The lines that are new since the last call. */
  takeLines(): readonly CrawlEvent[] {
    return this.#lines.splice(0);
  }

  /** The lines to add at the end of the crawl: every line that has changed since it was reported. */
  finish(): readonly CrawlEvent[] {
    this.#isStale = true;
    this.#weigh();
    this.#tell(true);
    return this.takeLines();
  }

  /** The latest ledger that the weighed keys have closed. */
  get ledgerSeq(): number | undefined {
    return this.#latestLedger();
  }

  /** Number of quorum sets of weighed keys: an unknown node can send any number of others. */
  get quorumSetCount(): number {
    this.#weigh();
    const hashes = new Set(Array.from(this.#weighed, (peerID) => this.#hashOf(peerID)));
    return [...hashes].filter((hash) => hash !== undefined && this.#quorumSets.has(hash)).length;
  }

  /** Number of weighed keys by state, and number of all other keys. */
  counts(): { readonly weighed: Readonly<Record<ValidatorState, number>>; readonly unweighed: number } {
    this.#weigh();
    const weighed: Record<ValidatorState, number> = { validating: 0, delayed: 0, disagrees: 0, missing: 0 };
    let unweighed = 0;
    for (const line of this.#allLines()) {
      if (line.weighed) weighed[line.state]++;
      else unweighed++;
    }
    return { weighed, unweighed };
  }

  /** @returns whether a signature was checked */
  #take(peerID: string, newestFirst: readonly SCPEnvelope[], address: string, index: number): boolean {
    const known = this.#voices.get(peerID);
    if (known === undefined && !this.#named.has(peerID) && this.#voices.size >= MAX_STRANGERS) return false;
    let checked = false;
    const isGood = (envelope: SCPEnvelope): boolean => {
      if (known !== undefined && equalBytes(known.signature, envelope.signature) && known.ledgerSeq === slotOf(envelope))
        return true;
      checked = true;
      return verifySCPEnvelope(envelope, this.#network);
    };
    const newest = newestFirst.find((envelope) => slotOf(envelope) >= (known?.ledgerSeq ?? 0) && isGood(envelope));
    if (newest === undefined) return checked;
    const { statement, signature } = newest;
    const closing =
      closedValue(statement) === undefined
        ? newestFirst.find((one) => one !== newest && closedValue(one.statement) !== undefined)
        : newest;
    const value = closing && (closing === newest || isGood(closing)) ? closedValue(closing.statement) : undefined;
    const voice: Voice = {
      ledgerSeq: Number(statement.slotIndex),
      statement: kindOf(statement),
      quorumSetHash: hashOf(statement),
      signature,
      closed: closing && value ? { ledgerSeq: slotOf(closing), value: bytesKey(value) } : known?.closed,
      answer: index,
      heardFrom: known?.heardFrom ?? new Set(),
    };
    if (voice.heardFrom.size < MAX_HEARD_FROM) voice.heardFrom.add(address);
    this.#voices.set(peerID, voice);
    if (!this.#quorumSets.has(voice.quorumSetHash) && !this.#wanted.has(voice.quorumSetHash)) this.#want(voice.quorumSetHash);
    return checked;
  }

  #want(hash: string): void {
    // Invented keys can name invented hashes. Hashes of weighed keys are asked for first.
    if (this.#wanted.size < MAX_STRANGERS) this.#wanted.set(hash, 0);
  }

  #isHeard(peerID: string): boolean {
    if (this.#voices.has(peerID)) return true;
    const earlier = this.#earlier.get(peerID);
    return earlier !== undefined && earlier.state !== 'missing';
  }

  #hashOf(peerID: string): string | undefined {
    return this.#voices.get(peerID)?.quorumSetHash ?? this.#earlier.get(peerID)?.quorumSetHash;
  }

  #weigh(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    const quorumSetOf = (peerID: string): SCPQuorumSet | undefined => {
      const hash = this.#hashOf(peerID);
      return hash === undefined ? undefined : this.#quorumSets.get(hash);
    };
    this.#weighed =
      this.#own === undefined ? weighedByReached(this.#reached.values(), quorumSetOf) : closureOf(this.#own, quorumSetOf);
    this.#named = this.#weighed;
  }

  /** The highest ledger that the user's quorum set has closed, or more than half of the weighed keys that were heard. */
  #latestLedger(): number | undefined {
    const closed: { readonly peerID: string; readonly ledgerSeq: number }[] = [];
    const keys = this.#weighed.size > 0 ? this.#weighed : this.#voices.keys();
    for (const peerID of keys) {
      const ledgerSeq = this.#voices.get(peerID)?.closed?.ledgerSeq;
      if (ledgerSeq !== undefined) closed.push({ peerID, ledgerSeq });
    }
    closed.sort((a, b) => b.ledgerSeq - a.ledgerSeq);
    const nodes = new Set<string>();
    for (const [i, { peerID, ledgerSeq }] of closed.entries()) {
      nodes.add(peerID);
      if (this.#own === undefined ? 2 * (i + 1) > closed.length : isQuorumSlice(this.#own, nodes)) return ledgerSeq;
    }
    // No slice of it has closed a ledger: use the ledger of the majority.
    return closed[Math.floor(closed.length / 2)]?.ledgerSeq;
  }

  /** The value with which more than half of the weighed keys that closed a ledger have closed it, if there is one. */
  #agreedValue(ledgerSeq: number): string | undefined {
    const counts = new Map<string, number>();
    let all = 0;
    const keys = this.#weighed.size > 0 ? this.#weighed : this.#voices.keys();
    for (const peerID of keys) {
      const closed = this.#voices.get(peerID)?.closed;
      if (closed?.ledgerSeq !== ledgerSeq) continue;
      all++;
      counts.set(closed.value, (counts.get(closed.value) ?? 0) + 1);
    }
    for (const [value, count] of counts) if (2 * count > all) return value;
    return undefined;
  }

  #stateOf(voice: Voice, agreed: Map<number, string | undefined>): ValidatorState {
    const { closed, ledgerSeq, answer } = voice;
    // Compare with the latest ledger at that time, because the network closes ledgers during the crawl.
    const latest = this.#ledgers[answer] ?? this.#latestLedger();
    if (latest !== undefined && ledgerSeq > latest + MAX_LEAD) return 'disagrees';
    if (latest !== undefined && ledgerSeq < latest - MAX_LAG) return 'delayed';
    if (closed === undefined) return 'validating';
    if (!agreed.has(closed.ledgerSeq)) agreed.set(closed.ledgerSeq, this.#agreedValue(closed.ledgerSeq));
    const value = agreed.get(closed.ledgerSeq);
    return value !== undefined && value !== closed.value ? 'disagrees' : 'validating';
  }

  /** The current line of each key. */
  *#allLines(): Generator<ValidatorLine> {
    const agreed = new Map<number, string | undefined>();
    for (const [peerID, voice] of this.#voices) {
      const state = this.#stateOf(voice, agreed);
      const { quorumSetHash, ledgerSeq, statement, heardFrom } = voice;
      yield {
        type: 'validator',
        peerID,
        state,
        validating: state === 'validating',
        quorumSetHash,
        ledgerSeq,
        statement,
        heardFrom: [...heardFrom],
        weighed: this.#weighed.has(peerID),
      };
    }
    for (const [peerID, line] of this.#earlier) {
      if (!this.#voices.has(peerID)) yield { ...line, weighed: this.#weighed.has(peerID) };
    }
    for (const peerID of this.#weighed) {
      if (this.#voices.has(peerID) || this.#earlier.has(peerID)) continue;
      yield { type: 'validator', peerID, state: 'missing', validating: false, heardFrom: [], weighed: true };
    }
  }

  /** @param all whether lines in which only ledger, statement or sources have changed are reported too */
  #tell(all: boolean): void {
    for (const line of this.#allLines()) {
      if (!all && !this.#isFresh(line)) continue;
      const { peerID, state, quorumSetHash, weighed } = line;
      const told = JSON.stringify(all ? line : [peerID, state, quorumSetHash, weighed]);
      const key = all ? peerID : `${peerID} in short`;
      if (this.#told.get(key) === told) continue;
      this.#told.set(key, told);
      if (!all) this.#told.set(peerID, JSON.stringify(line));
      this.#lines.push(line);
    }
    this.#toldAnswers = this.#answers;
  }

  /** Whether the line of a key can have changed during the crawl; that of an unknown key cannot unless it was heard again. */
  #isFresh({ peerID, state, weighed }: ValidatorLine): boolean {
    return state !== 'missing' && (weighed || (this.#voices.get(peerID)?.answer ?? -1) >= this.#toldAnswers);
  }
}

function slotOf({ statement }: SCPEnvelope): number {
  return Number(statement.slotIndex);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
