/**
 * Files of captures and key logs that a verb reads.
 * @module
 */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { decompressed } from '../capture/decompress.ts';
import { KeyLog } from '../capture/keylog.ts';
import { CaptureFileError } from '../capture/pcap.ts';
import { UsageError } from './options.ts';

/** The bytes of a file, or of stdin for `-`, decompressed if they are compressed. */
export function captureInput(file: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  if (file !== '-') return decompressed(createReadStream(file, { signal }));
  signal.addEventListener('abort', () => process.stdin.destroy(), { once: true });
  return decompressed(process.stdin);
}

/** An error of the input as a mistake in the command line; any other error unchanged. */
export function captureMistake(error: unknown, file: string): unknown {
  const name = file === '-' ? 'stdin' : file;
  if (error instanceof CaptureFileError) return new UsageError(`${name}: ${error.message}`);
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined || code.startsWith('ERR_') ? error : new UsageError(message);
}

/**
 * The keys of a key log; no keys without a file.
 * @throws {UsageError} when it cannot be read or has no keys
 */
export async function readKeyLog(file: string | undefined): Promise<KeyLog> {
  const keys = new KeyLog();
  if (file === undefined) return keys;
  let text: string;
  try {
    text = await readFile(file, 'latin1');
  } catch (error) {
    throw new UsageError(`--keylog: ${(error as Error).message}`);
  }
  if (keys.add(text) === 0) throw new UsageError(`--keylog: no line in ${file} has MAC keys`);
  return keys;
}
