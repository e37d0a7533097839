/**
 * `--record` and `--keylog`: files about our own connections, for `decode`.
 * @module
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { ArgsDef } from 'citty';
import type { NodeOptions } from '../net/options.ts';
import { openSecretLog } from '../report/output-file.ts';
import { UsageError } from './options.ts';
import { OutputLost } from './output.ts';

/** Options of every verb that makes real connections. */
export const captureArgs = {
  record: { type: 'string', description: 'New file for every byte of the connections; decode reads it', valueHint: 'FILE' },
  keylog: {
    type: 'string',
    description: 'File only you can read, for the MAC keys of the connections; decode verifies captures with it',
    valueHint: 'FILE',
  },
} as const satisfies ArgsDef;

/** What citty makes of `captureArgs`. */
export interface CaptureArgs {
  readonly record?: string | undefined;
  readonly keylog?: string | undefined;
}

/** Files that are being written. */
export interface Capture {
  /** Add these to the options of connections. */
  readonly options: Pick<NodeOptions, 'onBytes' | 'onStep' | 'unsafeStepSecrets'>;
  /** Closes the files. Everything is already written. @throws {OutputLost} when not everything could be written */
  close(): Promise<void>;
}

/**
 * Opens the files that were named. Without any, it loads and does nothing.
 * @throws {UsageError} when the recording exists already, or others can read the key log
 */
export async function openCapture({ record, keylog }: CaptureArgs): Promise<Capture> {
  const files: LineFile[] = [];
  try {
    const options = {
      ...(keylog !== undefined && (await keyLogOptions(keylog, files))),
      ...(record !== undefined && (await recordOptions(record, files))),
    };
    return {
      options,
      async close() {
        for (const file of files) file.close();
        const failed = files.find(({ error }) => error !== undefined);
        if (failed?.error) throw new OutputLost(`${failed.path} could not be written: ${failed.error.message}`);
      },
    };
  } catch (error) {
    for (const file of files) file.close();
    throw error;
  }
}

async function keyLogOptions(path: string, files: LineFile[]): Promise<Capture['options']> {
  const { keyLogLine } = await import('../capture/keylog.ts');
  const file = new LineFile(path, '--keylog', () => openSecretLog(path));
  files.push(file);
  return {
    unsafeStepSecrets: true,
    onStep: (step) => {
      const line = keyLogLine(step);
      if (line !== undefined) file.write(`${line}\n`);
    },
  };
}

async function recordOptions(path: string, files: LineFile[]): Promise<Capture['options']> {
  const { RecordingWriter } = await import('../capture/recording.ts');
  const file = new LineFile(path, '--record', () => openSync(path, 'wx', 0o644));
  files.push(file);
  const { onBytes } = new RecordingWriter(
    (line) => file.write(line),
    Date.now(),
    () => performance.now(),
  );
  return { onBytes };
}

/**
 * A file to which lines are appended, each at once, so that nothing is lost however the process ends. An error of the disk is
 * reported at the end, because it must not end a connection.
 */
class LineFile {
  readonly path: string;
  readonly #fd: number;
  error: Error | undefined;

  constructor(path: string, option: string, open: () => number) {
    this.path = path;
    try {
      this.#fd = open();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new UsageError(`${option}: ${code === 'EEXIST' ? `${path} exists already and was not changed` : message}`);
    }
  }

  write(line: string): void {
    if (this.error !== undefined) return;
    const bytes = Buffer.from(line);
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(this.#fd, bytes, written);
    } catch (error) {
      this.error = error as Error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
