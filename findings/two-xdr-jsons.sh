#!/bin/sh
# SDF publishes two converters between XDR and XDR-JSON (SEP-51): @stellar/stellar-xdr-json (the Rust library stellar-xdr as
# WebAssembly) and @stellar/stellar-sdk (toJson and fromJson). One would expect each to read what the other writes.
#
# Seen with @stellar/stellar-xdr-json 27.0.0 and @stellar/stellar-sdk 17.2.0 on Node 20.20.2, for a PEERS message with the one
# address 192.0.2.4:11625:
#
#   stellar-xdr-json writes  "i_pv4":[192,0,2,4]   and does not read stellar-sdk's JSON
#   stellar-sdk writes       "i_pv4":"c0000204"    and does not read stellar-xdr-json's JSON
#
# SEP-51 says that fixed-length opaque data is a hex string. An opaque that has a name of its own (a hash, for example) is hex in
# both; one that stands in a union arm or in a struct is an array of numbers in stellar-xdr-json.
#
# Exits 0 when that is still so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{"type":"module"}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts @stellar/stellar-xdr-json@27.0.0 @stellar/stellar-sdk@17.2.0
cat >compare.js <<'JS'
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { decode, encode, initSync } from '@stellar/stellar-xdr-json';
import { xdr } from '@stellar/stellar-sdk';

const wasm = createRequire(import.meta.url).resolve('@stellar/stellar-xdr-json/stellar_xdr_json_bg.wasm');
initSync(readFileSync(wasm));
// PEERS (5), one address: IPv4 (0) 192.0.2.4, port 11625, no failures.
const message = Buffer.from('0000000500000001' + '00000000c0000204' + '00002d69' + '00000000', 'hex');
const rust = decode('StellarMessage', message.toString('base64'));
const sdk = JSON.stringify(xdr.StellarMessage.fromXDR(message).toJson());
const reads = (read) => {
  try {
    read();
    return true;
  } catch (error) {
    console.log('  refused:', String(error?.message ?? error).split('\n')[0]);
    return false;
  }
};
console.log('stellar-xdr-json writes', rust);
console.log('stellar-sdk writes     ', sdk);
console.log('stellar-xdr-json reads its own, then the other:');
const own = reads(() => encode('StellarMessage', rust));
const other = reads(() => encode('StellarMessage', sdk));
console.log('stellar-sdk reads its own, then the other:');
const ownSdk = reads(() => xdr.StellarMessage.fromJson(JSON.parse(sdk)));
const otherSdk = reads(() => xdr.StellarMessage.fromJson(JSON.parse(rust)));
const isAsSeen =
  rust.includes('"i_pv4":[192,0,2,4]') && sdk.includes('"i_pv4":"c0000204"') && own && ownSdk && !other && !otherSdk;
console.log(isAsSeen ? 'as seen' : 'something has changed');
process.exit(isAsSeen ? 0 : 1);
JS
node compare.js
