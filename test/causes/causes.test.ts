/**
 * What an operator is told for each thing that can go wrong: a mock peer plays it on a real socket, the command line
 * runs as a process, and cause, code, stage, advice, exit status and what the peer was told are looked at.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NodeIdentity, networks } from '../../src/index.ts';
import { ERROR_TABLE, PEER_ERROR_TABLE } from '../../src/protocol/error-table.ts';
import type { OverlayErrorJson } from '../../src/protocol/errors.ts';
import { type MockScript, mockNode } from '../../src/testing/index.ts';
import { runCli } from '../support/cli.ts';
import { CAN_LEAVE_UNANSWERED, unansweredPort } from '../support/unanswered.ts';

const network = networks.standalone;

interface Case {
  readonly exit: number;
  readonly code: keyof typeof ERROR_TABLE;
  readonly cause: string;
  readonly stage: OverlayErrorJson['stage'];
  /** What the node does; where it is told an ERROR_MSG, it looks at the text. */
  readonly node: MockScript;
  readonly args?: readonly string[];
  /** Whether the peer had proved enough to be named. */
  readonly remote?: boolean;
}

/** An ERROR_MSG right after the HELLOs, as the reference refuses. */
const refusal =
  (code: 'ERR_CONF' | 'ERR_LOAD' | 'ERR_MISC' | 'ERR_AUTH' | 'ERR_DATA', text: string): MockScript =>
  async (peer) => {
    await peer.expect('HELLO');
    peer.hello();
    peer.error(code, text);
    await peer.expectEnd();
  };

/** An ERROR_MSG after the handshake. */
const refusalAfterAuth =
  (code: 'ERR_LOAD' | 'ERR_MISC', text: string): MockScript =>
  async (peer) => {
    await peer.expect('HELLO');
    peer.hello();
    await peer.expect('AUTH');
    peer.auth();
    peer.error(code, text);
    await peer.expectEnd();
  };

const answer =
  (bytes: string): MockScript =>
  async (peer) => {
    peer.sendRaw(new Uint8Array(Buffer.from(bytes, 'latin1')));
    await peer.expectEnd();
  };

/** HELLOs, then whatever comes. */
const afterHello =
  (rest: MockScript): MockScript =>
  async (peer) => {
    await peer.expect('HELLO');
    peer.hello();
    await peer.expect('AUTH');
    await rest(peer);
    await peer.expectEnd();
  };

const hello =
  (options: Parameters<Parameters<MockScript>[0]['hello']>[0], told?: string): MockScript =>
  async (peer) => {
    await peer.expect('HELLO');
    peer.hello(options);
    if (told !== undefined) expect((await peer.expect('ERROR_MSG')).msg).toBe(told);
    await peer.expectEnd();
  };

const CASES: Record<string, Case> = {
  'connected and silent': {
    exit: 4,
    code: 'OVERLAY_HANDSHAKE_TIMEOUT',
    cause: 'handshake-timeout',
    stage: 'hello',
    args: ['--timeout', '400ms'],
    node: (peer) => peer.expectEnd(),
  },
  'silent after its HELLO': {
    exit: 4,
    code: 'OVERLAY_HANDSHAKE_TIMEOUT',
    cause: 'handshake-timeout',
    stage: 'auth',
    args: ['--timeout', '400ms'],
    remote: true,
    node: afterHello(async () => {}),
  },
  'closed without a word after our HELLO': {
    exit: 4,
    code: 'OVERLAY_CONNECTION_CLOSED',
    cause: 'closed-before-hello',
    stage: 'hello',
    // Of the connections that look for the cause, one says nothing.
    node: async (peer) => void (await peer.receiveBody()),
  },
  'closed before a byte': {
    exit: 4,
    code: 'OVERLAY_CLOSED_AT_ONCE',
    cause: 'closed-at-once',
    stage: 'hello',
    node: async () => {},
  },
  'reset after our HELLO': {
    exit: 4,
    code: 'OVERLAY_CONNECTION_RESET',
    cause: 'connection-reset',
    stage: 'hello',
    node: async (peer) => {
      await peer.receiveBody();
      peer.reset();
    },
  },
  'closed without a word after its HELLO': {
    exit: 4,
    code: 'OVERLAY_CONNECTION_CLOSED',
    cause: 'closed-before-auth',
    stage: 'auth',
    remote: true,
    node: async (peer) => {
      await peer.expect('HELLO');
      peer.hello();
      await peer.expect('AUTH');
    },
  },
  'closed without a word after AUTH': {
    exit: 4,
    code: 'OVERLAY_CONNECTION_CLOSED',
    cause: 'closed-by-peer',
    stage: 'channel',
    remote: true,
    node: async (peer) => {
      await peer.handshake();
      await peer.expect('SEND_MORE_EXTENDED');
    },
  },
  'reset after its HELLO': {
    exit: 4,
    code: 'OVERLAY_CONNECTION_RESET',
    cause: 'connection-reset',
    stage: 'auth',
    remote: true,
    node: async (peer) => {
      await peer.expect('HELLO');
      peer.hello();
      await peer.expect('AUTH');
      peer.reset();
    },
  },
  'an HTTP server': {
    exit: 6,
    code: 'OVERLAY_NOT_STELLAR',
    cause: 'not-stellar',
    stage: 'hello',
    node: answer('HTTP/1.1 400 Bad Request\r\n\r\n'),
  },
  'a TLS server': {
    exit: 6,
    code: 'OVERLAY_NOT_STELLAR',
    cause: 'not-stellar',
    stage: 'hello',
    node: answer('\x15\x03\x01\x00\x02\x02\x46'),
  },
  'an SSH server': {
    exit: 6,
    code: 'OVERLAY_NOT_STELLAR',
    cause: 'not-stellar',
    stage: 'hello',
    node: answer('SSH-2.0-OpenSSH_9.2\r\n'),
  },
  'a MySQL server': {
    exit: 6,
    code: 'OVERLAY_NOT_STELLAR',
    cause: 'not-stellar',
    stage: 'hello',
    node: answer('\x4a\x00\x00\x00\x0a5.7.44\x00\x08'),
  },
  'a server of nobody knows what': {
    exit: 6,
    code: 'OVERLAY_NOT_STELLAR',
    cause: 'not-stellar',
    stage: 'hello',
    node: answer('\x00\x00\x00\x08\x01\x02\x03\x04\x05\x06\x07\x08'),
  },
  'a HELLO that is not well-formed': {
    exit: 6,
    code: 'OVERLAY_CORRUPT_XDR',
    cause: 'corrupt-xdr',
    stage: 'hello',
    node: answer(`\x80\x00\x00\x14${'\x00'.repeat(15)}\x0d${'\x00'.repeat(4)}`),
  },
  'a record longer than allowed': {
    exit: 6,
    code: 'OVERLAY_RECORD_LENGTH',
    cause: 'record-length',
    stage: 'auth',
    remote: true,
    node: afterHello(async (peer) => peer.sendHeader(4097)),
  },
  'malformed bytes': {
    exit: 6,
    code: 'OVERLAY_CORRUPT_XDR',
    cause: 'corrupt-xdr',
    stage: 'auth',
    remote: true,
    node: afterHello(async (peer) => {
      peer.sendHeader(8);
      peer.sendRaw(new Uint8Array(8));
      expect((await peer.expect('ERROR_MSG')).msg).toBe('received corrupt XDR');
    }),
  },
  'certificate expired': {
    exit: 6,
    code: 'OVERLAY_CERT_EXPIRED',
    cause: 'cert-expired',
    stage: 'hello',
    node: hello({ certSeconds: -30 }),
  },
  'certificate signed by another key': {
    exit: 6,
    code: 'OVERLAY_CERT_INVALID',
    cause: 'cert-invalid',
    stage: 'hello',
    node: hello({ certSignedBy: NodeIdentity.random() }),
  },
  'certificate for another network': {
    exit: 6,
    code: 'OVERLAY_CERT_INVALID',
    cause: 'cert-invalid',
    stage: 'hello',
    node: hello({ certNetwork: networks.testnet }),
  },
  'another network in the HELLO': {
    exit: 6,
    code: 'OVERLAY_WRONG_NETWORK',
    cause: 'wrong-network',
    stage: 'hello',
    remote: true,
    node: hello({ networkID: new Uint8Array(32) }, 'wrong network passphrase'),
  },
  'listening port 0': {
    exit: 6,
    code: 'OVERLAY_BAD_ADDRESS',
    cause: 'bad-address',
    stage: 'hello',
    remote: true,
    node: hello({ listeningPort: 0 }, 'bad address'),
  },
  'versions that do not overlap the chosen ones': {
    exit: 5,
    code: 'OVERLAY_WRONG_PROTOCOL_VERSION',
    cause: 'wrong-protocol-version',
    stage: 'hello',
    remote: true,
    args: ['--overlay-version', '37', '--overlay-min-version', '35'],
    node: hello({}, 'wrong protocol version'),
  },
  'wrong MAC': {
    exit: 6,
    code: 'OVERLAY_UNEXPECTED_MAC',
    cause: 'unexpected-mac',
    stage: 'auth',
    remote: true,
    node: afterHello(async (peer) => {
      peer.sendBadMac({ type: 'AUTH', flags: 200 });
      expect((await peer.expect('ERROR_MSG')).msg).toBe('unexpected MAC');
    }),
  },
  'wrong sequence': {
    exit: 6,
    code: 'OVERLAY_UNEXPECTED_SEQUENCE',
    cause: 'unexpected-sequence',
    stage: 'auth',
    remote: true,
    node: afterHello(async (peer) => {
      peer.skipSequence();
      peer.auth();
      expect((await peer.expect('ERROR_MSG')).msg).toBe('unexpected auth sequence');
    }),
  },
  'AUTH flags of an old node': {
    exit: 6,
    code: 'OVERLAY_FLOW_CONTROL_BYTES_DISABLED',
    cause: 'flow-control-bytes-disabled',
    stage: 'auth',
    remote: true,
    node: afterHello(async (peer) => {
      peer.auth(100);
      expect((await peer.expect('ERROR_MSG')).msg).toBe('flow control bytes disabled');
    }),
  },
  'AUTH before HELLO': {
    exit: 6,
    code: 'OVERLAY_OUT_OF_ORDER_AUTH',
    cause: 'out-of-order-auth',
    stage: 'hello',
    node: async (peer) => {
      peer.auth();
      await peer.expect('HELLO');
      expect((await peer.expect('ERROR_MSG')).msg).toBe('out-of-order AUTH message');
      await peer.expectEnd();
    },
  },
  'another message instead of AUTH': {
    exit: 6,
    code: 'OVERLAY_MESSAGE_BEFORE_HANDSHAKE',
    cause: 'message-before-handshake',
    stage: 'auth',
    remote: true,
    node: afterHello(async (peer) => peer.grant()),
  },
  'a second HELLO': {
    exit: 6,
    code: 'OVERLAY_UNEXPECTED_MAC',
    cause: 'unexpected-mac',
    stage: 'auth',
    remote: true,
    node: afterHello(async (peer) => peer.hello()),
  },
  'grant of zero bytes': {
    exit: 6,
    code: 'OVERLAY_INVALID_SEND_MORE_EXTENDED',
    cause: 'invalid-send-more-extended',
    stage: 'channel',
    remote: true,
    node: afterHello(async (peer) => {
      peer.auth();
      await peer.expect('SEND_MORE_EXTENDED');
      peer.grant(1, 0);
    }),
  },
  ...Object.fromEntries(
    (
      [
        ['ERR_CONF', 'wrong protocol version'],
        ['ERR_CONF', 'connecting to self'],
        ['ERR_CONF', 'wrong network passphrase'],
        ['ERR_CONF', 'bad address'],
        ['ERR_CONF', 'already-connected peer: GABCD'],
        ['ERR_CONF', 'flow control bytes disabled'],
        ['ERR_AUTH', 'unexpected auth sequence'],
        ['ERR_AUTH', 'unexpected MAC'],
        ['ERR_DATA', 'received corrupt XDR'],
        ['ERR_MISC', 'out-of-order AUTH message'],
      ] as const
    ).map(([code, text]) => [`told “${text}”`, told('auth', text, refusal(code, text))]),
  ),
  ...Object.fromEntries(
    (
      [
        ['ERR_LOAD', 'peer rejected'],
        ['ERR_LOAD', 'preferred peer selected instead'],
        ['ERR_LOAD', 'random disconnect due to out of sync'],
        ['ERR_MISC', 'shutdown'],
        ['ERR_MISC', 'dropped by user'],
      ] as const
    ).map(([code, text]) => [`told “${text}” after AUTH`, told('channel', text, refusalAfterAuth(code, text))]),
  ),
};

function told(stage: OverlayErrorJson['stage'], text: string, node: MockScript): Case {
  const row = PEER_ERROR_TABLE.find((known) => text.startsWith(known.text));
  return { exit: 5, code: 'OVERLAY_PEER_ERROR', cause: row?.cause ?? 'missing', stage, remote: true, node };
}

describe.concurrent('probe names the cause', () => {
  it.for(Object.entries(CASES))('%s', async ([, { exit, code, cause, stage, node, args = [], remote = false }], { expect }) => {
    await using mock = await mockNode({ network }, node);
    const target = `127.0.0.1:${mock.port}`;
    const { code: status, stdout, stderr } = await runCli(['probe', target, '--network', 'standalone', '--json', ...args]);
    const result = JSON.parse(stdout);
    expect({ status, stderr, ok: result.ok, hasRemote: result.remote !== undefined }).toEqual({
      status: exit,
      stderr: '',
      ok: false,
      hasRemote: remote,
    });
    expect(result.error).toMatchObject({ code, cause, stage });
    expect(result.error.advice.length).toBeGreaterThan(20);
    await mock.finished();
  });

  it('a certificate dated in milliseconds works and is noted', async ({ expect }) => {
    const seconds = Math.floor(Date.now() / 1000);
    await using mock = await mockNode({ network }, async (peer) => {
      await peer.expect('HELLO');
      peer.hello({ certSeconds: (seconds + 3600) * 1000 - seconds });
      await peer.expect('AUTH');
      peer.auth();
      peer.grant();
      await peer.expectEnd();
    });
    const { code, stdout } = await runCli([`127.0.0.1:${mock.port}`, '--network', 'standalone', '--json']);
    const result = JSON.parse(stdout);
    expect({ code, ok: result.ok, skew: result.clockSkew }).toEqual({ code: 0, ok: true, skew: undefined });
    expect(result.warnings[0]).toContain('milliseconds');
  });

  it('a clock an hour ahead is noted', async ({ expect }) => {
    await using mock = await mockNode({ network }, async (peer) => {
      await peer.expect('HELLO');
      peer.hello({ certSeconds: 7200 });
      await peer.expect('AUTH');
      peer.auth();
      peer.grant();
      await peer.expectEnd();
    });
    const { code, stdout } = await runCli([`127.0.0.1:${mock.port}`, '--network', 'standalone', '--json']);
    const result = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(result.clockSkew.minSeconds).toBeGreaterThan(3590);
    expect(result.warnings[0]).toMatch(/^Its clock is at least 3\d\d\d s ahead of ours/);
  });

  it('a peer that lets us in and says nothing more is noted', async ({ expect }) => {
    await using mock = await mockNode({ network }, async (peer) => {
      await peer.handshake();
      await peer.expectEnd();
    });
    const { code, stdout } = await runCli([`127.0.0.1:${mock.port}`, '--network', 'standalone', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).warnings).toEqual(['It did not answer a ping within 1000 ms after the handshake.']);
  });
});

describe('a machine that is not reached', () => {
  const EXITS = [
    ['name-not-found', 3, 'no-such-host.invalid:11625', 'has no address'],
    ['connection-refused', 3, '127.0.0.1:1', 'refused the connection: nothing listens there'],
    // No packet leaves: the kernel has no TCP for the broadcast address.
    ['unreachable', 3, '255.255.255.255:11625', 'There is no way to 255.255.255.255:11625'],
  ] as const;

  it.each(EXITS)('%s: exit code %i, the cause and what to do', async (cause, exit, target, text) => {
    const { code, stdout } = await runCli(['probe', target]);
    const [first, second, third] = stdout.split('\n');
    expect(code).toBe(exit);
    expect(first).toContain(`✗ ${target}`);
    expect(first).toContain(text);
    expect(second).toMatch(/^ {2}Check /);
    expect(third).toContain(`  ${cause} (`);
  });

  it.runIf(CAN_LEAVE_UNANSWERED)('connect-timeout, on a port that answers nothing (Linux)', async () => {
    await using unanswered = await unansweredPort();
    const { code, stdout } = await runCli(['probe', `127.0.0.1:${unanswered.port}`, '--timeout', '500ms']);
    expect(code).toBe(4);
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      `✗ 127.0.0.1:${unanswered.port}: The TCP connection was not answered in time.`,
      '  A firewall most likely drops the packets: open the node’s peer port for inbound TCP, or raise the timeout.',
      '  connect-timeout (OVERLAY_CONNECT_TIMEOUT, in tcp)',
    ]);
  });
});

describe('the cases', () => {
  it('cover every text a peer may refuse with in the handshake', () => {
    const covered = new Set(Object.values(CASES).map(({ cause }) => cause));
    const late = ['peer-says-zero-mac-key', 'peer-says-survey-signature', 'peer-says-crypto-error'];
    expect(PEER_ERROR_TABLE.map(({ cause }) => cause).filter((cause) => !covered.has(cause) && !late.includes(cause))).toEqual(
      [],
    );
  });

  it('use codes that docs/errors.md has', () => {
    const doc = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    for (const { code, cause } of Object.values(CASES)) {
      expect(doc).toContain(code);
      expect(doc).toContain(`\`${cause}\``);
    }
    expect(Object.keys(ERROR_TABLE).every((code) => doc.includes(`### ${code}`))).toBe(true);
  });
});
