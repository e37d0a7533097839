#!/bin/sh
# SCPStatement.fromXdr of @stellarbeat/js-stellar-node-connector makes a plain object of an SCP statement. Its fields have the names
# of Stellar-SCP.x. One would expect each to have the value of the field with its name.
#
# Seen with 7.0.1 (and @stellar/stellar-base 12.1.1, which it pins) on Node 20.20.2:
#
#   statement  XDR                            SCPStatement
#   PREPARE    nC 1, nH 3                     nC 3, nH 1
#   NOMINATE   votes [01, 02], accepted [01]  votes [01, 02], accepted [01, 02]
#
# So nC and nH change places: with nC above nH, the object is a statement that stellar-core calls insane. And accepted is a copy of
# the votes, so that a validator seems to have accepted each value as soon as it votes for it. nH of EXTERNALIZE is right.
#
# Exits 0 when that is still so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts @stellarbeat/js-stellar-node-connector@7.0.1 @stellar/stellar-base@12.1.1
cat >statements.js <<'JS'
const { SCPStatement } = require('@stellarbeat/js-stellar-node-connector');
const { xdr } = require('@stellar/stellar-base');

const bytes = (byte, length) => Buffer.alloc(length, byte);
const ballot = (counter) => new xdr.ScpBallot({ counter, value: bytes(1, 1) });
const read = (pledges) => {
  const nodeId = xdr.PublicKey.publicKeyTypeEd25519(bytes(7, 32));
  const statement = new xdr.ScpStatement({ nodeId, slotIndex: xdr.Uint64.fromString('1'), pledges });
  return SCPStatement.fromXdr(statement.toXDR('base64'))._unsafeUnwrap().pledges;
};
const prepare = new xdr.ScpStatementPrepare({
  quorumSetHash: bytes(9, 32),
  ballot: ballot(4),
  prepared: ballot(4),
  preparedPrime: null,
  nC: 1,
  nH: 3,
});
const nomination = new xdr.ScpNomination({
  quorumSetHash: bytes(9, 32),
  votes: [bytes(1, 1), bytes(2, 1)],
  accepted: [bytes(1, 1)],
});
const externalize = new xdr.ScpStatementExternalize({ commit: ballot(1), nH: 3, commitQuorumSetHash: bytes(9, 32) });
const prepared = read(xdr.ScpStatementPledges.scpStPrepare(prepare));
const nominated = read(xdr.ScpStatementPledges.scpStNominate(nomination));
const externalized = read(xdr.ScpStatementPledges.scpStExternalize(externalize));
const hex = (values) => values.map((value) => Buffer.from(value, 'base64').toString('hex')).join(' ');
console.log(`PREPARE      nC ${prepare.nC()}, nH ${prepare.nH()}: read as nC ${prepared.nC}, nH ${prepared.nH}`);
console.log(`NOMINATE     votes 01 02, accepted 01: read as votes ${hex(nominated.votes)}, accepted ${hex(nominated.accepted)}`);
console.log(`EXTERNALIZE  nH ${externalize.nH()}: read as nH ${externalized.nH}`);
const isAsSeen =
  prepared.nC === 3 &&
  prepared.nH === 1 &&
  hex(nominated.votes) === '01 02' &&
  hex(nominated.accepted) === '01 02' &&
  externalized.nH === 3;
console.log(isAsSeen ? 'as seen' : 'something has changed');
process.exit(isAsSeen ? 0 : 1);
JS
node statements.js
