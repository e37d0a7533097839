/** Runs the command line, as a process or in this one. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { inject } from 'vitest';
import { runLine } from '../../src/cli/main.ts';
import { outputOn } from '../../src/cli/output.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of the built command line. */
    readonly cli: string;
  }
}

/** What a finished process left behind. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `stellar-handshake …args` from the build of this run. */
export function startCli(args: readonly string[], env: Record<string, string> = {}): ChildProcessWithoutNullStreams {
  const { STELLAR_HANDSHAKE_SEED: _seed, NO_COLOR: _colour, ...inherited } = process.env;
  const child = spawn(process.execPath, [inject('cli'), ...args], { env: { ...inherited, ...env } });
  // A process may end before it has read its input.
  child.stdin.on('error', () => {});
  return child;
}

/** Runs it to its end. */
export async function runCli(args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
  return finished(startCli(args, env));
}

/**
 * Runs a command line in this process, from the sources: from its arguments to its exit code, with all that it prints. This
 * takes a fraction of the time of a process. `lines.test.ts` shows for each verb that a process does the same. What concerns
 * the process needs one: signals, stdin, terminals, the environment, a reader that leaves, and the notice about an unknown network.
 */
export async function callCli(args: readonly string[]): Promise<Finished> {
  const printed = { out: '', err: '' };
  const into = (name: keyof typeof printed) =>
    outputOn(
      new Writable({
        decodeStrings: false,
        write(text: string, _encoding, done) {
          printed[name] += text;
          done();
        },
      }) as NodeJS.WriteStream,
    );
  const { signal } = new AbortController();
  const code = await runLine(args, { out: into('out'), err: into('err'), signal, exitCode: 0 });
  return { code, stdout: printed.out, stderr: printed.err };
}

/** Waits for the end of a process and collects its output from now on. */
export async function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

/** The lines a process prints, as JSON, one at a time. */
export function jsonLines(child: ChildProcessWithoutNullStreams): () => Promise<Record<string, unknown>> {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the process printed nothing more');
    return JSON.parse(value) as Record<string, unknown>;
  };
}
