/** js-stellar-node-connector as a target of audits: a process that is restarted after each crash. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { installRival, type RivalName, rivalFile } from '../../bench/support/rivals.ts';

const CHILD = fileURLToPath(new URL('rival-child.mjs', import.meta.url));
const MAX_DEATHS = 500;

/**
 * Installs a rival for the tests that need it.
 * @returns a `require` of its packages; undefined, with the reason printed, where npm cannot install it. With CI set that is an error
 */
export async function rivalOrNothing(rival: RivalName): Promise<NodeJS.Require | undefined> {
  try {
    return await installRival(rival);
  } catch (error) {
    if (process.env.CI) throw error;
    console.warn(`without ${rival}: ${(error as Error).message}`);
    return undefined;
  }
}

/** Its role. */
export interface RivalOptions {
  readonly role: 'listen' | 'dial';
  /** The port that it dials. A listening rival reports its own port. */
  readonly port?: number;
}

/** A process that is restarted after each crash. The connector must be installed. */
export class Rival implements AsyncDisposable {
  /** How often it has died. */
  deaths = 0;
  readonly #options: RivalOptions;
  #child: ChildProcess;
  #port: number;
  #onListening: (port: number) => void = () => {};
  readonly #listening = new Promise<number>((resolve) => {
    this.#onListening = resolve;
  });
  #stopped = false;

  constructor(options: RivalOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    this.#child = this.#start();
  }

  /** The port it listens on, once it does. */
  listening(): Promise<number> {
    return this.#listening;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  #start(): ChildProcess {
    const { role } = this.#options;
    const child = spawn(process.execPath, [CHILD, rivalFile('connector'), role, String(this.#port)], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...process.env, LOG_LEVEL: 'silent' },
    });
    child.on('message', (port) => {
      child.channel?.unref();
      this.#port = port as number;
      this.#onListening(this.#port);
    });
    // The child does not keep this process alive, and ends with it.
    child.unref();
    if (role === 'dial') child.channel?.unref();
    child.once('exit', () => {
      this.deaths++;
      if (!this.#stopped && this.deaths < MAX_DEATHS) this.#child = this.#start();
    });
    return child;
  }
}
