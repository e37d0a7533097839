/** XDR-JSON in both forms, read back by the converter of each: SDF's Rust, in WebAssembly, and stellar-sdk. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { encode, initSync } from '@stellar/stellar-xdr-json';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../../src/protocol/bytes.ts';
import { messageXdr } from '../../../src/protocol/wire/authenticated-message.ts';
import { MAX_JSON_BYTES, messageJson } from '../../../src/report/xdr-json.ts';
import { framesOf } from '../../support/captures.ts';
import { be } from '../../support/pcap.ts';
import { rivalOrNothing } from '../../support/rival.ts';
import { transcripts, vectors } from '../../support/vectors.ts';

initSync(readFileSync(createRequire(import.meta.url).resolve('@stellar/stellar-xdr-json/stellar_xdr_json_bg.wasm')));

/** Every message of the vectors, and of every recorded session: all types in use. */
const messages: readonly (readonly [string, Uint8Array])[] = [
  ...vectors.messages.map(({ type, stellarMessageHex }) => [type, fromHex(stellarMessageHex)] as const),
  ...transcripts
    .filter(([name]) => !name.startsWith('reject-corrupt'))
    .flatMap(([, one]) => framesOf(one).map(({ type, frame }) => [type, messageXdr(frame.subarray(4))] as const)),
];

interface SdkMessage {
  toXDR(): Uint8Array;
  toJson(): unknown;
}

const sdk = await rivalOrNothing('stellar-sdk');
const { xdr } =
  sdk === undefined
    ? { xdr: undefined }
    : ((await import(pathToFileURL(sdk.resolve('@stellar/stellar-sdk')).href)) as {
        readonly xdr: { readonly StellarMessage: { fromJson(json: unknown): SdkMessage; fromXDR(bytes: Buffer): SdkMessage } };
      });

describe('XDR-JSON', () => {
  it('is read back unchanged by SDF’s Rust in the form stellar-xdr', async () => {
    for (const [, message] of messages) {
      const json = JSON.stringify(await messageJson(message, 'stellar-xdr'));
      expect(toHex(Buffer.from(encode('StellarMessage', json), 'base64'))).toBe(toHex(message));
    }
    expect(new Set(messages.map(([type]) => type)).size).toBeGreaterThan(19);
  });

  it.skipIf(xdr === undefined)('is the same as from stellar-sdk, which reads it back unchanged, in the form sep-51', async () => {
    for (const [, message] of messages) {
      const json = await messageJson(message);
      expect(json).toEqual(JSON.parse(JSON.stringify(xdr?.StellarMessage.fromXDR(Buffer.from(message)).toJson())));
      expect(toHex(xdr?.StellarMessage.fromJson(json).toXDR() ?? new Uint8Array())).toBe(toHex(message));
    }
  });

  it('differs between the two forms in four types of messages', async () => {
    const differ = new Set<string>();
    for (const [type, message] of messages) {
      const [one, other] = await Promise.all([messageJson(message), messageJson(message, 'stellar-xdr')]);
      if (JSON.stringify(one) !== JSON.stringify(other)) differ.add(type);
    }
    expect([...differ].sort()).toEqual(['DONT_HAVE', 'HELLO', 'PEERS', 'TIME_SLICED_SURVEY_REQUEST']);
  });

  it.each([5, 99, -1, 0x7fffffff])('has the number and the text of an ERROR_MSG with code %i', async (code) => {
    const message = concatBytes(be(0, 4), be(code < 0 ? code + 2 ** 32 : code, 4), be(3, 4), fromHex('61c30a00'));
    for (const form of ['sep-51', 'stellar-xdr'] as const) {
      expect(await messageJson(message, form)).toEqual({ error_msg: { code, msg: 'a\\xc3\\n' } });
    }
  });

  it('is null for an unknown type, and for a message that is too large', async () => {
    expect(await messageJson(fromHex('0000006300000000'))).toBeNull();
    expect(await messageJson(setOf(MAX_JSON_BYTES))).toBeNull();
  });

  it('is made in another thread, with the same result, for a large transaction set', async () => {
    const small = (await messageJson(setOf(20_000))) as { generalized_tx_set: { v1: { phases: [{ v0: [Components] }] } } };
    // The timers of this thread run while it is converted.
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const [large, again] = (await Promise.all([messageJson(setOf(2_000_000)), messageJson(setOf(100_000))])) as (typeof small)[];
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
    const txs = (json: typeof small | undefined): readonly unknown[] =>
      json?.generalized_tx_set.v1.phases[0].v0[0].txset_comp_txs_maybe_discounted_fee.txs ?? [];
    expect(txs(large).length).toBe(Math.floor(2_000_000 / TRANSACTION.length));
    expect(txs(large).at(-1)).toEqual(txs(small)[0]);
    expect(txs(again)[0]).toEqual(txs(small)[0]);
  });
});

interface Components {
  readonly txset_comp_txs_maybe_discounted_fee: { readonly txs: readonly unknown[] };
}

/** XDR of a TransactionEnvelope. */
const TRANSACTION = messages.find(([type]) => type === 'TRANSACTION')?.[1].subarray(4) ?? new Uint8Array(0);

/** A GENERALIZED_TX_SET of about this length: version 1, one phase, one component, the same transaction repeated. */
function setOf(bytes: number): Uint8Array {
  const count = Math.floor(bytes / TRANSACTION.length);
  const head = [17, 1].map((word) => be(word, 4));
  const phases = [1, 0, 1, 0, 0, count].map((word) => be(word, 4));
  return Buffer.concat([...head, new Uint8Array(32), ...phases, ...Array.from({ length: count }, () => TRANSACTION)]);
}
