/**
 * A ledger as `follow --json` prints it.
 * @module
 */
import type { Ledger, LedgerProof, VerifiedLedger } from './ledger.ts';
import { toBase64 } from './proof.ts';
import { summarize, type TxSetSummary, txSetJson } from './transactions.ts';

/** A line of `follow --json`. */
export interface LedgerJson {
  readonly type: 'ledger';
  readonly ledgerSeq: number;
  /** Unix time in seconds. */
  readonly closeTime: number;
  readonly txSetHash: string;
  readonly previousLedgerHash: string;
  /** XDR of each LedgerUpgrade, base64. */
  readonly upgrades: readonly string[];
  /** The nodes of the quorum set that closed it, `G…`. */
  readonly validators: readonly string[];
  readonly quorumMs: number;
  /** Counts; null when the XDR-JSON converter does not know a part of the set. */
  readonly transactions: number | null;
  readonly operations: TxSetSummary['operations'] | null;
  /** The set as XDR-JSON (SEP-51), if requested; null as above. */
  readonly txSet?: unknown;
  readonly proof?: LedgerProof;
}

/** Optional parts of the output. */
export interface LedgerJsonOptions {
  readonly txSet: boolean;
  readonly proof: boolean;
}

/** A ledger as one JSON value. */
export async function ledgerJson(ledger: Ledger, { txSet, proof }: LedgerJsonOptions): Promise<LedgerJson> {
  const { txSet: converted, ...counts } = await contentsJson(ledger.txSet);
  return {
    type: 'ledger',
    ...factsJson(ledger),
    validators: signersJson(ledger),
    quorumMs: Math.round(ledger.quorumMs),
    ...counts,
    ...(txSet && { txSet: converted }),
    ...(proof && { proof: ledger.proof }),
  };
}

/** The nodes whose statements prove a ledger, `G…`. */
export function signersJson({ statements }: VerifiedLedger): readonly string[] {
  return statements.map(({ statement }) => statement.nodeID);
}

/** The contents of a transaction set; null when the XDR-JSON converter does not know a part of it. */
export async function contentsJson(
  txSet: Uint8Array,
): Promise<Required<Pick<LedgerJson, 'transactions' | 'operations' | 'txSet'>>> {
  const json = await txSetJson(txSet);
  return { ...(json === null ? { transactions: null, operations: null } : summarize(json)), txSet: json };
}

/** The verified content of a proof, as JSON. */
export function factsJson(
  ledger: VerifiedLedger,
): Pick<LedgerJson, 'ledgerSeq' | 'closeTime' | 'txSetHash' | 'previousLedgerHash' | 'upgrades'> {
  const { ledgerSeq, closeTime, txSetHash, previousLedgerHash, upgrades } = ledger;
  return { ledgerSeq, closeTime, txSetHash, previousLedgerHash, upgrades: upgrades.map(toBase64) };
}
