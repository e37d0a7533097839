/**
 * The measured process: the bench starts it and talks to it over Node's IPC. It ends by itself when the bench has ended.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

/** Longest life of a child, whatever happens. */
const MAX_LIFE_MS = 30 * 60_000;

/** A child process, seen from the bench. It answers in the order of the questions. */
export class Child {
  readonly #process: ChildProcess;
  readonly #messages: unknown[] = [];
  readonly #takers: { resolve: (message: unknown) => void; reject: (error: Error) => void }[] = [];
  #ended = false;

  /**
   * @param out directory of the build
   * @param script name below bench/children, without extension
   */
  constructor(out: string, script: string, args: readonly string[], nodeArgs: readonly string[] = []) {
    const file = join(out, 'bench/children', `${script}.js`);
    // Through a shell, to raise the limit of open files.
    const command = [process.execPath, ...nodeArgs, file, ...args];
    this.#process = spawn('sh', ['-c', 'ulimit -n "$(ulimit -Hn)" 2>/dev/null; exec "$@"', 'sh', ...command], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, LOG_LEVEL: 'silent' },
    });
    this.#process.on('message', (message) => {
      const taker = this.#takers.shift();
      if (taker !== undefined) taker.resolve(message);
      else this.#messages.push(message);
    });
    this.#process.on('exit', (code, signal) => {
      this.#ended = true;
      for (const { reject } of this.#takers.splice(0)) reject(new Error(`${script} ended: ${code ?? signal}`));
    });
  }

  /** Its next answer. */
  next<T>(): Promise<T> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message as T);
    if (this.#ended) return Promise.reject(new Error('the child has ended'));
    return new Promise((resolve, reject) => this.#takers.push({ resolve: resolve as (message: unknown) => void, reject }));
  }

  tell(message: object): void {
    this.#process.send(message);
  }

  ask<T>(message: object): Promise<T> {
    this.tell(message);
    return this.next<T>();
  }

  /** Disconnects from it, so that it ends by itself. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    const exited = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.disconnect();
    await exited;
  }
}

/** Tells the bench something, from the child. */
export function tell(message: object): void {
  process.send?.(message);
}

/** Answers the bench, in the child. The child ends when the bench disconnects. */
export function serve<Q>(answer: (question: Q) => Promise<object> | object): void {
  process.on('message', async (question) => tell(await answer(question as Q)));
  endWithBench();
}

/** Ends this process when the bench disconnects, or after a long time. */
export function endWithBench(): void {
  process.on('disconnect', () => process.exit());
  setTimeout(() => process.exit(1), MAX_LIFE_MS).unref();
}

/** CPU this process has used since a mark, all threads, user and system, in microseconds. */
export function cpuSince(mark: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(mark);
  return user + system;
}

/** Measures rounds of a number of messages, each from its first to its last message. */
export class Meter {
  readonly #count: number;
  #seen = 0;
  #mark: NodeJS.CpuUsage = { user: 0, system: 0 };

  constructor(count: number) {
    this.#count = count;
  }

  /** One message more. */
  tick(): void {
    if (this.#seen === 0) this.#mark = process.cpuUsage();
    if (++this.#seen === this.#count) {
      this.#seen = 0;
      tell({ micros: cpuSince(this.#mark) / this.#count });
    }
  }
}

/** The answer of a child after a round. */
export interface RoundResult {
  /** CPU microseconds for each message or handshake. */
  readonly micros: number;
}
