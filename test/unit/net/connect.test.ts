import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import {
  type Connection,
  connect,
  type ListenOptions,
  listen,
  NodeIdentity,
  networks,
  OverlayError,
} from '../../../src/index.ts';
import type { CryptoProvider } from '../../../src/protocol/auth/crypto.ts';
import type { HandshakeStep } from '../../../src/protocol/handshake/steps.ts';
import { ManualClock } from '../../../src/testing/index.ts';
import { grant, openHandles, RawNode, until } from '../../support/raw-peer.ts';

const network = networks.standalone;
let handles: string[];
/** Some containers have no IPv6. */
const hasIPv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));

beforeEach(() => {
  handles = openHandles();
});

afterEach(() => until(() => openHandles().length === handles.length));

/** A listener and a connection to it, both ends. */
async function pair(options: Partial<ListenOptions> = {}, host = '127.0.0.1') {
  const listener = await listen({ port: 0, network, ...options });
  const accepting = listener[Symbol.asyncIterator]().next();
  const connection = await connect({ host, port: listener.port, network });
  const accepted = (await accepting).value as Connection;
  return { listener, connection, accepted };
}

describe('a successful connect()', () => {
  it.each<[string, string, string]>([
    ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
    ['localhost', '127.0.0.1', '127.0.0.1'],
    ...(hasIPv6 ? [['::1', '::1', '::1'] satisfies [string, string, string]] : []),
  ])('connects to a node as %s', async (host, listenOn, address) => {
    const identity = NodeIdentity.random();
    await using listener = await listen({ host: listenOn, port: 0, network, identity, versionStr: 'a node' });
    await using connection = await connect({ host, port: listener.port, network });
    expect(listener.host).toBe(listenOn);
    expect(connection.role).toBe('WE_CALLED_REMOTE');
    expect(connection.remoteAddress).toEqual({ host: address, port: listener.port });
    expect(connection.remote).toMatchObject({ peerID: identity.peerID, versionStr: 'a node', listeningPort: listener.port });
    expect(connection.remote.networkID).toBe(network.networkID);
    expect(listener.peerID).toBe(identity.peerID);
  });

  it('reports the HELLO of each side, and the duration of each phase', async () => {
    const identity = NodeIdentity.random();
    await using listener = await listen({
      ...{ port: 0, network, ledgerVersion: 21, overlayVersion: 41, overlayMinVersion: 40, listeningPort: 4321 },
    });
    const accepting = listener[Symbol.asyncIterator]().next();
    await using connection = await connect({
      ...{ host: '127.0.0.1', port: listener.port, network, identity, versionStr: 'ü'.repeat(50), listeningPort: 1 },
      ...{ overlayVersion: 0xffffffff, overlayMinVersion: 0, ledgerVersion: 0 },
    });
    expect(connection.remote).toMatchObject({
      ...{ ledgerVersion: 21, overlayVersion: 41, overlayMinVersion: 40, listeningPort: 4321 },
    });
    expect(connection.remote.certExpirationSeconds).toBeGreaterThan(BigInt(Math.floor(Date.now() / 1000) + 1800));
    const accepted = (await accepting).value as Connection;
    expect(accepted.remote).toMatchObject({
      ...{ peerID: identity.peerID, versionStr: 'ü'.repeat(50), listeningPort: 1, overlayVersion: 0xffffffff },
    });
    const { dnsMs, tcpMs, helloMs, authMs, totalMs } = connection.timings;
    expect(Math.min(dnsMs, tcpMs, helloMs, authMs)).toBeGreaterThanOrEqual(0);
    expect(dnsMs + tcpMs + helloMs + authMs).toBeCloseTo(totalMs, 6);
    expect(accepted.timings).toMatchObject({ dnsMs: 0, tcpMs: 0 });
    expect(accepted.timings.helloMs + accepted.timings.authMs).toBeCloseTo(accepted.timings.totalMs, 6);
  });

  it('measures the phases in milliseconds of its clock', async () => {
    const clock = new ManualClock();
    await using node = await RawNode.start();
    const connecting = connect({ host: '127.0.0.1', port: node.port, network, clock });
    const peer = await node.peer();
    await peer.expect('HELLO');
    clock.advance(70);
    peer.write(peer.hello());
    await peer.expect('AUTH');
    clock.advance(5);
    peer.send({ type: 'AUTH', flags: 200 });
    const connection = await connecting;
    expect(connection.timings).toEqual({ dnsMs: 0, tcpMs: 0, helloMs: 70, authMs: 5, totalMs: 75 });
    peer.end();
    await connection.close();
    expect(clock.timers).toBe(0);
  });

  it('uses one ECDH key for all connections of an identity, and a new one for each with per-connection', async () => {
    await using node = await RawNode.start();
    const identity = NodeIdentity.random();
    const keys: string[] = [];
    for (const ecdh of [undefined, 'per-process', 'per-connection', 'per-connection'] as const) {
      const clock = new ManualClock();
      const connecting = connect({ host: '127.0.0.1', port: node.port, network, identity, ecdh, clock });
      const peer = await node.peer();
      keys.push(Buffer.from((await peer.greet()).cert.pubkey).toString('hex'));
      peer.send({ type: 'AUTH', flags: 200 });
      const connection = await connecting;
      peer.end();
      await connection.close();
    }
    expect(keys[0]).toBe(keys[1]);
    expect(new Set(keys).size).toBe(3);
  });

  it('uses a new nonce for each connection', async () => {
    await using node = await RawNode.start();
    const nonces = new Set<string>();
    for (let i = 0; i < 3; i++) {
      const stop = new AbortController();
      const connecting = connect({ host: '127.0.0.1', port: node.port, network, signal: stop.signal });
      const ended = expect(connecting).rejects.toMatchObject({ code: 'OVERLAY_ABORTED' });
      nonces.add(Buffer.from((await (await node.peer()).expect('HELLO')).nonce).toString('hex'));
      stop.abort();
      await ended;
    }
    expect(nonces.size).toBe(3);
  });

  it('passes its steps and bytes to onStep and onBytes, with the connection', async () => {
    const steps: HandshakeStep['step'][] = [];
    const directions = new Set<string>();
    const infos = new Set<object>();
    await using listener = await listen({ port: 0, network });
    await using connection = await connect({
      ...{ host: '127.0.0.1', port: listener.port, network },
      onStep: (step, info) => {
        steps.push(step.step);
        infos.add(info);
      },
      onBytes: (direction, bytes, info) => {
        expect(bytes).toBeInstanceOf(Uint8Array);
        directions.add(direction);
        infos.add(info);
      },
    });
    expect(steps[0]).toBe('keys');
    expect(steps.at(-1)).toBe('authenticated');
    expect([...directions].sort()).toEqual(['received', 'sent']);
    expect([...infos]).toEqual([
      expect.objectContaining({ role: 'WE_CALLED_REMOTE', remoteAddress: { host: '127.0.0.1', port: listener.port } }),
    ]);
    expect(connection.remote.peerID).toBe(listener.peerID);
  });
});

describe('connect()', () => {
  const clock = new ManualClock();
  const target = (port: number) => ({ host: '127.0.0.1', port, network, clock });

  afterEach(() => expect(clock.timers).toBe(0));

  it('fails with OVERLAY_CONNECTION_REFUSED where nothing listens, for an address and for a name', async () => {
    const listener = await listen({ port: 0, network });
    await listener.close();
    for (const [host, shown] of [
      ['127.0.0.1', '127.0.0.1'],
      ['localhost', 'localhost'],
      ...(hasIPv6 ? [['::1', '[::1]'] as const] : []),
    ] as const) {
      await expect(connect({ ...target(listener.port), host })).rejects.toMatchObject({
        code: 'OVERLAY_CONNECTION_REFUSED',
        stage: 'tcp',
        message: `${shown}:${listener.port} refused the connection: nothing listens there.`,
        remote: undefined,
        told: null,
      });
    }
  });

  it('fails with OVERLAY_NAME_NOT_FOUND for a name that cannot exist', async () => {
    const host = `${'x'.repeat(64)}.invalid`; // A label of a name has at most 63 characters: no resolver is asked.
    await expect(connect({ ...target(11625), host })).rejects.toMatchObject({
      code: 'OVERLAY_NAME_NOT_FOUND',
      stage: 'dns',
      message: `The host name ${host} has no address.`,
    });
  });

  it('fails at its deadline with the code of the name look-up or of TCP', async () => {
    await using node = await RawNode.start();
    for (const [host, code, stage] of [
      ['localhost', 'OVERLAY_NAME_LOOKUP_TIMEOUT', 'dns'],
      ['127.0.0.1', 'OVERLAY_CONNECT_TIMEOUT', 'tcp'],
    ] as const) {
      const connecting = connect({ ...target(node.port), host, handshakeTimeoutMs: 300 });
      clock.advance(299);
      expect(clock.timers).toBe(1);
      clock.advance(1);
      await expect(connecting).rejects.toMatchObject({ code, stage });
    }
  });

  it('fails with OVERLAY_HANDSHAKE_TIMEOUT when the handshake takes too long, TCP included', async () => {
    await using node = await RawNode.start();
    const connecting = connect({ ...target(node.port), handshakeTimeoutMs: 1_500 });
    const outcome = expect(connecting).rejects.toMatchObject({
      ...{ code: 'OVERLAY_HANDSHAKE_TIMEOUT', stage: 'auth', told: null },
    });
    const peer = await node.peer();
    await peer.expect('HELLO');
    clock.advance(1_000);
    peer.write(peer.hello());
    await peer.expect('AUTH');
    clock.advance(499);
    expect(clock.timers).toBe(2);
    clock.advance(1);
    expect(await peer.farewell()).toEqual(['FIN']);
    await outcome;
  });

  it('fails with OVERLAY_HANDSHAKE_TIMEOUT, not OVERLAY_IDLE_TIMEOUT, even if the tick comes first', async () => {
    await using node = await RawNode.start();
    // The event loop is late: the tick that is due at the same moment is served before the deadline.
    const late = {
      now: () => clock.now(),
      setTimer: (call: () => void, ms: number) => clock.setTimer(call, ms === 5_000 ? ms : ms + 1),
    };
    const connecting = connect({ ...target(node.port), clock: late, handshakeTimeoutMs: 10_000 });
    const outcome = expect(connecting).rejects.toMatchObject({ code: 'OVERLAY_HANDSHAKE_TIMEOUT', stage: 'hello' });
    const peer = await node.peer();
    await peer.expect('HELLO');
    clock.advance(10_001);
    expect(await peer.farewell()).toEqual(['FIN']);
    await outcome;
  });

  it('fails with OVERLAY_PEER_ID_MISMATCH and the HELLO of the peer when another peer answers', async () => {
    await using node = await RawNode.start();
    const expectedPeerID = NodeIdentity.random().peerID;
    const connecting = connect({ ...target(node.port), expectedPeerID });
    const outcome = connecting.catch((error) => error);
    const peer = await node.peer();
    await peer.greet();
    expect(await peer.farewell()).toEqual(['FIN']);
    const error = await outcome;
    expect(error).toMatchObject({ code: 'OVERLAY_PEER_ID_MISMATCH', stage: 'hello', told: null });
    expect(error.remote).toMatchObject({ peerID: peer.peerID, versionStr: 'raw peer' });
    expect(error.message).toContain(expectedPeerID);
  });

  it('succeeds when the expected peer answers', async () => {
    await using listener = await listen({ port: 0, network });
    const { peerID } = listener;
    await using connection = await connect({ host: '127.0.0.1', port: listener.port, network, expectedPeerID: peerID });
    expect(connection.remote.peerID).toBe(peerID);
  });

  it('fails with OVERLAY_PEER_BANNED for a banned peer, and sends no AUTH', async () => {
    await using node = await RawNode.start();
    const banned: string[] = [];
    const connecting = connect({ ...target(node.port), isBanned: (peerID) => banned.push(peerID) > 0 });
    const outcome = expect(connecting).rejects.toMatchObject({ code: 'OVERLAY_PEER_BANNED', stage: 'hello' });
    const peer = await node.peer();
    await peer.greet();
    expect(await peer.farewell()).toEqual(['FIN']);
    await outcome;
    expect(banned).toEqual([peer.peerID]);
  });

  it('fails with OVERLAY_INTERNAL and the cause when a function of the caller throws', async () => {
    await using node = await RawNode.start();
    const cause = new Error('mine');
    const isBanned = (): boolean => {
      throw cause;
    };
    const outcome = expect(connect({ ...target(node.port), isBanned })).rejects.toMatchObject({
      ...{ code: 'OVERLAY_INTERNAL', stage: 'hello', cause },
    });
    const peer = await node.peer();
    await peer.greet();
    await peer.farewell();
    await outcome;
  });

  it.each([
    ['hello', 'closed-before-hello'],
    ['auth', 'closed-before-auth'],
  ] as const)('fails with OVERLAY_CONNECTION_CLOSED when the peer closes in stage %s', async (stage, causeName) => {
    await using node = await RawNode.start();
    const connecting = connect(target(node.port));
    const outcome = expect(connecting).rejects.toMatchObject({ code: 'OVERLAY_CONNECTION_CLOSED', stage, causeName });
    const peer = await node.peer();
    await peer.expect('HELLO');
    if (stage === 'auth') {
      peer.write(peer.hello());
      await peer.expect('AUTH');
    }
    peer.end();
    await outcome;
  });

  it('fails with OVERLAY_PEER_ERROR when AUTH and ERROR_MSG come in one segment', async () => {
    await using node = await RawNode.start();
    const outcome = expect(connect(target(node.port))).rejects.toMatchObject({
      ...{ code: 'OVERLAY_PEER_ERROR', stage: 'channel', causeName: 'peer-full' },
      peerError: { code: 'ERR_LOAD', message: 'peer rejected' },
      remote: { versionStr: 'raw peer' },
    });
    const peer = await node.peer();
    await peer.greet();
    await peer.expect('AUTH');
    peer.write(
      peer.seal({ type: 'AUTH', flags: 200 }),
      peer.seal({ type: 'PEERS', peers: [] }),
      peer.plain({ type: 'ERROR_MSG', code: 'ERR_LOAD', msg: 'peer rejected' }),
    );
    await outcome;
  });

  it('fails with the reasons of both sides when both refuse at the same time', async () => {
    await using node = await RawNode.start();
    const outcome = expect(connect({ ...target(node.port), overlayVersion: 40 })).rejects.toMatchObject({
      ...{ code: 'OVERLAY_WRONG_PROTOCOL_VERSION', stage: 'hello', dropReason: 'wrong protocol version' },
      peerError: { code: 'ERR_CONF', message: 'bad address' },
      remote: { overlayMinVersion: 41 },
    });
    const peer = await node.peer();
    await peer.expect('HELLO');
    peer.write(peer.hello({ overlayMinVersion: 41 }), peer.plain({ type: 'ERROR_MSG', code: 'ERR_CONF', msg: 'bad address' }));
    expect(await peer.farewell()).toEqual(['ERR_CONF wrong protocol version', 'FIN']);
    peer.end();
    await outcome;
  });

  it('fails half a second after its refusal when the peer does not close', async () => {
    await using node = await RawNode.start();
    const outcome = expect(connect(target(node.port))).rejects.toMatchObject({ code: 'OVERLAY_BAD_ADDRESS' });
    const peer = await node.peer();
    await peer.expect('HELLO');
    peer.write(peer.hello({ listeningPort: 0 }));
    await peer.expect('ERROR_MSG');
    await until(() => clock.timers === 2);
    clock.advance(500);
    await outcome;
  });
});

describe('a peer without a common overlay version', () => {
  const foreign = { overlayVersion: 60, overlayMinVersion: 55 };

  it('is dialled again with its own versions with adaptOverlayRange', async () => {
    await using node = await listen({ network, port: 0, ...foreign });
    const at = { host: '127.0.0.1', port: node.port, network };
    await expect(connect(at)).rejects.toMatchObject({ causeName: 'peer-says-wrong-protocol-version' });
    await using connection = await connect({ ...at, adaptOverlayRange: true });
    expect(connection.overlayRange).toEqual(foreign);
    expect(connection.remote).toMatchObject(foreign);
  });

  it('is not dialled again when the application has chosen the versions', async () => {
    await using node = await listen({ network, port: 0, ...foreign });
    const at = { host: '127.0.0.1', port: node.port, network, adaptOverlayRange: true, overlayVersion: 42 };
    await expect(connect(at)).rejects.toBeInstanceOf(OverlayError);
  });

  it('is not dialled again when it refuses for another reason', async () => {
    let dialled = 0;
    await using node = await listen({
      network: networks.testnet,
      port: 0,
      onEvent: ({ event }) => void (event === 'connected' && dialled++),
    });
    await expect(connect({ host: '127.0.0.1', port: node.port, network, adaptOverlayRange: true })).rejects.toBeInstanceOf(
      OverlayError,
    );
    expect(dialled).toBe(1);
  });

  it('is accepted with its own versions by a listener with adaptOverlayRange, and refused without', async () => {
    for (const adaptOverlayRange of [true, false]) {
      await using listener = await listen({ network, port: 0, adaptOverlayRange });
      const connecting = connect({ host: '127.0.0.1', port: listener.port, network, ...foreign });
      if (!adaptOverlayRange) {
        await expect(connecting).rejects.toMatchObject({ code: 'OVERLAY_WRONG_PROTOCOL_VERSION' });
        continue;
      }
      await using connection = await connecting;
      const { value } = await listener[Symbol.asyncIterator]().next();
      expect([connection.remote, value?.overlayRange]).toMatchObject([foreign, foreign]);
    }
  });
});

it.each(['per-process', 'per-connection'] as const)(
  'keys and certificate are made before the time measurement begins, %s',
  async (ecdh) => {
    const order: string[] = [];
    const crypto: CryptoProvider = {
      ...nodeCrypto,
      signingKey: (seed) => {
        const key = nodeCrypto.signingKey(seed);
        return {
          publicKey: key.publicKey,
          unsafeExportSeed: () => key.unsafeExportSeed(),
          sign: (message) => {
            order.push('sign');
            return key.sign(message);
          },
        };
      },
    };
    await using node = await listen({ network, port: 0 });
    const lookup = async (): Promise<string[]> => {
      order.push('lookup');
      return ['127.0.0.1'];
    };
    await using _connection = await connect({ host: 'node.example', port: node.port, network, lookup, crypto, ecdh });
    expect(order).toEqual(['sign', 'lookup']);
  },
);

describe('the AbortSignal of connect()', () => {
  it('prevents dialling when it has aborted before the call', async () => {
    await using node = await RawNode.start();
    const signal = AbortSignal.abort(new Error('no'));
    for (const host of ['127.0.0.1', 'localhost']) {
      await expect(connect({ host, port: node.port, network, signal })).rejects.toMatchObject({
        ...{ code: 'OVERLAY_ABORTED', cause: signal.reason },
      });
    }
    await using listener = await listen({ port: 0, network });
    await (await connect({ host: '127.0.0.1', port: listener.port, network })).close();
    expect(node.accepted).toBe(0);
  });

  it.each([
    ['dns', 'localhost'],
    ['tcp', '127.0.0.1'],
  ])('ends connect() during %s', async (stage, host) => {
    await using node = await RawNode.start();
    const clock = new ManualClock();
    const stop = new AbortController();
    const connecting = connect({ host, port: node.port, network, clock, signal: stop.signal });
    stop.abort('enough');
    await expect(connecting).rejects.toMatchObject({ code: 'OVERLAY_ABORTED', stage, cause: 'enough' });
    expect(clock.timers).toBe(0);
  });

  it.each(['hello', 'auth', 'channel'] as const)(
    'ends the connection in stage %s, without a message to the peer',
    async (stage) => {
      await using node = await RawNode.start();
      const clock = new ManualClock();
      const stop = new AbortController();
      const connecting = connect({ host: '127.0.0.1', port: node.port, network, clock, signal: stop.signal });
      connecting.catch(() => {});
      const peer = await node.peer();
      await peer.expect('HELLO');
      if (stage !== 'hello') {
        peer.write(peer.hello());
        await peer.expect('AUTH');
      }
      if (stage === 'channel') peer.send({ type: 'AUTH', flags: 200 }, grant());
      const expected = { code: 'OVERLAY_ABORTED', stage, cause: 'enough', told: null };
      if (stage === 'channel') {
        const connection = await connecting;
        const next = connection[Symbol.asyncIterator]().next();
        await peer.take(2);
        stop.abort('enough');
        await expect(next).rejects.toMatchObject(expected);
        expect(await connection.ended).toMatchObject(expected);
      } else {
        stop.abort('enough');
        await expect(connecting).rejects.toMatchObject(expected);
      }
      expect(await peer.farewell()).toEqual(['FIN']);
      // The clock is manual: no timer is left, though the last turns of the loop may still come.
      await until(() => clock.timers === 0);
    },
  );

  it('has no effect after the end of the connection', async () => {
    const stop = new AbortController();
    await using listener = await listen({ port: 0, network });
    const connection = await connect({ host: '127.0.0.1', port: listener.port, network, signal: stop.signal });
    await connection.close();
    stop.abort();
    expect((await connection.ended).code).toBe('OVERLAY_CLOSED');
  });
});

it('both ends of a connection end when either of them closes', async () => {
  for (const end of ['connection', 'accepted'] as const) {
    const { listener, connection, accepted } = await pair();
    await { connection, accepted }[end].close();
    expect([(await connection.ended).code, (await accepted.ended).code].sort()).toEqual([
      'OVERLAY_CLOSED',
      'OVERLAY_CONNECTION_CLOSED',
    ]);
    await listener.close();
  }
});
