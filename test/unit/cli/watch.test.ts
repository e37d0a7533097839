import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { LiveLine } from '../../../src/cli/live-line.ts';
import {
  type Connection,
  type Listener,
  listen,
  type MessageFields,
  NodeIdentity,
  networks,
  type OverlayError,
  type SCPEnvelope,
  type SendableMessage,
} from '../../../src/index.ts';
import { scpSignaturePayload } from '../../../src/protocol/auth/scp-envelope.ts';
import { fromHex } from '../../../src/protocol/bytes.ts';
import { type MockNode, mockNode } from '../../../src/testing/index.ts';
import { callCli, finished, jsonLines, startCli } from '../../support/cli.ts';

const network = networks.standalone;
const ON_STANDALONE = ['--network', 'standalone'];

const open: { close(): unknown }[] = [];
afterAll(() => Promise.all(open.map((closable) => closable.close())));

/** A node that does something with each peer that comes; `ended` is why each connection ended. */
async function node(script: (connection: Connection) => Promise<unknown>): Promise<Listener & { ended: Promise<OverlayError> }> {
  let end!: (error: OverlayError) => void;
  const ended = new Promise<OverlayError>((resolve) => {
    end = resolve;
  });
  const listener = await listen({
    network,
    port: 0,
    peers: [{ ip: '10.0.0.1', port: 11625, numFailures: 0 }],
    onEvent: (event) => {
      if (event.event === 'closed') end(event.error);
      if (event.event !== 'authenticated') return;
      void drain(event.connection);
      // A send may fail because the other side has left; `ended` reports that.
      script(event.connection).catch(() => {});
    },
  });
  open.push(listener);
  return Object.assign(listener, { ended });
}

async function drain(connection: Connection): Promise<void> {
  try {
    for await (const _message of connection);
  } catch {
    // `closed` reports this.
  }
}

async function mock(script: Parameters<typeof mockNode>[1]): Promise<MockNode> {
  const running = await mockNode({ network }, script);
  open.push(running);
  return running;
}

/** Starts `watch` of a node of this test. */
function startWatch({ port }: { readonly port: number }, ...args: string[]): ChildProcessWithoutNullStreams {
  return startCli(['watch', `127.0.0.1:${port}`, ...ON_STANDALONE, ...args]);
}

/** Calls `watch` of a node of this test. */
function callWatch({ port }: { readonly port: number }, ...args: string[]) {
  return callCli(['watch', `127.0.0.1:${port}`, ...ON_STANDALONE, ...args]);
}

/** Runs it as a process to its end. */
function runWatch(target: { readonly port: number }, ...args: string[]) {
  return finished(startWatch(target, ...args));
}

/** Reads lines until one contains the text. @returns all of them */
async function linesUntil(child: ChildProcessWithoutNullStreams, text: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.includes(text)) return lines;
  }
  throw new Error(`the process ended without saying ${text}, but ${lines.join('\n')}`);
}

const signer = NodeIdentity.fromSeed(new Uint8Array(32).fill(42));

/** A nomination of a value of this length, signed for a network. */
function scpMessage(
  slotIndex: bigint,
  signedFor = network,
  valueBytes = 5,
): { type: 'SCP_MESSAGE' } & MessageFields['SCP_MESSAGE'] {
  const statement: SCPEnvelope['statement'] = {
    nodeID: signer.peerID,
    slotIndex,
    pledges: {
      type: 'SCP_ST_NOMINATE',
      quorumSetHash: new Uint8Array(32),
      votes: [new Uint8Array(valueBytes)],
      accepted: [],
    },
  };
  const payload = scpSignaturePayload(signedFor.networkID, statement);
  return { type: 'SCP_MESSAGE', envelope: { statement, signature: signer.sign(payload) } };
}

const ADVERT: SendableMessage = { type: 'FLOOD_ADVERT', txHashes: [new Uint8Array(32).fill(0xab)] };
const UNKNOWN: SendableMessage = { type: 'UNKNOWN', typeNumber: 77, xdr: fromHex('0000004d01020304') };

async function send(connection: Connection, ...messages: readonly SendableMessage[]): Promise<void> {
  for (const message of messages) await connection.send(message);
}

/** Sends one statement after the other until the other side has left. */
async function sendForever(connection: Connection): Promise<never> {
  for (let slot = 1n; ; slot++) await connection.send(scpMessage(slot));
}

describe.concurrent('watch', () => {
  it('prints a line for each message to stdout, the peer and a summary to stderr, and ends after --for', async () => {
    const target = await node((connection) => send(connection, scpMessage(60000001n), ADVERT, UNKNOWN));
    const { code, stdout, stderr } = await runWatch(target, '--for', '2s');
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3}Z /, ''))).toEqual([
      'PEERS              1 address: 10.0.0.1:11625',
      'GET_SCP_STATE      of the latest ledgers',
      `SCP_MESSAGE        ${signer.peerID.slice(0, 5)}… ledger 60000001 NOMINATE    1 vote, 0 accepted, a value of 5 bytes`,
      'FLOOD_ADVERT       has 1 transaction: ababab…',
      'UNKNOWN 77         8 bytes, of a type that this version does not know',
    ]);
    expect(stderr).toContain(`✓ 127.0.0.1:${target.port} is ${target.peerID} (stellar-handshake `);
    expect(stderr).toMatch(/on standalone, .* ms\n5 messages, \d+ B in .*: PEERS 1, .*UNKNOWN 1\n$/);
    expect(code).toBe(0);
    expect((await target.ended).code).toBe('OVERLAY_CONNECTION_CLOSED');
  });

  it('ends after --for, even if the garbage collector runs often', async () => {
    const target = await node(sendForever);
    const NODE_OPTIONS = '--expose-gc --import=data:text/javascript,setInterval(gc,20).unref()';
    const child = startCli(['watch', `127.0.0.1:${target.port}`, ...ON_STANDALONE, '--for', '1s'], { NODE_OPTIONS });
    expect((await finished(child)).code).toBe(0);
  });

  it('prints neither colour nor the live line when piped', async () => {
    const target = await node((connection) => send(connection, scpMessage(1n)));
    const { stdout, stderr } = await runWatch(target, '--for', '500ms', '--verify');
    for (const control of ['\r', '\u001b']) expect(stdout + stderr).not.toContain(control);
    expect(stderr).not.toContain('msg/s');
  });

  it('--json prints an object for each message with XDR and XDR-JSON, and null for an unknown type', async () => {
    const target = await node((connection) => send(connection, scpMessage(60000001n), UNKNOWN));
    const child = startWatch(target, '--json');
    const end = finished(child);
    const next = jsonLines(child);
    const size = expect.any(Number);
    const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const peers = await next();
    expect(peers).toEqual({
      at,
      type: 'PEERS',
      size: 24,
      xdr: expect.stringMatching(/^AAAABQAAAAEA/),
      message: expect.anything(),
    });
    expect(JSON.stringify(peers.message)).toContain('peers');
    expect(await next()).toEqual({ at, type: 'GET_SCP_STATE', size: 8, xdr: 'AAAADAAAAAA=', message: { get_scp_state: 0 } });
    const scp = await next();
    expect(scp).toMatchObject({ type: 'SCP_MESSAGE', size });
    expect(scp.message).toMatchObject({ scp_message: { statement: { node_id: signer.peerID, slot_index: '60000001' } } });
    expect(scp).not.toHaveProperty('signature');
    expect(await next()).toEqual({ at, type: 'UNKNOWN', typeNumber: 77, size: 8, xdr: 'AAAATQECAwQ=', message: null });
    child.kill('SIGINT');
    expect((await end).code).toBe(130);
  });

  it('--record and --keylog write the whole connection, and overwrite no file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stellar-handshake-watch-'));
    open.push({ close: () => rm(folder, { recursive: true }) });
    const files = ['--record', join(folder, 'recording'), '--keylog', join(folder, 'keys')];
    const target = await node((connection) => send(connection, scpMessage(1n)));
    expect((await runWatch(target, '--for', '1s', ...files)).code).toBe(0);
    const size = async (name: string): Promise<number> => (await stat(join(folder, name))).size;
    const before = await size('recording');
    expect(before).toBeGreaterThan(500);
    expect(await size('keys')).toBeGreaterThan(64);
    const { code, stdout, stderr } = await callWatch(target, ...files);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('exists already');
    expect(await size('recording')).toBe(before);
  });

  it('--type prints the named types; all other messages are also taken and their credit is returned', async () => {
    const target = await node(async (connection) => {
      // More than twice the number of messages that may be in flight.
      for (let slot = 1n; slot <= 500n; slot++) await connection.send(scpMessage(slot));
      await connection.send(ADVERT);
    });
    const child = startWatch(target, '--type', 'flood_advert,UNKNOWN');
    const end = finished(child);
    expect(await linesUntil(child, 'FLOOD_ADVERT')).toHaveLength(1);
    child.kill('SIGINT');
    const { code, stderr } = await end;
    // On a slow machine the node also sends a ping.
    expect(stderr).toMatch(/^50[34] messages, .*, 1 of them shown: SCP_MESSAGE 500, PEERS 1, GET_SCP_STATE 1, .*FLOOD_ADVERT 1/m);
    expect(code).toBe(130);
  });

  it('--type does not limit the check of MACs', async () => {
    const target = await mock(async (peer) => {
      await peer.handshake();
      peer.sendBadMac({ type: 'GET_SCP_STATE', ledgerSeq: 1 });
      await peer.expectEnd();
    });
    const { code, stdout, stderr } = await callWatch(target, '--type', 'FLOOD_ADVERT');
    expect({ code, stdout }).toEqual({ code: 6, stdout: '' });
    expect(stderr).toContain('OVERLAY_UNEXPECTED_MAC, in channel');
  });

  it('--scp-state sets the ledger of GET_SCP_STATE', async () => {
    let asked: number | undefined;
    const target = await mock(async (peer) => {
      await peer.handshake();
      await peer.expect('SEND_MORE_EXTENDED');
      asked = (await peer.expect('GET_SCP_STATE')).ledgerSeq;
    });
    await callWatch(target, '--scp-state', '60000000');
    expect(asked).toBe(60000000);
  });

  it('--verify marks every valid SCP signature as good, and exits with 0', async () => {
    const target = await node((connection) => send(connection, scpMessage(1n), scpMessage(2n)));
    const { code, stdout, stderr } = await callWatch(target, '--for', '2s', '--verify');
    expect(stdout.match(/SCP_MESSAGE {8}good {3}G/g)).toHaveLength(2);
    expect(stderr).toContain('; 2 of 2 SCP signatures good');
    expect(code).toBe(0);
  });

  it('--verify marks a signature for another network as forged and exits with 6, also on Ctrl-C', async () => {
    const target = await node((connection) => send(connection, scpMessage(1n), scpMessage(2n, networks.testnet), ADVERT));
    const byTime = await callWatch(target, '--for', '2s', '--verify', '--json');
    const verdicts = byTime.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === 'SCP_MESSAGE')
      .map(({ signature }) => signature);
    expect(verdicts).toEqual(['good', 'bad']);
    expect(byTime.stderr).toContain('✗ forged SCP signatures: 1 of 2');
    expect(byTime.code).toBe(6);

    const child = startWatch(target, '--verify');
    const end = finished(child);
    expect((await linesUntil(child, 'FLOOD_ADVERT')).join('\n')).toMatch(/FORGED G.* ledger 2 /);
    child.kill('SIGINT');
    expect((await end).code).toBe(6);
  });

  it('--verify checks messages that --type does not print', async () => {
    const target = await node((connection) => send(connection, scpMessage(1n, networks.testnet)));
    const { code, stdout } = await callWatch(target, '--for', '2s', '--verify', '--type', 'UNKNOWN');
    expect({ code, stdout }).toEqual({ code: 6, stdout: '' });
  });

  it('exits with 130 on Ctrl-C and closes the connection with FIN', async () => {
    const target = await node(sendForever);
    const child = startWatch(target);
    const end = finished(child);
    await linesUntil(child, 'SCP_MESSAGE');
    child.kill('SIGINT');
    const { code, stderr } = await end;
    expect(code).toBe(130);
    expect(stderr).toMatch(/\d+ messages, .* in .*: SCP_MESSAGE \d+/);
    expect((await target.ended).code).toBe('OVERLAY_CONNECTION_CLOSED');
  });

  it('exits with 130 on Ctrl-C during the handshake', async () => {
    let child: ChildProcessWithoutNullStreams | undefined;
    const target = await mock(async (peer) => {
      await peer.expect('HELLO');
      child?.kill('SIGINT');
      await peer.expectEnd();
    });
    child = startWatch(target);
    const { code, stdout } = await finished(child);
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
  });

  it('exits with 0 and closes the connection when the reader closes the pipe', async () => {
    const target = await node(sendForever);
    for (const format of [[], ['--json']]) {
      const child = startWatch(target, ...format);
      const errors: Buffer[] = [];
      child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
      await once(child.stdout, 'data');
      child.stdout.destroy();
      expect(await once(child, 'close')).toEqual([0, null]);
      expect(Buffer.concat(errors).toString()).toMatch(/^✓ [^\n]*\n$/);
    }
    expect((await target.ended).code).toBe('OVERLAY_CONNECTION_CLOSED');
  });

  it('takes no message before its reader has read the earlier ones, so that the node has to wait', async () => {
    const TOTAL = 3000;
    let sent = 0;
    const target = await node(async (connection) => {
      for (; sent < TOTAL; sent++) await connection.send(scpMessage(BigInt(sent), network, 4000));
    });
    const child = startWatch(target, '--json', '--for', '2s');
    // The test does not read until watch has stopped taking messages.
    const { code } = await target.ended;
    const { stdout } = await finished(child);
    expect(code).toBe('OVERLAY_CONNECTION_CLOSED');
    const lines = stdout.trimEnd().split('\n').length;
    expect(lines).toBeGreaterThan(2);
    expect(lines).toBeLessThan(TOTAL / 10);
    expect(sent).toBeLessThan(TOTAL / 4);
  });

  it('exits with 4 when the node closes the connection with FIN', async () => {
    const target = await node(async (connection) => {
      await send(connection, ADVERT);
      await connection.close();
    });
    const { code, stdout, stderr } = await callWatch(target);
    expect(stdout).toContain('FLOOD_ADVERT');
    expect(stderr).toContain(`✗ 127.0.0.1:${target.port}: The peer closed the connection without giving a reason.`);
    expect(stderr).toContain('closed-by-peer (OVERLAY_CONNECTION_CLOSED, in channel)');
    expect(code).toBe(4);
  });

  it('exits with 5 and prints the ERROR_MSG of the node', async () => {
    const target = await mock(async (peer) => {
      await peer.handshake();
      peer.send({ type: 'FLOOD_ADVERT', txHashes: [] });
      peer.error('ERR_LOAD', 'peer rejected');
    });
    const { code, stdout, stderr } = await runWatch(target);
    expect(stderr).toContain('peer rejected');
    expect(stderr).toContain('(OVERLAY_PEER_ERROR, in ');
    expect([code, stdout.includes('ERROR_MSG')]).toEqual([5, false]);
  });

  it('prints text of a peer without control characters', async () => {
    const target = await mock(async (peer) => {
      await peer.handshake({ versionStr: 'evil \u001b[31m text' });
      await peer.expectEnd();
    });
    const { stderr } = await runWatch(target, '--for', '300ms');
    expect(stderr).toContain('(evil ·[31m text, overlay ');
  });

  it('reports a node that cannot be reached on stderr, with the exit code of the cause', async () => {
    const { code, stdout, stderr } = await callCli(['watch', '127.0.0.1:1', '--json']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain('✗ 127.0.0.1:1 refused the connection');
  });

  it('exits with 6 when another peer than the expected one answers', async () => {
    const target = await node(async () => {});
    const { code, stderr } = await callWatch(target, '--expect', NodeIdentity.random().peerID);
    expect(stderr).toContain('OVERLAY_PEER_ID_MISMATCH');
    expect(code).toBe(6);
  });

  it.each([
    [['watch']],
    [['watch', 'a:b:c']],
    [['watch', '127.0.0.1', '127.0.0.2']],
    [['watch', '127.0.0.1', '--type', 'NO_SUCH_MESSAGE']],
    [['watch', '127.0.0.1', '--type', '']],
    [['watch', '127.0.0.1', '--type', 'SEND_MORE_EXTENDED']],
    [['watch', '127.0.0.1', '--for', 'ever']],
    [['watch', '127.0.0.1', '--scp-state', '-1']],
    [['watch', '127.0.0.1', '--scp-state', '4294967296']],
    [['watch', '127.0.0.1', '--verify=yes']],
  ])('%j: exits with 2 and prints the reason to stderr', async (args) => {
    const { code, stdout, stderr } = await callCli(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^✗ .+/);
    expect(stderr).not.toContain('    at ');
  });
});

describe('the live line', () => {
  /** A terminal with a number of columns, and everything written to it. */
  function terminal(columns: number | undefined) {
    const written: string[] = [];
    const stream = { columns, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream;
    return { stream, written };
  }

  it('is drawn over itself, with its style, and removed at the end', () => {
    const { stream, written } = terminal(80);
    let text = 'up 1 s';
    const live = new LiveLine(
      stream,
      () => text,
      (plain) => `<${plain}>`,
    );
    live.draw();
    text = 'up 2 s';
    live.clear();
    live.draw();
    live.stop();
    expect(written).toEqual(['\r\u001b[K<up 1 s>', '\r\u001b[K', '\r\u001b[K<up 2 s>', '\r\u001b[K']);
  });

  it('never reaches the last column, because it would wrap there', () => {
    for (const [columns, width] of [
      [10, 9],
      [undefined, 79],
      [1, 0],
    ] as const) {
      const { stream, written } = terminal(columns);
      const live = new LiveLine(
        stream,
        () => 'x'.repeat(200),
        (plain) => plain,
      );
      live.draw();
      live.stop();
      expect(written[0]).toBe(`\r\u001b[K${'x'.repeat(width)}`);
    }
  });
});
