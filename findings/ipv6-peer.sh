#!/bin/sh
# getIpFromPeerAddress of @stellarbeat/js-stellar-node-connector gives the address of an entry of PEERS as text. An entry has 4 bytes
# of IPv4 or 16 bytes of IPv6. One would expect an IPv6 address as such, or an error.
#
# Seen with 7.0.1 (and @stellar/stellar-base 12.1.1, which it pins) on Node 20.20.2:
#
#   entry of PEERS                getIpFromPeerAddress
#   IPv4 192.0.2.4                192.0.2.4
#   IPv6 2001:db8::1              32.1.13.184
#   IPv6 2001:db8:ffff::2         32.1.13.184
#
# So the first 4 bytes of every IPv6 address become an IPv4 address that no peer has named, and addresses that begin with the same
# 4 bytes become one. @stellarbeat/js-stellar-node-crawler 5.1.0 puts this address into its queue of nodes to dial, with the port of
# the entry.
#
# Exits 0 when that is still so. It dials nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  @stellarbeat/js-stellar-node-connector@7.0.1 @stellarbeat/js-stellar-node-crawler@5.1.0 @stellar/stellar-base@12.1.1
cat >peers.js <<'JS'
const { getIpFromPeerAddress } = require('@stellarbeat/js-stellar-node-connector');
const { xdr } = require('@stellar/stellar-base');
const handlers = '@stellarbeat/js-stellar-node-crawler/lib/network-observer/peer-event-handler/stellar-message-handlers';
const { StellarMessageHandler } = require(`${handlers}/stellar-message-handler`);

// A PEERS message (5) of three entries: the kind of the address (0 IPv4, 1 IPv6), its bytes, the port 11625, no failures.
const entries = [
  ['192.0.2.4', '00000000' + 'c0000204'],
  ['2001:db8::1', '00000001' + '20010db8000000000000000000000001'],
  ['2001:db8:ffff::2', '00000001' + '20010db8ffff00000000000000000002'],
];
const hex = entries.map(([, address]) => `${address}00002d6900000000`).join('');
const message = xdr.StellarMessage.fromXDR(Buffer.from(`0000000500000003${hex}`, 'hex'));
const read = message.peers().map((peer) => getIpFromPeerAddress(peer)._unsafeUnwrap());
for (const [index, [name]] of entries.entries()) console.log(`${name}: ${read[index]}`);

const log = { debug() {}, info() {} };
const observation = { peerNodes: { setPeerSuppliedPeerList() {} } };
const handler = new StellarMessageHandler(undefined, undefined, log);
const { peers } = handler.handleStellarMessage('sender', message, true, observation)._unsafeUnwrap();
console.log('addresses that the crawler gets:', peers.map((peer) => peer.join(':')).join(' '));
const isAsSeen =
  read.join() === '192.0.2.4,32.1.13.184,32.1.13.184' &&
  peers.join() === '192.0.2.4,11625,32.1.13.184,11625,32.1.13.184,11625';
console.log(isAsSeen ? 'as seen' : 'something has changed');
process.exit(isAsSeen ? 0 : 1);
JS
node peers.js
