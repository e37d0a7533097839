/**
 * Which node closed a ledger with which value: the statements of the nodes of our quorum set. Each statement is processed once, and
 * memory is bounded whatever peers send.
 * @module
 */
import type { CryptoProvider } from '../protocol/auth/crypto.ts';
import { bytesKey } from '../protocol/bytes.ts';
import type { Now } from '../protocol/clock.ts';
import type { Network } from '../protocol/networks.ts';
import { isQuorumSlice, isVBlocking, quorumSetNodes } from '../protocol/scp/quorum-set.ts';
import type { StellarValue } from '../protocol/scp/stellar-value.ts';
import { decodePublicKey } from '../protocol/strkey.ts';
import { messageFields, type SCPEnvelope, type SCPQuorumSet } from '../protocol/wire/messages.ts';
import { XdrReader } from '../protocol/xdr/reader.ts';
import { type CheckedTxSet, checkStatement, checkValue, droppedTxSet } from './checks.ts';
import { LedgerError } from './ledger-error.ts';

/** Number of open ledgers for which a node's statements are kept. The oldest are dropped first. */
const MAX_OPEN_SLOTS = 64;
/** Number of closed ledgers that are kept, to detect later contradictions: as many as stellar-core remembers. */
export const REMEMBERED_SLOTS = 12;
/** Longest SCP_MESSAGE with a StellarValue, in bytes; the longest of stellar-core has 1,200. */
const MAX_STATEMENT_BYTES = 2_048;
const TOO_LONG = `A statement of more than ${MAX_STATEMENT_BYTES} bytes has no StellarValue.`;
/** Number of statements of one node about one ledger that are recognised on repetition. */
const MAX_STATEMENTS = 8;

// Offsets in the XDR of an SCP_MESSAGE, type included: NodeID behind its 4-byte kind, slotIndex, kind of statement.
const NODE_OFFSET = 8;
const SLOT_OFFSET = 40;
const PLEDGES_OFFSET = 48;
const SCP_ST_EXTERNALIZE = 2;

/** A node of the quorum set. */
interface Validator {
  readonly nodeID: string;
  readonly key: Uint8Array;
  /** Ledgers with statements of this node, in order of arrival. */
  slots: number[];
}

/** A statement of a node about a ledger. */
interface Vote {
  /** The SCP_MESSAGE. */
  readonly xdr: Uint8Array;
  readonly envelope: SCPEnvelope;
  readonly candidate: Candidate;
}

/** A value that a node says has closed a ledger. */
export interface Candidate {
  /** Its StellarValue, or its error. */
  readonly value: StellarValue | LedgerError;
  /** The first statement of each node. */
  readonly statements: Map<string, SCPEnvelope>;
  /** When our quorum set was satisfied, by the monotonic clock. */
  quorumAtMs?: number;
  /** Whether the nodes that name it block the quorum set, so that at least one of them must be right. */
  blocking?: boolean;
  txSet?: CheckedTxSet | undefined;
  /** Whether every peer was asked for the set and none has it. */
  unavailable?: boolean;
}

/** A ledger that a node says is closed. */
export interface Slot {
  readonly ledgerSeq: number;
  /** Time of the first statement about it, by the monotonic clock. */
  readonly heardAtMs: number;
  readonly votes: Map<Validator, Vote[]>;
  readonly candidates: Map<string, Candidate>;
  /** Whether two values have a quorum each. */
  forked: boolean;
}

/** A node contradicts itself, or two values have a quorum. */
export interface Contradiction {
  readonly kind: 'equivocation' | 'fork';
  readonly evidence: readonly SCPEnvelope[];
}

/** The result of a message. */
export type Verdict =
  /** A new statement. It may contradict others. */
  | { readonly type: 'counted'; readonly slot: Slot; readonly contradictions: readonly Contradiction[] }
  /** A known statement. */
  | { readonly type: 'known'; readonly slot: Slot }
  /** Another kind of statement, or one of a node outside the quorum set, or about a ledger closed long ago. */
  | { readonly type: 'other' | 'stranger' | 'old' }
  | { readonly type: 'refused'; readonly error: LedgerError; readonly ledgerSeq: number; readonly nodeID: string };

const OTHER: Verdict = { type: 'other' };
const STRANGER: Verdict = { type: 'stranger' };
const OLD: Verdict = { type: 'old' };

/** The statements about every open ledger, and about the last closed ones. */
export class Votes {
  readonly #crypto: CryptoProvider;
  readonly #network: Network;
  readonly #quorumSet: SCPQuorumSet;
  /** By the first four bytes of their keys. */
  readonly #validators = new Map<number, Validator[]>();
  readonly #slots = new Map<number, Slot>();
  #oldest = 0;
  #signatureChecks = 0;

  constructor(crypto: CryptoProvider, network: Network, quorumSet: SCPQuorumSet) {
    this.#crypto = crypto;
    this.#network = network;
    this.#quorumSet = quorumSet;
    for (const nodeID of quorumSetNodes(quorumSet)) {
      const key = decodePublicKey(nodeID);
      const bucket = uint32At(key, 0);
      this.#validators.set(bucket, [...(this.#validators.get(bucket) ?? []), { nodeID, key, slots: [] }]);
    }
  }

  /** Signatures of statements checked so far: as many as there were different ones. */
  get signatureChecks(): number {
    return this.#signatureChecks;
  }

  /** The ledger, if there is any statement about it. */
  slot(ledgerSeq: number): Slot | undefined {
    return this.#slots.get(ledgerSeq);
  }

  /** Every ledger with a statement, in no order. */
  get slots(): IterableIterator<Slot> {
    return this.#slots.values();
  }

  /** Number of ledgers with a statement. */
  get slotCount(): number {
    return this.#slots.size;
  }

  /** Ledgers up to this one are closed or given up. */
  close(ledgerSeq: number): void {
    this.#oldest = Math.max(this.#oldest, ledgerSeq - REMEMBERED_SLOTS + 1);
    const slot = this.#slots.get(ledgerSeq);
    for (const candidate of slot?.candidates.values() ?? []) candidate.txSet = undefined;
    for (const old of [...this.#slots.keys()]) if (old < this.#oldest) this.#slots.delete(old);
    for (const bucket of this.#validators.values())
      for (const validator of bucket) validator.slots = validator.slots.filter((seq) => seq >= this.#oldest);
  }

  /** Nodes that have not closed this ledger or a later one with a valid value and this close time or a later one, `G…`. */
  missing(ledgerSeq: number, minCloseTime: number): readonly string[] {
    const heard = new Set<string>();
    for (const slot of this.#slots.values()) {
      if (slot.ledgerSeq < ledgerSeq) continue;
      for (const { value, statements } of slot.candidates.values())
        if (!(value instanceof LedgerError) && value.closeTime >= minCloseTime)
          for (const nodeID of statements.keys()) heard.add(nodeID);
    }
    return quorumSetNodes(this.#quorumSet).filter((nodeID) => !heard.has(nodeID));
  }

  /**
   * Takes an SCP_MESSAGE. A known one costs a comparison of its bytes: nothing is decoded or verified twice.
   * @param xdr the StellarMessage with its 4-byte type; its structure has been checked. A kept one is copied
   * @param now called only if the message is new
   */
  receive(xdr: Uint8Array, now: () => Now): Verdict {
    if (uint32At(xdr, PLEDGES_OFFSET) !== SCP_ST_EXTERNALIZE) return OTHER;
    const validator = this.#validatorOf(xdr);
    if (validator === undefined) return STRANGER;
    const { nodeID } = validator;
    const ledgerSeq = uint32At(xdr, SLOT_OFFSET) * 0x1_0000_0000 + uint32At(xdr, SLOT_OFFSET + 4);
    if (ledgerSeq < this.#oldest) return OLD;
    const slot = this.#slots.get(ledgerSeq);
    const votes = slot?.votes.get(validator);
    if (slot !== undefined && votes?.some((vote) => Buffer.compare(vote.xdr, xdr) === 0)) return { type: 'known', slot };
    if (xdr.length > MAX_STATEMENT_BYTES)
      return { type: 'refused', error: new LedgerError('LEDGER_BAD_VALUE', TOO_LONG), ledgerSeq, nodeID };
    const copy = xdr.slice();
    const { envelope } = messageFields.SCP_MESSAGE.read(new XdrReader(copy, 4));
    try {
      this.#signatureChecks++;
      const { value } = checkStatement(this.#crypto, this.#network, envelope);
      const { monotonicMs } = now();
      return this.#count(validator, this.#open(validator, ledgerSeq, monotonicMs), { xdr: copy, envelope }, value, monotonicMs);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      return { type: 'refused', error, ledgerSeq, nodeID };
    }
  }

  #count(validator: Validator, slot: Slot, said: Omit<Vote, 'candidate'>, value: Uint8Array, nowMs: number): Verdict {
    const votes = slot.votes.get(validator) ?? [];
    slot.votes.set(validator, votes);
    const candidate = this.#candidate(slot, value);
    const contradicted = votes.find((vote) => vote.candidate !== candidate);
    const isFirst = contradicted !== undefined && votes.every((vote) => vote.candidate === contradicted.candidate);
    const contradictions: Contradiction[] = [];
    if (isFirst) contradictions.push({ kind: 'equivocation', evidence: [contradicted.envelope, said.envelope] });
    if (votes.length < MAX_STATEMENTS || isFirst) votes.push({ ...said, candidate });
    if (!candidate.statements.has(validator.nodeID)) {
      candidate.statements.set(validator.nodeID, said.envelope);
      candidate.blocking ||= isVBlocking(this.#quorumSet, candidate.statements);
      if (candidate.quorumAtMs === undefined && isQuorumSlice(this.#quorumSet, candidate.statements)) {
        candidate.quorumAtMs = nowMs;
        const agreed = [...slot.candidates.values()].filter(({ quorumAtMs }) => quorumAtMs !== undefined);
        if (agreed.length === 2) {
          slot.forked = true;
          contradictions.push({ kind: 'fork', evidence: agreed.flatMap(({ statements }) => [...statements.values()]) });
        }
      }
    }
    return { type: 'counted', slot, contradictions };
  }

  #candidate(slot: Slot, bytes: Uint8Array): Candidate {
    const key = bytesKey(bytes);
    const known = slot.candidates.get(key);
    if (known !== undefined) return known;
    const candidate: Candidate = { value: this.#valueOf(bytes), statements: new Map() };
    if (!(candidate.value instanceof LedgerError)) candidate.txSet = droppedTxSet(candidate.value);
    slot.candidates.set(key, candidate);
    return candidate;
  }

  #valueOf(bytes: Uint8Array): StellarValue | LedgerError {
    try {
      return checkValue(this.#crypto, this.#network, bytes);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      return error;
    }
  }

  /** The slot; a new one if needed. A node with statements about too many ledgers loses only its own. */
  #open(validator: Validator, ledgerSeq: number, nowMs: number): Slot {
    if (!validator.slots.includes(ledgerSeq)) {
      validator.slots.push(ledgerSeq);
      if (validator.slots.length > MAX_OPEN_SLOTS + REMEMBERED_SLOTS) this.#forget(validator, Math.min(...validator.slots));
    }
    const known = this.#slots.get(ledgerSeq);
    if (known !== undefined) return known;
    const slot: Slot = { ledgerSeq, heardAtMs: nowMs, votes: new Map(), candidates: new Map(), forked: false };
    this.#slots.set(ledgerSeq, slot);
    return slot;
  }

  #forget(validator: Validator, ledgerSeq: number): void {
    validator.slots = validator.slots.filter((seq) => seq !== ledgerSeq);
    const slot = this.#slots.get(ledgerSeq);
    if (slot === undefined) return;
    slot.votes.delete(validator);
    for (const [key, candidate] of slot.candidates) {
      candidate.statements.delete(validator.nodeID);
      if (candidate.statements.size === 0) slot.candidates.delete(key);
    }
    if (slot.votes.size === 0) this.#slots.delete(ledgerSeq);
  }

  #validatorOf(xdr: Uint8Array): Validator | undefined {
    const bucket = this.#validators.get(uint32At(xdr, NODE_OFFSET));
    return bucket?.find(({ key }) => isAt(key, xdr, NODE_OFFSET));
  }
}

/** Whether the other bytes contain these at that position. */
function isAt(bytes: Uint8Array, others: Uint8Array, offset: number): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== others[offset + i]) return false;
  return true;
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}
