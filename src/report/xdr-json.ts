/**
 * XDR-JSON by SDF's own converter. It is WebAssembly of 3.6 MB, loaded at the first use.
 *
 * SDF has two converters that differ in messages of the overlay: docs/xdr-json.md. The output of the converter used here is
 * changed to the form of SEP-51, unless its own form is requested.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { toHex } from '../protocol/bytes.ts';
import { ERROR_CODES } from '../protocol/error-table.ts';
import { MESSAGE_TYPES } from '../protocol/wire/messages.ts';
import { XdrReader } from '../protocol/xdr/reader.ts';

/**
 * Forms of XDR-JSON. `sep-51`: as the specification defines it and stellar-sdk reads and writes it. `stellar-xdr`: as the Rust
 * crate of that name, stellar-cli and @stellar/stellar-xdr-json write it.
 */
export const JSON_FORMS = ['sep-51', 'stellar-xdr'] as const;

/** A form of XDR-JSON. */
export type JsonForm = (typeof JSON_FORMS)[number];

/** Largest message that is converted, in bytes. Transaction sets of a ledger are far smaller. */
export const MAX_JSON_BYTES = 0x400000;
/**
 * Largest message converted in this thread, in bytes: 64 KiB take about 20 ms. Larger ones are converted in a thread of their
 * own.
 */
const MAX_INLINE_BYTES = 0x10000;

/** A JSON object. */
type JsonObject = Readonly<Record<string, unknown>>;
/** XDR of a StellarMessage to XDR-JSON text of `stellar-xdr`; null when the converter does not know it. */
type Convert = (xdr: Uint8Array) => string | null;

let loading: Promise<Convert> | undefined;
/** The end of the previous conversion in a thread: they run one at a time, so that memory is bounded. */
let busy: Promise<unknown> = Promise.resolve();

/**
 * A StellarMessage as XDR-JSON: names as in the .x files in snake case, 64-bit integers and bytes as strings.
 * @param xdr the StellarMessage, its 4-byte type included
 * @returns null when it is of a type, or holds a ledger type, that the converter does not know, or is larger than
 *   `MAX_JSON_BYTES`
 */
export async function messageJson(xdr: Uint8Array, form: JsonForm = 'sep-51'): Promise<unknown> {
  if (xdr.length > MAX_JSON_BYTES) return null;
  const known = withKnownCode(xdr);
  const text = await (xdr.length <= MAX_INLINE_BYTES ? convertHere(known) : convertInThread(known));
  if (text === null) return null;
  const message = JSON.parse(text) as unknown;
  if (known !== xdr) return withCode(message as JsonObject, xdr);
  return form === 'sep-51' ? toSep51(message) : message;
}

async function convertHere(xdr: Uint8Array): Promise<string | null> {
  loading ??= load();
  return (await loading)(xdr);
}

async function load(): Promise<Convert> {
  const { initSync, decode } = await import('@stellar/stellar-xdr-json');
  // The converter's own start-up would fetch the file, which Node's fetch cannot do.
  initSync(await readFile(converterFiles().wasm));
  return (xdr) => {
    const base64 = Buffer.from(xdr.buffer, xdr.byteOffset, xdr.byteLength).toString('base64');
    try {
      return decode('StellarMessage', base64);
    } catch {
      return null;
    }
  };
}

function converterFiles(): { readonly module: string; readonly wasm: string } {
  const { resolve } = createRequire(import.meta.url);
  const module = pathToFileURL(resolve('@stellar/stellar-xdr-json')).href;
  return { module, wasm: resolve('@stellar/stellar-xdr-json/stellar_xdr_json_bg.wasm') };
}

/** The same as `load` and its function, as text: a separate file would need another path in sources, bundle and package. */
const THREAD = `
const { parentPort, workerData: { module, wasm, xdr } } = require('node:worker_threads');
import(module).then(({ initSync, decode }) => {
  initSync(require('node:fs').readFileSync(wasm));
  let text = null;
  try { text = decode('StellarMessage', Buffer.from(xdr).toString('base64')); } catch {}
  parentPort.postMessage(text);
});`;

/** The thread ends with its conversion, because WebAssembly never gives memory back. */
function convertInThread(xdr: Uint8Array): Promise<string | null> {
  const convert = (): Promise<string | null> =>
    new Promise((resolve) => {
      const thread = new Worker(THREAD, { eval: true, workerData: { ...converterFiles(), xdr: Uint8Array.from(xdr) } });
      let text: string | null = null;
      thread.on('message', (result: string | null) => {
        text = result;
      });
      // An error in the converter counts as something that it does not know.
      thread.on('error', () => {});
      thread.on('exit', () => resolve(text));
    });
  const result = busy.then(convert);
  busy = result;
  return result;
}

/** An ERROR_MSG with an unnamed code gets a named one; everything else is unchanged. The converter refuses unnamed codes. */
function withKnownCode(xdr: Uint8Array): Uint8Array {
  if (xdr.length < 8) return xdr;
  const reader = new XdrReader(xdr);
  if (reader.int32() !== MESSAGE_TYPES.ERROR_MSG) return xdr;
  if ((Object.values(ERROR_CODES) as number[]).includes(reader.int32())) return xdr;
  const copy = Uint8Array.from(xdr);
  copy.fill(0, 4, 8);
  return copy;
}

/** Restores an unnamed code, as its number. */
function withCode(message: JsonObject, xdr: Uint8Array): JsonObject {
  return { error_msg: { ...(message.error_msg as object), code: new XdrReader(xdr, 4).int32() } };
}

/**
 * Paths where the converter writes an array of numbers for bytes of a fixed length, which SEP-51 writes as hex; `*` is each
 * item of an array.
 */
const FIXED_OPAQUE: readonly (readonly string[])[] = [
  ['hello', 'cert', 'pubkey', 'key'],
  ['peers', '*', 'ip', 'i_pv4'],
  ['peers', '*', 'ip', 'i_pv6'],
  ['time_sliced_survey_request', 'request', 'request', 'encryption_key', 'key'],
];

/** The one field whose name is a Rust keyword. */
const DONT_HAVE = 'dont_have';

/** Converts the parts of overlay messages that SEP-51 writes differently. */
function toSep51(message: unknown): unknown {
  const { [DONT_HAVE]: dontHave } = message as { readonly [DONT_HAVE]?: { readonly type_: string; readonly req_hash: string } };
  if (dontHave !== undefined) return { [DONT_HAVE]: { type: dontHave.type_, req_hash: dontHave.req_hash } };
  return FIXED_OPAQUE.reduce((value, path) => withHex(value, path), message);
}

/** A copy with the bytes at a path as hex; the value itself where there are none. */
function withHex(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return toHex(Uint8Array.from(value as readonly number[]));
  if (name === '*') return (value as readonly unknown[]).map((item) => withHex(item, rest));
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return value;
  return { ...value, [name]: withHex((value as JsonObject)[name], rest) };
}
