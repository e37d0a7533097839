/** `audit` as a process, against our own listener and with our own dialler. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Connection, connect, type Listener, listen, networks } from '../../../src/index.ts';
import { callCli, finished, runCli, startCli } from '../../support/cli.ts';
import { xmlElements } from '../../support/xml.ts';

let listener: Listener;
let target: string;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-'));
  listener = await listen({
    port: 0,
    network: networks.standalone,
    onEvent: (event) => {
      if (event.event === 'authenticated') void drain(event.connection);
    },
  });
  target = `127.0.0.1:${listener.port}`;
});

afterAll(async () => {
  await listener.close();
  await rm(folder, { recursive: true });
});

async function drain(connection: Connection): Promise<void> {
  try {
    for await (const _message of connection);
  } catch {
    // The result of the connection does not matter.
  }
}

const audit = (...args: readonly string[]): ReturnType<typeof runCli> =>
  runCli(['audit', target, '--network', 'standalone', ...args]);

describe('audit of every case', () => {
  it('plays every case, prints a table and a summary, and exits with 0', async () => {
    const { code, stdout, stderr } = await audit('--seed', 'cli');
    expect(stdout).toMatch(/^127\.0\.0\.1:\d+ is G[A-Z2-7]{55} /);
    expect(stdout).toMatch(
      /≈ acceptor\.type-99-after-auth {2}after AUTH, a message of type 99\n {4}expected {2}.*\n {4}came .*\n {4}why .*docs\/conformance\.md#type-99-after-auth\)/,
    );
    expect(stdout).toMatch(/\n {2}certificate +\d+ +· +· +· +·\n/);
    expect(stdout).toMatch(
      /\naudit of 127\.0\.0\.1:\d+ as acceptor \(.*\): \d+ cases, \d+ pass, \d differs, .*, seed cli\n✓ The target behaves as stellar-core does .* none fails\. \d differ.*\n$/,
    );
    expect([code, stderr]).toEqual([0, '']);
  });
});

describe.concurrent('audit HOST:PORT', () => {
  it('exits with 7 and counts differences as failures with --strict', async () => {
    const { code, stdout } = await audit('--only', 'type-99-after-auth', '--strict', '--tap');
    expect(stdout).toMatch(
      /^TAP version 13\n1\.\.1\nnot ok 1 - acceptor\.type-99-after-auth: .*\n {2}---\n {2}verdict: "differs"\n/,
    );
    expect(code).toBe(7);
  });

  it('prints one object for each case with --json', async () => {
    const { stdout, stderr } = await audit('--only', 'second-auth,type-99-after-auth', '--json');
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(results.map(({ id, verdict }) => `${id} ${verdict}`).sort()).toEqual([
      'acceptor.second-auth pass',
      'acceptor.type-99-after-auth differs',
    ]);
    expect(results.find(({ verdict }) => verdict === 'differs')).toMatchObject({
      severity: 'low',
      group: 'structure',
      role: 'REMOTE_CALLED_US',
      expected: expect.stringContaining('ERR_DATA'),
      transcript: expect.arrayContaining([expect.objectContaining({ from: 'us', hex: expect.stringMatching(/^[0-9a-f]+$/) })]),
    });
    expect(stderr).toMatch(/\naudit of .*: 2 cases, 1 pass, 1 differs/);
  });

  it('writes JUnit XML, and an HTML page without references to other files', async () => {
    const [junit, html] = [join(folder, 'audit.xml'), join(folder, 'audit.html')];
    await audit('--only', 'second-auth,type-99-after-auth', '--strict', '--junit', junit, '--html', html);
    const xml = await readFile(junit, 'utf8');
    expect(xmlElements(xml).length).toBeGreaterThan(3);
    expect(xml).toMatch(/<testsuites name="stellar-handshake audit" tests="2" failures="1" errors="0" time="/);
    const page = await readFile(html, 'utf8');
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(page).not.toMatch(/<script|src=|href="(?!#)/);
    expect(page.match(/<tr id="acceptor\./g)).toHaveLength(2);
  });

  it('says only once that the node is full and cases were not played', async () => {
    await using full = await listen({ port: 0, network: networks.standalone, maxAuthenticatedConnections: 0 });
    const { code, stdout } = await callCli(['audit', `127.0.0.1:${full.port}`, '--network', 'standalone', '--only', 'flow']);
    expect(stdout).toMatch(/\n– \d+ cases not applicable: it has no free slot: ERR_LOAD “peer rejected”\n/);
    expect(stdout).toContain('it has no free slot: cases that need one are not applicable');
    expect(code).toBe(0);
  });

  it('prints the cases with --list, and plays none', async () => {
    const { code, stdout } = await callCli(['audit', '--list', '--only', 'garbage']);
    expect(stdout).toBe(
      'acceptor.garbage  bytes of another protocol: an HTTP request\n    acceptor, framing, critical, protocol.md section 1.2\n    Port scanners send such bytes; the first four announce 1.2 GB.\n',
    );
    expect(code).toBe(0);
  });
});

describe.concurrent('audit refuses', () => {
  it.each([
    ['a public address', ['audit', '192.0.66.1'], 'is a public address'],
    ['an unknown case', ['audit', '127.0.0.1', '--only', 'nonsense'], 'there is no case or group "nonsense"'],
    ['an unknown severity', ['audit', '127.0.0.1', '--severity', 'mild'], '--severity is one of critical, high, medium, low'],
    ['no target', ['audit'], 'name a target to dial'],
    ['two outputs at once', ['audit', '127.0.0.1:PORT', '--network', 'standalone', '--json', '--tap'], 'both print to stdout'],
    [
      'a file that cannot be written',
      ['audit', '127.0.0.1:PORT', '--network', 'standalone', '--junit', '/nowhere/x'],
      '--junit: ENOENT',
    ],
  ])('%s', async (_what, args, words) => {
    const { code, stdout, stderr } = await callCli(args.map((arg) => arg.replace('PORT', String(listener.port))));
    expect(stderr).toContain(words);
    expect([code, stdout]).toEqual([2, '']);
  });

  it('a node of another network, with the same cause as probe', async () => {
    const { code, stderr } = await callCli(['audit', target, '--network', 'testnet']);
    expect(stderr).toContain('other-network');
    expect(code).toBe(4);
  });
});

describe.concurrent('audit --listen', () => {
  it('plays a case on each connection that it accepts', async () => {
    const child = startCli(['audit', '--listen', '0', '--network', 'standalone', '--only', 'auth', '--json']);
    const port = await new Promise<number>((resolve) => {
      child.stderr.on('data', (chunk: Buffer) => {
        const match = /Waiting on 127\.0\.0\.1:(\d+)/.exec(chunk.toString());
        if (match) resolve(Number(match[1]));
      });
    });
    let dialling = true;
    const dialler = (async () => {
      while (dialling) {
        try {
          await using connection = await connect({ host: '127.0.0.1', port, network: networks.standalone });
          await drain(connection);
        } catch {
          // Refused, as the cases intend.
        }
      }
    })();
    const { code, stdout } = await finished(child).finally(() => {
      dialling = false;
    });
    await dialler;
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(results.length).toBeGreaterThan(25);
    expect(results.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
    expect(code).toBe(0);
  });
});
