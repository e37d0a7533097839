/**
 * `--targets FILE`: targets from a file.
 * @module
 */
import type { Target } from '../net/target.ts';
import { parseTargets } from '../probe/targets.ts';
import { UsageError } from './options.ts';

/** `--targets`, for verbs that take many targets. */
export const targetsArg = {
  targets: {
    type: 'string',
    description: 'File with more targets, one in each line, or a stellar-core.cfg; - is stdin',
    valueHint: 'FILE',
  },
} as const;

/** The targets in a file or from stdin; none when reading is interrupted. @throws {UsageError} names the wrong line */
export async function readTargetsFile(file: string | undefined, signal: AbortSignal): Promise<Target[]> {
  if (file === undefined) return [];
  try {
    const targets = parseTargets(file === '-' ? await readStdin(signal) : await readText(file, signal));
    if (targets.length === 0) throw new TypeError('no target in it');
    return targets;
  } catch (error) {
    if (signal.aborted) return [];
    throw new UsageError(`--targets: ${file === '-' ? 'stdin' : file}: ${(error as Error).message}`);
  }
}

async function readText(file: string, signal: AbortSignal): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return readFile(file, { encoding: 'utf8', signal });
}

async function readStdin(signal: AbortSignal): Promise<string> {
  const { text } = await import('node:stream/consumers');
  signal.addEventListener('abort', () => process.stdin.destroy(), { once: true });
  return text(process.stdin);
}
