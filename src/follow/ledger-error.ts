/**
 * What is wrong with a ledger, a proof, or a peer that gives them: stable codes.
 * @module
 */

/** Every code: its short stable name, what happened, and what to do about it. */
export const LEDGER_ERROR_TABLE = {
  LEDGER_PROOF_MALFORMED: {
    cause: 'proof-malformed',
    summary: 'The proof is not of its form.',
    advice: 'Check that the file is what follow --json --proof has written, and that it is whole.',
  },
  LEDGER_BAD_SIGNATURE: {
    cause: 'bad-signature',
    summary: 'A statement is not signed by the node it names, for this network.',
    advice: 'Check --network; otherwise whoever gave it has made it up or damaged it.',
  },
  LEDGER_NOT_IN_QUORUM_SET: {
    cause: 'not-in-quorum-set',
    summary: 'A statement is by a node that is not in the quorum set.',
    advice: 'Nothing is wrong: anybody can make keys, so only the nodes you trust are listened to.',
  },
  LEDGER_INSANE_STATEMENT: {
    cause: 'insane-statement',
    summary: 'A statement contradicts itself, or is not one that closes a ledger.',
    advice: 'The node that signed it is broken or hostile: tell its operator.',
  },
  LEDGER_QUORUM_NOT_MET: {
    cause: 'quorum-not-met',
    summary: 'The nodes that say so do not satisfy the quorum set.',
    advice: 'Check that the quorum set is the one you mean; otherwise this ledger is not proven to you.',
  },
  LEDGER_BAD_VALUE: {
    cause: 'bad-value',
    summary: 'The value of a ledger does not decode, or is not signed by who nominated it.',
    advice: 'The network may have upgraded to a protocol this version does not know: look for a newer one.',
  },
  LEDGER_CLOSE_TIME: {
    cause: 'close-time',
    summary: 'The close time of a ledger is not above that of the ledger before, or too far ahead of this clock.',
    advice: 'Check the clock of this machine.',
  },
  LEDGER_TX_SET_HASH: {
    cause: 'tx-set-hash',
    summary: 'A transaction set does not have the hash that the ledger names.',
    advice: 'Whoever gave it has made it up or damaged it.',
  },
  LEDGER_CHAIN: {
    cause: 'chain',
    summary: 'Two ledgers name the same one as their predecessor.',
    advice: 'Trust neither until you know what happened to the network: keep the evidence.',
  },
  LEDGER_PEER_FORGES: {
    cause: 'peer-forges',
    summary: 'A peer sends what does not stand the checks.',
    advice: 'It was replaced. An honest node checks what it passes on: leave this one out.',
  },
  LEDGER_PEER_SILENT: {
    cause: 'peer-silent',
    summary: 'A peer tells nothing of the ledgers that others tell of.',
    advice: 'It was replaced. It may be out of sync: look at its state, or leave it out.',
  },
} as const satisfies Record<string, { readonly cause: string; readonly summary: string; readonly advice: string }>;

/** Code of a LedgerError; stable. */
export type LedgerErrorCode = keyof typeof LEDGER_ERROR_TABLE;

/** How a LedgerError looks in JSON output. */
export interface LedgerErrorJson {
  readonly code: LedgerErrorCode;
  readonly cause: string;
  readonly message: string;
  readonly advice: string;
}

/** What a ledger or a proof fails by. */
export class LedgerError extends Error {
  override readonly name: string = 'LedgerError';
  /** What failed; stable. */
  readonly code: LedgerErrorCode;

  constructor(code: LedgerErrorCode, message: string = LEDGER_ERROR_TABLE[code].summary) {
    super(message);
    this.code = code;
  }

  /** What to do about it. */
  get advice(): string {
    return LEDGER_ERROR_TABLE[this.code].advice;
  }

  /** The object that `--json` prints. */
  toJSON(): LedgerErrorJson {
    const { code, message, advice } = this;
    return { code, cause: LEDGER_ERROR_TABLE[code].cause, message, advice };
  }
}
