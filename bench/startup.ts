/**
 * Start-up: a whole process that probes a node on the loopback, which closes five seconds after us, against a process
 * that does nothing. And what an application installs.
 * @module
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installNode } from '../scripts/node-of-line.ts';
import { listen, networks } from '../src/index.ts';
import { ROOT } from './support/build.ts';
import { CONNECTOR } from './support/connector.ts';
import { latePeer } from './support/late-peer.ts';
import type { BenchOptions } from './support/options.ts';
import { type Case, median, type Report, ratio } from './support/report.ts';
import { rivalVersion } from './support/rivals.ts';

const run_ = promisify(execFile);
/** Lines of Node: the oldest supported, and the one that is in long-term support. */
const LINES = ['20', '24'];
/** Whole processes in each round. */
const RUNS = 8;
/** The first run makes the folder of its code cache, the second fills it. */
const UNCOUNTED = 2;

export async function run(options: BenchOptions): Promise<Report> {
  const cases: Case[] = [];
  const notes: string[] = [];
  if ('probe'.includes(options.only ?? '')) cases.push(...(await startUp(options)));
  if ('install'.includes(options.only ?? '')) cases.push(await install(options, notes));
  return { name: 'startup', what: 'start-up and installation', unit: 'ms; packages and bytes', cases, notes };
}

/** Wall and CPU of one process, in milliseconds. */
interface Process {
  readonly wall: number;
  readonly cpu: number;
}

async function startUp(options: BenchOptions): Promise<readonly Case[]> {
  await using listener = await listen({ port: 0, network: networks.standalone });
  // Our process must not wait for its close.
  const peer = await latePeer(listener.port, 0);
  const folder = mkdtempSync(join(tmpdir(), 'stellar-handshake-startup-'));
  try {
    const ours = await buildProgram(ROOT, join(folder, 'ours'));
    const against = options.against === undefined ? undefined : await buildProgram(options.against, join(folder, 'against'));
    const cases: Case[] = [];
    for (const line of LINES) {
      const node = installNode(line);
      const probe = (program: string): readonly string[] => [
        node,
        program,
        'probe',
        `127.0.0.1:${peer.port}`,
        '--network',
        'standalone',
        '--json',
      ];
      cases.push(
        ...(await compare(line, options, folder, {
          ours: probe(ours),
          'node -e 0': [node, '-e', '0'],
          ...(against !== undefined && { against: probe(against) }),
        })),
      );
    }
    return cases;
  } finally {
    peer.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The command line of a checkout, as it is published. @returns the file to run */
async function buildProgram(checkout: string, folder: string): Promise<string> {
  const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
  const args = [vite, 'build', '-c', 'vite.cli.config.ts', '--outDir', folder, '--emptyOutDir'];
  await run_(process.execPath, args, { cwd: checkout });
  return join(folder, 'main.cjs');
}

async function compare(
  line: string,
  options: BenchOptions,
  folder: string,
  subjects: Readonly<Record<string, readonly string[]>>,
): Promise<readonly Case[]> {
  const series: Record<string, Process[]> = {};
  for (let i = -UNCOUNTED; i < options.rounds * RUNS; i++) {
    for (const [name, args] of Object.entries(subjects)) {
      const process = await time(args, folder);
      if (i >= 0) series[name] = [...(series[name] ?? []), process];
    }
  }
  return (['wall', 'cpu'] as const).map((kind) => {
    const { ours = [], ...others } = Object.fromEntries(
      Object.entries(series).map(([name, processes]) => [name, processes.map((process) => process[kind])]),
    );
    return {
      name: `probe on Node ${line}, ${kind}`,
      figures: Object.fromEntries([
        ['ours', median(ours)],
        ...Object.entries(others).map(([name, values]) => [name, median(values)]),
      ]),
      ratios: Object.fromEntries(
        Object.entries(others).map(([name, values]) => [
          `ours / ${name}`,
          ratio(ours, values, name === 'against' ? undefined : 1.5),
        ]),
      ),
    };
  });
}

/** Runs a process once. The shell's `time` measures the whole process. */
async function time(args: readonly string[], caches: string): Promise<Process> {
  const command = ['-c', 'TIMEFORMAT="%3R %3U %3S"; time "$@" >/dev/null', 'bash', ...args];
  const { stderr } = await run_('bash', command, { env: { ...process.env, XDG_CACHE_HOME: caches } });
  const [real, user, system] = (stderr.trim().split('\n').at(-1) as string).split(' ').map(Number) as [number, number, number];
  return { wall: real * 1000, cpu: (user + system) * 1000 };
}

/** Packs this package as it is published and installs it as an application does; the rival as well. */
async function install(options: BenchOptions, notes: string[]): Promise<Case> {
  const directory = mkdtempSync(join(tmpdir(), 'stellar-handshake-install-'));
  try {
    const ours = await installed(join(directory, 'ours'), await pack(directory));
    const rival = options.fast
      ? undefined
      : await installed(join(directory, 'rival'), `${CONNECTOR}@${rivalVersion('connector', CONNECTOR)}`).catch(
          (error: Error) => {
            notes.push(`the rival could not be installed: ${error.message.split('\n')[0]}`);
            return undefined;
          },
        );
    return {
      name: 'production install',
      figures: {
        'our packages': ours.packages,
        'our bytes': ours.bytes,
        ...(rival && { 'rival’s packages': rival.packages, 'rival’s bytes': rival.bytes }),
      },
      ratios: {
        'our packages / 2': ratio([ours.packages], [2], 1),
        'our bytes / 6 MB': ratio([ours.bytes], [6e6], 1),
        ...(rival && {
          'packages, ours / rival': ratio([ours.packages], [rival.packages]),
          'bytes, ours / rival': ratio([ours.bytes], [rival.bytes]),
        }),
      },
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Builds a copy, so that the checkout stays as it is. @returns the file to install */
async function pack(directory: string): Promise<string> {
  const copy = join(directory, 'copy');
  mkdirSync(copy);
  for (const name of readdirSync(ROOT)) {
    if (!['node_modules', '.git', 'dist', 'coverage', '.cache'].includes(name))
      cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  await run_('npm', ['run', 'build'], { cwd: copy });
  const { stdout } = await run_('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', directory], { cwd: copy });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  return join(directory, filename);
}

async function installed(directory: string, what: string): Promise<{ readonly packages: number; readonly bytes: number }> {
  mkdirSync(directory);
  writeFileSync(join(directory, 'package.json'), '{"private":true}');
  await run_('npm', ['install', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', what], { cwd: directory });
  const lock = JSON.parse(readFileSync(join(directory, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { optional?: boolean }>;
  };
  let packages = 0;
  for (const name of Object.keys(lock.packages)) {
    if (name !== '' && statSync(join(directory, name), { throwIfNoEntry: false })?.isDirectory()) packages++;
  }
  let bytes = 0;
  for (const entry of readdirSync(join(directory, 'node_modules'), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return { packages, bytes };
}
