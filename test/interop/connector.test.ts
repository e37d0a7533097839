/** The other TypeScript implementation, over loopback, in both directions. */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { AddressInfo, Server } from 'node:net';
import type { Connection as OtherConnection, Node as OtherNode } from '@stellarbeat/js-stellar-node-connector';
import { afterEach, describe, expect, it } from 'vitest';
import { type Connection, connect, listen, networks, type ReceivedMessage } from '../../src/index.ts';
import { stellarMessage } from '../../src/protocol/wire/messages.ts';
import { XdrReader } from '../../src/protocol/xdr/reader.ts';

process.env.LOG_LEVEL = 'silent';
const require = createRequire(import.meta.url);
const { createNode } = require('@stellarbeat/js-stellar-node-connector') as { createNode(config: object): OtherNode };
// Its own copy of the XDR library: objects of another copy are not its messages.
const { xdr } = createRequire(require.resolve('@stellarbeat/js-stellar-node-connector'))('@stellar/stellar-base') as {
  xdr: { StellarMessage: { fromXDR(bytes: Buffer): OtherMessage; getScpState(ledger: number): OtherMessage } };
};
type OtherMessage = Parameters<OtherConnection['sendStellarMessage']>[0];
type Work = { stellarMessage: OtherMessage; done(): void };

const network = networks.standalone;
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanup.splice(0).reverse()) await clean();
});

function otherNode(): OtherNode {
  return createNode({
    network: network.passphrase,
    nodeInfo: { ledgerVersion: 27, overlayMinVersion: 38, overlayVersion: 42, versionString: 'the other one' },
    listeningPort: 11625,
    receiveSCPMessages: true,
    receiveTransactionMessages: true,
    peerFloodReadingCapacity: 200,
    flowControlSendMoreBatchSize: 40,
    peerFloodReadingCapacityBytes: 300_000,
    flowControlSendMoreBatchSizeBytes: 100_000,
  });
}

/** What the other side reads, as our messages, once its flow control has let it go. */
function readByOther(connection: OtherConnection): (type: string) => Promise<unknown> {
  const got: { type: string }[] = [];
  let wake = (): void => {};
  connection.on('data', ({ stellarMessage: message, done }: Work) => {
    got.push(stellarMessage.read(new XdrReader(new Uint8Array(message.toXDR()))));
    done();
    wake();
  });
  return async (type) => {
    for (;;) {
      const found = got.find((message) => message.type === type);
      if (found) return found;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}

async function untilReceived(connection: Connection, holds: (message: ReceivedMessage) => boolean): Promise<ReceivedMessage> {
  for await (const message of connection) if (holds(message)) return message;
  throw new Error('the connection ended before');
}

describe('js-stellar-node-connector', () => {
  it('dials us: handshake, messages both ways, every MAC checked', async () => {
    const listener = await listen({ network, port: 0 });
    cleanup.push(() => listener.close());
    const other = otherNode().connectTo('127.0.0.1', listener.port);
    cleanup.push(() => other.destroy());
    const read = readByOther(other);
    const accepting = listener[Symbol.asyncIterator]().next();
    const [remote] = await once(other, 'connect');
    expect(remote).toBe(listener.peerID);
    const connection = (await accepting).value as Connection;
    expect(connection.remote).toMatchObject({ peerID: other.localPublicKey, versionStr: 'the other one', overlayVersion: 42 });

    // It dates its certificates in milliseconds.
    expect(Number(connection.remote.certExpirationSeconds)).toBeGreaterThan(1e12);

    await connection.send({ type: 'FLOOD_ADVERT', txHashes: [new Uint8Array(32).fill(7)] });
    expect(await read('FLOOD_ADVERT')).toEqual({ type: 'FLOOD_ADVERT', txHashes: [new Uint8Array(32).fill(7)] });

    other.sendStellarMessage(xdr.StellarMessage.getScpState(77));
    const message = await untilReceived(connection, ({ type }) => type === 'GET_SCP_STATE');
    expect(message).toMatchObject({ type: 'GET_SCP_STATE', ledgerSeq: 77 });
    await connection.close();
    expect((await connection.ended).code).toBe('OVERLAY_CLOSED');
  });

  it('is dialled by us: handshake, messages both ways, every MAC checked', async () => {
    const node = otherNode();
    const connected = once(node, 'connection') as Promise<[OtherConnection]>;
    node.acceptIncomingConnections(0, '127.0.0.1');
    cleanup.push(() => new Promise((resolve) => node.stopAcceptingIncomingConnections(() => resolve(undefined))));
    const server = Reflect.get(node, 'server') as Server;
    if (!server.listening) await once(server, 'listening');
    const connecting = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, network });
    const [other] = await connected;
    cleanup.push(() => other.destroy());
    const read = readByOther(other);
    const connection = await connecting;
    cleanup.push(() => connection.close());
    expect(connection.remote.peerID).toBe(node.keyPair.publicKey());

    await connection.send({ type: 'GET_SCP_STATE', ledgerSeq: 42 });
    expect(await read('GET_SCP_STATE')).toBeDefined();
    other.sendStellarMessage(xdr.StellarMessage.getScpState(88));
    const message = await untilReceived(connection, (got) => got.type === 'GET_SCP_STATE' && got.ledgerSeq === 88);
    expect(message.xdr).toEqual(Uint8Array.of(0, 0, 0, 12, 0, 0, 0, 88));
  });

  it('of another network is refused by us, and refuses us', async () => {
    const listener = await listen({ network: networks.testnet, port: 0 });
    cleanup.push(() => listener.close());
    const other = otherNode().connectTo('127.0.0.1', listener.port);
    other.on('error', () => {});
    cleanup.push(() => other.destroy());
    await once(other, 'close');
    expect(listener.counts.authenticated).toBe(0);
  });
});
