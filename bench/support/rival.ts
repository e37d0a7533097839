/**
 * The rival, set up as its own examples do, for the network of the benches; it logs nothing (LOG_LEVEL, support/child.ts).
 * @module
 */
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { encodeSecretSeed, networks } from '../../src/index.ts';
import { type ConnectorMessage, type ConnectorNode, requireConnector } from './connector.ts';
import { rivalFile } from './rivals.ts';

const { createNode, xdr } = requireConnector(createRequire(rivalFile('connector')));

/** A node of the rival with an identity and an ECDH key of its own. */
export function rivalNode(privateKey?: string): ConnectorNode {
  return createNode({
    network: networks.standalone.passphrase,
    nodeInfo: { ledgerVersion: 27, overlayMinVersion: 38, overlayVersion: 42, versionString: 'rival' },
    listeningPort: 11625,
    privateKey,
    receiveSCPMessages: true,
    receiveTransactionMessages: true,
    peerFloodReadingCapacity: 0xffffffff,
    flowControlSendMoreBatchSize: 40,
    peerFloodReadingCapacityBytes: 0xffffffff,
    flowControlSendMoreBatchSizeBytes: 100_000,
  });
}

/** A message in the rival's form, from its XDR. */
export function rivalMessage(bytes: Uint8Array): ConnectorMessage {
  return xdr.StellarMessage.fromXDR(Buffer.from(bytes));
}

/** A fresh seed in the rival's form. */
export function rivalSeed(): string {
  return encodeSecretSeed(randomBytes(32));
}
