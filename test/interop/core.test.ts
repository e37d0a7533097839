/**
 * A real stellar-core. The tests send it requests only and change nothing:
 * STELLAR_CORE=host:port STELLAR_CORE_PASSPHRASE='Standalone Network ; February 2017' npm run test:interop
 */
import { describe, expect, it } from 'vitest';
import {
  type Connection,
  connect,
  NodeIdentity,
  networkFromPassphrase,
  networks,
  type ReceivedMessage,
} from '../../src/index.ts';
import { parseTarget } from '../../src/net/target.ts';
import { RawPeer } from '../support/raw-peer.ts';

const { STELLAR_CORE, STELLAR_CORE_PASSPHRASE = networks.standalone.passphrase } = process.env;
const target = parseTarget(STELLAR_CORE ?? '127.0.0.1');
const network = networkFromPassphrase(STELLAR_CORE_PASSPHRASE);
const reason = STELLAR_CORE === undefined ? ' (not run: STELLAR_CORE is not set)' : '';

async function untilReceived(connection: Connection, type: ReceivedMessage['type']): Promise<ReceivedMessage> {
  for await (const message of connection) if (message.type === type) return message;
  throw new Error('the connection ended before');
}

describe.runIf(STELLAR_CORE !== undefined)(`a real stellar-core${reason}`, () => {
  it('completes the handshake, names its versions and grants credit', async () => {
    await using connection = await connect({ ...target, network });
    expect(connection.remote.overlayVersion).toBeGreaterThanOrEqual(40);
    expect(connection.remote.networkID).toBe(network.networkID);
    await untilReceived(connection, 'GET_SCP_STATE');
    expect(connection.credit).toEqual({ messages: 200n, bytes: expect.any(BigInt) });
  });

  it('answers a ping', async () => {
    await using connection = await connect({ ...target, network });
    expect(await connection.ping()).toBeGreaterThan(0);
  });

  it('answers GET_SCP_STATE with SCP messages', async () => {
    await using connection = await connect({ ...target, network });
    const message = await untilReceived(connection, 'SCP_MESSAGE');
    expect(message.type === 'SCP_MESSAGE' && message.envelope.statement.slotIndex).toBeGreaterThan(0n);
  });

  it('answers an unknown tx set with DONT_HAVE', async () => {
    await using connection = await connect({ ...target, network });
    const txSetHash = new Uint8Array(32).fill(0xab);
    await connection.send({ type: 'GET_TX_SET', txSetHash });
    const answer = await untilReceived(connection, 'DONT_HAVE');
    expect(answer).toMatchObject({ type: 'DONT_HAVE', reqHash: txSetHash });
  });

  it('closes without a message on another network', async () => {
    const other = networkFromPassphrase('a network nobody is on');
    // It closes 5 s after it has dropped us, which is just when our own rule of silence looks.
    await expect(connect({ ...target, network: other })).rejects.toMatchObject({
      code: expect.stringMatching(/^OVERLAY_(CONNECTION_CLOSED|IDLE_TIMEOUT)$/),
      stage: 'hello',
      peerError: undefined,
    });
  });

  it('refuses a message with a wrong MAC, and sends ERR_AUTH', async () => {
    const unixSeconds = Date.now() / 1000;
    await using peer = await RawPeer.dial(target.port ?? 11625, { network, unixSeconds }, target.host);
    await peer.greet();
    peer.send({ type: 'AUTH', flags: 200 });
    await peer.expect('AUTH');
    const frame = peer.seal({ type: 'GET_SCP_STATE', ledgerSeq: 0 });
    frame[frame.length - 1] = (frame[frame.length - 1] as number) ^ 1;
    peer.write(frame);
    expect(await peer.farewell()).toContain('ERR_AUTH unexpected MAC');
  });

  it('refuses old overlay versions with ERR_CONF', async () => {
    await expect(connect({ ...target, network, overlayVersion: 10, overlayMinVersion: 9 })).rejects.toMatchObject({
      code: 'OVERLAY_WRONG_PROTOCOL_VERSION',
      peerError: { code: 'ERR_CONF', message: 'wrong protocol version' },
    });
  });

  it('refuses a second connection of one identity, and keeps the first one', async () => {
    const identity = NodeIdentity.random();
    await using first = await connect({ ...target, network, identity });
    await expect(connect({ ...target, network, identity })).rejects.toMatchObject({
      code: 'OVERLAY_PEER_ERROR',
      peerError: { code: 'ERR_CONF', message: `already-connected peer: ${identity.peerID.slice(0, 5)}` },
    });
    expect(await first.ping()).toBeGreaterThan(0);
  });
});
