/**
 * Errors of the file of a crawl, with stable codes.
 * @module
 */

/** Every code: its short stable name, and what to do. */
export const CRAWL_FILE_ERROR_TABLE = {
  CRAWL_FILE_NOT_READABLE: {
    cause: 'not-readable',
    advice: 'Check the path of the file, and its permissions.',
  },
  CRAWL_FILE_NO_CRAWL: {
    cause: 'no-crawl',
    advice: 'Name a file that crawl --out has written. A compressed file must be decompressed first.',
  },
  CRAWL_FILE_DAMAGED: {
    cause: 'damaged',
    advice: 'The file was changed or damaged. Restore it, or delete this line: --resume then dials the missing addresses again.',
  },
  CRAWL_FILE_VERSION: {
    cause: 'version',
    advice: 'Read it with a newer version of this package.',
  },
  CRAWL_FILE_EXISTS: {
    cause: 'exists',
    advice: 'Continue its crawl with --resume, or name another file.',
  },
  CRAWL_FILE_IN_USE: {
    cause: 'in-use',
    advice: 'Wait for the end of the other crawl, or stop it.',
  },
  CRAWL_FILE_NO_SPACE: {
    cause: 'no-space',
    advice: 'All earlier lines are valid: free some space, then continue with --resume.',
  },
  CRAWL_FILE_OTHER_NETWORK: {
    cause: 'other-network',
    advice: 'A file has the crawls of one network. Use the network of this file, or another file.',
  },
} as const satisfies Record<string, { readonly cause: string; readonly advice: string }>;

/** Code of a CrawlFileError; stable. */
export type CrawlFileErrorCode = keyof typeof CRAWL_FILE_ERROR_TABLE;

/** How a CrawlFileError looks in JSON. */
export interface CrawlFileErrorJson {
  readonly code: CrawlFileErrorCode;
  readonly cause: string;
  readonly message: string;
  readonly advice: string;
}

/** A file of a crawl cannot be used; the message has the reason and the file. */
export class CrawlFileError extends Error {
  override readonly name: string = 'CrawlFileError';
  /** What failed; stable. */
  readonly code: CrawlFileErrorCode;
  /** Whether a line could not be written; if not, the contents of the file are wrong. */
  readonly isWriting: boolean;

  constructor(code: CrawlFileErrorCode, message: string, isWriting = false) {
    super(message);
    this.code = code;
    this.isWriting = isWriting;
  }

  /** What to do about it. */
  get advice(): string {
    return CRAWL_FILE_ERROR_TABLE[this.code].advice;
  }

  /** The error as an object for JSON. */
  toJSON(): CrawlFileErrorJson {
    const { code, message, advice } = this;
    return { code, cause: CRAWL_FILE_ERROR_TABLE[code].cause, message, advice };
  }
}

/** @throws {CrawlFileError} CRAWL_FILE_OTHER_NETWORK */
export function assertSameNetwork(old: NamedNetwork, own: NamedNetwork): void {
  if (old.networkID === own.networkID) return;
  throw new CrawlFileError('CRAWL_FILE_OTHER_NETWORK', `the first crawl is of ${old.network}, the second of ${own.network}`);
}

interface NamedNetwork {
  readonly network: string;
  readonly networkID: string;
}

/** An error of the operating system, with a code. */
export function explained(error: unknown, path: string, isWriting = false): CrawlFileError {
  if (error instanceof CrawlFileError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST') return new CrawlFileError('CRAWL_FILE_EXISTS', `${path} exists already and was not changed`);
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new CrawlFileError('CRAWL_FILE_NO_SPACE', `${path} cannot be written, there is no space left (${code})`, isWriting);
  return new CrawlFileError('CRAWL_FILE_NOT_READABLE', `${path}: ${message}`, isWriting);
}
