/**
 * XDR-JSON (SEP-51) by SDF's own converter, which is WebAssembly of 3.6 MB: loaded when it is asked for the first time.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

type Convert = (xdr: Uint8Array) => unknown;

let loading: Promise<Convert> | undefined;

/**
 * A StellarMessage as XDR-JSON: names as in the .x files in lower case, 64-bit integers and bytes as strings.
 * @param xdr the StellarMessage, its 4-byte type included
 * @returns null when it is of a type, or holds a ledger type, that the converter does not know
 */
export async function messageJson(xdr: Uint8Array): Promise<unknown> {
  loading ??= load();
  return (await loading)(xdr);
}

async function load(): Promise<Convert> {
  const { initSync, decode } = await import('@stellar/stellar-xdr-json');
  // Its own start-up would fetch the file, which Node's fetch does not do.
  const wasm = createRequire(import.meta.url).resolve('@stellar/stellar-xdr-json/stellar_xdr_json_bg.wasm');
  initSync(await readFile(wasm));
  return (xdr) => {
    const base64 = Buffer.from(xdr.buffer, xdr.byteOffset, xdr.byteLength).toString('base64');
    try {
      return JSON.parse(decode('StellarMessage', base64));
    } catch {
      return null;
    }
  };
}
