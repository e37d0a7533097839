/**
 * The rival, set up as its own examples do, for the network of the benches; it logs nothing (LOG_LEVEL, support/child.ts).
 * @module
 */
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Node } from '@stellarbeat/js-stellar-node-connector';
import { encodeSecretSeed, networks } from '../../src/index.ts';

const { createNode } = createRequire(import.meta.url)('@stellarbeat/js-stellar-node-connector') as {
  createNode(config: object): Node;
};

/** A node of the rival with an identity and an ECDH key of its own. */
export function rivalNode(privateKey?: string): Node {
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

/** A fresh seed in the rival's form. */
export function rivalSeed(): string {
  return encodeSecretSeed(randomBytes(32));
}
