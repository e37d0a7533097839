/** js-stellar-node-connector as a target of audits: a process that is started again whenever it has died. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const CHILD = fileURLToPath(new URL('rival-child.mjs', import.meta.url));
const MAX_DEATHS = 500;

/** What it does, and whether it has said that it wants flood messages: SCP, transactions, adverts. */
export interface RivalOptions {
  readonly role: 'listen' | 'dial';
  readonly port: number;
  readonly floods?: 'all' | 'none';
}

/** A process that is started again whenever it has died. */
export class Rival implements AsyncDisposable {
  /** How often it has died. */
  deaths = 0;
  readonly #options: RivalOptions;
  #child: ChildProcess;
  #stopped = false;

  constructor(options: RivalOptions) {
    this.#options = options;
    this.#child = this.#start();
  }

  /** Resolves when it listens. */
  async listening(): Promise<void> {
    await once(this.#child, 'message');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  #start(): ChildProcess {
    const { role, port, floods = 'all' } = this.#options;
    const child = spawn(process.execPath, [CHILD, role, String(port), floods], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...process.env, LOG_LEVEL: 'silent' },
    });
    child.once('exit', () => {
      this.deaths++;
      if (!this.#stopped && this.deaths < MAX_DEATHS) this.#child = this.#start();
    });
    return child;
  }
}

/** A port nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  server.close();
  await once(server, 'close');
  return port;
}
