/**
 * The published types with the oldest TypeScript that README names. `skipLibCheck` is off, so the compiler checks every
 * declaration of the package, and leaves out only its own libraries. attw checks the types with a new compiler.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
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

/** Runs a compiler. @returns its output */
async function tsc(path: string, folder: string, ...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [path, ...args], { cwd: folder });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    return stdout + stderr;
  }
}

/** Whether nothing that the declarations are made from has changed since the last build. */
async function isBuilt(): Promise<boolean> {
  const sources = (await readdir(join(ROOT, 'src'), { recursive: true })).map((name) => join('src', name));
  const changed = async (name: string): Promise<number> => (await stat(join(ROOT, name))).mtimeMs;
  const all = ['package.json', 'tsconfig.base.json', 'tsconfig.build.json', 'scripts/reachable-types.mjs', 'src', ...sources];
  return Math.max(...(await Promise.all(all.map(changed)))) < (await changed('dist/index.d.ts').catch(() => 0));
}

describe('the published types', () => {
  let folder: string;
  let minimum: string;

  /** Makes a project that imports these and nothing else. */
  async function project(name: string, imports: readonly string[], options: object): Promise<void> {
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
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stellar-handshake-types-'));
    const installed = join(folder, 'node_modules/stellar-handshake');
    await mkdir(installed, { recursive: true });
    await symlink(join(ROOT, 'node_modules/@types'), join(folder, 'node_modules/@types'));
    await cp(join(ROOT, 'package.json'), join(installed, 'package.json'));
    const dist = join(installed, 'dist');
    if (await isBuilt()) await cp(join(ROOT, 'dist'), dist, { recursive: true });
    else {
      const ours = join(ROOT, 'node_modules/typescript/bin/tsc');
      // `npm run types` checks the sources; here they are only written as declarations.
      const emit = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--noCheck', '--outDir', dist];
      expect(await tsc(ours, ROOT, ...emit)).toBe('');
    }
    minimum = (await installRival('typescript-5.2')).resolve('typescript/bin/tsc');
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('name the same minimum version of TypeScript as README', async () => {
    const [minor] = /^\d+\.\d+/.exec(rivalVersion('typescript-5.2', 'typescript')) ?? [];
    expect(await readFile(join(ROOT, 'README.md'), 'utf8')).toContain(`TypeScript ${minor} or newer`);
  });

  const node = { target: 'es2022', module: 'nodenext', moduleResolution: 'nodenext', types: ['node'] };
  const browser = { target: 'es2022', lib: ['es2022', 'dom'], module: 'nodenext', moduleResolution: 'nodenext', types: [] };

  it('compile with the minimum version of TypeScript, in Node and for browsers', {
    timeout: 120_000,
  }, async () => {
    // Every entry point in Node; those for browsers without the types of Node.
    const projects = { node: [entries, node], browser: [BROWSER, browser] } as const;
    const names = Object.keys(projects);
    for (const [name, [imports, options]] of Object.entries(projects)) await project(name, imports, options);
    // One run reads the declarations once for both.
    const output = await tsc(minimum, folder, '--build', '--verbose', ...names);
    const [, ...built] = output.split(/^.* - Building project .*\n/m);
    const errors = built.map((text) => text.split('\n').filter((line) => line !== '' && !line.includes(" - Project '")));
    expect(Object.fromEntries(names.map((name, i) => [name, errors[i]]))).toEqual({ node: [], browser: [] });
  });
});
