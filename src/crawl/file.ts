/**
 * The file of a crawl: one JSON object in each line, written at once and never changed. However the process ends, at most the
 * line that is being written is lost, and the crawl can be resumed.
 * @module
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { isJson } from '../protocol/json.ts';
import { printableJson } from '../protocol/printable.ts';
import type { CrawlEvent } from './events.ts';
import { CrawlFileError, explained } from './file-error.ts';
import { readLine } from './line.ts';
import { Lock } from './lock.ts';

/** Number of bytes in one read. */
const CHUNK_BYTES = 1 << 20;
/** Length of the longest line that is read; a line with a hundred names has some kilobytes. */
const MAX_LINE_BYTES = 16 << 20;
const NEWLINE = 10;
const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = constants;

/** A file that is being written. No other process writes it at the same time. */
export class CrawlFile {
  readonly path: string;
  readonly #fd: number;
  readonly #lock: Lock;
  readonly #isNew: boolean;
  #length: number;

  private constructor(path: string, fd: number, lock: Lock, length: number, isNew = false) {
    this.path = path;
    this.#fd = fd;
    this.#lock = lock;
    this.#length = length;
    this.#isNew = isNew;
  }

  /** Creates a new file. @throws {CrawlFileError} when it exists already or cannot be created */
  static create(path: string): CrawlFile {
    const fd = open(path, O_RDWR | O_CREAT | O_EXCL);
    try {
      return new CrawlFile(path, fd, Lock.take(path), 0, true);
    } catch (error) {
      closeSync(fd);
      rmSync(path, { force: true });
      throw error;
    }
  }

  /**
   * Opens a file to resume its crawl. An incomplete last line is removed; a file that is not a crawl is left unchanged.
   * @returns the file; `events` reads its lines
   * @throws {CrawlFileError} when it cannot be read or written, is not a file of a crawl, or another crawl writes it
   */
  static resume(path: string): CrawlFile {
    const fd = open(path, O_RDWR);
    let lock: Lock | undefined;
    try {
      lock = Lock.take(path);
      let end = 0;
      for (const { number, text, isWhole, end: itsEnd } of readLines(fd, path)) {
        if (number === 1) checkBeginning(text, isWhole, path);
        if (isWhole) end = itsEnd;
      }
      ftruncateSync(fd, end);
      return new CrawlFile(path, fd, lock, end);
    } catch (error) {
      lock?.release();
      closeSync(fd);
      throw explained(error, path);
    }
  }

  /** The lines that it had when it was opened. @throws {CrawlFileError} naming the line that is wrong */
  *events(): Generator<CrawlEvent> {
    for (const { text, number, end } of readLines(this.#fd, this.path)) {
      if (end > this.#length) return;
      const event = parseLine(text, number, this.path);
      if (event !== undefined) yield event;
    }
  }

  /** Appends a line. @throws {CrawlFileError} when it cannot be written, for example because the disk is full; the file stays valid */
  write(event: CrawlEvent): void {
    const bytes = Buffer.from(`${printableJson(event)}\n`);
    let written = 0;
    try {
      while (written < bytes.length)
        written += writeSync(this.#fd, bytes, written, bytes.length - written, this.#length + written);
      this.#length += bytes.length;
    } catch (error) {
      try {
        ftruncateSync(this.#fd, this.#length);
      } catch {
        // An incomplete line at the end is removed when the crawl is resumed.
      }
      throw explained(error, this.path, true);
    }
  }

  /** Closes the file and releases its lock. A new file in which nothing was written is removed. */
  close(): void {
    closeSync(this.#fd);
    if (this.#isNew && this.#length === 0) rmSync(this.path, { force: true });
    this.#lock.release();
  }
}

/**
 * Reads the file of a crawl, which need not be finished.
 * @throws {CrawlFileError} when it cannot be read or is not a file of a crawl, naming the line that is wrong
 */
export function* readCrawlFile(path: string): Generator<CrawlEvent> {
  for (const { event } of readCrawlLines(path)) if (event !== undefined) yield event;
}

/** A line of a file, and the offset of the byte after it. */
export interface CrawlFileLine {
  /** Undefined for a line of a type that a later version writes. */
  readonly event: CrawlEvent | undefined;
  readonly end: number;
}

/**
 * Reads the lines of a crawl's file that are whole.
 * @param from the end of a line that was read before, to read only what was added since
 * @throws {CrawlFileError} as `readCrawlFile`
 */
export function* readCrawlLines(path: string, from = 0): Generator<CrawlFileLine> {
  const fd = open(path, O_RDONLY);
  try {
    let isFirst = from === 0;
    for (const { text, number, isWhole, end } of readLines(fd, path, from)) {
      if (!isWhole) break;
      const event = parseLine(text, number, path);
      if (isFirst && event?.type !== 'crawl') throw noCrawl(path);
      isFirst = false;
      yield { event, end };
    }
    if (isFirst) throw noCrawl(path);
  } catch (error) {
    throw explained(error, path);
  } finally {
    closeSync(fd);
  }
}

/** A crawl that was killed at once has written nothing, or a part of its first line. */
function checkBeginning(text: string, isWhole: boolean, path: string): void {
  const begins = isWhole ? parseLine(text, 1, path)?.type === 'crawl' : BEGINNING.startsWith(text.slice(0, BEGINNING.length));
  if (!begins) throw noCrawl(path);
}

function noCrawl(path: string, why?: string): CrawlFileError {
  return new CrawlFileError('CRAWL_FILE_NO_CRAWL', `${path}: there is no crawl in it${why === undefined ? '' : `, ${why}`}`);
}

const BEGINNING = '{"type":"crawl",';

interface Line {
  readonly text: string;
  /** The first line is 1. */
  readonly number: number;
  /** Offset of the byte after its line feed. */
  readonly end: number;
  /** False for an incomplete last line. */
  readonly isWhole: boolean;
}

function* readLines(fd: number, path: string, from = 0): Generator<Line> {
  const size = fstatSync(fd).size;
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let rest = Buffer.alloc(0);
  let number = 0;
  let end = from;
  for (let at = from; ; ) {
    const read = readSync(fd, chunk, 0, CHUNK_BYTES, at);
    at += read;
    let bytes = Buffer.concat([rest, chunk.subarray(0, read)]);
    for (let newline = bytes.indexOf(NEWLINE); newline >= 0; newline = bytes.indexOf(NEWLINE)) {
      end += newline + 1;
      const text = bytes.toString('utf8', 0, newline);
      bytes = bytes.subarray(newline + 1);
      // A crash of the machine can leave zeros or a part of a line in place of the last lines.
      const isWhole = end < size || isJson(text);
      yield { text, number: ++number, end, isWhole };
    }
    rest = Buffer.from(bytes);
    if (rest.length > MAX_LINE_BYTES)
      throw new CrawlFileError('CRAWL_FILE_DAMAGED', `${path}: line ${number + 1} is too long for a crawl`);
    if (read === 0) break;
  }
  if (rest.length > 0) yield { text: rest.toString('utf8'), number: number + 1, end: end + rest.length, isWhole: false };
}

/** As `readLine`. @throws {CrawlFileError} naming the file and the line */
function parseLine(text: string, number: number, path: string): CrawlEvent | undefined {
  try {
    return readLine(text);
  } catch (error) {
    const where = `line ${number} ${(error as Error).message}`;
    if (error instanceof CrawlFileError) throw new CrawlFileError(error.code, `${path}: ${where}`);
    if (number === 1) throw noCrawl(path, where);
    throw new CrawlFileError('CRAWL_FILE_DAMAGED', `${path}: ${where}`);
  }
}

/** Opens a regular file. Subtle: opening a pipe would wait for the other end, and what it contains can be read only once. */
function open(path: string, flags: number): number {
  let fd: number;
  try {
    fd = openSync(path, flags | (constants.O_NONBLOCK ?? 0), 0o644);
  } catch (error) {
    throw explained(error, path);
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new CrawlFileError('CRAWL_FILE_NOT_READABLE', `${path} is not a regular file`);
}
