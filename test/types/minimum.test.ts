/**
 * The published types with the oldest TypeScript that README names. `skipLibCheck` is off, so the compiler checks every
 * declaration of the package, and leaves out only its own libraries. attw checks the types with a new compiler.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installRival, rivalVersion } from '../../bench/support/rivals.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { exports } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
const entries = Object.keys(exports as object)
  .filter((name) => name !== './package.json')
  .map((name) => `stellar-handshake${name.slice(1)}`);
const BROWSER = ['stellar-handshake/protocol', 'stellar-handshake/crypto/web'];

/** Runs a compiler. @returns its errors */
async function tsc(path: string, folder: string, ...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [path, ...args], { cwd: folder });
    return stdout;
  } catch (error) {
    return (error as { readonly stdout: string }).stdout;
  }
}

describe('the published types', () => {
  let folder: string;
  let minimum: string;

  /** A project that imports these and nothing else. */
  async function project(name: string, imports: readonly string[], options: object): Promise<string> {
    const path = join(folder, name);
    await mkdir(path);
    const lines = imports.map((from, i) => `import * as m${i} from '${from}';\n`);
    await writeFile(join(path, 'use.mts'), `${lines.join('')}console.log(${imports.map((_, i) => `m${i}`).join()});\n`);
    const compilerOptions = {
      noEmit: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipDefaultLibCheck: true,
      ...options,
    };
    await writeFile(join(path, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.mts'] }));
    return path;
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stellar-handshake-types-'));
    const installed = join(folder, 'node_modules/stellar-handshake');
    await mkdir(installed, { recursive: true });
    await symlink(join(ROOT, 'node_modules/@types'), join(folder, 'node_modules/@types'));
    await cp(join(ROOT, 'package.json'), join(installed, 'package.json'));
    const dist = join(installed, 'dist');
    const ours = join(ROOT, 'node_modules/typescript/bin/tsc');
    // `npm run types` checks the sources; here they are only written as declarations.
    const emit = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--noCheck', '--outDir', dist];
    expect(await tsc(ours, ROOT, ...emit)).toBe('');
    minimum = (await installRival('typescript-5.2')).resolve('typescript/bin/tsc');
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('name the same minimum version of TypeScript as README', async () => {
    const [minor] = /^\d+\.\d+/.exec(rivalVersion('typescript-5.2', 'typescript')) ?? [];
    expect(await readFile(join(ROOT, 'README.md'), 'utf8')).toContain(`TypeScript ${minor} or newer`);
  });

  const node = { target: 'es2022', module: 'nodenext', moduleResolution: 'nodenext', types: ['node'] };
  const browser = { target: 'es2022', lib: ['es2022', 'dom'], module: 'nodenext', moduleResolution: 'nodenext', types: [] };

  it.each([
    ['every entry point in Node', 'node', entries, node],
    ['the entry points for browsers, without the types of Node', 'browser', BROWSER, browser],
  ])('compile with the minimum version of TypeScript: %s', { timeout: 120_000 }, async (_what, name, imports, options) => {
    expect(await tsc(minimum, await project(name, imports, options), '-p', '.')).toBe('');
  });
});
