import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, connect as dialTcp, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Listener, listen, NodeIdentity, networks } from '../../../src/index.ts';
import { callCli, finished, jsonLines, runCli, startCli } from '../../support/cli.ts';

const network = networks.standalone;
const ON_STANDALONE = ['--network', 'standalone'];

/** Listeners of ours and plain servers to be probed; many tests run side by side, so they all stay until the end. */
const open: { close(): unknown }[] = [];
afterAll(() => Promise.all(open.map((closable) => closable.close())));

async function node(options: Partial<Parameters<typeof listen>[0]> = {}): Promise<Listener> {
  const listener = await listen({ network, port: 0, ...options });
  open.push(listener);
  return listener;
}

async function server(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const tcp: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  }).listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => tcp.close(resolve));
    },
  });
  return (tcp.address() as { port: number }).port;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stellar-handshake-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** UTC, to the millisecond. */
const ISO_8601 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe.concurrent('probe', () => {
  it('prints one object for each target with peer, timings and clock skew, and exits with 0', async () => {
    const { port, peerID } = await node({ versionStr: 'node of a test' });
    const { code, stdout, stderr } = await runCli([`127.0.0.1:${port}`, ...ON_STANDALONE, '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({
      target: `127.0.0.1:${port}`,
      at: expect.stringMatching(ISO_8601),
      ok: true,
      role: 'WE_CALLED_REMOTE',
      remote: {
        peerID,
        versionStr: 'node of a test',
        ledgerVersion: 27,
        overlayVersion: 42,
        overlayMinVersion: 38,
        listeningPort: port,
        networkID: network.networkID,
        network: 'standalone',
        certExpiration: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      },
      clockSkew: { minSeconds: expect.any(Number), maxSeconds: expect.any(Number) },
    });
    expect(result.clockSkew.maxSeconds - result.clockSkew.minSeconds).toBe(1800);
    for (const phase of ['dnsMs', 'tcpMs', 'helloMs', 'authMs', 'totalMs', 'pingMs'])
      expect(result.timings[phase]).toBeGreaterThanOrEqual(0);
  });

  it('prints the peer as text, without colour when piped', async () => {
    const { port, peerID } = await node({ versionStr: 'evil \u001b[31m text' });
    const { code, stdout } = await runCli(['probe', `127.0.0.1:${port}`, ...ON_STANDALONE]);
    expect(code).toBe(0);
    expect(stdout).toContain(`✓ 127.0.0.1:${port} answers`);
    expect(stdout).toContain(peerID);
    expect(stdout).toContain('evil ·[31m text');
    expect(stdout).not.toContain('\u001b');
  });

  it('exits with 3 when nothing listens, and prints this first', async () => {
    const { code, stdout } = await runCli(['127.0.0.1:1']);
    expect(code).toBe(3);
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      '✗ 127.0.0.1:1 refused the connection: nothing listens there.',
      '  Check that the node runs, that PEER_PORT is the port you dial, and that no firewall rejects it.',
    ]);
  });

  it('exits with 3 when the name has no address', async () => {
    const { code, stdout } = await callCli(['no-such-host.invalid', '--json']);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      target: 'no-such-host.invalid:11625',
      ok: false,
      error: { code: 'OVERLAY_NAME_NOT_FOUND', stage: 'dns', cause: 'name-not-found' },
    });
  });

  it('exits with 4 when the peer is silent until the timeout', async () => {
    const port = await server(() => {});
    const { code, stdout } = await callCli([`127.0.0.1:${port}`, '--json', '--timeout', '2s']);
    expect(code).toBe(4);
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'OVERLAY_HANDSHAKE_TIMEOUT', stage: 'hello' });
  });

  it('exits with 4 when the node is on another network, and names that network', async () => {
    const { port, peerID } = await node();
    const { code, stdout } = await callCli([`127.0.0.1:${port}`, '--network', 'testnet', '--json']);
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      remote: { peerID, network: 'standalone' },
      error: { code: 'OVERLAY_OTHER_NETWORK', cause: 'other-network', message: 'The node is on standalone, not on testnet.' },
    });
  });

  it('dials the node again to find the cause, and prints this; it does not with --no-second-look', async () => {
    let connections = 0;
    const port = await server((socket) => {
      connections++;
      // This server closes every connection without a message after its first bytes.
      socket.once('data', () => socket.end());
    });
    const target = `127.0.0.1:${port}`;
    const looked = await callCli([target, ...ON_STANDALONE]);
    expect(looked.stderr).toBe(
      `${target} closed without a message. Nodes that do so are dialled up to 9 more times to find the cause (--no-second-look turns this off).\n`,
    );
    expect(connections).toBeGreaterThan(1);
    expect(connections).toBeLessThanOrEqual(1 + 9);
    for (const verb of ['probe', 'explain']) {
      connections = 0;
      const once = await callCli([verb, target, ...ON_STANDALONE, '--no-second-look']);
      expect({ verb, code: once.code, stderr: once.stderr, connections }).toEqual({ verb, code: 4, stderr: '', connections: 1 });
      expect(once.stdout).toContain('The cause is unknown: no second look was taken.');
    }
  });

  it('exits with 4 when the node bans our key', async () => {
    const identity = NodeIdentity.random();
    const file = join(folder, 'banned.seed');
    await identity.writeSeedFile(file);
    const { port } = await node({ isBanned: (peerID) => peerID === identity.peerID });
    const { code, stdout } = await callCli([`127.0.0.1:${port}`, ...ON_STANDALONE, '--json', '--seed-file', file]);
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: 'OVERLAY_BANNED_THERE', cause: 'banned-there' } });
  });

  it('exits with 4 when the peer closes every connection at once', async () => {
    const port = await server((socket) => socket.end());
    const { code, stdout } = await callCli([`127.0.0.1:${port}`, '--json']);
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: 'OVERLAY_CLOSED_AT_ONCE', cause: 'closed-at-once' } });
  });

  it('exits with 4 when the peer closes without a message, and says that the cause is unknown', async () => {
    const port = await server((socket) => void socket.once('data', () => socket.end()));
    const { code, stdout } = await callCli([`127.0.0.1:${port}`, '--json']);
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: {
        code: 'OVERLAY_CONNECTION_CLOSED',
        stage: 'hello',
        cause: 'closed-before-hello',
        message: expect.stringContaining('The cause is unknown'),
      },
    });
  });

  it('exits with 5 and prints the ERROR_MSG when the node does not support the chosen versions', async () => {
    const { port, peerID } = await node();
    const { code, stdout } = await callCli([
      `127.0.0.1:${port}`,
      ...ON_STANDALONE,
      '--json',
      '--overlay-version',
      '20',
      '--overlay-min-version',
      '10',
    ]);
    expect(code).toBe(5);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      remote: { peerID, overlayVersion: 42, overlayMinVersion: 38 },
      error: { code: 'OVERLAY_WRONG_PROTOCOL_VERSION', peerError: { code: 'ERR_CONF', message: 'wrong protocol version' } },
    });
  });

  it('dials again with the versions of the node when it does not support our default, and warns', async () => {
    const { port } = await node({ overlayVersion: 50, overlayMinVersion: 45 });
    const { code, stdout } = await callCli([`127.0.0.1:${port}`, ...ON_STANDALONE, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, warnings: [expect.stringContaining('overlay 45 to 50')] });
  });

  it('exits with 5 when a full node completes the handshake and then refuses', async () => {
    const { port, peerID } = await node({ maxAuthenticatedConnections: 0 });
    const { code, stdout } = await runCli([`127.0.0.1:${port}`, ...ON_STANDALONE, '--json']);
    expect(code).toBe(5);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      remote: { peerID },
      error: { code: 'OVERLAY_PEER_ERROR', cause: 'peer-full', peerError: { code: 'ERR_LOAD', message: 'peer rejected' } },
    });
  });

  it('exits with 6 when another peer than the expected one answers, and prints both keys', async () => {
    const { port, peerID } = await node();
    const expected = NodeIdentity.random().peerID;
    const { code, stdout } = await runCli([`127.0.0.1:${port}`, ...ON_STANDALONE, '--json', '--expect', expected]);
    expect(code).toBe(6);
    const { error, remote } = JSON.parse(stdout);
    expect(error).toMatchObject({ code: 'OVERLAY_PEER_ID_MISMATCH', stage: 'hello' });
    expect(error.message).toContain(peerID);
    expect(error.message).toContain(expected);
    expect(remote.peerID).toBe(peerID);
  });

  it('exits with 6 when the target is not a Stellar node', async () => {
    const port = await server((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const { code, stdout } = await callCli([`127.0.0.1:${port}`, '--json']);
    expect(code).toBe(6);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'OVERLAY_NOT_STELLAR',
      stage: 'hello',
      message: 'It answers like an HTTP server: “HTTP/1.1 400 Bad Request”.',
    });
  });

  it('exits with 7 when one of several targets failed, and prints a line for each in order', async () => {
    const { port } = await node();
    const { code, stdout } = await runCli(['127.0.0.1:1', `127.0.0.1:${port}`, ...ON_STANDALONE, '--json']);
    expect(code).toBe(7);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).ok),
    ).toEqual([false, true]);
  });

  it('exits with 130 on Ctrl-C', async () => {
    let accepted!: () => void;
    const connected = new Promise<void>((resolve) => {
      accepted = resolve;
    });
    const port = await server(() => accepted());
    const child = startCli([`127.0.0.1:${port}`, '--json']);
    const end = finished(child);
    await connected;
    child.kill('SIGINT');
    const { code, stdout } = await end;
    expect(code).toBe(130);
    expect(JSON.parse(stdout).error.code).toBe('OVERLAY_ABORTED');
  });

  it('takes the seed from a file or the environment', async () => {
    const identity = NodeIdentity.random();
    const file = join(folder, 'probe.seed');
    await identity.writeSeedFile(file);
    const refused: string[] = [];
    const { port } = await node({ isBanned: (peerID) => peerID === identity.peerID && refused.push(peerID) > 0 });
    const target = [`127.0.0.1:${port}`, ...ON_STANDALONE];
    const fromFile = await runCli([...target, '--seed-file', file]);
    const fromEnvironment = await runCli(target, { STELLAR_HANDSHAKE_SEED: (await readFile(file, 'utf8')).trim() });
    const codes = [fromFile.code, fromEnvironment.code];
    expect(new Set(refused)).toEqual(new Set([identity.peerID]));
    expect(codes).toEqual([4, 4]);
  });
});

describe.concurrent('wrong usage', () => {
  it.each([
    [['probe']],
    [['probe', 'a:b:c']],
    [['probe', '127.0.0.1:70000']],
    [['127.0.0.1', '--no-such-option']],
    [['127.0.0.1', '--timeout', 'soon']],
    [['127.0.0.1', '--overlay-version', 'x']],
    [['127.0.0.1', '--overlay-version', '3', '--overlay-min-version', '4']],
    [['127.0.0.1', '--listening-port', '0']],
    [['127.0.0.1', '--expect', 'GNOTAKEY']],
    [['127.0.0.1', '--seed-file', '/no/such/file']],
    [['127.0.0.1', '--network', '']],
    [['listen', 'everywhere']],
    [['listen', '0', '--max-pending', '0']],
    [['explain', 'a:b:c']],
    [['keygen']],
  ])('%j: exits with 2 and prints the reason to stderr', async (args) => {
    const { code, stdout, stderr } = await callCli(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^✗ .+/);
    expect(stderr).not.toContain('    at ');
  });

  it('never prints a seed from the command line', async () => {
    const seed = 'SAEBFML7QAWLWRCNJJM4JVQAUJ5LZMZXD6QYRHQEPVHO4A2HSP65Z7JY';
    for (const args of [
      ['127.0.0.1', '--seed', seed],
      ['127.0.0.1', `--seed=${seed}`],
      ['127.0.0.1', '--expect', seed],
    ]) {
      const { code, stdout, stderr } = await callCli(args);
      expect(code).toBe(2);
      expect(stdout + stderr).not.toContain(seed);
    }
  });

  it('is not reported for --help and --version, which print to stdout', async () => {
    for (const args of [['--help'], ['-h'], ['probe', '--help'], ['listen', '-h']]) {
      const { code, stdout } = await callCli(args);
      expect(code).toBe(0);
      expect(stdout).toContain('stellar-handshake');
      expect(stdout).not.toContain('\u001b');
    }
    const version = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')).version;
    expect((await callCli(['--version'])).stdout.trim()).toBe(version);
  });
});

describe.concurrent('keygen', () => {
  it('writes a seed that only its owner can read, and prints its key', async () => {
    const file = join(folder, 'new.seed');
    const { code, stdout } = await runCli(['keygen', file]);
    expect(code).toBe(0);
    const seed = await readFile(file, 'utf8');
    expect(NodeIdentity.fromSecretSeed(seed.trim()).peerID).toBe(stdout.trim());
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('does not change a file that exists', async () => {
    const file = join(folder, 'old.seed');
    await writeFile(file, 'precious');
    const { code, stdout, stderr } = await callCli(['keygen', file, '--json']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('exists already');
    expect(await readFile(file, 'utf8')).toBe('precious');
  });
});

/** Sends bytes that are no record, and waits for the end. */
async function strangerAt(port: number): Promise<void> {
  const socket = dialTcp(port, '127.0.0.1').on('error', () => {});
  socket.write('GET / HTTP/1.1\r\n\r\n');
  await once(socket.resume(), 'close');
}

describe.concurrent('listen', () => {
  it('prints each connection as JSON and exits with 130 on Ctrl-C', async () => {
    const child = startCli(['listen', '127.0.0.1:0', ...ON_STANDALONE, '--json']);
    const end = once(child, 'close');
    const next = jsonLines(child);
    const listening = await next();
    expect(listening).toEqual({
      event: 'listening',
      at: expect.stringMatching(ISO_8601),
      host: '127.0.0.1',
      port: expect.any(Number),
      peerID: expect.stringMatching(/^G/),
    });
    const target = `127.0.0.1:${listening.port}`;

    expect((await runCli([target, ...ON_STANDALONE])).code).toBe(0);
    expect(await next()).toEqual({
      event: 'connected',
      at: expect.stringMatching(ISO_8601),
      remoteAddress: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });
    expect(await next()).toMatchObject({ event: 'authenticated', role: 'REMOTE_CALLED_US', remote: { network: 'standalone' } });
    expect(await next()).toMatchObject({
      event: 'closed',
      error: { code: 'OVERLAY_CONNECTION_CLOSED', cause: 'closed-by-peer' },
    });

    expect((await runCli([target, '--network', 'testnet'])).code).toBe(4);
    expect(await next()).toMatchObject({ event: 'connected' });
    expect(await next()).toMatchObject({ event: 'refused', error: { code: 'OVERLAY_CERT_INVALID', stage: 'hello' } });

    child.kill('SIGINT');
    expect(await end).toEqual([130, null]);
  });

  it('keeps few lines for a reader that does not read, and prints the number of omitted lines', async () => {
    const child = startCli(['listen', '127.0.0.1:0', ...ON_STANDALONE, '--json']);
    const first = await new Promise<string>((resolve) => child.stdout.once('data', (chunk: Buffer) => resolve(String(chunk))));
    child.stdout.pause();
    const { port } = JSON.parse(first) as { port: number };
    for (let i = 0; i < 3_000; i += 100) await Promise.all(Array.from({ length: 100 }, () => strangerAt(port)));
    const next = jsonLines(child);
    const events: Record<string, unknown>[] = [];
    const reading = (async () => {
      do events.push(await next());
      while (events.at(-1)?.event !== 'omitted');
    })();
    // When there is room again, it first reports how many are missing.
    let isOver = false;
    void reading.finally(() => {
      isOver = true;
    });
    while (!isOver) await strangerAt(port);
    await reading;
    const { count } = events.pop() as { count: number };
    expect(JSON.stringify(events).length).toBeLessThan(900_000);
    expect(count).toBeGreaterThan(1_000);
    expect(events.length + count).toBeGreaterThanOrEqual(6_000);
    child.kill('SIGINT');
    await once(child, 'close');
  });

  it('exits with 3 when the port is in use', async () => {
    const { port } = await node();
    const { code, stderr } = await callCli(['listen', `127.0.0.1:${port}`]);
    expect(code).toBe(3);
    expect(stderr).toContain('Cannot listen');
  });
});

describe.concurrent('overlay versions above ours', () => {
  const foreign = { overlayVersion: 60, overlayMinVersion: 55 };
  const said = 'The node refuses overlay 38 to 42, our default; it was contacted with its own range, overlay 55 to 60.';

  it('are used by watch, explain, probe and audit when the node requires them, and each prints this', async () => {
    await using listener = await listen({ network: networks.standalone, port: 0, ...foreign });
    const target = `127.0.0.1:${listener.port}`;
    const watched = await runCli(['watch', target, ...ON_STANDALONE, '--for', '200ms']);
    expect({ code: watched.code, stderr: watched.stderr }).toEqual({ code: 0, stderr: expect.stringContaining(said) });
    const explained = await runCli(['explain', target, ...ON_STANDALONE]);
    expect({ code: explained.code, stdout: explained.stdout }).toEqual({ code: 0, stdout: expect.stringContaining(said) });
    expect(explained.stdout.match(/HELLO: we send/g)).toHaveLength(1);
    const json = await callCli(['explain', target, ...ON_STANDALONE, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, overlayRange: foreign });
    const page = await callCli(['explain', target, ...ON_STANDALONE, '--html', '-']);
    expect(page.stdout).toContain(said);
    const probed = await runCli([target, ...ON_STANDALONE, '--json']);
    expect(JSON.parse(probed.stdout)).toMatchObject({ ok: true, overlayRange: foreign });
    const audited = await runCli(['audit', target, ...ON_STANDALONE, '--only', 'acceptor.handshake']);
    expect(audited.stdout).toContain(said);
    const chosen = await callCli(['watch', target, ...ON_STANDALONE, '--overlay-version', '42']);
    expect({ code: chosen.code, stderr: chosen.stderr }).toEqual({
      code: 5,
      stderr: expect.stringContaining('wrong-protocol-version'),
    });
  });

  it('are used by listen when the dialling node requires them', async () => {
    const child = startCli(['listen', '127.0.0.1:0', ...ON_STANDALONE, '--json']);
    const next = jsonLines(child);
    const { port } = await next();
    const dialling = connect({ host: '127.0.0.1', port: port as number, network: networks.standalone, ...foreign });
    await using connection = await dialling;
    expect(connection.remote).toMatchObject(foreign);
    await next();
    expect(await next()).toMatchObject({ event: 'authenticated', overlayRange: foreign });
    child.kill('SIGINT');
  });
});

describe.concurrent('explain', () => {
  it('prints a whole handshake, each formula with its result, without a target', async () => {
    const { code, stdout, stderr } = await runCli(['explain']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const headings = [...stdout.matchAll(/^\d+\. (.+)$/gm)].map(([, title]) => title);
    expect(headings).toEqual([
      'Seed to identity',
      'ECDH key, one per process',
      'AuthCert: the identity vouches for the ECDH key',
      expect.stringMatching(/^HELLO: we send \d+ bytes$/),
      expect.stringMatching(/^HELLO: the peer sends \d+ bytes$/),
      'Shared key',
      'MAC keys, new for each connection by the nonces',
      'AUTH: we send 56 bytes',
      'AUTH: the peer sends 56 bytes',
      'Authenticated',
      'What the peer sends next',
    ]);
    expect(stdout).toMatch(/ PEERS [\s\S]*\n {3}SEND_MORE_EXTENDED .*200[\s\S]*300000\n {3}GET_SCP_STATE/);
    expect(stdout).toContain('✓ The handshake is complete.');
  });

  it('never prints the seed of the user in the demonstration', async () => {
    const identity = NodeIdentity.random();
    const file = join(folder, 'explain.seed');
    await identity.writeSeedFile(file);
    const seed = (await readFile(file, 'utf8')).trim();
    const { code, stdout } = await callCli(['explain', '--seed-file', file]);
    expect(code).toBe(0);
    expect(stdout).not.toContain(seed);
    expect(stdout).not.toContain(identity.peerID);
  });

  it('prints the secrets of a real connection only with --unsafe-show-secrets', async () => {
    const { port } = await node();
    const target = `127.0.0.1:${port}`;
    const hidden = JSON.parse((await callCli(['explain', target, ...ON_STANDALONE, '--json'])).stdout);
    expect(hidden.ok).toBe(true);
    expect(JSON.stringify(hidden)).not.toContain('secrets');
    const shown = JSON.parse((await callCli(['explain', target, ...ON_STANDALONE, '--json', '--unsafe-show-secrets'])).stdout);
    expect(shown.steps.filter((step: object) => 'secrets' in step)).toHaveLength(3);
  });

  it('prints the check that failed, and exits with the code of probe', async () => {
    const { port } = await node({ overlayVersion: 50, overlayMinVersion: 45 });
    const { code, stdout } = await runCli(['explain', `127.0.0.1:${port}`, ...ON_STANDALONE, '--overlay-version', '42']);
    expect(code).toBe(5);
    // In lines of 80 characters.
    const text = stdout.replace(/\s+/g, ' ');
    expect(text).toContain('✗ overlay versions overlap The peer supports overlay 45 to 50, we support 38 to 42.');
    expect(stdout).not.toContain('complete');
  });
});
