/**
 * The SCP statements that one node passes on: the newest few of each key, in bounded memory.
 * @module
 */

import { toHex } from '../protocol/bytes.ts';
import { isStatementSane, statementQuorumSetHash } from '../protocol/scp/statement.ts';
import type { SCPEnvelope, SCPPledges, SCPStatement } from '../protocol/wire/messages.ts';
import type { ValidatorLine } from './validator-line.ts';

/** Number of statements of one key that are kept: if the signature of the newest is wrong, an older one may be valid. */
const KEPT_PER_KEY = 3;
/** The largest number of unknown keys in one answer. A real network has some hundred validators. Keys in quorum sets are not counted. */
const MAX_STRANGERS = 2_000;
/** Ledger sequences have 32 bits; a slot index above that is not a ledger. */
const MAX_LEDGER = 0xffffffffn;

/** Order of the statements about one ledger. */
const RANK: Readonly<Record<SCPPledges['type'], number>> = {
  SCP_ST_NOMINATE: 0,
  SCP_ST_PREPARE: 1,
  SCP_ST_CONFIRM: 2,
  SCP_ST_EXTERNALIZE: 3,
};

/** The statements that one node has sent. */
export class Statements {
  readonly #byKey = new Map<string, SCPEnvelope[]>();
  readonly #isNamed: (peerID: string) => boolean;
  #strangers = 0;

  /** @param isNamed whether a quorum set names the key */
  constructor(isNamed: (peerID: string) => boolean) {
    this.#isNamed = isNamed;
  }

  /** Keeps an envelope if it is among the newest of its key. It is verified later. */
  add(envelope: SCPEnvelope): void {
    const { statement } = envelope;
    const { nodeID } = statement;
    if (statement.slotIndex > MAX_LEDGER || statement.slotIndex < 1n || !isStatementSane(statement)) return;
    let kept = this.#byKey.get(nodeID);
    if (kept === undefined) {
      if (!this.#isNamed(nodeID) && ++this.#strangers > MAX_STRANGERS) return;
      kept = [];
      this.#byKey.set(nodeID, kept);
    }
    const at = kept.findIndex((other) => isNewer(statement, other.statement));
    if (at < 0 && kept.length >= KEPT_PER_KEY) return;
    kept.splice(at < 0 ? kept.length : at, 0, envelope);
    if (kept.length > KEPT_PER_KEY) kept.pop();
  }

  /** Each key with its statements, the newest first. */
  [Symbol.iterator](): Iterator<readonly [peerID: string, newestFirst: readonly SCPEnvelope[]]> {
    return this.#byKey.entries();
  }
}

function isNewer(a: SCPStatement, b: SCPStatement): boolean {
  if (a.slotIndex !== b.slotIndex) return a.slotIndex > b.slotIndex;
  return RANK[a.pledges.type] > RANK[b.pledges.type];
}

/** The value with which the ledger of a statement has closed, or is sure to close; undefined for other statements. */
export function closedValue({ pledges }: SCPStatement): Uint8Array | undefined {
  if (pledges.type === 'SCP_ST_EXTERNALIZE') return pledges.commit.value;
  return pledges.type === 'SCP_ST_CONFIRM' ? pledges.ballot.value : undefined;
}

/** The hash of the signer's quorum set, 64 hex digits. */
export function hashOf({ pledges }: SCPStatement): string {
  return toHex(statementQuorumSetHash(pledges));
}

/** The kind of statement without its prefix. */
export function kindOf({ pledges }: SCPStatement): NonNullable<ValidatorLine['statement']> {
  return pledges.type.slice('SCP_ST_'.length) as NonNullable<ValidatorLine['statement']>;
}
