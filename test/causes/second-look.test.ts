/** Causes that only a second look can distinguish, and the use of its finding in later probes of the target. */
import { describe, expect, it } from 'vitest';
import { connect, listen, NodeIdentity, networkFromPassphrase, networks } from '../../src/index.ts';
import { Knowledge } from '../../src/probe/knowledge.ts';
import { type ProbeResult, probe } from '../../src/probe/probe.ts';
import { ManualClock, type MockPeer, type MockScript, mockNode } from '../../src/testing/index.ts';
import { callCli } from '../support/cli.ts';
import { closingAfter, echoing, whileTimePasses } from '../support/proxy.ts';
import { keptBy } from '../support/signals.ts';

const network = networks.standalone;
const NOW = 1_767_225_600;

/** A node whose clock is ahead: it accepts only certificates that have not expired by its clock. */
function nodeAhead(seconds: number): MockScript {
  return async (peer) => {
    const body = await peer.receiveBody();
    if (body === undefined || expirationOf(body) < BigInt(NOW + seconds)) return;
    peer.hello({ certSeconds: seconds + 3_600 });
    await peer.receiveBody();
  };
}

/** The expiration of the certificate in a HELLO, by its distance from the end: signature, nonce and MAC follow it. */
function expirationOf(body: Uint8Array): bigint {
  return new DataView(body.buffer, body.byteOffset, body.byteLength).getBigUint64(body.length - 32 - 32 - 68 - 8);
}

/** Says HELLO and closes. */
async function answerAndClose(peer: MockPeer): Promise<void> {
  await peer.expect('HELLO');
  peer.hello();
  await peer.expectEnd();
}

describe('a node whose clock is ahead, so that it takes our certificate for expired,', () => {
  it.each([
    [7_200, '2 hours'],
    [86_400 * 400, '400 days'],
  ])('is reported as our own clock being behind: %i s as %s', async (seconds, text) => {
    const clock = new ManualClock(NOW);
    await using node = await mockNode({ network, clock }, nodeAhead(seconds));
    const { ok, error, remote } = await probe({ host: node.host, port: node.port }, { network, clock });
    expect({ ok, ...error }).toMatchObject({
      ok: false,
      code: 'OVERLAY_OWN_CLOCK_BEHIND',
      stage: 'hello',
      cause: 'own-clock-behind',
    });
    expect(error?.message).toContain(`at least ${text} behind`);
    expect(remote?.versionStr).toBe('mock peer');
  });

  it('makes the command line exit with 4 and print what to do', async () => {
    const ahead = 10_000;
    await using node = await mockNode({ network }, async (peer) => {
      const body = await peer.receiveBody();
      if (body === undefined || expirationOf(body) < BigInt(Math.floor(Date.now() / 1000) + ahead)) return;
      peer.hello({ certSeconds: ahead + 3_600 });
      await peer.receiveBody();
    });
    const { code, stdout } = await callCli([`127.0.0.1:${node.port}`, '--network', 'standalone']);
    expect(code).toBe(4);
    expect(stdout.split('\n').slice(0, 2).join('\n')).toMatch(
      /clock of this machine is at least 2 hours behind[^\n]*\n {2}Set the clock/,
    );
  });
});

describe('a node that closes without a message', () => {
  it.each([false, true])('leaves nothing on a signal that lives longer, with oneAtATime %s', async (oneAtATime) => {
    const { signal } = new AbortController();
    await using node = await mockNode({ network }, async (peer) => void (await peer.receiveBody()));
    const { error } = await probe({ host: node.host, port: node.port }, { network, signal, oneAtATime });
    expect(error?.code).toBe('OVERLAY_CONNECTION_CLOSED');
    expect(keptBy(signal)).toBe(0);
  });

  it('is reported as a success with a warning when it accepts the second connection', async () => {
    let connections = 0;
    await using node = await mockNode({ network }, async (peer) => {
      if (++connections > 1) await peer.handshake().then(() => peer.expectEnd());
      else await peer.receiveBody();
    });
    const { ok, warnings } = await probe({ host: node.host, port: node.port }, { network });
    expect({ ok, warning: warnings?.at(-1) }).toEqual({
      ok: true,
      warning: 'It closed the first connection without an answer, and accepted the next one.',
    });
  });

  it('is reported as a ban when it refuses our key only', async () => {
    const identity = NodeIdentity.random();
    await using node = await listen({ network, port: 0, isBanned: (peerID) => peerID === identity.peerID });
    const { error, remote } = await probe({ host: '127.0.0.1', port: node.port }, { network, identity });
    expect(error?.code).toBe('OVERLAY_BANNED_THERE');
    expect(remote?.peerID).toBe(node.peerID);
  });

  it('is not dialled again after the signal has aborted', async () => {
    const leave = new AbortController();
    let connections = 0;
    await using node = await mockNode({ network }, async (peer) => {
      if (++connections === 1) return void (await peer.receiveBody());
      if (connections === 5) leave.abort();
      await peer.expectEnd();
    });
    const { error } = await probe({ host: node.host, port: node.port }, { network, signal: leave.signal });
    expect(error).toMatchObject({
      code: 'OVERLAY_CONNECTION_CLOSED',
      message: expect.stringContaining('no time for a second look'),
    });
  });

  it('is reported with an unknown cause when its network is unknown, and the report names what was tried', async () => {
    await using node = await listen({ network: networkFromPassphrase('A network of our own'), port: 0 });
    const { error } = await probe({ host: '127.0.0.1', port: node.port }, { network });
    expect(error).toMatchObject({ code: 'OVERLAY_CONNECTION_CLOSED', cause: 'closed-before-hello' });
    expect(error?.message).toMatch(/The cause is unknown: another known network, a later certificate and another key/);
  });
});

describe('what probe remembers about a target', () => {
  /** Probes a node this number of times, and counts the connections of each probe. */
  async function connectionsOf(
    options: Partial<Parameters<typeof listen>[0]>,
    times: number,
  ): Promise<{ readonly counts: readonly number[]; readonly results: readonly ProbeResult[] }> {
    const counts: number[] = [];
    let count = 0;
    const onEvent: Parameters<typeof listen>[0]['onEvent'] = ({ event }) => void (event === 'connected' && count++);
    await using node = await listen({ network, port: 0, ...options, onEvent });
    const known = new Knowledge();
    const results: ProbeResult[] = [];
    for (let i = 0; i < times; i++) {
      count = 0;
      results.push(await probe({ host: '127.0.0.1', port: node.port }, { network, known }));
      counts.push(count);
    }
    return { counts, results };
  }

  it('is its range of overlay versions: the next probe uses it at once', async () => {
    const { counts, results } = await connectionsOf({ overlayVersion: 60, overlayMinVersion: 55 }, 3);
    expect(counts).toEqual([2, 1, 1]);
    for (const { ok, warnings } of results)
      expect({ ok, warnings }).toEqual({ ok: true, warnings: [expect.stringContaining('own range, overlay 55 to 60')] });
  });

  it('is its network: the next probe needs no second look', async () => {
    const { counts, results } = await connectionsOf({ network: networks.testnet }, 3);
    expect(counts[0]).toBeGreaterThan(2);
    expect(counts.slice(1)).toEqual([1, 1]);
    for (const { error, remote } of results) expect([error?.code, remote?.network]).toEqual(['OVERLAY_OTHER_NETWORK', 'testnet']);
  });

  it('is shared by the rounds of one run of the command line', async () => {
    let connections = 0;
    await using node = await listen({
      ...{ network: networks.testnet, port: 0 },
      onEvent: ({ event }) => void (event === 'connected' && connections++),
    });
    const args = ['--network', 'standalone', '--count', '3', '--interval', '1ms', '--json'];
    const { stdout } = await callCli([`127.0.0.1:${node.port}`, ...args]);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ round, error }) => [round, error.cause])).toEqual([1, 2, 3].map((round) => [round, 'other-network']));
    // One for each round, and one second look.
    expect(connections).toBeLessThanOrEqual(3 + 6);
  });

  it('is determined again after ten minutes, after another error, and after a success', async () => {
    const clock = new ManualClock(NOW);
    const known = new Knowledge();
    const error = { code: 'OVERLAY_CONNECTION_CLOSED' } as never;
    known.learn(error, { is: 'nothing' }, clock.now().monotonicMs);
    clock.advance(599_999);
    expect(known.findingOf(error, clock.now().monotonicMs)).toEqual({ is: 'nothing' });
    expect(known.findingOf({ code: 'OVERLAY_CONNECTION_RESET' } as never, clock.now().monotonicMs)).toBeUndefined();
    clock.advance(1);
    expect(known.findingOf(error, clock.now().monotonicMs)).toBeUndefined();
    known.learn(error, { is: 'nothing' }, clock.now().monotonicMs);
    await using node = await mockNode({ network }, answerAndClose);
    await probe({ host: node.host, port: node.port }, { network, known, handshakeTimeoutMs: 100 });
    expect(known.findingOf(error, clock.now().monotonicMs)).toBeUndefined();
  });
});

describe('a node that is full', () => {
  const full: MockScript = async (peer) => {
    await peer.expect('HELLO');
    peer.hello();
    await peer.expect('AUTH');
    peer.auth();
    const peers = [
      { ip: '192.0.2.1', port: 11625, numFailures: 0 },
      { ip: '2001:db8::1', port: 11626, numFailures: 0 },
    ];
    peer.send({ type: 'PEERS', peers });
    peer.error('ERR_LOAD', 'peer rejected');
    await peer.expectEnd();
  };

  it('is reported with its identity and its PEERS, in JSON and in text', async () => {
    await using node = await mockNode({ network }, full);
    const args = [`127.0.0.1:${node.port}`, '--network', 'standalone'];
    const json = await callCli([...args, '--json']);
    expect(json.code).toBe(5);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      remote: { versionStr: 'mock peer' },
      peers: ['192.0.2.1:11625', '[2001:db8::1]:11626'],
      timings: {
        dnsMs: expect.any(Number),
        helloMs: expect.any(Number),
        authMs: expect.any(Number),
        failedAfterMs: expect.any(Number),
      },
      error: { cause: 'peer-full', stage: 'channel' },
    });
    const text = await callCli(args);
    expect(text.stdout).toContain('it names    192.0.2.1:11625, [2001:db8::1]:11626');
    expect(text.stdout).toMatch(/time {8}failed after [\d.]+ ms \(dns .*, tcp .*, hello .*, auth .*\)/);
  });

  it('is reported by connect() with its PEERS', async () => {
    await using node = await mockNode({ network }, full);
    const connecting = connect({ host: node.host, port: node.port, network });
    await expect(connecting).rejects.toMatchObject({
      code: 'OVERLAY_PEER_ERROR',
      peers: [
        { ip: '192.0.2.1', port: 11625 },
        { ip: '2001:db8::1', port: 11626 },
      ],
    });
  });
});

describe('a node that refuses us shortly after the handshake', () => {
  const late: MockScript = async (peer) => {
    await peer.handshake();
    peer.send({ type: 'PEERS', peers: [{ ip: '192.0.2.1', port: 11625, numFailures: 0 }] });
    // At this point the handshake looks complete. The answer to a ping is a refusal.
    await peer.receiveBody();
    peer.error('ERR_LOAD', 'peer rejected');
    await peer.expectEnd();
  };

  it('is reported by connect() with the option settle, with its PEERS', async () => {
    await using node = await mockNode({ network }, late);
    const connecting = connect({ host: node.host, port: node.port, network, scpStateLedgerSeq: null, settle: true });
    await expect(connecting).rejects.toMatchObject({
      ...{ code: 'OVERLAY_PEER_ERROR', causeName: 'peer-full', stage: 'channel', peers: [{ ip: '192.0.2.1', port: 11625 }] },
    });
    await node.finished();
  });

  it('is reported by probe, with its PEERS', async () => {
    await using node = await mockNode({ network }, late);
    const { ok, error, peers } = await probe({ host: node.host, port: node.port }, { network });
    expect({ ok, cause: error?.cause, peers }).toEqual({ ok: false, cause: 'peer-full', peers: ['192.0.2.1:11625'] });
  });
});

describe('connect() with the option settle', () => {
  it('measures the round-trip time of a node that keeps the connection', async () => {
    await using node = await listen({ network, port: 0 });
    await using connection = await connect({ host: '127.0.0.1', port: node.port, network, settle: true });
    expect(connection.timings.pingMs).toBeGreaterThan(0);
    await using other = await connect({ host: '127.0.0.1', port: node.port, network });
    expect(other.timings).not.toHaveProperty('pingMs');
  });

  it('succeeds when no refusal comes within one second', async () => {
    const clock = new ManualClock();
    await using node = await mockNode({ network, clock }, async (peer) => {
      await peer.handshake();
      await peer.receiveBody();
      clock.advance(1_000);
      await peer.expectEnd();
    });
    const connection = await connect({ host: node.host, port: node.port, network, clock, scpStateLedgerSeq: null, settle: true });
    expect(connection.timings).not.toHaveProperty('pingMs');
    const closing = connection.close();
    clock.advance(1_000);
    await closing;
    expect(clock.timers).toBe(0);
  });
});

describe('a port that closes every connection after the same time', () => {
  it.each([1_200, 3_000, 8_000])(
    'is reported as a proxy without a back end when it closes after %i ms, whatever it receives',
    async (ms) => {
      const clock = new ManualClock();
      await using proxy = await closingAfter(ms, clock);
      const probing = probe({ host: '127.0.0.1', port: proxy.port }, { network, clock, handshakeTimeoutMs: 10_000 });
      const { error } = await whileTimePasses(clock, probing);
      expect(error).toMatchObject({ code: 'OVERLAY_CLOSED_UNHEARD', cause: 'closed-unheard', stage: 'hello' });
      expect(error?.message).toContain(`after ${(ms / 1000).toFixed(1)} s, whatever it receives`);
      expect(error?.advice).toContain('proxy');
    },
  );

  it('is not reported as a proxy when it waits longer for a silent client, as stellar-core does', async () => {
    const clock = new ManualClock();
    // 5 s after a HELLO it does not like, 10 s after nothing.
    await using node = await closingAfter(10_000, clock, 5_000);
    const { error } = await whileTimePasses(clock, probe({ host: '127.0.0.1', port: node.port }, { network, clock }));
    expect(error).toMatchObject({ code: 'OVERLAY_CONNECTION_CLOSED', cause: 'closed-before-hello' });
    expect(error?.message).toContain('The cause is unknown');
  });
});

describe('an echo service', () => {
  it.each([
    ['a random identity', undefined],
    ['a seed of our own', NodeIdentity.random()],
  ])('is reported as not a Stellar node to %s', async (_name, identity) => {
    await using echo = await echoing();
    const { ok, error } = await probe({ host: '127.0.0.1', port: echo.port }, { network, ...(identity && { identity }) });
    expect({ ok, ...error }).toMatchObject({ ok: false, code: 'OVERLAY_NOT_STELLAR', cause: 'not-stellar', stage: 'hello' });
    expect(error?.message).toContain('echo service');
    expect(error).not.toHaveProperty('peerError');
  });

  it.each(['watch', 'explain'])('is reported as an echo service by %s', async (verb) => {
    await using echo = await echoing();
    const { code, stdout, stderr } = await callCli([verb, `127.0.0.1:${echo.port}`, '--network', 'standalone']);
    expect(code).toBe(6);
    expect(`${stdout}${stderr}`).toContain('an echo service');
  });

  it('is distinguished from a node that uses our own seed', async () => {
    const identity = NodeIdentity.random();
    await using node = await listen({ network, port: 0, identity });
    const { error } = await probe({ host: '127.0.0.1', port: node.port }, { network, identity });
    expect(error?.code).toBe('OVERLAY_CONNECTING_TO_SELF');
  });
});

describe('the port that a node advertises', () => {
  it('causes a warning when it is not the port that was dialled', async () => {
    await using node = await listen({ network, port: 0, listeningPort: 4321 });
    const { ok, warnings } = await probe({ host: '127.0.0.1', port: node.port }, { network });
    expect({ ok, warnings }).toEqual({
      ok: true,
      warnings: [
        `It advertises listening port 4321 (PEER_PORT), but was dialled on port ${node.port}: other nodes learn the advertised port, and reach it only if that port also leads to it.`,
      ],
    });
  });
});

describe('the timings of a failed probe', () => {
  it.each<[string, MockScript, string[]]>([
    ['silence', (peer) => peer.expectEnd(), ['dnsMs', 'tcpMs']],
    ['silence after HELLO', answerAndClose, ['dnsMs', 'tcpMs', 'helloMs']],
  ])('contain the phases that were reached: %s', async (_name, script, phases) => {
    await using node = await mockNode({ network }, script);
    const { timings } = await probe({ host: node.host, port: node.port }, { network, handshakeTimeoutMs: 200 });
    expect(Object.keys(timings ?? {})).toEqual([...phases, 'failedAfterMs']);
  });
});
