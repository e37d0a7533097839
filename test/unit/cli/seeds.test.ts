/** A secret seed anywhere on the command line is refused and never printed. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArgsDef } from 'citty';
import { afterAll, describe, expect, it } from 'vitest';
import { refuseSeeds, UsageError } from '../../../src/cli/options.ts';
import { loadVerb, SUBVERBS, VERBS } from '../../../src/cli/verbs.ts';
import { encodeSecretSeed } from '../../../src/protocol/strkey.ts';
import { callCli, runCli } from '../../support/cli.ts';

const SEED = encodeSecretSeed(new Uint8Array(32).fill(5));
const MISTYPED = `${SEED.slice(0, -1)}${SEED.endsWith('A') ? 'B' : 'A'}`;
const folder = mkdtempSync(join(tmpdir(), 'seeds-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Every option of every verb. */
const OPTIONS = (
  await Promise.all(
    Object.keys({ ...VERBS, ...SUBVERBS }).map(async (verb) => {
      const { args } = (await loadVerb(verb)) as unknown as { readonly args: ArgsDef };
      return Object.entries(args).map(([name, { type }]) => [verb, name, type] as const);
    }),
  )
).flat();

/** Ways to give an option, or an argument without one, a value. */
const ways = (name: string, type: string | undefined, value: string): readonly (readonly string[])[] =>
  type === 'positional'
    ? [[value]]
    : [[`--${name}`, value], [`--${name}=${value}`], [`--${name}`, `x${value}y`], [value, `--${name}`]];

describe('a seed on the command line', () => {
  it.each(OPTIONS)('is refused and not printed when it is given to %s as %s', (verb, name, type) => {
    for (const seed of [SEED, MISTYPED])
      for (const given of ways(name, type, seed)) {
        let error: unknown;
        try {
          refuseSeeds([...verb.split(' '), ...given]);
        } catch (thrown) {
          error = thrown;
        }
        expect(error).toBeInstanceOf(UsageError);
        expect(String((error as Error).stack)).not.toContain(seed);
        if (type !== 'positional' && given[0]?.startsWith('--'))
          expect((error as Error).message).toContain(`--${name} is a secret`);
      }
  });

  it.each([
    ['seed-file', ['probe', '127.0.0.1:1', '--seed-file', SEED]],
    ['seed-file=', ['listen', '0', `--seed-file=${SEED}`]],
    ['an unknown option', ['watch', `--${SEED}`]],
    ['a short option', ['probe', '-x', SEED]],
    ['the verb', [SEED]],
    ['keygen', ['keygen', join(folder, SEED)]],
    ['record', ['probe', '127.0.0.1:1', '--record', join(folder, SEED)]],
    ['decode', ['decode', SEED]],
    ['version-str, which is sent to the peer', ['probe', '127.0.0.1:1', '--version-str', `mine ${SEED}`]],
    ['help', ['--help', SEED]],
  ])('makes the program exit with 2, and is neither printed nor written, when it is given as %s', async (_name, args) => {
    const { code, stdout, stderr } = await callCli(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('is a secret seed, and was not used');
    expect(stderr).not.toContain(SEED);
    expect(readdirSync(folder).filter((name) => name.includes(SEED))).toEqual([]);
  });

  it('is not printed by a process', async () => {
    const args = ['probe', '127.0.0.1:1', '--seed-file', SEED];
    const ran = await runCli(args);
    expect(ran).toEqual(await callCli(args));
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('is a secret seed, and was not used') });
    expect(ran.stderr).not.toContain(SEED);
  });
});

describe('a seed in an error message', () => {
  it.each([
    ['--seed-file', ['probe', '127.0.0.1:1']],
    ['--targets', ['probe']],
    ['--policy', ['probe', '127.0.0.1:1']],
    ['--keylog', ['decode', '-']],
  ])('is not printed when a file is read by %s', async (option, args) => {
    const file = join(folder, 'file');
    writeFileSync(file, `{ "x": ${SEED} ${SEED}\n${SEED}`);
    const { code, stdout, stderr } = await callCli([...args, option, file]);
    expect(code).toBe(2);
    expect(stderr).toContain(option);
    expect(stdout + stderr).not.toContain(SEED);
  });

  it('is replaced by S… in a UsageError', () => {
    expect(new UsageError(`no such thing: ${SEED}`).message).toBe('no such thing: S…');
  });
});
