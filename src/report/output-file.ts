/**
 * Files that are written to: opened first, judged by their descriptor, and only then emptied and written.
 * @module
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, unlinkSync, writeFileSync } from 'node:fs';

const { O_APPEND, O_CREAT, O_EXCL, O_NONBLOCK, O_NOFOLLOW, O_WRONLY } = constants;
/** Subtle: without O_NONBLOCK a pipe that nobody reads would hang us. Windows has neither flag. */
const WRITE = O_WRONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0);

/**
 * Writes a whole file. One that exists must be a file, and no link: somebody else may have laid it.
 * @param isSecret whether it is for our eyes only: it is made anew then, and one there is already must be ours
 * @throws {TypeError} naming what is wrong with the file; nothing has been written to it then
 * @throws {Error} of the file system
 */
export function writeOutputFile(path: string, text: string, isSecret = false): void {
  const fd = isSecret ? makeSecretFile(path) : open(path, WRITE | O_CREAT, 0o666);
  try {
    if (!isSecret) {
      judge(path, fd, false);
      ftruncateSync(fd, 0);
    }
    writeFileSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** Makes the file when there is none, and writes nothing: that it cannot be written is known before long work. @throws as `writeOutputFile` */
export function checkOutputFile(path: string): void {
  const fd = open(path, WRITE | O_CREAT, 0o666);
  try {
    judge(path, fd, false);
  } finally {
    closeSync(fd);
  }
}

/**
 * Opens a file to append secrets to. A new one is readable by its owner alone; one that exists must be a file and no link,
 * ours, with one name, and nobody else may have access.
 * @returns the file descriptor
 * @throws {TypeError} naming what is wrong with the file
 * @throws {Error} of the file system
 */
export function openSecretLog(path: string): number {
  const fd = open(path, WRITE | O_CREAT | O_APPEND, 0o600);
  try {
    const { mode, nlink } = judge(path, fd, true);
    if (hasOwners && nlink !== 1) throw new TypeError(`${path} has more than one name; ${ALONE}`);
    if (hasOwners && (mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8);
      throw new TypeError(`${path} has mode ${octal}, so that others have access; ${ALONE} (chmod 600)`);
    }
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

const ALONE = 'secrets go only where nobody else has';
/** Windows has neither such owners nor such modes. */
const hasOwners = process.getuid !== undefined;

/** Subtle: a new file in the place of ours, because somebody may have opened that when others could read it. */
function makeSecretFile(path: string): number {
  try {
    const fd = open(path, WRITE, 0);
    try {
      judge(path, fd, true);
    } finally {
      closeSync(fd);
    }
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return open(path, WRITE | O_CREAT | O_EXCL, 0o600);
}

/** @throws {TypeError} when it is no file, or secret and not ours */
function judge(path: string, fd: number, isSecret: boolean): { readonly mode: number; readonly nlink: number } {
  const stat = fstatSync(fd);
  if (!stat.isFile()) throw new TypeError(`${path} is not a file`);
  if (isSecret && process.getuid !== undefined && stat.uid !== process.getuid())
    throw new TypeError(`${path} belongs to another user; ${ALONE}`);
  return stat;
}

function open(path: string, flags: number, mode: number): number {
  try {
    return openSync(path, flags, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP') throw new TypeError(`${path} is a link, and links are not followed`);
    if (code === 'ENXIO') throw new TypeError(`${path} is not a file`);
    throw error;
  }
}
