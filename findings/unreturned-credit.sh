#!/bin/sh
# A node of @stellarbeat/js-stellar-node-connector can be configured not to receive SCP messages, or no transactions. One would expect
# it to treat what it leaves unread alike: its peer has spent flow control credit on each such message, and needs it back.
#
# Seen with 7.0.1 (and @stellar/stellar-base 12.1.1, which it pins) on Node 20.20.2. One node sends 200 messages, all that the other has
# granted, and counts the grants (SEND_MORE_EXTENDED) that it gets, the first one after AUTH included:
#
#   messages      configuration                       grants
#   SCP_MESSAGE   receiveSCPMessages: true            6
#   SCP_MESSAGE   receiveSCPMessages: false           1
#   FLOOD_ADVERT  receiveTransactionMessages: false   6
#
# So credit for SCP messages that are not received never comes back. The peer may send nothing more, transactions neither, because one
# credit serves both; stellar-core drops a peer that has not granted anything for a minute.
#
# Exits 0 when that is still so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts @stellarbeat/js-stellar-node-connector@7.0.1 @stellar/stellar-base@12.1.1
cat >credit.js <<'JS'
const { once } = require('node:events');
const { createNode } = require('@stellarbeat/js-stellar-node-connector');
const { Keypair, xdr } = require('@stellar/stellar-base');

const MESSAGES = 200;
const node = (own) =>
  createNode({
    network: 'Standalone Network ; February 2017',
    nodeInfo: { ledgerVersion: 27, overlayMinVersion: 38, overlayVersion: 42, versionString: 'finding' },
    listeningPort: 11625,
    privateKey: Keypair.random().secret(),
    receiveTransactionMessages: true,
    receiveSCPMessages: true,
    peerFloodReadingCapacity: MESSAGES,
    flowControlSendMoreBatchSize: 40,
    peerFloodReadingCapacityBytes: 300_000,
    flowControlSendMoreBatchSizeBytes: 100_000,
    ...own,
  });

const bytes = (byte, length) => Buffer.alloc(length, byte);
const scpMessage = (i) =>
  xdr.StellarMessage.scpMessage(
    new xdr.ScpEnvelope({
      statement: new xdr.ScpStatement({
        nodeId: xdr.PublicKey.publicKeyTypeEd25519(bytes(7, 32)),
        slotIndex: xdr.Uint64.fromString(String(i)),
        pledges: xdr.ScpStatementPledges.scpStNominate(
          new xdr.ScpNomination({ quorumSetHash: bytes(9, 32), votes: [bytes(1, 1)], accepted: [] }),
        ),
      }),
      signature: bytes(1, 64),
    }),
  );
const floodAdvert = (i) => xdr.StellarMessage.floodAdvert(new xdr.FloodAdvert({ txHashes: [bytes(i, 32)] }));

const last = xdr.StellarMessage.dontHave(new xdr.DontHave({ type: xdr.MessageType.scpMessage(), reqHash: bytes(0, 32) }));

/** When a connection has got the last message: everything before it has been handled. */
const gotLast = (connection) =>
  new Promise((resolve) =>
    connection.on('data', ({ stellarMessage, done }) => {
      done();
      if (stellarMessage.switch().name === 'dontHave') resolve();
    }),
  );

/** Number of grants for 200 messages. @param config of the node that gets them */
async function grants(message, config) {
  const sender = node({});
  sender.acceptIncomingConnections(0, '127.0.0.1');
  await once(sender, 'listening');
  const { port } = sender.server.address();
  const accepted = once(sender, 'connection');
  const connection = node(config).connectTo('127.0.0.1', port);
  const connectionGotLast = gotLast(connection);
  const [peer] = await accepted;
  const peerGotLast = gotLast(peer);
  await once(peer, 'connect');
  for (let i = 0; i < MESSAGES; i++) peer.sendStellarMessage(message(i));
  peer.sendStellarMessage(last);
  await connectionGotLast;
  // The grants were sent before this message.
  connection.sendStellarMessage(last);
  await peerGotLast;
  const count = peer.sendMoreMsgReceivedCounter;
  connection.destroy();
  peer.destroy();
  await new Promise((resolve) => sender.stopAcceptingIncomingConnections(resolve));
  return count;
}

(async () => {
  setTimeout(() => {
    console.log('no result within a minute');
    process.exit(2);
  }, 60_000).unref();
  const read = await grants(scpMessage, {});
  const unread = await grants(scpMessage, { receiveSCPMessages: false });
  const adverts = await grants(floodAdvert, { receiveTransactionMessages: false });
  console.log(`SCP_MESSAGE, received: ${read} grants; not received: ${unread}; FLOOD_ADVERT, not received: ${adverts}`);
  const isAsSeen = read === 6 && unread === 1 && adverts === 6;
  console.log(isAsSeen ? 'as seen' : 'something has changed');
  process.exit(isAsSeen ? 0 : 1);
})();
JS
LOG_LEVEL=silent node credit.js
