/**
 * Errors of the file of a crawl.
 * @module
 */

/** A file of a crawl cannot be used; the message has the reason and the file. */
export class CrawlFileError extends Error {
  override readonly name: string = 'CrawlFileError';
  /** Whether a line could not be written; if not, the contents of the file are wrong. */
  readonly isWriting: boolean;

  constructor(message: string, isWriting = false) {
    super(message);
    this.isWriting = isWriting;
  }
}

/** An error of the operating system, with advice. */
export function explained(error: unknown, path: string): CrawlFileError {
  if (error instanceof CrawlFileError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST')
    return new CrawlFileError(`${path} exists already and was not changed: resume its crawl with --resume, or name another file`);
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new CrawlFileError(
      `${path} cannot be written, there is no space left (${code}). All earlier lines are valid: free some space, then continue with --resume ${path}`,
    );
  return new CrawlFileError(`${path}: ${message}`);
}
