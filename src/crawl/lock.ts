/**
 * One process writes the file of a crawl at a time: `FILE.lock` beside it says which. The lock of a process that was killed
 * holds nobody up.
 * @module
 */
import { linkSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { CrawlFileError, explained } from './file-error.ts';

/** Held until it is released. */
export class Lock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws {CrawlFileError} when a process that is running has it */
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
          `${file} is being written by another crawl (process ${holder.pid} on ${holder.host}); if that is not so, delete ${path}`,
        );
      if (found !== undefined) removeStale(path, found);
    }
    throw new CrawlFileError(`${file} is being written by another crawl`);
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

/** Takes the lock of a process that was killed away; not one that somebody has taken in between. */
function removeStale(path: string, text: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (read(aside) !== text) linkSync(aside, path);
  } catch {
    // Somebody else was quicker.
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
  // Of another machine nobody here knows.
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // Another process may have got the same number since.
  return started === undefined || startOf(pid) === undefined || started === startOf(pid);
}

/** When a process was started, in ticks since the machine was; undefined where the system does not tell. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
