/**
 * The types of js-stellar-node-connector that benches and tests use. Its own types exist only after its installation.
 * @module
 */
import type { EventEmitter } from 'node:events';
import type { Server } from 'node:net';
import type { Duplex } from 'node:stream';

/** Its package in bench/rivals/connector. */
export const CONNECTOR = '@stellarbeat/js-stellar-node-connector';

/** A StellarMessage as its own stellar-base makes it. */
export interface ConnectorMessage {
  switch(): { readonly name: string };
  getScpLedgerSeq(): number;
  floodAdvert(): { txHashes(): readonly Uint8Array[] };
  dontHave(): { reqHash(): Buffer };
  toXDR(format: 'hex'): string;
}

/** What it gives to its user: a message, and a function that returns the credit. */
export interface ConnectorWork {
  readonly stellarMessage: ConnectorMessage;
  done(): void;
}

/** A connection of it; reading it yields {@link ConnectorWork}. */
export interface ConnectorConnection extends Duplex {
  readonly localPublicKey: string;
  readonly remotePublicKey?: string;
  readonly remoteNodeInfo?: object;
  isConnected(): boolean;
  sendStellarMessage(message: ConnectorMessage, onSent?: () => void): void;
}

/** A node of it. `server` is private there: the port it listens on is found in no other way. */
export interface ConnectorNode extends EventEmitter {
  readonly server: Server;
  connectTo(host: string, port: number): ConnectorConnection;
  acceptIncomingConnections(port: number, host: string): void;
  stopAcceptingIncomingConnections(onStopped: () => void): void;
}

/** The exports that are used. */
export interface ConnectorPackage {
  createNode(config: object, logger?: object): ConnectorNode;
}

/** The used part of its own stellar-base: it accepts no objects of another copy. */
export interface ConnectorXdr {
  readonly StellarMessage: {
    fromXDR(bytes: Buffer): ConnectorMessage;
    getScpState(ledgerSeq: number): ConnectorMessage;
    getScpQuorumset(hash: Buffer): ConnectorMessage;
  };
}

/** @param require what `installRival('connector')` returns, or made from `rivalFile('connector')` */
export function requireConnector(require: NodeJS.Require): ConnectorPackage & { readonly xdr: ConnectorXdr } {
  const { createNode } = require(CONNECTOR) as ConnectorPackage;
  const { xdr } = require('@stellar/stellar-base') as { readonly xdr: ConnectorXdr };
  return { createNode, xdr };
}
