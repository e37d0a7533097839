import { duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { connect, listen, NodeIdentity, networks } from '../../../src/index.ts';
import { connectedPair, ManualClock, MockPeer, mockDial, mockNode, UnexpectedByMock } from '../../../src/testing/index.ts';

const network = networks.standalone;
/** Bytes that are the same every time. */
const counting = (): ((length: number) => Uint8Array) => {
  let next = 1;
  return (length) => new Uint8Array(length).fill(next++);
};

describe('ManualClock', () => {
  it('does not move until it is advanced', () => {
    const clock = new ManualClock(1_000);
    expect(clock.now()).toEqual({ unixSeconds: 1_000, monotonicMs: 0 });
    clock.advance(2_500);
    expect(clock.now()).toEqual({ unixSeconds: 1_002.5, monotonicMs: 2_500 });
    expect(new ManualClock().now().unixSeconds).toBe(Date.UTC(2026, 0, 1) / 1000);
  });

  it('fires timers in the order of their times', () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    const fire = (name: string) => () => fired.push(`${name} ${clock.now().monotonicMs}`);
    clock.setTimer(fire('late'), 30);
    clock.setTimer(fire('early'), 10);
    const cancelled = clock.setTimer(fire('never'), 20);
    clock.setTimer(fire('same'), 30);
    clock.setTimer(fire('after'), 31);
    cancelled.cancel();
    cancelled.cancel();
    expect(clock.timers).toBe(4);
    clock.advance(30);
    expect(fired).toEqual(['early 10', 'late 30', 'same 30']);
    expect(clock.timers).toBe(1);
  });

  it('fires timers that were set by another timer in the same advance', () => {
    const clock = new ManualClock();
    const times: number[] = [];
    const again = (): void => {
      times.push(clock.now().monotonicMs);
      clock.setTimer(again, 5);
    };
    clock.setTimer(again, 5);
    clock.advance(17);
    expect(times).toEqual([5, 10, 15]);
    clock.advance(3);
    expect(times).toEqual([5, 10, 15, 20]);
  });
});

describe('connectedPair', () => {
  it('gives both ends of a connection without a socket', async () => {
    const clock = new ManualClock();
    const [dialled, accepted] = await connectedPair({ network, clock }, { versionStr: 'the other', peers: [] });
    expect([dialled.role, accepted.role]).toEqual(['WE_CALLED_REMOTE', 'REMOTE_CALLED_US']);
    expect(dialled.remote.versionStr).toBe('the other');
    expect(dialled.remoteAddress).toBeUndefined();
    expect(dialled.timings).toEqual({ dnsMs: 0, tcpMs: 0, helloMs: 0, authMs: 0, totalMs: 0 });
    expect(await dialled.ping()).toBe(0);
    await Promise.all([dialled.close(), accepted.close()]);
    expect(clock.timers).toBe(0);
  });

  it('reports steps of the dialling side only, unless the other side has its own onStep', async () => {
    const roles = new Set<string>();
    const [dialled, accepted] = await connectedPair({
      ...{ network, clock: new ManualClock() },
      onStep: (_step, { role }) => roles.add(role),
    });
    expect([...roles]).toEqual(['WE_CALLED_REMOTE']);
    await Promise.all([dialled.close(), accepted.close()]);
  });

  it('fails like connect()', async () => {
    const identity = NodeIdentity.random();
    await expect(connectedPair({ network, identity, clock: new ManualClock() })).rejects.toMatchObject({
      code: expect.stringMatching(/OVERLAY_(PEER_ERROR|CONNECTING_TO_SELF)/),
    });
  });
});

describe('a mock peer', () => {
  it('sends the same bytes for the same clock and random bytes', async () => {
    const hello = async (): Promise<Buffer> => {
      const [ours, theirs] = duplexPair();
      new MockPeer(theirs, 'WE_CALLED_REMOTE', { network, clock: new ManualClock(), random: counting() }).hello();
      const [chunk] = await ours.take(1).toArray();
      return chunk as Buffer;
    };
    expect(await hello()).toEqual(await hello());
  });

  it('completes a handshake as the dialled node', async () => {
    await using node = await mockNode({ network }, async (peer) => {
      expect((await peer.handshake()).versionStr).toMatch(/^stellar-handshake /);
      await peer.expect('SEND_MORE_EXTENDED');
      await peer.expect('GET_SCP_STATE');
      await peer.expectEnd();
    });
    const connection = await connect({ host: node.host, port: node.port, network });
    expect(connection.remote.versionStr).toBe('mock peer');
    await connection.close();
    await node.finished();
  });

  it('does a handshake as the side that dials', async () => {
    await using listener = await listen({ port: 0, network });
    await mockDial(listener.port, { network }, async (peer) => {
      expect((await peer.handshake()).listeningPort).toBe(listener.port);
      expect(peer.role).toBe('WE_CALLED_REMOTE');
    });
  });

  it('reports an unexpected message', async () => {
    await using node = await mockNode({ network }, async (peer) => void (await peer.expect('AUTH')));
    await expect(connect({ host: node.host, port: node.port, network })).rejects.toMatchObject({ stage: 'hello' });
    await expect(node.finished()).rejects.toThrow(UnexpectedByMock);
    await expect(node.finished()).rejects.toThrow('expected AUTH, got HELLO');
  });

  it('reports that the other side closed', async () => {
    await using listener = await listen({ port: 0, network });
    const dialling = mockDial(listener.port, { network }, async (peer) => {
      peer.sendHeader(0);
      await peer.expect('HELLO');
    });
    await expect(dialling).rejects.toThrow('expected HELLO, but the other side closed');
  });

  it.each<[string, (peer: MockPeer) => void, string]>([
    ['a wrong MAC', (peer) => peer.sendBadMac({ type: 'GET_SCP_STATE', ledgerSeq: 0 }), 'unexpected MAC'],
    ['a replay', (peer) => peer.replay(), 'unexpected auth sequence'],
    [
      'a skipped sequence',
      (peer) => {
        peer.skipSequence();
        peer.grant();
      },
      'unexpected auth sequence',
    ],
    ['raw bytes', (peer) => peer.sendRaw(Uint8Array.of(0x80, 0, 0, 4, 0, 0, 0, 1)), 'received corrupt XDR'],
    ['a second AUTH', (peer) => peer.auth(), 'out-of-order AUTH message'],
  ])('causes the right error with %s', async (_name, misbehave, told) => {
    await using node = await mockNode({ network }, async (peer) => {
      await peer.handshake();
      await peer.expect('SEND_MORE_EXTENDED');
      await peer.expect('GET_SCP_STATE');
      misbehave(peer);
      expect((await peer.expect('ERROR_MSG')).msg).toBe(told);
    });
    const connection = await connect({ host: node.host, port: node.port, network });
    expect((await connection.ended).told?.message).toBe(told);
    await node.finished();
  });

  it('causes the right error with a wrong HELLO', async () => {
    for (const [options, code] of [
      [{ certSeconds: -1 }, 'OVERLAY_CERT_EXPIRED'],
      [{ certNetwork: networks.testnet }, 'OVERLAY_CERT_INVALID'],
      [{ certSignedBy: NodeIdentity.random() }, 'OVERLAY_CERT_INVALID'],
      [{ listeningPort: 0 }, 'OVERLAY_BAD_ADDRESS'],
    ] as const) {
      await using node = await mockNode({ network }, async (peer) => {
        await peer.expect('HELLO');
        peer.hello(options);
        await peer.expectEnd();
      });
      await expect(connect({ host: node.host, port: node.port, network })).rejects.toMatchObject({ code });
    }
  });

  it('sends single bytes by its clock with drip()', async () => {
    const clock = new ManualClock();
    const [ours, theirs] = duplexPair();
    const seen: number[] = [];
    ours.on('data', (chunk: Buffer) => seen.push(...chunk));
    const peer = new MockPeer(theirs, 'WE_CALLED_REMOTE', { network, clock });
    const dripping = peer.drip(Uint8Array.of(1, 2, 3), 100);
    for (let i = 0; i < 3; i++) {
      while (clock.timers === 0) await new Promise(setImmediate);
      clock.advance(100);
    }
    await dripping;
    while (seen.length < 3) await new Promise(setImmediate);
    expect(seen).toEqual([1, 2, 3]);
    ours.end();
    await peer.expectEnd();
    await peer.drip(Uint8Array.of(4), 100); // Without a peer it ends at once.
    expect(clock.timers).toBe(0);
  });

  it('breaks the connection with reset()', async () => {
    await using node = await mockNode({ network }, async (peer) => {
      await peer.expect('HELLO');
      peer.reset();
    });
    await expect(connect({ host: node.host, port: node.port, network })).rejects.toMatchObject({
      code: expect.stringMatching(/OVERLAY_CONNECTION_(RESET|CLOSED)/),
    });
    const [ours, theirs] = duplexPair();
    ours.on('error', () => {});
    new MockPeer(theirs, 'WE_CALLED_REMOTE', { network }).reset();
    expect(theirs.destroyed).toBe(true);
  });
});
