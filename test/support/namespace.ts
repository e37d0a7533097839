/**
 * A separate Linux machine for a test: network and mount namespaces with their own loopback, firewall, hosts file, resolver and
 * name server. It cannot reach anything outside.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { type Finished, finished } from './cli.ts';

const NAME_SERVER = fileURLToPath(new URL('name-server.mjs', import.meta.url));

/** Why namespaces are not possible here; undefined when they are. */
export const NO_NAMESPACE: string | undefined = whyNot();

function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'namespaces are Linux’s';
  for (const [tool, ...args] of [
    ['unshare', '-mn', 'true'],
    ['nsenter', '--version'],
    ['ip', '-V'],
    ['nft', '--version'],
  ] as const) {
    const { status, stderr, error } = spawnSync(tool, args, { encoding: 'utf8' });
    if (status !== 0) return `${tool}: ${error?.message ?? stderr.trim()}`;
  }
  return undefined;
}

/** The configuration of a machine. */
export interface MachineOptions {
  /** Lines of /etc/hosts. */
  readonly hosts?: readonly string[];
  /** Lines of /etc/resolv.conf. */
  readonly resolv?: readonly string[];
  /** The order in which names are looked up. Default `files dns`. */
  readonly nsswitch?: string;
  /** Rules of the firewall for incoming packets. */
  readonly firewall?: readonly string[];
}

/** A resolver that never answers: the firewall drops the questions. */
export const SILENT_RESOLVER: Required<Pick<MachineOptions, 'resolv' | 'firewall'>> = {
  // A process that waits for it waits for minutes.
  resolv: ['nameserver 127.0.0.53', 'options timeout:30 attempts:5'],
  firewall: ['ip daddr 127.0.0.53 udp dport 53 drop', 'ip daddr 127.0.0.53 tcp dport 53 drop'],
};

/** An address of every machine besides ::1. The C library turns ::1 into 127.0.0.1 when IPv4 is requested. */
export const LOCAL_IPV6 = 'fd00::2';

/** A machine. */
export class Machine implements AsyncDisposable {
  readonly #holder: ChildProcessWithoutNullStreams;
  readonly #folder: string;
  readonly #children = new Set<ChildProcessWithoutNullStreams>();

  private constructor(holder: ChildProcessWithoutNullStreams, folder: string) {
    this.#holder = holder;
    this.#folder = folder;
  }

  /** Makes one. */
  static async start({ hosts = [], resolv = [], nsswitch = 'files dns', firewall = [] }: MachineOptions): Promise<Machine> {
    const folder = await mkdtemp(join(tmpdir(), 'machine-'));
    const files = {
      hosts: ['127.0.0.1 localhost', ...hosts],
      'resolv.conf': resolv,
      'nsswitch.conf': [`hosts: ${nsswitch}`],
      rules: ['table inet test {', 'chain input { type filter hook input priority 0;', ...firewall, '}', '}'],
    };
    for (const [name, lines] of Object.entries(files)) await writeFile(join(folder, name), `${lines.join('\n')}\n`);
    const script = [
      'set -e',
      'ip link set lo up',
      `ip address add ${LOCAL_IPV6}/128 dev lo nodad`,
      ...['hosts', 'resolv.conf', 'nsswitch.conf'].map((name) => `mount --bind ${folder}/${name} /etc/${name}`),
      `nft -f ${folder}/rules`,
      'echo ready',
      'exec cat',
    ].join('\n');
    const holder = spawn('unshare', ['-mn', 'sh', '-c', script]);
    let mistakes = '';
    holder.stderr.on('data', (chunk: Buffer) => {
      mistakes += chunk;
    });
    const [said] = (await Promise.race([once(holder.stdout, 'data'), once(holder, 'close')])) as [unknown];
    if (String(said) !== 'ready\n') throw new Error(`no machine: ${mistakes}`);
    return new Machine(holder, folder);
  }

  /** Starts a program in it. */
  start(command: string, ...args: readonly string[]): ChildProcessWithoutNullStreams {
    const child = spawn('nsenter', ['-t', String(this.#holder.pid), '-m', '-n', '-w', '--', command, ...args], {
      env: { ...process.env, NO_COLOR: '1' },
    });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    return child;
  }

  /** Starts `stellar-handshake …args`. */
  startCli(...args: readonly string[]): ChildProcessWithoutNullStreams {
    return this.start(process.execPath, inject('cli'), ...args);
  }

  /** Runs it to its end. */
  cli(...args: readonly string[]): Promise<Finished> {
    return finished(this.startCli(...args));
  }

  /** Starts a node on the port, on every address. */
  async node(port: number, network = 'standalone'): Promise<void> {
    const node = this.startCli('listen', `[::]:${port}`, '--network', network, '--json');
    await once(node.stdout, 'data');
    node.stdout.resume();
    node.stderr.resume();
  }

  /**
   * Starts a name server on 127.0.0.54.
   * @param records addresses by name; a missing family has no address, and a family that is null gets no answer
   */
  async nameServer(
    records: Readonly<Record<string, { readonly A?: string | null; readonly AAAA?: string | null }>>,
  ): Promise<void> {
    const server = this.start(process.execPath, NAME_SERVER, JSON.stringify(records));
    await once(server.stdout, 'data');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const over = [this.#holder, ...this.#children].map((child) => once(child, 'close'));
    for (const child of [...this.#children, this.#holder]) child.kill('SIGKILL');
    await Promise.all(over);
    await rm(this.#folder, { recursive: true });
  }
}
