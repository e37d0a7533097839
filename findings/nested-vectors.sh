#!/bin/sh
# An argument of a contract may be a vector in a vector, and so on. XDR sets no limit to the levels, and soroban-env-host allows a
# depth of 100. One would expect that a package reads back what it has written, or refuses to write it.
#
# Seen with @stellar/stellar-xdr-json 27.0.0, @stellar/stellar-base 15.0.0 and @stellar/stellar-sdk 17.2.0 on Node 20.20.2, for void
# in this many vectors:
#
#                      writes                        reads back
#   stellar-xdr-json   JSON of up to 124 levels      its JSON of up to 63 levels: "recursion limit exceeded"
#   stellar-base       XDR of at least 400 levels    its XDR of up to 66 levels: "exceeded max decoding depth"
#   stellar-sdk        XDR and JSON of 374 levels    both
#
# So from 64 levels on, the decode of stellar-xdr-json writes JSON that its own encode refuses. Each level is an object and an array of
# JSON. In a TRANSACTION message this begins at 59 levels, because the transaction has levels of its own.
#
# Exits 0 when that is still so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{"type":"module"}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  @stellar/stellar-xdr-json@27.0.0 @stellar/stellar-base@15.0.0 @stellar/stellar-sdk@17.2.0
cat >levels.js <<'JS'
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { xdr as base } from '@stellar/stellar-base';
import { xdr as sdk } from '@stellar/stellar-sdk';
import { decode, encode, initSync } from '@stellar/stellar-xdr-json';

initSync(readFileSync(createRequire(import.meta.url).resolve('@stellar/stellar-xdr-json/stellar_xdr_json_bg.wasm')));
// ScVal: in each level a vector (16) that is present and has one element; within them void (1).
const value = (levels) => Buffer.from(`${'000000100000000100000001'.repeat(levels)}00000001`, 'hex');
const reasons = new Set();
/** The most levels, at most 400, for which the function returns the bytes of the value. */
function most(name, bytesOf) {
  let levels = 0;
  try {
    while (levels < 400 && value(levels + 1).equals(bytesOf(levels + 1))) levels += 1;
  } catch (error) {
    reasons.add(`${name}: ${String(error?.message ?? error).split(': ').at(-1)}`);
  }
  return levels;
}
const json = (levels) => decode('ScVal', value(levels).toString('base64'));
const baseXdr = (levels) => {
  let nested = base.ScVal.scvVoid();
  for (let level = 0; level < levels; level += 1) nested = base.ScVal.scvVec([nested]);
  return nested.toXDR();
};
const sdkOf = (bytes) => sdk.ScVal.fromXDR(bytes);
const seen = {
  'stellar-xdr-json writes': most('stellar-xdr-json decode', (levels) => json(levels) && value(levels)),
  'stellar-xdr-json reads back': most('stellar-xdr-json encode', (levels) => Buffer.from(encode('ScVal', json(levels)), 'base64')),
  'stellar-base writes': most('stellar-base toXDR', baseXdr),
  'stellar-base reads back': most('stellar-base fromXDR', (levels) => base.ScVal.fromXDR(baseXdr(levels)).toXDR()),
  'stellar-sdk reads': most('stellar-sdk fromXDR', (levels) => Buffer.from(sdkOf(value(levels)).toXDR())),
  'stellar-sdk reads its JSON': most('stellar-sdk fromJson', (levels) =>
    Buffer.from(sdk.ScVal.fromJson(JSON.parse(JSON.stringify(sdkOf(value(levels)).toJson()))).toXDR()),
  ),
};
for (const [name, levels] of Object.entries(seen)) console.log(name, levels);
for (const reason of reasons) console.log(reason);
const isAsSeen = Object.values(seen).join() === '124,63,400,66,374,374';
console.log(isAsSeen ? 'as seen' : 'something has changed');
process.exit(isAsSeen ? 0 : 1);
JS
node levels.js
