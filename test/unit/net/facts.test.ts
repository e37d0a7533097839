import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import {
  type ConnectionInfo,
  connect,
  type HandshakeStep,
  type ListenerEvent,
  listen,
  networks,
  type OnBytes,
} from '../../../src/index.ts';
import { toHex } from '../../../src/protocol/bytes.ts';
import { quorumSetHash } from '../../../src/protocol/index.ts';
import { readMessage } from '../../../src/protocol/wire/authenticated-message.ts';
import { connectedPair, mockDial } from '../../../src/testing/index.ts';

const network = networks.standalone;

describe('the facts of a connection', () => {
  it('include both addresses, its id, and the info object passed to onStep and onBytes', async () => {
    const steps = new Map<ConnectionInfo, HandshakeStep[]>();
    const byteCounts = new Map<ConnectionInfo, number>();
    const onStep = (step: HandshakeStep, info: ConnectionInfo): void => {
      steps.set(info, [...(steps.get(info) ?? []), step]);
    };
    const onBytes: OnBytes = (_direction, bytes, info) => {
      byteCounts.set(info, (byteCounts.get(info) ?? 0) + bytes.length);
    };
    await using listener = await listen({ port: 0, network, onStep, onBytes });
    const { host, port } = listener;
    await using ours = await connect({ host, port, network, onStep, onBytes });
    const { value: theirs } = await listener[Symbol.asyncIterator]().next();
    if (theirs === undefined) throw new Error('nobody came');
    expect(ours.remoteAddress).toEqual({ host, port });
    expect(ours.localAddress).toEqual(theirs.remoteAddress);
    expect(theirs.localAddress).toEqual(ours.remoteAddress);
    expect(ours.id).not.toBe(theirs.id);
    for (const connection of [ours, theirs]) {
      const { id, role, localAddress, remoteAddress, info } = connection;
      expect(id).toMatch(/^[0-9a-f]{16}$/);
      expect(info).toEqual({ id, role, localAddress, remoteAddress });
      expect(byteCounts.get(info)).toBeGreaterThan(0);
      const own = steps.get(info) ?? [];
      expect(own.at(-1)).toMatchObject({ step: 'authenticated', remote: { peerID: connection.remote.peerID } });
      // The id is the beginning of the nonce in its HELLO.
      const hello = own.find((step) => step.step === 'sent');
      const message = hello?.step === 'sent' ? readMessage(hello.body) : undefined;
      expect(message?.type === 'HELLO' ? toHex(message.nonce).slice(0, 16) : undefined).toBe(id);
    }
  });

  it('have the same id in the events of a listener, also for a refused connection', async () => {
    const events: ListenerEvent[] = [];
    const ids = new Set<string>();
    await using listener = await listen({
      ...{ port: 0, network, onEvent: (event) => events.push(event), onStep: (_step, { id }) => ids.add(id) },
    });
    await mockDial(listener.port, { network: networks.testnet }, async (peer) => {
      peer.hello({});
      await peer.expectEnd();
    });
    await listener.close();
    expect(events.map(({ event }) => event)).toEqual(['connected', 'refused']);
    expect(new Set(events.map(({ id }) => id))).toEqual(ids);
  });
});

describe('a received quorum set', () => {
  it('has the hash by which it was requested', async () => {
    const qSet = { threshold: 1, validators: [(await connectedPair({ network }))[0].remote.peerID], innerSets: [] };
    const [asking, serving] = await connectedPair(
      { network, scpStateLedgerSeq: null },
      { serves: ['GET_SCP_QUORUMSET'], scpStateLedgerSeq: null },
    );
    const hash = quorumSetHash(nodeCrypto, qSet);
    await asking.send({ type: 'GET_SCP_QUORUMSET', qSetHash: hash });
    const { value: request } = await serving[Symbol.asyncIterator]().next();
    expect(request).toMatchObject({ type: 'GET_SCP_QUORUMSET', qSetHash: hash });
    await serving.send({ type: 'SCP_QUORUMSET', qSet });
    const { value: message } = await asking[Symbol.asyncIterator]().next();
    if (message?.type !== 'SCP_QUORUMSET') throw new Error(message?.type ?? 'the connection ended');
    expect([message.qSetHash, message.qSet]).toEqual([hash, qSet]);
    expect(JSON.parse(JSON.stringify(message))).toMatchObject({ type: 'SCP_QUORUMSET', qSet });
    await asking.send(message);
    await Promise.all([asking.close(), serving.close()]);
  });
});
