/**
 * Output files: each is opened first, checked by its descriptor, and only then emptied and written.
 * @module
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, unlinkSync, writeFileSync } from 'node:fs';

const { O_APPEND, O_CREAT, O_EXCL, O_NONBLOCK, O_NOFOLLOW, O_WRONLY } = constants;
/** Subtle: without O_NONBLOCK, opening a pipe that has no reader would block. Windows has neither flag. */
const WRITE = O_WRONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0);

/**
 * Writes a whole file. An existing file must be a regular file and not a link, because another user could have created the
 * link.
 * @param isSecret whether only we may read it: the file is then created anew, and an existing one must be ours
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

/**
 * Checks that the file can be written, so that a file that cannot be is found before long work. Nothing is changed.
 * @throws as `writeOutputFile`
 */
export function checkOutputFile(path: string): void {
  let fd: number;
  try {
    fd = open(path, WRITE | O_CREAT | O_EXCL, 0o666);
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    fd = open(path, WRITE, 0);
  }
  try {
    judge(path, fd, false);
  } finally {
    closeSync(fd);
  }
}

/**
 * Opens a file to append secrets to. A new file is readable by its owner only. An existing one must be a regular file and not a
 * link, owned by us, with one name, and without access for others.
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
      throw new TypeError(`${path} has mode ${octal}, which gives others access; ${ALONE} (chmod 600)`);
    }
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

const ALONE = 'secrets are written only to a file that nobody else can access';
/** Windows has no such owners or modes. */
const hasOwners = process.getuid !== undefined;

/** Subtle: a new file replaces ours, because somebody may have opened the old one while others could read it. */
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

/** @throws {TypeError} when it is not a regular file, or it is secret and not ours */
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
    if (code === 'ELOOP') throw new TypeError(`${path} is a link; links are not followed`);
    if (code === 'ENXIO') throw new TypeError(`${path} is not a file`);
    throw error;
  }
}
