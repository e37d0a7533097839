/**
 * Compiles src/ and bench/ into a separate directory, so that plain Node runs the same code as for users, without a loader or
 * helpers of a development tool. It does not check types; `npm run types` does.
 * @module
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';

/** The checkout this file is in. */
export const ROOT: string = resolve(import.meta.dirname, '../..');

const built: string[] = [];
process.once('exit', () => {
  for (const directory of built) rmSync(directory, { recursive: true, force: true });
});

/**
 * Compiles the library of a checkout and the measuring programs of this one.
 * @returns the directory, with `src/` and `bench/` in it; it is removed when this process ends
 */
export function build(checkout: string = ROOT): string {
  const out = mkdtempSync(join(tmpdir(), 'stellar-handshake-bench-'));
  built.push(out);
  symlinkSync(join(ROOT, 'node_modules'), join(out, 'node_modules'));
  writeFileSync(join(out, 'package.json'), '{"type":"module"}');
  compile(join(checkout, 'src'), join(out, 'src'));
  compile(join(ROOT, 'bench'), join(out, 'bench'));
  for (const name of ['bench/rivals', '.cache']) symlinkSync(join(ROOT, name), join(out, name));
  return out;
}

function compile(from: string, to: string): void {
  for (const name of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const { outputText } = ts.transpileModule(readFileSync(join(from, name), 'utf8'), {
      compilerOptions: OPTIONS,
      fileName: name,
    });
    const target = join(to, name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
}

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
  // As the published modules: V8 keeps the source of a module for as long as its functions.
  removeComments: true,
};
