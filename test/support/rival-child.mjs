/**
 * js-stellar-node-connector as a program, with the settings of its own example. It takes every message, and answers
 * GET_SCP_QUORUMSET. `node rival-child.mjs FILE listen|dial PORT`: FILE is where its package is found from.
 */
import { createRequire } from 'node:module';

const [file, role, port] = process.argv.slice(2);
const require = createRequire(file);
const { createNode } = require('@stellarbeat/js-stellar-node-connector');
const { Keypair, xdr } = require('@stellar/stellar-base');

const MAX_LIFE_MS = 30 * 60_000;
const REDIAL_MS = 20;

const node = createNode({
  network: 'Standalone Network ; February 2017',
  nodeInfo: { ledgerVersion: 27, overlayMinVersion: 38, overlayVersion: 42, versionString: 'connector 7.0.1' },
  listeningPort: 11625,
  // A seed for tests, known to everyone.
  privateKey: Keypair.fromRawEd25519Seed(Buffer.alloc(32, 11)).secret(),
  receiveSCPMessages: true,
  receiveTransactionMessages: true,
  peerFloodReadingCapacity: 200,
  flowControlSendMoreBatchSize: 40,
  peerFloodReadingCapacityBytes: 300_000,
  flowControlSendMoreBatchSizeBytes: 100_000,
});

function use(connection) {
  connection
    .on('data', ({ stellarMessage, done }) => {
      if (stellarMessage.switch() === xdr.MessageType.getScpQuorumset()) {
        const [type, reqHash] = [xdr.MessageType.scpQuorumset(), stellarMessage.qSetHash()];
        connection.sendStellarMessage(xdr.StellarMessage.dontHave(new xdr.DontHave({ type, reqHash })));
      }
      done();
    })
    .on('error', () => {})
    .on('timeout', () => connection.destroy());
  return connection;
}

function dial() {
  use(node.connectTo('127.0.0.1', Number(port))).on('close', () => setTimeout(dial, REDIAL_MS));
}

if (role === 'dial') dial();
else {
  node.on('connection', use);
  node.on('listening', () => process.send?.(node.server.address().port));
  node.acceptIncomingConnections(Number(port), '127.0.0.1');
}

process.on('disconnect', () => process.exit());
setTimeout(() => process.exit(), MAX_LIFE_MS).unref();
