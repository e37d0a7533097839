/**
 * Compressed captures: gzip, and zstd if this version of Node supports it.
 * @module
 */
import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { concatBytes } from '../protocol/bytes.ts';
import { CaptureFileError } from './pcap.ts';

/** Node has it from 22.15 and 23.8 on. */
const { createZstdDecompress } = zlib as unknown as { readonly createZstdDecompress?: () => zlib.Gunzip };

const GZIP = [0x1f, 0x8b];
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];
/** How many levels of compression are opened. */
const MAX_LAYERS = 3;

/**
 * The decompressed bytes of a capture; uncompressed bytes are passed on unchanged. Bytes decompressed before an error are
 * passed on before it is thrown.
 * @throws {CaptureFileError} when the input is damaged or incomplete, or this Node does not support zstd
 */
export async function* decompressed(input: AsyncIterable<Uint8Array>, layers = MAX_LAYERS): AsyncGenerator<Uint8Array> {
  const iterator = input[Symbol.asyncIterator]();
  let start: Uint8Array = new Uint8Array(0);
  let isDone = false;
  while (start.length < ZSTD.length && !isDone) {
    const { value, done = false } = await iterator.next();
    if (value !== undefined) start = concatBytes(start, value);
    isDone = done;
  }
  const whole = startingWith(start, isDone ? undefined : iterator);
  const name = beginsWith(start, GZIP) ? 'gzip' : beginsWith(start, ZSTD) ? 'zstd' : undefined;
  if (name === undefined || layers === 0) {
    yield* whole;
    return;
  }
  if (name === 'zstd' && createZstdDecompress === undefined)
    throw new CaptureFileError('compressed with zstd, which Node supports from 22.15 on: decompress it first (zstd -d)');
  const stream = name === 'zstd' && createZstdDecompress !== undefined ? createZstdDecompress() : zlib.createGunzip();
  const source = Readable.from(whole);
  source.on('error', (error) => stream.destroy(error)).pipe(stream);
  try {
    yield* decompressed(stream, layers - 1);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!/^Z_|^ZSTD_/.test(code)) throw error;
    throw new CaptureFileError(`damaged or incomplete ${name}: ${(error as Error).message}`);
  } finally {
    source.destroy();
    stream.destroy();
  }
}

async function* startingWith(start: Uint8Array, rest: AsyncIterator<Uint8Array> | undefined): AsyncGenerator<Uint8Array> {
  if (start.length > 0) yield start;
  try {
    for (let next = await rest?.next(); next !== undefined && next.done !== true; next = await rest?.next()) yield next.value;
  } finally {
    await rest?.return?.();
  }
}

function beginsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}
