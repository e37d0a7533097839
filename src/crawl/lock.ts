/**
 * Only one process writes the file of a crawl at a time: `FILE.lock` beside the file names it. The lock of a process that no
 * longer exists is taken over.
 * @module
 */
import { linkSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { CrawlFileError, explained } from './file-error.ts';

/** A lock. It is held until it is released. */
export class Lock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws {CrawlFileError} when a running process holds it */
  static take(file: string): Lock {
    const path = `${realpathSync(file)}.lock`;
    const own = JSON.stringify({ pid: process.pid, host: hostname(), started: startOf(process.pid) });
    for (let tries = 0; tries < 3; tries++) {
      try {
        writeFileSync(path, own, { flag: 'wx' });
        return new Lock(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw explained(error, path);
      }
      const found = read(path);
      const holder = found === undefined ? undefined : readHolder(found);
      if (holder !== undefined && isRunning(holder))
        throw new CrawlFileError(
          'CRAWL_FILE_IN_USE',
          `${file} is being written by another crawl (process ${holder.pid} on ${holder.host}); if this process does not exist, delete ${path}`,
        );
      if (found !== undefined) removeStale(path, found);
    }
    throw new CrawlFileError('CRAWL_FILE_IN_USE', `${file} is being written by another crawl`);
  }

  release(): void {
    rmSync(this.#path, { force: true });
  }
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly started?: string;
}

function readHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder;
    return Number.isInteger(holder.pid) && holder.pid > 0 && typeof holder.host === 'string' ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** Removes the lock of a process that no longer exists, unless another process has taken it in the meantime. */
function removeStale(path: string, text: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (read(aside) !== text) linkSync(aside, path);
  } catch {
    // Another process was faster.
  }
  rmSync(aside, { force: true });
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function isRunning({ pid, host, started }: Holder): boolean {
  // Processes of another machine cannot be seen from here.
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // Another process may have the same number now.
  return started === undefined || startOf(pid) === undefined || started === startOf(pid);
}

/** Start of a process in ticks since the start of the machine; undefined where the system does not report it. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
