/**
 * CPU and peak memory of the command line under hostile nodes, files and HTTP clients, for whole processes. The goal: no step
 * takes more memory than ten times its input, above the memory of an idle process.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { concatBytes } from '../src/protocol/bytes.ts';
import { networks } from '../src/protocol/networks.ts';
import { encodeRecord } from '../src/protocol/wire/framing.ts';
import { type MockScript, mockNode } from '../src/testing/index.ts';
import { build, ROOT } from './support/build.ts';
import type { BenchOptions } from './support/options.ts';
import { type Case, type Report, ratio } from './support/report.ts';

const network = networks.standalone;
const SOCKETS = 500;
const SOCKET_BYTES = 64_000;
const LONG_RECORDS = 10;
const LONG_BYTES = 16_000_000;
const QUORUM_SET_BYTES = 15_000_000;
const INTERFACES_BYTES = 40_000_000;
const HEX_RECORDS = 200_000;
const KEYS = 2_000;

/** CPU and memory of a process. */
interface Usage {
  readonly cpuMs: number;
  readonly peakMB: number;
}

/** A case: the size of its input in MB, and its run. */
interface Attack {
  readonly name: string;
  readonly inputMB: number;
  readonly run: (out: string, folder: string) => Promise<Usage>;
}

const ATTACKS: readonly Attack[] = [
  {
    name: `exporter, ${SOCKETS} sockets with ${SOCKET_BYTES / 1000} kB of pipelined requests each that nobody reads`,
    inputMB: (SOCKETS * SOCKET_BYTES) / 1e6,
    async run(out) {
      const { child, port } = await startExporter(out);
      const request = 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
      const sockets = Array.from({ length: SOCKETS }, () => createConnection({ host: '127.0.0.1', port }));
      for (const socket of sockets) {
        socket.on('error', () => {});
        socket.write(request.repeat(SOCKET_BYTES / request.length));
      }
      await Promise.all(sockets.map((socket) => once(socket, 'connect').catch(() => {})));
      await fetch(`http://127.0.0.1:${port}/-/healthy`);
      child.kill('SIGTERM');
      const usage = await usageOf(child);
      for (const socket of sockets) socket.destroy();
      return usage;
    },
  },
  {
    name: 'exporter, debug=true of a node that does not stop talking',
    inputMB: (LONG_RECORDS * LONG_BYTES) / 1e6,
    async run(out) {
      await using node = await mockNode({ network }, longRecords);
      const { child, port } = await startExporter(out);
      await (await fetch(`http://127.0.0.1:${port}/probe?target=127.0.0.1:${node.port}&debug=true`)).text();
      child.kill('SIGTERM');
      return usageOf(child);
    },
  },
  {
    name: 'explain of a node that does not stop talking',
    inputMB: (LONG_RECORDS * LONG_BYTES) / 1e6,
    async run(out) {
      await using node = await mockNode({ network }, longRecords);
      return usageOf(start(out, ['explain', `127.0.0.1:${node.port}`, '--network', 'standalone']));
    },
  },
  {
    name: 'watch --json of quorum sets in deep chains',
    inputMB: (3 * QUORUM_SET_BYTES) / 1e6,
    async run(out) {
      await using node = await mockNode({ network }, async (peer) => {
        await peer.handshake();
        for (let i = 0; i < 3; i++) peer.send({ type: 'UNKNOWN', typeNumber: 10, xdr: QUORUM_SET });
        await peer.wait(100);
      });
      return usageOf(start(out, ['watch', `127.0.0.1:${node.port}`, '--network', 'standalone', '--json']));
    },
  },
  {
    name: 'decode --json of one in a capture',
    // In hex.
    inputMB: (2 * QUORUM_SET_BYTES) / 1e6,
    async run(out, folder) {
      const file = join(folder, 'quorum-set');
      writeFileSync(file, Buffer.from(QUORUM_SET).toString('hex'));
      return usageOf(start(out, ['decode', file, '--json']));
    },
  },
  {
    name: 'decode --hex of one, whose output nobody reads for three seconds',
    inputMB: (2 * QUORUM_SET_BYTES) / 1e6,
    async run(out, folder) {
      const file = join(folder, 'quorum-set');
      writeFileSync(file, Buffer.from(QUORUM_SET).toString('hex'));
      const child = start(out, ['decode', file, '--hex']);
      await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'readable');
      await setTimeout(3_000);
      child.stdout?.destroy();
      return usageOf(child);
    },
  },
  {
    name: 'decode of a pcapng of interfaces',
    inputMB: INTERFACES_BYTES / 1e6,
    async run(out, folder) {
      const file = join(folder, 'interfaces');
      const section = Buffer.from('0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000', 'hex');
      const description = Buffer.from('010000001400000065000000000000001400000000', 'hex').subarray(0, 20);
      writeFileSync(file, Buffer.concat([section, Buffer.alloc(INTERFACES_BYTES, description)]));
      return usageOf(start(out, ['decode', file]));
    },
  },
  {
    name: `decode of ${HEX_RECORDS} records in hex with a key log of ${KEYS} keys`,
    inputMB: (HEX_RECORDS * 121) / 1e6,
    async run(out, folder) {
      const [file, keys] = [join(folder, 'hex'), join(folder, 'keys')];
      const body = new Uint8Array(56);
      body[15] = 2;
      writeFileSync(file, `${Buffer.from(encodeRecord(body)).toString('hex')}\n`.repeat(HEX_RECORDS));
      const line = (i: number): string =>
        `STELLAR_MAC_KEYS ${String(i).padStart(64, '0')} ${'11'.repeat(32)} ${'22'.repeat(32)} ${'33'.repeat(32)}\n`;
      writeFileSync(keys, Array.from({ length: KEYS }, (_, i) => line(i)).join(''));
      return usageOf(start(out, ['decode', file, '--keylog', keys]));
    },
  },
];

export async function run(options: BenchOptions): Promise<Report> {
  const ours = build();
  const other = options.against === undefined ? undefined : build(options.against);
  const folder = mkdtempSync(join(tmpdir(), 'stellar-handshake-hostile-'));
  const cases: Case[] = [];
  try {
    const idle = await usageOf(start(ours, ['--version']));
    for (const { name, inputMB, run: attack } of ATTACKS.filter(({ name }) => name.includes(options.only ?? ''))) {
      const usage = await attack(ours, folder);
      const against = other === undefined ? undefined : await attack(other, folder);
      cases.push({
        name,
        figures: {
          'MB put in': inputMB,
          'ours, CPU in ms': usage.cpuMs,
          'ours, peak in MB': usage.peakMB,
          ...(against && { 'against, CPU in ms': against.cpuMs, 'against, peak in MB': against.peakMB }),
        },
        ratios: { 'memory / ten times the input': ratio([usage.peakMB - idle.peakMB], [10 * inputMB], 1) },
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { name: 'hostile', what: 'CPU and peak memory of the command line under hostile input', unit: 'ms, MB', cases };
}

/** Accepts a peer and sends it records of 16 MB until it leaves. */
const longRecords: MockScript = async (peer) => {
  await peer.handshake();
  for (let i = 0; i < LONG_RECORDS; i++) peer.send({ type: 'GENERALIZED_TX_SET', generalizedTxSet: new Uint8Array(LONG_BYTES) });
  await peer.expectEnd();
};

/** A StellarMessage: chains of 700 levels, repeated. */
const QUORUM_SET = ((): Uint8Array => {
  const number = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
  const level = concatBytes(number(1), number(0), number(1));
  const chain = concatBytes(...Array.from({ length: 698 }, () => level), number(1), number(0), number(0));
  const count = Math.floor(QUORUM_SET_BYTES / chain.length);
  return concatBytes(number(10), number(1), number(0), number(count), ...Array.from({ length: count }, () => chain));
})();

/** Starts the command line of a build; its cost is reported on fd 3. */
function start(out: string, args: readonly string[]): ChildProcess {
  const [bin, main] = ['bin.js', 'main.js'].map((name) => join(out, 'src/cli', name)) as [string, string];
  const usage = join(ROOT, 'bench/support/tell-usage.mjs');
  return spawn(process.execPath, ['--import', usage, existsSync(bin) ? bin : main, ...args], {
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  });
}

/** Waits for its end. */
async function usageOf(child: ChildProcess): Promise<Usage> {
  child.stdout?.resume();
  const told = await buffer(child.stdio[3] as unknown as AsyncIterable<Uint8Array>);
  return JSON.parse(told.toString()) as Usage;
}

async function startExporter(out: string): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const args = ['exporter', '--listen', '127.0.0.1:0', '--allow', '127.0.0.0/8', '--network', 'standalone', '--json'];
  const child = start(out, args);
  const [line] = (await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data')) as [Buffer];
  return { child, port: (JSON.parse(line.toString()) as { readonly port: number }).port };
}
