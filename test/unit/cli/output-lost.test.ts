/** Output that could not be written is a separate error, reported on stderr. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { UsageError, writeMistake } from '../../../src/cli/options.ts';
import { OutputLost } from '../../../src/cli/output.ts';
import { listen, networks } from '../../../src/index.ts';
import type {} from '../../support/cli.ts';

const FULL = '/dev/full';
const hasFull = existsSync(FULL);
if (!hasFull) console.warn(`without ${FULL} there is no full disk to write to`);
const fd = hasFull ? openSync(FULL, 'w') : -1;
afterAll(() => hasFull && closeSync(fd));

/** The program with its stdout on a full disk. */
async function onFullDisk(args: readonly string[]): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const child = spawn(process.execPath, [inject('cli'), ...args], { stdio: ['ignore', fd, 'pipe'] });
  const [stderr, [code]] = await Promise.all([text(child.stderr as NonNullable<typeof child.stderr>), once(child, 'close')]);
  return { code, stderr };
}

describe.skipIf(!hasFull)('stdout on a full disk', () => {
  it.each([
    ['the help', ['--help']],
    ['a verb that prints at its end', ['explain']],
    ['a verb that prints during its run', ['audit', '--list', '--listen', '1']],
    ['a verb that would run until Ctrl-C', ['listen', '0']],
  ])('is reported by %s, with exit code 8', async (_name, args) => {
    const { code, stderr } = await onFullDisk(args);
    expect(stderr).toMatch(/✗ stdout could not be written: ENOSPC: .*\n {2}The output is incomplete\.\n/);
    expect(stderr.match(/could not be written/g)).toHaveLength(1);
    expect(code).toBe(8);
  });

  it('is reported although the node answers, with exit code 8', async () => {
    await using listener = await listen({ port: 0, network: networks.standalone });
    for (const verb of ['probe', 'watch']) {
      const { code, stderr } = await onFullDisk([verb, `127.0.0.1:${listener.port}`, '--network', 'standalone']);
      expect({ verb, code }).toEqual({ verb, code: 8 });
      expect(stderr).toContain('stdout could not be written');
    }
  });
});

describe('a file that cannot be written', () => {
  it.each(['ENOSPC', 'EDQUOT', 'EIO', 'EFBIG'])('is reported as lost output because of %s', (code) => {
    const error = writeMistake('--junit', Object.assign(new Error(`${code}: why`), { code }));
    expect(error).toBeInstanceOf(OutputLost);
    expect(error.message).toBe(`--junit could not be written: ${code}: why`);
  });

  it.each(['ENOENT', 'EACCES', 'EISDIR', undefined])('is reported as wrong usage because of %s', (code) => {
    const error = writeMistake('--junit', Object.assign(new Error('why'), { code }));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toBe('--junit: why');
  });
});
