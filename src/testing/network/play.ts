/**
 * What the nodes of a mock network do with a connection, by kind.
 * @module
 */
import type { NodeIdentity } from '../../net/identity.ts';
import { equalBytes, fromHex, utf8Encode } from '../../protocol/bytes.ts';
import { MAC_BYTES, MESSAGE_OFFSET, RECORD_HEADER_BYTES } from '../../protocol/constants.ts';
import { type PeerAddress, type SCPEnvelope, stellarMessage } from '../../protocol/wire/messages.ts';
import { XdrWriter } from '../../protocol/xdr/writer.ts';
import type { HelloOptions, MockPeer } from '../mock-peer.ts';
import type { MockConsensus } from './consensus.ts';
import type { MockNodeKind } from './kinds.ts';

/** What a node needs for its behaviour. */
export interface Stage {
  readonly kind: MockNodeKind;
  /** Peers that are connected to this node's key now. */
  readonly connected: Set<string>;
  readonly peers: () => readonly PeerAddress[];
  readonly consensus: MockConsensus;
  /** Connections that get the statements of new ledgers. */
  readonly audience: Set<Outbox>;
  readonly versionStr: string;
  readonly stranger: NodeIdentity;
  readonly slowMs: number;
  readonly dripMs: number;
  readonly inventions: number;
  /** How it answers a request for a quorum set that it has. */
  readonly quorumSets: 'answers' | 'does not have them' | 'is silent';
}

/** A range of overlay versions that no current node supports. */
const NEWER = { overlayVersion: 52, overlayMinVersion: 50 } as const;
const USUAL = { overlayVersion: 42, overlayMinVersion: 38 } as const;

/** Runs one connection to its end. */
export async function playNode(peer: MockPeer, stage: Stage): Promise<void> {
  switch (stage.kind) {
    case 'silent':
      return peer.expectEnd();
    case 'http':
      // The bytes received are never a valid HTTP request.
      await peer.wait(1);
      peer.sendRaw(utf8Encode('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'));
      return;
    case 'drips':
      return peer.drip(peer.helloRecord(), stage.dripMs);
    default:
      return converse(peer, stage);
  }
}

async function converse(peer: MockPeer, stage: Stage): Promise<void> {
  const { kind, connected } = stage;
  const hello = await peer.expect('HELLO');
  // A peer with a certificate for another network is dropped, and nothing is sent.
  if (!equalBytes(hello.networkID, fromHex(peer.network.networkID))) return;
  if (kind === 'slow') await peer.wait(stage.slowMs);
  const range = kind === 'other-range' ? NEWER : USUAL;
  peer.hello({ versionStr: stage.versionStr, ...range, ...certOf(stage) });
  if (hello.overlayVersion < range.overlayMinVersion || hello.overlayMinVersion > range.overlayVersion)
    return refuse(peer, 'ERR_CONF', 'wrong protocol version');
  if (connected.has(hello.peerID)) return refuse(peer, 'ERR_CONF', `already-connected peer: ${hello.peerID.slice(0, 5)}`);
  connected.add(hello.peerID);
  try {
    await stayConnected(peer, stage);
  } finally {
    connected.delete(hello.peerID);
  }
}

function certOf({ kind, stranger }: Stage): HelloOptions {
  if (kind === 'cert-expired') return { certSeconds: -60 };
  return kind === 'cert-invalid' ? { certSignedBy: stranger } : {};
}

async function refuse(peer: MockPeer, code: 'ERR_CONF' | 'ERR_LOAD', text: string): Promise<void> {
  peer.error(code, text);
  await peer.expectEnd();
}

async function stayConnected(peer: MockPeer, stage: Stage): Promise<void> {
  const { kind, audience } = stage;
  if (kind === 'no-auth') return peer.expectEnd();
  await peer.expect('AUTH');
  if (kind === 'full') {
    peer.together(() => {
      peer.auth();
      sendPeers(peer, stage);
      peer.error('ERR_LOAD', 'peer rejected');
    });
    return peer.expectEnd();
  }
  peer.together(() => {
    peer.auth();
    sendPeers(peer, stage);
    peer.grant();
    peer.send({ type: 'GET_SCP_STATE', ledgerSeq: stage.consensus.ledgerSeq });
  });
  const outbox = new Outbox(peer);
  audience.add(outbox);
  try {
    if (kind === 'inventor') outbox.add(stage.consensus.invented(stage.inventions));
    for (let body = await peer.receiveBody(); body !== undefined; body = await peer.receiveBody()) {
      answer(peer, stage, outbox, body);
      if (kind === 'scp-flood' && outbox.waiting < 100) outbox.add(stage.consensus.state());
    }
  } finally {
    audience.delete(outbox);
  }
}

function sendPeers(peer: MockPeer, { kind, peers }: Stage): void {
  const addresses = peers();
  if (kind !== 'malformed-peers') {
    // As stellar-core: no PEERS when there are no addresses.
    if (addresses.length > 0) peer.send({ type: 'PEERS', peers: addresses });
    return;
  }
  // The last address is truncated.
  const record = peer.record({ type: 'PEERS', peers: [{ ip: '192.0.2.1', port: 11_625, numFailures: 0 }] });
  const xdr = record.subarray(RECORD_HEADER_BYTES + MESSAGE_OFFSET, record.length - MAC_BYTES);
  peer.sendRaw(peer.seal(peer.record(xdr.slice(0, xdr.length - 8))));
}

function answer(peer: MockPeer, stage: Stage, outbox: Outbox, body: Uint8Array): void {
  const message = peer.read(body);
  const { consensus, kind } = stage;
  if (message.type === 'SEND_MORE_EXTENDED') outbox.grant(message.numMessages, message.numBytes);
  else if (message.type === 'GET_SCP_STATE') {
    if (kind === 'inventor') outbox.add(consensus.invented(stage.inventions));
    outbox.add(consensus.state(message.ledgerSeq));
  } else if (message.type === 'GET_TX_SET') {
    const { txSetHash } = message;
    const generalizedTxSet = consensus.txSet(txSetHash);
    if (generalizedTxSet === undefined) peer.send({ type: 'DONT_HAVE', reqType: 'GENERALIZED_TX_SET', reqHash: txSetHash });
    else peer.send({ type: 'GENERALIZED_TX_SET', generalizedTxSet });
  } else if (message.type === 'GET_SCP_QUORUMSET') {
    const qSet = consensus.quorumSet(message.qSetHash);
    if (qSet === undefined || stage.quorumSets === 'does not have them')
      peer.send({ type: 'DONT_HAVE', reqType: 'SCP_QUORUMSET', reqHash: message.qSetHash });
    else if (stage.quorumSets === 'answers') peer.send({ type: 'SCP_QUORUMSET', qSet });
  }
}

const XDR = new WeakMap<SCPEnvelope, Uint8Array>();

function xdrOf(envelope: SCPEnvelope): Uint8Array {
  let xdr = XDR.get(envelope);
  if (xdr === undefined) {
    const writer = new XdrWriter();
    stellarMessage.write(writer, { type: 'SCP_MESSAGE', envelope });
    xdr = writer.take();
    XDR.set(envelope, xdr);
  }
  return xdr;
}

/** Sends SCP messages on one connection, as its credit allows. */
export class Outbox {
  readonly #peer: MockPeer;
  #queue: Uint8Array[] = [];
  #messages = 0;
  #bytes = 0;

  constructor(peer: MockPeer) {
    this.#peer = peer;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  add(envelopes: readonly SCPEnvelope[]): void {
    for (const envelope of envelopes) this.#queue.push(xdrOf(envelope));
    this.#send();
  }

  grant(messages: number, bytes: number): void {
    this.#messages += messages;
    this.#bytes += bytes;
    this.#send();
  }

  #send(): void {
    let sent = 0;
    for (const xdr of this.#queue) {
      if (this.#messages < 1 || this.#bytes < xdr.length) break;
      this.#messages--;
      this.#bytes -= xdr.length;
      sent++;
    }
    if (sent === 0) return;
    const [now, later] = [this.#queue.slice(0, sent), this.#queue.slice(sent)];
    this.#queue = later;
    this.#peer.together(() => {
      for (const xdr of now) this.#peer.sendRaw(this.#peer.seal(this.#peer.record(xdr)));
    });
  }
}
