/** A command line does the same as a process and in the process of a test, so that most tests of texts need no process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SUBVERBS, VERBS } from '../../../src/cli/verbs.ts';
import { callCli, type Finished, runCli } from '../../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'lines-'));
afterAll(() => rmSync(folder, { recursive: true }));
const EMPTY = join(folder, 'empty');
writeFileSync(EMPTY, '');

/** Without the times that it needed. */
const untimed = ({ stdout, ...rest }: Finished) => ({ ...rest, stdout: stdout.replace(/[\d.]+ m?s/g, 'TIME') });

/** For each verb a line that it refuses, and the exit code. */
const REFUSED: Readonly<Record<string, readonly [code: number, ...args: string[]]>> = {
  probe: [3, '127.0.0.1:1'],
  explain: [3, '127.0.0.1:1'],
  listen: [2, 'everywhere'],
  watch: [3, '127.0.0.1:1', '--json'],
  crawl: [2, '--resume', EMPTY],
  'crawl diff': [2, EMPTY],
  'crawl export': [2, EMPTY],
  follow: [2, '127.0.0.1:1'],
  submit: [2, '127.0.0.1:1', EMPTY],
  audit: [2, '192.0.66.1'],
  decode: [2, EMPTY, '--json', '--hex'],
  exporter: [2, '--listen', 'nowhere'],
  keygen: [2, EMPTY],
};

describe.concurrent('a command line gives the same exit code, stdout and stderr as a process and as a call', () => {
  it.each([
    ...Object.entries(REFUSED).map(([verb, [code, ...args]]) => ({ code, args: [...verb.split(' '), ...args] })),
    { code: 0, args: ['--help'] },
    { code: 0, args: ['probe', '--help'] },
    { code: 2, args: [] },
    { code: 2, args: ['prob'] },
  ])('$args', async ({ code, args }) => {
    const [ran, called] = await Promise.all([runCli(args), callCli(args)]);
    expect(untimed(called)).toEqual(untimed(ran));
    expect(ran.code).toBe(code);
    expect(ran.stdout + ran.stderr).not.toBe('');
  });

  it('in every verb', () => {
    expect(Object.keys(REFUSED).toSorted()).toEqual(Object.keys({ ...VERBS, ...SUBVERBS }).toSorted());
  });
});
