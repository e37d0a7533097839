/**
 * Errors of ledgers, of proofs, and of peers that send them: stable codes.
 * @module
 */

/** Every code: its short stable name, what happened, and what to do. */
export const LEDGER_ERROR_TABLE = {
  LEDGER_PROOF_MALFORMED: {
    cause: 'proof-malformed',
    summary: 'The proof does not have the form of a proof.',
    advice: 'Check that follow --json --proof has written the file, and that it is complete.',
  },
  LEDGER_BAD_SIGNATURE: {
    cause: 'bad-signature',
    summary: 'A statement is not signed by the node it names, for this network.',
    advice: 'Check --network. If it is right, its sender has forged or damaged the statement.',
  },
  LEDGER_NOT_IN_QUORUM_SET: {
    cause: 'not-in-quorum-set',
    summary: 'A statement is by a node that is not in the quorum set.',
    advice: 'Nothing is wrong. Anybody can make keys, so only statements of the nodes you trust count.',
  },
  LEDGER_INSANE_STATEMENT: {
    cause: 'insane-statement',
    summary: 'A statement contradicts itself, or is not one that closes a ledger.',
    advice: 'The node that signed it is broken or hostile: tell its operator.',
  },
  LEDGER_QUORUM_NOT_MET: {
    cause: 'quorum-not-met',
    summary: 'The nodes that closed the ledger do not satisfy the quorum set.',
    advice: 'Check that the quorum set is the one you mean. If it is, this ledger is not proven to you.',
  },
  LEDGER_BAD_VALUE: {
    cause: 'bad-value',
    summary: 'The value of a ledger does not decode, or its nominator has not signed it.',
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
    advice: 'Its sender has forged or damaged it.',
  },
  LEDGER_CHAIN: {
    cause: 'chain',
    summary: 'Two ledgers name the same one as their predecessor.',
    advice: 'Trust neither until you know what happened to the network: keep the evidence.',
  },
  LEDGER_PEER_FORGES: {
    cause: 'peer-forges',
    summary: 'A peer sends data that fails the checks.',
    advice: 'It was replaced. An honest node checks what it passes on: do not use this one.',
  },
  LEDGER_PEER_SILENT: {
    cause: 'peer-silent',
    summary: 'A peer sends nothing about the ledgers that other peers report.',
    advice: 'It was replaced. It may be out of sync: check its state, or do not use it.',
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

/** The failure of a ledger or a proof. */
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
