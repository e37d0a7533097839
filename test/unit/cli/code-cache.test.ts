/** The cache of compiled code: filled once, used afterwards, and never used where another user could have written it. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../support/cli.ts';

const top = mkdtempSync(join(tmpdir(), 'code-cache-'));
afterAll(() => rmSync(top, { recursive: true }));

let home: string;
let folder: string;
beforeEach(() => {
  home = mkdtempSync(join(top, 'home-'));
  folder = join(home, '.cache/stellar-handshake');
});

async function run(env: Record<string, string> = {}): Promise<void> {
  const { code, stdout, stderr } = await runCli(['--version'], { HOME: home, XDG_CACHE_HOME: '', ...env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
}

/** Files of the cache, with what changes when one is written anew. */
function kept(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => {
      const { ino, size, mtimeMs, mode } = statSync(join(folder, name));
      return [name, [ino, size, mtimeMs, (mode & 0o777).toString(8)].join()];
    }),
  );
}

/** Runs until the cache is filled. @returns the file of the program */
async function fill(): Promise<string> {
  await run();
  await run();
  return join(folder, readdirSync(folder).find((name) => name.includes('program-')) ?? 'none');
}

describe('the code cache', () => {
  it('is created by the first run, filled by the second, and used by the third', async () => {
    await run();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(kept()).toEqual({});
    await run();
    const filled = kept();
    expect(Object.keys(filled)).toContainEqual(expect.stringMatching(/%2Fprogram-[^%]+\.cjs-v\d+\.\d+\.\d+-\w+$/));
    for (const state of Object.values(filled)) expect(state).toMatch(/,600$/);
    // A cache that V8 refuses is deleted.
    await run();
    expect(kept()).toEqual(filled);
  });

  it('is in XDG_CACHE_HOME if this is an absolute path', async () => {
    const caches = mkdtempSync(join(top, 'caches-'));
    await run({ XDG_CACHE_HOME: caches });
    expect(readdirSync(caches)).toEqual(['stellar-handshake']);
    await run({ XDG_CACHE_HOME: 'caches' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is written again when V8 refuses its content', async () => {
    const file = await fill();
    writeFileSync(file, 'no code');
    await run();
    expect(readdirSync(folder)).not.toContain(file.slice(folder.length + 1));
    await run();
    expect(statSync(file).size).toBeGreaterThan(1000);
  });

  it('replaces a file that other users could have written', async () => {
    const file = await fill();
    writeFileSync(file, 'somebody’s code');
    chmodSync(file, 0o666);
    await run();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file).includes('somebody’s code')).toBe(false);
  });

  it('deletes files that were not used for a long time', async () => {
    await run();
    const old = join(folder, 'program-OLD.cjs-v20.19.0-x64');
    writeFileSync(old, '');
    utimesSync(old, 0, 0);
    await run();
    expect(readdirSync(folder)).toContainEqual(expect.stringMatching(/%2Fprogram-/));
    expect(readdirSync(folder)).not.toContain('program-OLD.cjs-v20.19.0-x64');
  });

  it.each([
    [
      'a folder that others can write to',
      () => {
        mkdirSync(folder, { recursive: true });
        chmodSync(folder, 0o777);
      },
    ],
    [
      'a link',
      () => {
        mkdirSync(join(home, '.cache'));
        mkdirSync(join(home, 'elsewhere'), { mode: 0o700 });
        symlinkSync(join(home, 'elsewhere'), folder);
      },
    ],
    [
      'a file',
      () => {
        mkdirSync(join(home, '.cache'));
        writeFileSync(folder, '');
      },
    ],
  ])('is not written in %s', async (_what, make) => {
    make();
    const before = readdirSync(home, { recursive: true });
    await run();
    await run();
    expect(readdirSync(home, { recursive: true })).toEqual(before);
  });

  it.each(['NODE_DISABLE_COMPILE_CACHE', 'NODE_COMPILE_CACHE'])('is not used with %s', async (name) => {
    await run({ [name]: join(top, 'of-node') });
    expect(readdirSync(home)).toEqual([]);
  });

  it('is not needed: the program runs without a home directory', async () => {
    await run({ HOME: '' });
    await run({ HOME: `/${'x'.repeat(300)}` });
    await run({ HOME: join(home, 'none') });
    expect(readdirSync(home)).toEqual([]);
    symlinkSync('.cache', join(home, '.cache'));
    await run();
  });
});
