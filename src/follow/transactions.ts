/**
 * The contents of a transaction set as XDR-JSON of SDF's converter. Following ledgers does not need it; showing them and finding
 * a transaction does.
 * @module
 */
import { nodeCrypto } from '../crypto/node.ts';
import { concatBytes, toHex } from '../protocol/bytes.ts';
import { ENVELOPE_TYPE_TX, ENVELOPE_TYPE_TX_FEE_BUMP } from '../protocol/constants.ts';
import { type Network, networkIDBytes } from '../protocol/networks.ts';
import { MESSAGE_TYPES } from '../protocol/wire/messages.ts';
import { messageJson } from '../report/xdr-json.ts';

/** Numbers of transactions and operations. */
export interface TxSetSummary {
  readonly transactions: number;
  /** By type, as XDR-JSON names it, such as `payment`; the most frequent first. */
  readonly operations: Readonly<Record<string, number>>;
}

/** The hashes of a transaction, and its time limits. */
export interface TransactionFacts {
  /** SHA-256 of the envelope with its signatures, which adverts contain. 32 bytes. */
  readonly envelopeHash: Uint8Array;
  /** The hash that is signed, by which explorers name it: 32 bytes as hex. */
  readonly transactionHash: string;
  /** Latest close time of a ledger that may contain it, Unix seconds; undefined without limit. */
  readonly maxTime: number | undefined;
  /** First ledger that may no longer contain it; undefined without limit. */
  readonly maxLedger: number | undefined;
}

type Json = { readonly [name: string]: unknown };

/**
 * A transaction set as XDR-JSON.
 * @returns null when the converter does not know a part of it
 */
export async function txSetJson(txSet: Uint8Array): Promise<Readonly<Record<string, unknown>> | null> {
  for (const [type, name] of [
    ['GENERALIZED_TX_SET', 'generalized_tx_set'],
    ['TX_SET', 'tx_set'],
  ] as const) {
    const json = (await jsonOf(type, txSet)) as Json | null;
    if (json !== null) return { [name]: json[name] };
  }
  return null;
}

/** Counts the contents of a transaction set. @returns undefined when the converter does not know a part of it */
export async function summarizeTxSet(txSet: Uint8Array): Promise<TxSetSummary | undefined> {
  const json = await txSetJson(txSet);
  return json === null ? undefined : summarize(json);
}

/** Counts the contents of a transaction set in XDR-JSON. */
export function summarize(txSet: Readonly<Record<string, unknown>>): TxSetSummary {
  const transactions = transactionsIn(txSet);
  const counts = new Map<string, number>();
  for (const transaction of transactions) {
    for (const kind of operationsOf(transaction)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const operations = Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
  return { transactions: transactions.length, operations };
}

/**
 * Whether a transaction is in a set. Finding its bytes is not enough: another transaction may contain them as data.
 * @returns undefined when its bytes are there and the converter cannot decode the set
 */
export async function hasTransaction(txSet: Uint8Array, transaction: Uint8Array): Promise<boolean | undefined> {
  if (Buffer.from(txSet.buffer, txSet.byteOffset, txSet.byteLength).indexOf(transaction) < 0) return false;
  const [set, envelope] = await Promise.all([txSetJson(txSet), jsonOf('TRANSACTION', transaction)]);
  if (set === null || envelope === null) return undefined;
  // XDR and its XDR-JSON correspond one to one.
  const text = JSON.stringify((envelope as Json).transaction);
  return transactionsIn(set).some((each) => JSON.stringify(each) === text);
}

/**
 * Reads a transaction to send.
 * @param transaction XDR of a TransactionEnvelope
 * @throws {TypeError} when it is not a transaction, or of a kind that the converter does not know
 */
export async function readTransaction(transaction: Uint8Array, network: Network): Promise<TransactionFacts> {
  const json = (await jsonOf('TRANSACTION', transaction)) as Json | null;
  const envelope = json?.transaction as Json | undefined;
  if (envelope === undefined) throw new TypeError('not the XDR of a TransactionEnvelope');
  const [kind] = Object.keys(envelope) as [string];
  const { signatures } = envelope[kind] as { readonly signatures: readonly { readonly signature: string }[] };
  const signatureBytes = signatures.reduce((sum, { signature }) => sum + 8 + Math.ceil(signature.length / 8) * 4, 4);
  const signed = transaction.subarray(4, transaction.length - signatureBytes);
  // A v0 transaction is signed as the equal v1 transaction, whose source account has a type before its key.
  const [type, body] =
    kind === 'tx_fee_bump'
      ? [ENVELOPE_TYPE_TX_FEE_BUMP, signed]
      : [ENVELOPE_TYPE_TX, kind === 'tx_v0' ? concatBytes(new Uint8Array(4), signed) : signed];
  const payload = concatBytes(networkIDBytes(network.networkID), Uint8Array.of(0, 0, 0, type), body);
  const inner = innerOf(envelope);
  const cond = (inner.cond ?? (inner.time_bounds ? { time: inner.time_bounds } : 'none')) as 'none' | Json;
  const v2 = cond === 'none' ? undefined : (cond.v2 as Json | undefined);
  const time = (cond === 'none' ? undefined : (cond.time ?? v2?.time_bounds)) as Json | undefined;
  const ledgers = v2?.ledger_bounds as Json | undefined;
  return {
    envelopeHash: nodeCrypto.sha256(transaction),
    transactionHash: toHex(nodeCrypto.sha256(payload)),
    maxTime: Number(time?.max_time ?? 0) || undefined,
    maxLedger: Number(ledgers?.max_ledger ?? 0) || undefined,
  };
}

/** Every TransactionEnvelope in a set, at any depth. */
function transactionsIn(value: unknown): readonly Json[] {
  if (Array.isArray(value)) return value.flatMap(transactionsIn);
  if (typeof value !== 'object' || value === null) return [];
  if (ENVELOPES.some((kind) => Object.hasOwn(value, kind))) return [value as Json];
  return Object.values(value).flatMap(transactionsIn);
}

const ENVELOPES = ['tx_v0', 'tx', 'tx_fee_bump'] as const;

/** The transaction of an envelope; of a fee bump, the inner transaction. */
function innerOf(envelope: Json): Json {
  const bump = envelope.tx_fee_bump as { readonly tx: { readonly inner_tx: Json } } | undefined;
  if (bump !== undefined) return innerOf(bump.tx.inner_tx);
  return ((envelope.tx ?? envelope.tx_v0) as { readonly tx: Json }).tx;
}

function operationsOf(envelope: Json): readonly string[] {
  const operations = innerOf(envelope).operations as readonly { readonly body: string | Json }[];
  return operations.map(({ body }) => (typeof body === 'string' ? body : (Object.keys(body)[0] as string)));
}

/** A message whose one field is these bytes, because the converter takes messages. */
function jsonOf(type: 'GENERALIZED_TX_SET' | 'TX_SET' | 'TRANSACTION', xdr: Uint8Array): Promise<unknown> {
  return messageJson(concatBytes(Uint8Array.of(0, 0, 0, MESSAGE_TYPES[type]), xdr));
}

/** Reads XDR from a file: base64, hex or binary. @throws {TypeError} when it is none of them */
export function readXdrText(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1').trim();
  if (/^(?:[0-9a-f]{8})+$/i.test(text)) return new Uint8Array(Buffer.from(text, 'hex'));
  if (/^[A-Za-z0-9+/\s]+={0,2}$/.test(text)) return new Uint8Array(Buffer.from(text, 'base64'));
  if (bytes.length > 0 && bytes.length % 4 === 0) return bytes;
  throw new TypeError('neither base64, nor hex, nor XDR');
}
