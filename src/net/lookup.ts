/**
 * Resolves host names with the system's resolver (getaddrinfo: nsswitch.conf, hosts, resolv.conf), in child processes. In this
 * process look-ups would share libuv's thread pool: a resolver that does not answer holds a thread for many seconds, other
 * look-ups wait for it, no look-up can be cancelled, and the process cannot exit before they end.
 * @module
 */
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { offAbort, onAbort } from './abort.ts';

/** IPv4, IPv6, or both: 0. */
export type Family = 0 | 4 | 6;

/**
 * Finds the addresses of a host name.
 * @param family 4, 6, or 0 for both
 * @param signal aborts when the answer is no longer needed
 * @returns the addresses in order of preference (RFC 6724)
 * @throws {Error} with a `code` of getaddrinfo, ENOTFOUND for example, when there is no address
 */
export type Lookup = (host: string, family: Family, signal: AbortSignal) => Promise<readonly string[]>;

/** A look-up that is running. */
export interface PendingLookup {
  /** Resolves when the resolver has been asked: the time before is our own preparation. Rejects as `addresses` does. */
  readonly started: Promise<void>;
  readonly addresses: Promise<readonly string[]>;
}

/**
 * Asks the system's resolver. Look-ups do not wait for one another, and a cancelled look-up leaves nothing behind.
 * @throws {Error} with a `code`: that of getaddrinfo, or EMFILE or ENFILE when no process can be started because no file
 * descriptor is free
 */
export function lookUp(host: string, family: Family, signal: AbortSignal): PendingLookup {
  const helper = withRoom();
  const addresses = helper.ask(host, family, signal);
  addresses.catch(() => {});
  return { started: helper.ready, addresses };
}

/**
 * When a look-up of both families has no answer after this time, each family is looked up alone, in milliseconds: some
 * resolvers answer only one of them.
 */
export const SINGLE_FAMILY_DELAY_MS = 250;
/** Number of parallel look-ups in the first process, in the second, and so on. A process is started when it is needed. */
const ROOM = [16, 64, 256, 512] as const;
/** How long an unused process is kept for the next look-up, in milliseconds. */
const KEPT_MS = 60_000;
/** Variables that the child does not get: those that Node would read, and secrets. The resolver's own variables are passed on. */
const WITHHELD = /^(?:NODE_|STELLAR_HANDSHAKE_SEED$)/;

/**
 * The child process. Every look-up has a thread: libuv gives only half of its threads to slow work, and creates all of them at
 * first use. The child ends when its input ends. It ends by a signal, because an exit would wait for the threads. It ignores
 * signals sent to the whole process group (Ctrl-C for example): the parent decides.
 */
const CHILD = `
const { lookup } = require('node:dns');
const tell = (answer) => process.stdout.write(JSON.stringify(answer) + '\\n');
const end = () => process.kill(process.pid, 'SIGKILL');
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
process.stdout.on('error', end);
let text = '';
process.stdin.setEncoding('utf8').on('data', (chunk) => {
  const lines = (text + chunk).split('\\n');
  text = lines.pop();
  for (const { id, host, family } of lines.map((line) => JSON.parse(line))) {
    lookup(host, { all: true, family, verbatim: true }, (error, found) =>
      tell(error ? { id, code: error.code } : { id, addresses: found.map(({ address }) => address) }));
  }
}).on('close', end).on('error', end);
require('node:fs').stat('.', () => tell({ id: 0 }));
`;

/** A line that the child prints. Id 0 means that it is ready. */
interface Answer {
  readonly id: number;
  readonly addresses?: readonly string[];
  readonly code?: string;
}

/** A caller that waits for an answer. */
interface Asker {
  readonly host: string;
  readonly family: Family;
  readonly resolve: (addresses: readonly string[] | Promise<readonly string[]>) => void;
  readonly reject: (error: unknown) => void;
}

/** The running processes, oldest first. */
const helpers = new Set<LookupProcess>();

function withRoom(): LookupProcess {
  for (const helper of helpers) if (helper.hasRoom) return helper;
  return new LookupProcess(ROOM[Math.min(helpers.size, ROOM.length - 1)] as number);
}

/** One process that resolves names. */
class LookupProcess {
  /** Resolves when the process accepts look-ups, or when it never will: then this process resolves the names itself. */
  readonly ready: Promise<void>;
  readonly #room: number;
  readonly #child: ChildProcess | undefined;
  /** Callers that wait for an answer, by look-up number. */
  readonly #askers = new Map<number, Asker>();
  /** Numbers of the look-ups that run, cancelled ones included. */
  readonly #running = new Set<number>();
  #asked = 0;
  #isOver = false;
  #idle: NodeJS.Timeout | undefined;
  #settleReady!: (error?: Error) => void;

  constructor(room: number) {
    this.#room = room;
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.ready.catch(() => {});
    helpers.add(this);
    this.#child = start(room);
    this.#child?.once('error', (error: NodeJS.ErrnoException) => this.#end(error));
    if (this.#child?.stdout == null || this.#child.stdin == null) {
      // Subtle: a child that could not be started reports the reason in an event. Where no child is allowed, there is no child
      // object.
      if (this.#child === undefined) this.#end();
      return;
    }
    let text = '';
    this.#child.stdin.on('error', () => {});
    this.#child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) this.#hear(JSON.parse(line) as Answer);
    });
    this.#child.once('exit', () => this.#end());
    this.#hold();
  }

  get hasRoom(): boolean {
    return !this.#isOver && this.#running.size < this.#room;
  }

  ask(host: string, family: Family, signal: AbortSignal): Promise<readonly string[]> {
    const id = ++this.#asked;
    this.#running.add(id);
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        if (!this.#askers.delete(id)) return;
        reject(signal.reason);
        this.#hold();
      };
      const watch = onAbort(signal, giveUp);
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T): void => {
          offAbort(signal, watch);
          settle(value);
        };
      this.#askers.set(id, { host, family, resolve: settled(resolve), reject: settled(reject) });
      if (this.#isOver) this.#settleAll();
      else this.#child?.stdin?.write(`${JSON.stringify({ id, host, family })}\n`);
      if (signal.aborted) giveUp();
      this.#hold();
    });
  }

  #hear({ id, addresses = [], code }: Answer): void {
    if (id === 0) {
      this.#settleReady();
      return;
    }
    const asker = this.#askers.get(id);
    this.#askers.delete(id);
    this.#running.delete(id);
    if (code === undefined) asker?.resolve(addresses);
    else asker?.reject(Object.assign(new Error(`getaddrinfo ${code} ${asker.host}`), { code, hostname: asker.host }));
    this.#hold();
  }

  /** Keeps this process alive while a caller waits, and the child alive while it is useful. */
  #hold(): void {
    const isWanted = this.#askers.size > 0;
    clearTimeout(this.#idle);
    // The look-ups that still run were cancelled: only the end of the child ends them.
    if (!isWanted && this.#running.size > 0) this.#end();
    if (this.#isOver) return;
    if (!isWanted) this.#idle = setTimeout(() => this.#end(), KEPT_MS).unref();
    for (const handle of [this.#child, this.#child?.stdin as Socket, this.#child?.stdout as Socket])
      if (isWanted) handle?.ref();
      else handle?.unref();
  }

  /** Removes the process. @param error the reason why it could not be started */
  #end(error?: NodeJS.ErrnoException): void {
    if (this.#isOver) return;
    this.#isOver = true;
    helpers.delete(this);
    clearTimeout(this.#idle);
    this.#child?.kill('SIGKILL');
    this.#child?.stdin?.destroy();
    this.#child?.stdout?.destroy();
    this.#child?.unref();
    const isOutOfFiles = error?.code === 'EMFILE' || error?.code === 'ENFILE';
    this.#settleReady(isOutOfFiles ? error : undefined);
    if (isOutOfFiles) for (const { reject } of this.#askers.values()) reject(error);
    else this.#settleAll();
    this.#askers.clear();
  }

  /** Resolves in this process where no other process can be started. */
  #settleAll(): void {
    for (const { host, family, resolve } of this.#askers.values()) resolve(lookUpHere(host, family));
    this.#askers.clear();
  }
}

/** @returns undefined where a child would be another program, or is not permitted */
function start(room: number): ChildProcess | undefined {
  const isSea = process.getBuiltinModule('node:sea')?.isSea() === true;
  if (isSea || process.versions.bun !== undefined || process.versions.deno !== undefined) return undefined;
  const kept = Object.entries(process.env).filter(([name]) => !WITHHELD.test(name));
  const env = { ...Object.fromEntries(kept), UV_THREADPOOL_SIZE: String(2 * room), ELECTRON_RUN_AS_NODE: '1' };
  try {
    // Loaded by the first look-up of a name: an address needs none.
    const { spawn } = process.getBuiltinModule('node:child_process');
    return spawn(process.execPath, ['-e', CHILD], { env, stdio: ['pipe', 'pipe', 'ignore'], windowsHide: true });
  } catch {
    return undefined;
  }
}

async function lookUpHere(host: string, family: Family): Promise<readonly string[]> {
  const { lookup } = await import('node:dns/promises'); // It makes a resolver, which takes longer than a handshake.
  return (await lookup(host, { all: true, family, verbatim: true })).map(({ address }) => address);
}
