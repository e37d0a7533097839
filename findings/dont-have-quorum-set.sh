#!/bin/sh
# @stellarbeat/js-stellar-node-crawler asks one peer at a time for a quorum set, with GET_SCP_QUORUMSET. It handles DONT_HAVE: the next
# peer is to be asked at once. One would expect that this saves the time limit of a request (1.5 s by default).
#
# Seen with 5.1.0 (with @stellarbeat/js-stellar-node-connector 7.0.1 and @stellar/stellar-base 12.1.1) on Node 20.20.2, with two
# connected peers and a time limit of 400 ms:
#
#   answer of the first peer                     peers asked at once    after the time limit
#   DONT_HAVE of SCP_QUORUMSET (10)              first                  first, second
#   DONT_HAVE of GET_SCP_QUORUMSET (9)           first                  first, second
#
# So DONT_HAVE has no effect, for two reasons. stellar-core names SCP_QUORUMSET, the type of the answer that it does not have; the
# crawler compares with GET_SCP_QUORUMSET, the type of its request. And it keeps its requests under the address of the peer, but looks
# them up under the key of the peer.
#
# Exits 0 when that is still so. It opens no connection: both peers are objects.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  @stellarbeat/js-stellar-node-crawler@5.1.0 @stellarbeat/js-stellar-node-connector@7.0.1 @stellar/stellar-base@12.1.1
cat >dont-have.js <<'JS'
const { EventEmitter } = require('node:events');
const { setTimeout: wait } = require('node:timers/promises');
const { xdr } = require('@stellar/stellar-base');
const observer = '@stellarbeat/js-stellar-node-crawler/lib/network-observer';
const { ConnectionManager } = require(`${observer}/connection-manager`);
const { OnPeerData } = require(`${observer}/peer-event-handler/on-peer-data`);
const { QuorumSetManager } = require(`${observer}/quorum-set-manager`);
const { QuorumSetState } = require(`${observer}/quorum-set-state`);
const { StellarMessageHandler } = require(`${observer}/peer-event-handler/stellar-message-handlers/stellar-message-handler`);

const log = { debug() {}, info() {}, trace() {}, warn() {} };
const quorumSetHash = Buffer.alloc(32, 9);
const nomination = new xdr.ScpNomination({ quorumSetHash, votes: [], accepted: [] });
const statement = { pledges: () => xdr.ScpStatementPledges.scpStNominate(nomination) };
/** Peers that were asked: at once, and after the time limit. The first peer answers DONT_HAVE of this type. */
async function asked(type) {
  const peers = [];
  const ask = (ip) => Object.assign(new EventEmitter(), { sendStellarMessage: () => peers.push(ip) });
  const connections = { first: ask('first'), second: ask('second') };
  const connectionManager = new ConnectionManager({ connectTo: (ip) => connections[ip] }, new Set(), log);
  const quorumSetManager = new QuorumSetManager(connectionManager, 400, log);
  const onPeerData = new OnPeerData(new StellarMessageHandler(undefined, quorumSetManager, log), log, connectionManager);
  const observation = { peerNodes: new Map(), quorumSets: new Map(), quorumSetState: new QuorumSetState() };
  connectionManager.on('data', (data) => onPeerData.handle(data, observation));
  for (const ip of ['first', 'second']) {
    connectionManager.connectToNode(ip, 11625);
    connections[ip].emit('connect', `key of ${ip}`, {});
  }
  quorumSetManager.processQuorumSetHashFromStatement({ publicKey: 'key of a validator' }, statement, observation);
  const stellarMessage = xdr.StellarMessage.dontHave(new xdr.DontHave({ type, reqHash: quorumSetHash }));
  connections.first.emit('data', { stellarMessage, done() {} });
  const atOnce = peers.join();
  await wait(600);
  console.log(`DONT_HAVE of ${type.name} (${type.value}): asked ${atOnce}; after the time limit ${peers}`);
  return `${atOnce} / ${peers}`;
}
(async () => {
  const seen = [await asked(xdr.MessageType.scpQuorumset()), await asked(xdr.MessageType.getScpQuorumset())];
  const isAsSeen = seen.every((peers) => peers === 'first / first,second');
  console.log(isAsSeen ? 'as seen' : 'something has changed');
  process.exit(isAsSeen ? 0 : 1);
})();
JS
node dont-have.js
