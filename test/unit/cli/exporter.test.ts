/** `exporter` as a process. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { listen, NodeIdentity, networks } from '../../../src/index.ts';
import { encodeSecretSeed } from '../../../src/protocol/strkey.ts';
import { mockNode } from '../../../src/testing/index.ts';
import { callCli, finished, jsonLines, runCli, startCli } from '../../support/cli.ts';

const network = networks.standalone;
const seed = new Uint8Array(32).fill(3);

const started: ReturnType<typeof startCli>[] = [];
afterAll(() => started.map((child) => child.kill('SIGKILL')));

/** Starts it on a free port. */
async function startExporter(args: readonly string[], env: Record<string, string> = {}) {
  const child = startCli(['exporter', '--listen', '127.0.0.1:0', '--json', ...args], env);
  started.push(child);
  const next = jsonLines(child);
  const { event, host, port, peerID } = await next();
  expect(event).toBe('listening');
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://${host}:${port}${path}`, init);
    return { status: response.status, text: await response.text() };
  };
  return { child, ask, port: port as number, peerID };
}

describe.concurrent('exporter', () => {
  it('probes any number of addresses in the ranges of --allow, and no others', async () => {
    await using node = await listen({ network, port: 0 });
    const { child, ask } = await startExporter(['--allow', '10.0.0.0/8', '--allow=127.0.0.0/8', '--network', 'standalone']);
    const good = await ask(`/probe?target=127.0.0.1:${node.port}`);
    expect(good.text).toMatch(/^stellar_probe_success 1$/m);
    expect((await ask('/probe?target=192.168.0.1')).status).toBe(403);
    expect((await ask('/probe?target=8.8.8.8')).status).toBe(403);
    child.kill('SIGINT');
    expect(await finished(child)).toMatchObject({ code: 130, stderr: '' });
  });

  it('refuses to probe this machine without --allow', async () => {
    await using node = await listen({ network, port: 0 });
    const { child, ask } = await startExporter([]);
    expect((await ask(`/probe?target=127.0.0.1:${node.port}&network=standalone`)).status).toBe(403);
    expect((await ask(`/probe?target=localhost:${node.port}&network=standalone`)).status).toBe(403);
    child.kill('SIGTERM');
    expect((await finished(child)).code).toBe(130);
  });

  it('ends on a signal, even with many requests and clients that do not read', async () => {
    const { child, port } = await startExporter([]);
    const sockets = Array.from({ length: 20 }, () => connect({ host: '127.0.0.1', port }));
    for (const socket of sockets) {
      socket.on('error', () => {});
      socket.write('GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(500));
    }
    await Promise.all(sockets.map((socket) => once(socket, 'readable').catch(() => {})));
    child.kill('SIGTERM');
    expect((await finished(child)).code).toBe(130);
    for (const socket of sockets) socket.destroy();
  });

  it('prints its address and its peerID', async () => {
    const child = startCli(['exporter', '--listen', '127.0.0.1:0'], { STELLAR_HANDSHAKE_SEED: encodeSecretSeed(seed) });
    started.push(child);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { peerID } = NodeIdentity.fromSeed(seed);
    expect(line.toString()).toMatch(
      new RegExp(`^Answering http://127\\.0\\.0\\.1:\\d+/probe\\?target=HOST:PORT as ${peerID}\n$`),
    );
    child.kill('SIGINT');
    expect((await finished(child)).code).toBe(130);
  });

  it('uses the identity of --seed-file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'exporter-'));
    const file = join(directory, 'seed');
    const identity = NodeIdentity.fromSeed(seed);
    await identity.writeSeedFile(file);
    const { child, peerID } = await startExporter(['--seed-file', file]);
    expect(peerID).toBe(identity.peerID);
    child.kill('SIGINT');
    await finished(child);
    await rm(directory, { recursive: true });
  });

  it('ends during a probe, and closes the connection of the probe', async () => {
    let connected!: () => void;
    const happened = new Promise<void>((resolve) => {
      connected = resolve;
    });
    await using node = await mockNode({ network }, async (peer) => {
      connected();
      await peer.expectEnd();
    });
    const { child, ask } = await startExporter(['--allow', '127.0.0.1', '--network', 'standalone']);
    const pending = ask(`/probe?target=127.0.0.1:${node.port}`);
    await happened;
    child.kill('SIGTERM');
    expect((await pending).status).toBe(503);
    await node.finished();
    expect((await finished(child)).code).toBe(130);
  });

  it('ends a probe after --timeout', async () => {
    await using node = await mockNode({ network }, (peer) => peer.expectEnd());
    const { child, ask } = await startExporter(['--allow', '127.0.0.1', '--timeout', '1s', '--network', 'standalone']);
    const headers = { 'X-Prometheus-Scrape-Timeout-Seconds': '30' };
    expect((await ask(`/probe?target=127.0.0.1:${node.port}`, { headers })).text).toContain('cause="handshake-timeout"');
    child.kill('SIGINT');
    await finished(child);
  });

  it.each([
    [['--allow', 'localhost'], '--allow: not a range of addresses'],
    [['--allow', '10.0.0.0/8', '--allow', '10.0.0.1/8'], 'bits after the prefix are set'],
    [['--listen', 'nowhere'], 'not an address to listen on'],
    [['--concurrency', '0'], '--concurrency takes a number'],
    [['--timeout', 'soon'], '--timeout takes a time'],
    [['--overlay-version', '1'], 'overlayMinVersion'],
    [['--nonsense'], 'Unknown option'],
    [['stray'], 'too many arguments'],
  ])('%j: exits with 2 and prints the reason', async (args, says) => {
    const { code, stdout, stderr } = await callCli(['exporter', ...args]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(says);
  });

  it('exits with 3 when its port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { readonly port: number };
    const { code, stderr } = await runCli(['exporter', '--listen', `127.0.0.1:${port}`]);
    server.close();
    expect(code).toBe(3);
    expect(stderr).toContain('Cannot listen on');
  });
});
