/**
 * The report of each failure to an operator: a mock peer plays the failure on a real socket, the command line reports it,
 * and the test checks cause, code, stage, advice, exit status and the ERROR_MSG to the peer.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { networks } from '../../src/index.ts';
import { ERROR_TABLE, PEER_ERROR_TABLE } from '../../src/protocol/error-table.ts';
import { mockNode } from '../../src/testing/index.ts';
import { callCli, runCli } from '../support/cli.ts';
import { FAILURES } from '../support/failures.ts';

const network = networks.standalone;

import { CAN_LEAVE_UNANSWERED, unansweredPort } from '../support/unanswered.ts';

describe.concurrent('probe reports the cause', () => {
  it.for(Object.entries(FAILURES))(
    '%s',
    async ([, { exit, code, cause, stage, node, args = [], remote = false }], { expect }) => {
      await using mock = await mockNode({ network }, node);
      const target = `127.0.0.1:${mock.port}`;
      const { code: status, stdout, stderr } = await callCli(['probe', target, '--network', 'standalone', '--json', ...args]);
      const result = JSON.parse(stdout);
      expect({ status, ok: result.ok, hasRemote: result.remote !== undefined }).toEqual({
        status: exit,
        ok: false,
        hasRemote: remote,
      });
      // stderr has only the notice that the node is dialled again, if it is.
      expect(stderr).toMatch(/^(127\.0\.0\.1:\d+ closed without a message[^\n]+\n)?$/);
      expect(result.error).toMatchObject({ code, cause, stage });
      expect(result.error.advice.length).toBeGreaterThan(20);
      await mock.finished();
    },
  );

  it('a certificate with its expiration in milliseconds is accepted and reported as a warning', async ({ expect }) => {
    const seconds = Math.floor(Date.now() / 1000);
    await using mock = await mockNode({ network }, async (peer) => {
      await peer.expect('HELLO');
      peer.hello({ certSeconds: (seconds + 3600) * 1000 - seconds });
      await peer.expect('AUTH');
      peer.auth();
      peer.grant();
      await peer.expectEnd();
    });
    const { code, stdout } = await callCli([`127.0.0.1:${mock.port}`, '--network', 'standalone', '--json']);
    const result = JSON.parse(stdout);
    expect({ code, ok: result.ok, skew: result.clockSkew }).toEqual({ code: 0, ok: true, skew: undefined });
    expect(result.warnings[0]).toContain('milliseconds');
  });

  it('a clock that is an hour ahead is reported as a warning', async ({ expect }) => {
    await using mock = await mockNode({ network }, async (peer) => {
      await peer.expect('HELLO');
      peer.hello({ certSeconds: 7200 });
      await peer.expect('AUTH');
      peer.auth();
      peer.grant();
      await peer.expectEnd();
    });
    const { code, stdout } = await callCli([`127.0.0.1:${mock.port}`, '--network', 'standalone', '--json']);
    const result = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(result.clockSkew.minSeconds).toBeGreaterThan(3590);
    expect(result.warnings[0]).toMatch(/^Its clock is at least 3\d\d\d s ahead of ours/);
  });

  it('a peer that sends nothing after the handshake is reported as a warning', async ({ expect }) => {
    await using mock = await mockNode({ network }, async (peer) => {
      await peer.handshake();
      await peer.expectEnd();
    });
    const { code, stdout } = await callCli([`127.0.0.1:${mock.port}`, '--network', 'standalone', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).warnings).toEqual(['It did not answer a ping within 1000 ms after the handshake.']);
  });
});

describe('probe of an address that cannot be reached', () => {
  const EXITS = [
    ['name-not-found', 3, 'no-such-host.invalid:11625', 'has no address'],
    ['connection-refused', 3, '127.0.0.1:1', 'refused the connection: nothing listens there'],
    // No packet leaves: the kernel has no TCP for the broadcast address.
    ['unreachable', 3, '255.255.255.255:11625', '255.255.255.255:11625 cannot be reached'],
  ] as const;

  it.each(EXITS)('%s: exits with %i and prints the cause and the advice', async (cause, exit, target, text) => {
    const { code, stdout } = await callCli(['probe', target]);
    const [first, second, third] = stdout.split('\n');
    expect(code).toBe(exit);
    expect(first).toContain(`✗ ${target}`);
    expect(first).toContain(text);
    expect(second).toMatch(/^ {2}Check /);
    expect(third).toContain(`  ${cause} (`);
  });

  it.runIf(CAN_LEAVE_UNANSWERED)('connect-timeout: a port does not answer (Linux)', async () => {
    await using unanswered = await unansweredPort();
    const { code, stdout } = await runCli(['probe', `127.0.0.1:${unanswered.port}`, '--timeout', '500ms']);
    expect(code).toBe(4);
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      expect.stringMatching(new RegExp(`^✗ 127\\.0\\.0\\.1:${unanswered.port} did not answer within [\\d.]+ s\\.$`)),
      '  Most likely a firewall drops the packets: open the node’s peer port for inbound TCP, or raise the timeout.',
      '  connect-timeout (OVERLAY_CONNECT_TIMEOUT, in tcp)',
    ]);
  });
});

describe('the list of failures', () => {
  it('contains every ERROR_MSG text that a peer may send in the handshake', () => {
    const covered = new Set(Object.values(FAILURES).map(({ cause }) => cause));
    const late = ['peer-says-zero-mac-key', 'peer-says-survey-signature', 'peer-says-crypto-error'];
    expect(PEER_ERROR_TABLE.map(({ cause }) => cause).filter((cause) => !covered.has(cause) && !late.includes(cause))).toEqual(
      [],
    );
  });

  it('uses only codes that docs/errors.md contains', () => {
    const doc = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    for (const { code, cause } of Object.values(FAILURES)) {
      expect(doc).toContain(code);
      expect(doc).toContain(`\`${cause}\``);
    }
    expect(Object.keys(ERROR_TABLE).every((code) => doc.includes(`### ${code}`))).toBe(true);
  });
});
