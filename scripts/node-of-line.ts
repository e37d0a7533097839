/**
 * Other versions of Node: the newest of a line comes as a package from npm, which ships the binary, and is kept below .cache.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
/** npm's packages of Node binaries: for this machine. */
const PACKAGE = `${process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'}-${process.platform}-${process.arch}`;

/** Installs the newest Node of a line. @returns the path of its binary; if this process is of that line, its own */
export function installNode(line: string): string {
  if (process.versions.node.startsWith(`${line}.`)) return process.execPath;
  const directory = join(ROOT, '.cache', `node-${line}`);
  mkdirSync(directory, { recursive: true });
  const args = ['install', '--prefix', directory, '--no-audit', '--no-fund', '--ignore-scripts', `${PACKAGE}@${line}`];
  execFileSync('npm', args, { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] });
  return join(directory, 'node_modules', PACKAGE, 'bin/node');
}
