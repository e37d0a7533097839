#!/bin/sh
# @stellarbeat/stellar_analysis_web (fbas_analyzer as WebAssembly) finds the minimal quorums and the top tier of a network from
# stellarbeat's node JSON. A node whose quorum set is itself alone, 1 of 1, is a quorum: stellar-core's standalone configuration is
# such a node, and it closes ledgers alone.
#
# Seen with 0.7.0 on Node 20.20.2:
#
#   nodes                                   minimal quorums     top tier
#   A with 1 of {A}                         none                empty
#   A and B with 2 of {A, B} each           {A, B}              A, B
#
# So a quorum of one node is never found, and a standalone network has no quorum at all. Quorums of two nodes and more are found.
#
# Exits 0 when that is still so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{"type":"module"}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts @stellarbeat/stellar_analysis_web@0.7.0
cat >analyse.js <<'JS'
import { readFileSync } from 'node:fs';
import { analyze_minimal_quorums, analyze_top_tier, initSync } from '@stellarbeat/stellar_analysis_web/stellar_analysis.js';

const wasm = 'node_modules/@stellarbeat/stellar_analysis_web/stellar_analysis_bg.wasm';
initSync({ module: readFileSync(wasm) });
// Two keys: the strkeys of 32 bytes 01 and of 32 bytes 02.
const A = 'GAAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQDZ7H';
const B = 'GABAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEJXA';
const node = (publicKey, threshold, validators) => ({
  publicKey,
  quorumSet: { threshold, validators, innerQuorumSets: [] },
});
const analyse = (name, nodes) => {
  const json = JSON.stringify(nodes);
  const { result } = analyze_minimal_quorums(json, '[]', 0);
  const { top_tier: topTier } = analyze_top_tier(json, '[]', 0);
  console.log(name, JSON.stringify({ quorums: result, topTier }));
  return { quorums: result.length, topTier: topTier.length };
};
const alone = analyse('1 of {A}:', [node(A, 1, [A])]);
const pair = analyse('2 of {A, B}:', [node(A, 2, [A, B]), node(B, 2, [A, B])]);
const isAsSeen = alone.quorums === 0 && alone.topTier === 0 && pair.quorums === 1 && pair.topTier === 2;
console.log(isAsSeen ? 'as seen' : 'something has changed');
process.exit(isAsSeen ? 0 : 1);
JS
node analyse.js
