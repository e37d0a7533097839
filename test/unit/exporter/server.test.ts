/** The HTTP side: answers, refusals, limits, and its end. */
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { describe, expect, it } from 'vitest';
import { NodeIdentity, networks } from '../../../src/index.ts';
import { AllowList } from '../../../src/net/allow-list.ts';
import { encodeSecretSeed } from '../../../src/protocol/strkey.ts';
import { ask, exporter, goodNode, mock, network, probeOf, waits } from './support.ts';

/** A promise and what settles it. */
function signalled(): { readonly happened: Promise<void>; readonly happen: () => void } {
  let happen!: () => void;
  const happened = new Promise<void>((resolve) => {
    happen = resolve;
  });
  return { happened, happen };
}

describe('the HTTP server of exporter', () => {
  it('shows a form at /, and answers at /-/healthy', async () => {
    await using exporting = await exporter();
    const page = await ask(exporting, '/');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.text).toContain('<form action="/probe">');
    const healthy = await ask(exporting, '/-/healthy');
    expect([healthy.status, healthy.text]).toEqual([200, 'healthy\n']);
  });

  it.each(['/nothing', '/probe/', '/Probe', '/constructor', '/__proto__', '/metrics/x'])('answers %s with 404', async (path) => {
    await using exporting = await exporter();
    expect((await ask(exporting, path)).status).toBe(404);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('answers %s with 405 and the allowed methods', async (method) => {
    await using exporting = await exporter();
    const { status, headers } = await ask(exporting, '/probe?target=127.0.0.1', { method });
    expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('answers HEAD without a body', async () => {
    await using exporting = await exporter();
    const { status, headers, text } = await ask(exporting, '/-/healthy', { method: 'HEAD' });
    expect([status, headers.get('content-length'), text]).toEqual([200, '8', '']);
  });

  it.each([
    ['/probe', 'The parameter target is missing'],
    ['/probe?target=a:b:c', 'not a target'],
    ['/probe?target=127.0.0.1&debug=1', 'debug takes true or false'],
    ['/probe?target=127.0.0.1&x=%1b%5b31m', 'There is no parameter'],
  ])('answers %s with 400 and a sentence', async (path, sentence) => {
    await using exporting = await exporter();
    const { status, headers, text } = await ask(exporting, path);
    expect([status, headers.get('content-type')]).toEqual([400, 'text/plain; charset=utf-8']);
    expect(text).toContain(sentence);
    expect(text.trimEnd()).toMatch(/^[^\p{Cc}]+\.$/u);
  });

  it('answers a wrong scrape timeout with 400', async () => {
    await using exporting = await exporter();
    expect((await ask(exporting, '/probe?target=127.0.0.1', waits('soon'))).status).toBe(400);
  });

  it('answers a malformed request line with 400', async () => {
    await using exporting = await exporter();
    const socket = createConnection({ host: '127.0.0.1', port: exporting.port });
    socket.end('GET http://[ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('throws OVERLAY_LISTEN_FAILED when its port is in use', async () => {
    await using exporting = await exporter();
    await expect(exporter({ port: exporting.port })).rejects.toMatchObject({ code: 'OVERLAY_LISTEN_FAILED' });
  });
});

describe('the targets that exporter may probe', () => {
  it('exclude this machine and private networks without --allow', async () => {
    let connections = 0;
    await using node = await goodNode({ onEvent: () => void connections++ });
    await using exporting = await exporter({ allowList: new AllowList([]) });
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '0.0.0.0']) {
      const { status, text } = await ask(exporting, `/probe?target=${encodeURIComponent(`${host}:${node.port}`)}`);
      expect([host, status]).toEqual([host, 403]);
      expect(text).toContain('--allow');
    }
    // Other spellings of an address are no host at all.
    for (const host of ['127.1', '2130706433'])
      expect([host, (await ask(exporting, `/probe?target=${host}:${node.port}`)).status]).toEqual([host, 400]);
    expect(connections).toBe(0);
    const { samples } = await ask(exporting, '/metrics');
    expect(samples.get('stellar_exporter_probes_total{result="forbidden"}')).toBe(6);
  });

  it('exclude names that begin like an address, without a look-up', async () => {
    const asked: string[] = [];
    await using exporting = await exporter({
      allowList: new AllowList([]),
      lookup: async (host) => {
        asked.push(host);
        return ['127.0.0.1'];
      },
    });
    for (const host of ['8.8.8.8%.example.org', '8.8.8.8%eth0', '8.8.8.8%', '[2600::1%*.example.org]', '[2600::1%]'])
      expect([host, (await ask(exporting, `/probe?target=${encodeURIComponent(host)}:1`)).status]).toEqual([host, 400]);
    expect(asked).toEqual([]);
  });

  it('are remembered: the next scrape uses the finding of the second look', async () => {
    let connections = 0;
    await using node = await goodNode({
      network: networks.testnet,
      onEvent: ({ event }) => void (event === 'connected' && connections++),
    });
    await using exporting = await exporter();
    const cause = 'stellar_probe_failure_info{code="OVERLAY_OTHER_NETWORK",cause="other-network",stage="hello"}';
    const counts: number[] = [];
    for (let i = 0; i < 3; i++) {
      const before = connections;
      expect((await probeOf(exporting, node)).samples.get(cause)).toBe(1);
      counts.push(connections - before);
    }
    expect(counts[0]).toBeGreaterThan(2);
    expect(counts.slice(1)).toEqual([1, 1]);
  });

  it('are dialled at the address that was checked, with one look-up', async () => {
    const asked: string[] = [];
    await using node = await goodNode();
    await using exporting = await exporter({
      lookup: async (host) => {
        asked.push(host);
        return [asked.length === 1 ? '127.0.0.1' : '192.0.2.1'];
      },
    });
    const { samples, text } = await ask(exporting, `/probe?target=rebinding.example:${node.port}&debug=true`);
    expect(samples.get('stellar_probe_success')).toBe(1);
    expect(asked).toEqual(['rebinding.example']);
    // The text is about the requested target.
    expect(text).toContain(`Stellar overlay handshake with rebinding.example:${node.port}`);
    expect(text).toContain('address  127.0.0.1, ');
    expect((await ask(exporting, `/probe?target=rebinding.example:${node.port}`)).status).toBe(403);
  });

  it('are dialled only at allowed addresses of a name, until one connects', async () => {
    await using node = await goodNode();
    await using exporting = await exporter({
      allowList: new AllowList(['127.0.0.0/8', '::1']),
      lookup: async () => ['10.0.0.1', '::1', '127.0.0.1'],
    });
    const { samples, text } = await ask(exporting, `/probe?target=many.example:${node.port}&debug=true`);
    expect(samples.get('stellar_probe_success')).toBe(1);
    expect(text).toContain('address  127.0.0.1, ');
  });

  it('have a failed probe when the name has no address, or is not resolved in time', async () => {
    await using exporting = await exporter({
      lookup: (host) => (host === 'none.example' ? Promise.reject(new Error('ENOTFOUND')) : new Promise(() => {})),
    });
    const none = await ask(exporting, '/probe?target=none.example');
    expect(none.text).toContain('{code="OVERLAY_NAME_NOT_FOUND",cause="name-not-found",stage="dns"} 1');
    expect(none.samples.get('stellar_probe_success')).toBe(0);
    expect(none.samples.has('stellar_probe_ip_protocol')).toBe(false);
    const slow = await ask(exporting, '/probe?target=slow.example', waits('0.4'));
    expect(slow.text).toContain('{code="OVERLAY_NAME_LOOKUP_TIMEOUT",cause="name-lookup-timeout",stage="dns"} 1');
    await using empty = await exporter({ lookup: async () => [] });
    expect((await ask(empty, '/probe?target=empty.example')).text).toContain('cause="name-not-found"');
  });
});

describe('the number of probes at the same time', () => {
  it('has a limit, beyond which the answer is 503 with Retry-After', async () => {
    const { happened: connected, happen } = signalled();
    const { happened: released, happen: release } = signalled();
    await using node = await mock(async (peer) => {
      await peer.expect('HELLO');
      happen();
      await released;
    });
    await using other = await goodNode();
    await using exporting = await exporter({ concurrency: 1 });
    const first = probeOf(exporting, node);
    await connected;
    const { status, headers, text } = await probeOf(exporting, other);
    expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    expect(text).toContain('1 probes are running');
    const running = (await ask(exporting, '/metrics')).samples;
    expect(running.get('stellar_exporter_probes_in_flight')).toBe(1);
    release();
    expect((await first).samples.get('stellar_probe_success')).toBe(0);
    expect((await probeOf(exporting, other)).samples.get('stellar_probe_success')).toBe(1);
    const after = (await ask(exporting, '/metrics')).samples;
    const results = ['success', 'failure', 'forbidden', 'busy', 'aborted'];
    expect(results.map((result) => after.get(`stellar_exporter_probes_total{result="${result}"}`))).toEqual([1, 1, 0, 1, 0]);
    expect(after.get('stellar_exporter_probes_in_flight')).toBe(0);
  });

  it('is one for each node: more scrapes of a node wait', async () => {
    let refused = 0;
    await using node = await goodNode({ onEvent: ({ event }) => void (event === 'refused' && refused++) });
    await using exporting = await exporter();
    const answers = await Promise.all(Array.from({ length: 5 }, () => probeOf(exporting, node)));
    expect(answers.map(({ samples }) => samples.get('stellar_probe_success'))).toEqual([1, 1, 1, 1, 1]);
    expect(refused).toBe(0);
  });

  it('causes 503 with Retry-After when a scrape waits too long', async () => {
    const { happened: connected, happen } = signalled();
    await using node = await mock(async (peer) => {
      happen();
      await peer.expectEnd();
    });
    await using exporting = await exporter();
    const first = probeOf(exporting, node);
    await connected;
    const { status, headers } = await probeOf(exporting, node, '', waits('0.2'));
    expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    await exporting.close();
    expect((await first).status).toBe(503);
  });
});

describe('exporter', () => {
  it('ends the probe of a scraper that disconnects', async () => {
    const { happened: connected, happen } = signalled();
    await using node = await mock(async (peer) => {
      happen();
      await peer.expectEnd();
    });
    await using exporting = await exporter();
    const leave = new AbortController();
    const left = probeOf(exporting, node, '', { signal: leave.signal });
    await connected;
    leave.abort();
    await expect(left).rejects.toThrow();
    await node.finished();
    await expect
      .poll(async () => (await ask(exporting, '/metrics')).samples.get('stellar_exporter_probes_total{result="aborted"}'))
      .toBe(1);
  });

  it('ends running probes on close(), answers waiting clients, and leaves no socket', async () => {
    const { happened: connected, happen } = signalled();
    await using node = await mock(async (peer) => {
      happen();
      await peer.expectEnd();
    });
    const exporting = await exporter();
    // A keep-alive connection, as Prometheus uses.
    const idle = createConnection({ host: '127.0.0.1', port: exporting.port });
    idle.write('GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(idle, 'data');
    idle.resume();
    const pending = probeOf(exporting, node);
    await connected;
    await Promise.all([exporting.close(), once(idle, 'close')]);
    const { status, text, headers } = await pending;
    expect([status, headers.get('connection')]).toEqual([503, 'close']);
    expect(text).toContain('being stopped');
    await node.finished();
    await expect(ask(exporting, '/-/healthy')).rejects.toThrow();
  });

  it('ends once when close() is called several times, and each call waits for the end', async () => {
    const { happened: connected, happen } = signalled();
    await using node = await mock(async (peer) => {
      happen();
      await peer.expectEnd();
    });
    const exporting = await exporter();
    const pending = probeOf(exporting, node);
    await connected;
    const ended: string[] = [];
    const first = exporting.close().then(() => ended.push('first'));
    const second = exporting.close().then(() => ended.push('second'));
    await second;
    expect(ended).toEqual(['first', 'second']);
    await first;
    expect((await pending).status).toBe(503);
    await exporting.close();
    await expect(ask(exporting, '/-/healthy')).rejects.toThrow();
  });
});

describe('/probe with debug=true', () => {
  it('shows the handshake of the same probe, with its result and metrics, without secrets', async () => {
    const seed = new Uint8Array(32).fill(5);
    const identity = NodeIdentity.fromSeed(seed);
    await using node = await goodNode();
    await using exporting = await exporter({ node: { network, identity } });
    const { status, headers, text, samples } = await probeOf(exporting, node, '&debug=true');
    expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
    for (const part of ['HELLO: we send', 'HELLO: the peer sends', 'AUTH: the peer sends', '✓ The handshake is complete.'])
      expect(text).toContain(part);
    expect(text).toContain('SEND_MORE_EXTENDED');
    expect(text).toContain(node.peerID);
    expect(text).toMatch(/^result {3}success$/m);
    expect(samples.get('stellar_probe_success')).toBe(1);
    expect(text).not.toContain(Buffer.from(seed).toString('hex'));
    expect(text).not.toContain(encodeSecretSeed(seed));
  });

  it('shows the phases that were reached and the failed check', async () => {
    await using node = await mock(async (peer) => {
      await peer.expect('HELLO');
      peer.hello({ certSeconds: -5 });
      await peer.expectEnd();
    });
    await using exporting = await exporter();
    const { text } = await probeOf(exporting, node, '&debug=true');
    expect(text).toContain('✗ certificate not expired');
    expect(text).toMatch(/^result {3}cert-expired \(OVERLAY_CERT_EXPIRED, in hello\)$/m);
    expect(text).not.toContain('The handshake is complete');
  });

  it('shows the failed connection, and one line for each connection of the second look', async () => {
    await using node = await goodNode({ network: networks.testnet });
    await using exporting = await exporter();
    const { text } = await probeOf(exporting, node, '&debug=true');
    expect(text).toMatch(/^result {3}other-network /m);
    expect(text.match(/HELLO: we send/g)).toHaveLength(1);
    expect(text).toContain(exporting.peerID);
    const again = [...text.matchAll(/^again {4}(.*)$/gm)].map(([, line]) => line).sort();
    expect(again).toEqual([
      'with another key and a certificate for years on standalone: no HELLO',
      'with another key on futurenet: no HELLO',
      'with another key on pubnet: no HELLO',
      'with another key on standalone: no HELLO',
      'with another key on testnet: answered with HELLO',
    ]);
  });

  it('shows a probe that never connected', async () => {
    await using exporting = await exporter({ lookup: () => Promise.reject(new Error('ENOTFOUND')) });
    const { text } = await ask(exporting, '/probe?target=none.example&debug=true');
    expect(text).toContain('✗ The host name none.example has no address.');
    expect(text).toMatch(/^address {2}none$/m);
  });

  it('distinguishes a name without address from name servers that do not answer', async () => {
    const lookup = () => Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'EAI_AGAIN' }));
    await using exporting = await exporter({ lookup });
    const { text } = await ask(exporting, '/probe?target=none.example&debug=true');
    expect(text).toContain('✗ The host name none.example could not be looked up: no name server answered (EAI_AGAIN).');
  });

  it('shows a warning when the node was probed with its own overlay versions', async () => {
    await using node = await goodNode({ overlayVersion: 60, overlayMinVersion: 55 });
    await using exporting = await exporter();
    const { text, samples } = await probeOf(exporting, node, '&debug=true');
    expect(samples.get('stellar_probe_success')).toBe(1);
    expect(text).toContain(
      'warning  The node refuses overlay 38 to 42, our default; it was probed with its own range, overlay 55 to 60.',
    );
    expect(samples.get('stellar_probe_overlay_range_adapted')).toBe(1);
    expect(text.match(/HELLO: we send/g)).toHaveLength(1);
  });
});
