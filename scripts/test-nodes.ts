/**
 * `npm run test:nodes` runs the tests on every supported line of Node. The tests build and run the command line as it is
 * published. After `--` come lines, `oldest` or `newest`, then files for vitest: `npm run test:nodes -- 24 26 test/unit/net`.
 *
 * The newest Node of a line comes as a package from npm, which ships the binary, and is kept below .cache. On each,
 * it checks that `npm ci` accepts every dependency with `engine-strict`, then runs the tests.
 * @module
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { delimiter, dirname, resolve } from 'node:path';
import { installNode } from './node-of-line.ts';

const LINES = ['20', '22', '24', '26'];
const ROOT = resolve(import.meta.dirname, '..');

/** Runs a program with that Node first in PATH. @returns whether it ended well */
function run(node: string, command: string, args: readonly string[]): boolean {
  const path = `${dirname(node)}${delimiter}${process.env.PATH}`;
  const { status } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, PATH: path } });
  return status === 0;
}

const args = process.argv.slice(2);
const isLine = (arg: string): boolean => /^\d+$|^oldest$|^newest$/.test(arg);
const named = args.filter(isLine).map((arg) => (arg === 'oldest' ? LINES[0] : arg === 'newest' ? LINES.at(-1) : arg)) as string[];
const rest = args.filter((arg) => !isLine(arg));
const results = (named.length > 0 ? named : LINES).map((line) => {
  const node = installNode(line);
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  console.log(`\n== Node ${version}`);
  const installs = run(node, 'npm', ['ci', '--dry-run', '--engine-strict', '--ignore-scripts', '--no-audit', '--no-fund']);
  const passes = run(node, node, ['node_modules/vitest/vitest.mjs', 'run', ...rest]);
  return { version, installs, passes };
});
console.log();
for (const { version, installs, passes } of results) {
  console.log(`Node ${version}: npm ci ${installs ? 'takes all' : 'FAILS'}, tests ${passes ? 'pass' : 'FAIL'}`);
}
process.exitCode = results.every(({ installs, passes }) => installs && passes) ? 0 : 1;
