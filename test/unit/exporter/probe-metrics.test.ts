/** The metrics of good and bad nodes, on real sockets. */
import { describe, expect, it } from 'vitest';
import { probeRegistry } from '../../../src/exporter/metrics.ts';
import { NodeIdentity, networkFromPassphrase, networks } from '../../../src/index.ts';
import { ERROR_TABLE, PEER_ERROR_TABLE } from '../../../src/protocol/error-table.ts';
import { ManualClock, type MockScript } from '../../../src/testing/index.ts';
import { exporter, goodNode, mock, network, probeOf, waits } from './support.ts';

const failure = (code: string, cause: string, stage: string): string =>
  `stellar_probe_failure_info{code="${code}",cause="${cause}",stage="${stage}"}`;

describe('the metrics of a good node', () => {
  it('have success, phases, versions, certificate, clock and identity', async () => {
    await using node = await goodNode({
      versionStr: 'v27.1.0 "test"',
      overlayVersion: 41,
      overlayMinVersion: 40,
      ledgerVersion: 26,
    });
    await using exporting = await exporter();
    const { status, headers, samples } = await probeOf(exporting, node);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(samples.get('stellar_probe_success')).toBe(1);
    const phases = ['dns', 'tcp', 'hello', 'auth'].map((phase) =>
      samples.get(`stellar_probe_duration_seconds{phase="${phase}"}`),
    );
    for (const seconds of phases) expect(seconds).toBeGreaterThan(0);
    const sum = (phases as number[]).reduce((total, seconds) => total + seconds);
    expect(samples.get('stellar_probe_elapsed_seconds')).toBeGreaterThan(sum * 0.9);
    expect(samples.get('stellar_probe_ping_seconds')).toBeGreaterThan(0);
    expect(samples.get('stellar_probe_ip_protocol')).toBe(4);
    expect(samples.get('stellar_probe_peer_overlay_version')).toBe(41);
    expect(samples.get('stellar_probe_peer_overlay_min_version')).toBe(40);
    expect(samples.get('stellar_probe_peer_ledger_version')).toBe(26);
    const remaining = samples.get('stellar_probe_peer_certificate_remaining_seconds');
    expect(remaining).toBeGreaterThan(3500);
    expect(remaining).toBeLessThanOrEqual(3600);
    expect(samples.get('stellar_probe_peer_certificate_expiry_timestamp_seconds')).toBeGreaterThan(Date.now() / 1000 + 3400);
    expect(samples.get('stellar_probe_clock_skew_max_seconds')).toBe(
      (samples.get('stellar_probe_clock_skew_min_seconds') ?? Number.NaN) + 1800,
    );
    expect(
      samples.get(`stellar_probe_peer_info{peer_id="${node.peerID}",version="v27.1.0 \\"test\\"",network="standalone"}`),
    ).toBe(1);
    expect([...samples.keys()].filter((name) => name.startsWith('stellar_probe_failure'))).toEqual([]);
  });

  it('have the networkID for a network without a name', async () => {
    const own = networkFromPassphrase('A network of our own');
    await using node = await goodNode({ network: own });
    await using exporting = await exporter();
    const { samples } = await probeOf(exporting, node, '&network=A+network+of+our+own');
    expect(samples.get('stellar_probe_success')).toBe(1);
    expect([...samples.keys()].some((name) => name.includes(`network="${own.networkID}"`))).toBe(true);
  });

  it('escape the version text', async () => {
    await using node = await goodNode({ versionStr: 'a"} 1\nstellar_probe_success 7\n\\\u001b[31m\u202e' });
    await using exporting = await exporter();
    const { samples, text } = await probeOf(exporting, node);
    expect(samples.get('stellar_probe_success')).toBe(1);
    expect(text).toContain('version="a\\"} 1·stellar_probe_success 7·\\\\·[31m·"');
  });

  it('have a failure when the peerID is not the expected one', async () => {
    await using node = await goodNode();
    await using exporting = await exporter();
    expect((await probeOf(exporting, node, `&expect=${node.peerID}`)).samples.get('stellar_probe_success')).toBe(1);
    const { samples } = await probeOf(exporting, node, `&expect=${NodeIdentity.random().peerID}`);
    expect(samples.get('stellar_probe_success')).toBe(0);
    expect(samples.get(failure('OVERLAY_PEER_ID_MISMATCH', 'peer-id-mismatch', 'hello'))).toBe(1);
  });

  it('are measured with one identity, the configured one', async () => {
    const seen: string[] = [];
    const identity = NodeIdentity.fromSeed(new Uint8Array(32).fill(7));
    await using node = await goodNode({
      onEvent: (event) => void (event.event === 'authenticated' && seen.push(event.connection.remote.peerID)),
    });
    await using exporting = await exporter({ node: { network, identity } });
    await probeOf(exporting, node);
    await probeOf(exporting, node);
    expect(seen).toEqual([identity.peerID, identity.peerID]);
    expect(exporting.peerID).toBe(identity.peerID);
  });
});

interface Failing {
  readonly expected: readonly [code: keyof typeof ERROR_TABLE, cause: string, stage: string];
  readonly node: MockScript;
  readonly timeout?: string;
  /** Whether the node had shown its certificate. */
  readonly remote?: boolean;
}

const text =
  (bytes: string): MockScript =>
  async (peer) => {
    peer.sendRaw(new Uint8Array(Buffer.from(bytes, 'latin1')));
    await peer.expectEnd();
  };

const hello =
  (options: Parameters<Parameters<MockScript>[0]['hello']>[0], rest: MockScript = async () => {}): MockScript =>
  async (peer) => {
    await peer.expect('HELLO');
    peer.hello(options);
    await rest(peer);
    await peer.expectEnd();
  };

const FAILING: Record<string, Failing> = {
  'says nothing': {
    expected: ['OVERLAY_HANDSHAKE_TIMEOUT', 'handshake-timeout', 'hello'],
    timeout: '1.5',
    node: (peer) => peer.expectEnd(),
  },
  'says nothing after its HELLO': {
    expected: ['OVERLAY_HANDSHAKE_TIMEOUT', 'handshake-timeout', 'auth'],
    timeout: '1.5',
    remote: true,
    node: hello({}),
  },
  'closes without a message after its HELLO': {
    expected: ['OVERLAY_CONNECTION_CLOSED', 'closed-before-auth', 'auth'],
    remote: true,
    node: async (peer) => {
      await peer.expect('HELLO');
      peer.hello();
      await peer.expect('AUTH');
    },
  },
  'is an HTTP server': {
    expected: ['OVERLAY_NOT_STELLAR', 'not-stellar', 'hello'],
    node: text('HTTP/1.1 400 Bad Request\r\n\r\n'),
  },
  'has an expired certificate': {
    expected: ['OVERLAY_CERT_EXPIRED', 'cert-expired', 'hello'],
    node: hello({ certSeconds: -10 }),
  },
  'has a certificate signed by another key': {
    expected: ['OVERLAY_CERT_INVALID', 'cert-invalid', 'hello'],
    node: hello({ certSignedBy: NodeIdentity.fromSeed(new Uint8Array(32).fill(9)) }),
  },
  'has no free slot': {
    expected: ['OVERLAY_PEER_ERROR', 'peer-full', 'channel'],
    remote: true,
    node: async (peer) => {
      await peer.expect('HELLO');
      peer.hello();
      await peer.expect('AUTH');
      peer.auth();
      peer.error('ERR_LOAD', 'peer rejected');
      await peer.expectEnd();
    },
  },
  'sends a wrong MAC': {
    expected: ['OVERLAY_UNEXPECTED_MAC', 'unexpected-mac', 'auth'],
    remote: true,
    node: hello({}, async (peer) => {
      await peer.expect('AUTH');
      peer.sendBadMac({ type: 'AUTH', flags: 200 });
    }),
  },
};

describe('a node that fails:', () => {
  it.each(Object.entries(FAILING))('%s', async (_name, { expected, node: script, timeout = '10', remote = false }) => {
    await using node = await mock(script);
    await using exporting = await exporter();
    const { status, samples } = await probeOf(exporting, node, '', waits(timeout));
    expect(status).toBe(200);
    expect(samples.get('stellar_probe_success')).toBe(0);
    expect([...samples.keys()].filter((name) => name.startsWith('stellar_probe_failure'))).toEqual([failure(...expected)]);
    expect([...samples.keys()].some((name) => name.startsWith('stellar_probe_peer_info'))).toBe(remote);
    expect(samples.get('stellar_probe_elapsed_seconds')).toBeGreaterThan(0);
    const causes = [...Object.values(ERROR_TABLE), ...PEER_ERROR_TABLE].flatMap((row) => [
      row.cause,
      ...('byStage' in row ? Object.values(row.byStage ?? {}).map(({ cause }) => cause) : []),
    ]);
    expect(causes).toContain(expected[1]);
  });

  it('closes without a message and then does not answer: the deadline ends the search for the cause', async () => {
    let connections = 0;
    await using node = await mock(async (peer) => {
      connections++;
      await peer.expect('HELLO');
      if (connections > 1) await peer.expectEnd();
    });
    await using exporting = await exporter();
    const { samples } = await probeOf(exporting, node, '', waits('1.5'));
    expect(samples.get(failure('OVERLAY_CONNECTION_CLOSED', 'closed-before-hello', 'hello'))).toBe(1);
    expect(connections).toBeGreaterThan(1);
  });

  it('does not listen', async () => {
    const node = await goodNode();
    await node.close();
    await using exporting = await exporter();
    const { samples } = await probeOf(exporting, node);
    expect(samples.get(failure('OVERLAY_CONNECTION_REFUSED', 'connection-refused', 'tcp'))).toBe(1);
    expect(samples.get('stellar_probe_duration_seconds{phase="dns"}')).toBeGreaterThan(0);
    expect(samples.has('stellar_probe_duration_seconds{phase="tcp"}')).toBe(false);
  });
});

describe('the network of a request', () => {
  it.each([
    ['Testnet', 'testnet', 'name'],
    ['Test SDF Network ; September 2015', 'testnet', 'name'],
    ['nobody knows it', networkFromPassphrase('nobody knows it').networkID, 'passphrase'],
  ])('%j is in the metrics, with its form: name or passphrase', async (text, network, as) => {
    await using node = await goodNode({ network: networkFromPassphrase('nobody knows it') });
    await using exporting = await exporter();
    const { samples } = await probeOf(exporting, node, `&network=${encodeURIComponent(text)}`);
    expect(samples.get(`stellar_probe_network_info{network="${network}",given_as="${as}"}`)).toBe(1);
  });

  it('is refused with a suggestion when it has a typing mistake', async () => {
    await using exporting = await exporter();
    const { status, text } = await probeOf(exporting, { port: 1 }, '&network=tesnet');
    expect([status, text]).toEqual([400, expect.stringContaining('did you mean testnet?')]);
  });
});

describe('the port a node advertises', () => {
  it('is a metric, with whether it was the port that was dialled', async () => {
    await using node = await goodNode();
    await using other = await goodNode({ listeningPort: 4321 });
    await using exporting = await exporter();
    const { samples } = await probeOf(exporting, node);
    expect(samples.get('stellar_probe_peer_listening_port')).toBe(node.port);
    expect(samples.get('stellar_probe_peer_listening_port_is_dialled')).toBe(1);
    const { samples: others } = await probeOf(exporting, other);
    expect(others.get('stellar_probe_peer_listening_port')).toBe(4321);
    expect(others.get('stellar_probe_peer_listening_port_is_dialled')).toBe(0);
  });
});

describe('metrics with extreme values', () => {
  const registry = (certExpiration: string) =>
    probeRegistry({
      result: {
        target: 'a:11625',
        at: '2026-11-24T07:30:05.123Z',
        ok: true,
        role: 'WE_CALLED_REMOTE',
        address: '2001:db8::1',
        remote: {
          peerID: 'G',
          versionStr: '',
          ledgerVersion: 0,
          overlayVersion: 4294967295,
          overlayMinVersion: 0,
          listeningPort: 1,
          networkID: networks.pubnet.networkID,
          certExpiration,
        },
      },
      network: networks.pubnet,
      elapsedMs: 0,
      unixSeconds: new ManualClock().now().unixSeconds,
    }).metrics();

  it('have the expiration of a certificate in milliseconds, or beyond every date, as a number', async () => {
    expect(await registry('+057913-01-01T00:00:00.000Z')).toMatch(/certificate_expiry_timestamp_seconds 1765\d{9}$/m);
    expect(await registry('18446744073709551615')).toMatch(/certificate_expiry_timestamp_seconds 18446744073709552000$/m);
  });

  it('have IPv6 and the largest overlay version', async () => {
    const text = await registry('2026-01-01T00:00:00Z');
    expect(text).toContain('stellar_probe_ip_protocol 6');
    expect(text).toContain('stellar_probe_peer_overlay_version 4294967295');
    expect(text).toMatch(/^stellar_probe_peer_certificate_remaining_seconds 0$/m);
  });
});
