/**
 * What can be wrong with the file of a crawl.
 * @module
 */

/** Something is wrong with a file of a crawl; the message says what and names the file. */
export class CrawlFileError extends Error {
  override readonly name: string = 'CrawlFileError';
  /** Whether a line could not be written; else something is wrong with what there is. */
  readonly isWriting: boolean;

  constructor(message: string, isWriting = false) {
    super(message);
    this.isWriting = isWriting;
  }
}

/** What the operating system says, with what to do. */
export function explained(error: unknown, path: string): CrawlFileError {
  if (error instanceof CrawlFileError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST')
    return new CrawlFileError(`${path} exists already and is left as it is: --resume goes on with it, or name another file`);
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new CrawlFileError(
      `${path} cannot be written on, there is no space left (${code}); all lines before are good: make room and go on with --resume ${path}`,
    );
  return new CrawlFileError(`${path}: ${message}`);
}
