/**
 * Against an implementation by other people, over loopback, in both roles: @stellarbeat/js-stellar-node-connector 7.0.1.
 * It writes the expiration of its certificates in milliseconds and leaves bit 31 of the record header clear; both are accepted.
 */
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ConnectorConnection,
  type ConnectorMessage,
  type ConnectorNode,
  type ConnectorPackage,
  type ConnectorWork,
  type ConnectorXdr,
  requireConnector,
} from '../../bench/support/connector.ts';
import { type Connection, connect, listen, NodeIdentity, networks, type ReceivedMessage } from '../../src/index.ts';
import { toHex } from '../../src/protocol/bytes.ts';
import { openHandles, until } from '../support/raw-peer.ts';
import { rivalOrNothing } from '../support/rival.ts';

const network = networks.standalone;
let handles: string[];
const require = await rivalOrNothing('connector');
const missing = require === undefined;
const { createNode, xdr } = missing ? ({} as ConnectorPackage & { xdr: ConnectorXdr }) : requireConnector(require);
const silent = { child: () => silent, info() {}, debug() {}, trace() {}, error() {} };

beforeEach(() => {
  handles = openHandles();
});

afterEach(() => until(() => openHandles().length === handles.length));

function connectorNode(passphrase = network.passphrase): ConnectorNode {
  return createNode(
    {
      network: passphrase,
      nodeInfo: { ledgerVersion: 27, overlayVersion: 41, overlayMinVersion: 40, versionString: 'connector' },
      listeningPort: 11625,
      receiveSCPMessages: true,
      receiveTransactionMessages: true,
      peerFloodReadingCapacity: 200,
      flowControlSendMoreBatchSize: 40,
      peerFloodReadingCapacityBytes: 300_000,
      flowControlSendMoreBatchSizeBytes: 100_000,
    },
    silent as never,
  );
}

/** A connection between us and the connector; `headers` are the first words of the chunks that came from it. */
interface Meeting extends AsyncDisposable {
  readonly ours: Connection;
  readonly theirs: ConnectorConnection;
  readonly headers: readonly number[];
}

const collectInto = (headers: number[]) => (direction: 'sent' | 'received', bytes: Uint8Array) => {
  if (direction === 'received') headers.push(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0));
};

/** The connector dials us. */
async function theyDial(): Promise<Meeting> {
  const headers: number[] = [];
  const listener = await listen({ port: 0, network, onBytes: collectInto(headers) });
  const accepting = listener[Symbol.asyncIterator]().next();
  const theirs = connectorNode().connectTo('127.0.0.1', listener.port);
  theirs.on('error', () => {});
  const [, accepted] = await Promise.all([once(theirs, 'connect'), accepting]);
  return {
    ...{ ours: accepted.value as Connection, theirs, headers },
    async [Symbol.asyncDispose]() {
      theirs.end();
      await listener.close();
    },
  };
}

/** We dial the connector. */
async function weDial(): Promise<Meeting> {
  const headers: number[] = [];
  const node = connectorNode();
  node.acceptIncomingConnections(0, '127.0.0.1');
  await once(node, 'listening');
  const { port } = node.server.address() as { port: number };
  const incoming = once(node, 'connection') as Promise<[ConnectorConnection]>;
  const connecting = connect({ host: '127.0.0.1', port, network, onBytes: collectInto(headers) });
  const [theirs] = await incoming;
  theirs.on('error', () => {});
  const [ours] = await Promise.all([connecting, once(theirs, 'connect')]);
  return {
    ...{ ours, theirs, headers },
    async [Symbol.asyncDispose]() {
      theirs.end();
      await ours.close();
      await new Promise<void>((resolve) => node.stopAcceptingIncomingConnections(() => resolve()));
    },
  };
}

/** What the connector hands to its user next. */
async function received(theirs: ConnectorConnection): Promise<ConnectorMessage> {
  for (;;) {
    const work = theirs.read() as ConnectorWork | null;
    if (work !== null) {
      work.done();
      return work.stellarMessage;
    }
    await once(theirs, 'readable');
  }
}

async function next(ours: Connection): Promise<ReceivedMessage | undefined> {
  for await (const message of ours) return message;
  return undefined;
}

describe.skipIf(missing).each([
  ['it dials us', theyDial, 'REMOTE_CALLED_US'],
  ['we dial it', weDial, 'WE_CALLED_REMOTE'],
] as const)('with js-stellar-node-connector, when %s,', (_name, meet, role) => {
  it('the handshake succeeds, and each side has the identity of the other', async () => {
    await using meeting = await meet();
    const { ours, theirs } = meeting;
    expect(ours.role).toBe(role);
    expect(ours.remote).toMatchObject({ peerID: theirs.localPublicKey, versionStr: 'connector', overlayVersion: 41 });
    expect(theirs.remotePublicKey).toMatch(/^G/);
    expect(theirs.remoteNodeInfo).toMatchObject({ ledgerVersion: 27, overlayVersion: 42, overlayMinVersion: 38 });
  });

  it('its certificates in milliseconds and its record headers without bit 31 are accepted', async () => {
    await using meeting = await meet();
    const { ours, headers } = meeting;
    // Milliseconds: tens of thousands of years ahead.
    expect(ours.remote.certExpirationSeconds).toBeGreaterThan(1_000_000_000_000n);
    expect(headers.length).toBeGreaterThan(0);
    for (const header of headers) expect(header >>> 31).toBe(0);
  });

  it('messages arrive in both directions, in order and with valid MACs', async () => {
    await using meeting = await meet();
    const { ours, theirs } = meeting;
    expect((await received(theirs)).switch().name).toBe('getScpState');
    for (let i = 0; i < 50; i++) await ours.send({ type: 'GET_SCP_STATE', ledgerSeq: i });
    for (let i = 0; i < 50; i++) expect((await received(theirs)).getScpLedgerSeq()).toBe(i);
    for (let i = 0; i < 50; i++) theirs.sendStellarMessage(xdr.StellarMessage.getScpState(i));
    for (let i = 0; i < 50; i++) expect(await next(ours)).toMatchObject({ type: 'GET_SCP_STATE', ledgerSeq: i });
  });

  it('its grant becomes our credit, and it receives our flood message unchanged', async () => {
    await using meeting = await meet();
    const { ours, theirs } = meeting;
    expect((await received(theirs)).switch().name).toBe('getScpState');
    await until(() => ours.credit.messages > 0n);
    expect(ours.credit).toEqual({ messages: 200n, bytes: 300_000n });
    const txHash = new Uint8Array(32).fill(7);
    await ours.send({ type: 'FLOOD_ADVERT', txHashes: [txHash, txHash] });
    const advert = await received(theirs);
    expect(
      advert
        .floodAdvert()
        .txHashes()
        .map((hash) => Buffer.from(hash as unknown as Buffer).toString('hex')),
    ).toEqual([toHex(txHash), toHex(txHash)]);
    theirs.sendStellarMessage(advert);
    const back = await next(ours);
    expect(toHex(back?.xdr ?? new Uint8Array())).toBe(advert.toXDR('hex'));
  });

  it('a record with a wrong MAC is refused', async () => {
    await using meeting = await meet();
    const { ours, theirs } = meeting;
    const inside = theirs as unknown as { sendingMacKey: Buffer };
    inside.sendingMacKey = Buffer.from(inside.sendingMacKey.map((byte) => byte ^ 1));
    theirs.sendStellarMessage(xdr.StellarMessage.getScpState(1));
    expect(await ours.ended).toMatchObject({ code: 'OVERLAY_UNEXPECTED_MAC', told: { message: 'unexpected MAC' } });
  });

  it('its request is answered with DONT_HAVE for its hash', async () => {
    await using meeting = await meet();
    const { theirs } = meeting;
    expect((await received(theirs)).switch().name).toBe('getScpState');
    const hash = Buffer.alloc(32, 5);
    theirs.sendStellarMessage(xdr.StellarMessage.getScpQuorumset(hash));
    expect((await received(theirs)).dontHave().reqHash().equals(hash)).toBe(true);
  });
});

describe.skipIf(missing)('with js-stellar-node-connector on another network', () => {
  it('neither side accepts the other', async () => {
    const refused: string[] = [];
    const identity = NodeIdentity.random();
    await using listener = await listen({
      ...{ port: 0, network, identity },
      onEvent: (event) => {
        if (event.event === 'refused') refused.push(event.error.code);
      },
    });
    const theirs = connectorNode(networks.testnet.passphrase).connectTo('127.0.0.1', listener.port);
    theirs.on('error', () => {});
    await once(theirs, 'close');
    await until(() => refused.length === 1);
    expect(refused).toEqual(['OVERLAY_CERT_INVALID']);
    expect(theirs.isConnected()).toBe(false);
  });
});
