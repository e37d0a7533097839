/**
 * The rivals: implementations by other people, for benches and tests, and the oldest TypeScript that our types support. Each has
 * a package and a lock file in bench/rivals, so that its dependencies (such as native add-ons) are never installed with this
 * package. They are installed below .cache when they are needed.
 * @module
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../..');

/** A folder of bench/rivals. */
export type RivalName = 'connector' | 'crawler' | 'stellar-sdk' | 'typescript-5.2';

/** The file for `createRequire(rivalFile('connector'))`. It exists after the installation of the rival. */
export function rivalFile(rival: RivalName): string {
  const lock = readFileSync(join(ROOT, 'bench/rivals', rival, 'package-lock.json'));
  const hash = createHash('sha256').update(lock).digest('hex').slice(0, 12);
  return join(ROOT, '.cache', `${rival}-${hash}`, 'package.json');
}

/**
 * Installs a rival with `npm ci`, unless its lock file has been installed before. Safe to be called by several processes at once.
 * @returns a `require` of the rival's packages
 * @throws Error when npm fails
 */
export async function installRival(rival: RivalName): Promise<NodeJS.Require> {
  const file = rivalFile(rival);
  if (!existsSync(file)) {
    const directory = dirname(file);
    mkdirSync(dirname(directory), { recursive: true });
    const fresh = mkdtempSync(`${directory}.`);
    try {
      cpSync(join(ROOT, 'bench/rivals', rival), fresh, { recursive: true });
      // The connector asks for Node 20 and runs on later ones.
      await promisify(execFile)('npm', ['ci', '--no-engine-strict', '--no-audit', '--no-fund'], { cwd: fresh });
      renameSync(fresh, directory);
    } catch (error) {
      // Another process has installed it in the meantime.
      if (!existsSync(file)) throw error;
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  return createRequire(file);
}

/** The version of a rival's package that its lock file installs. */
export function rivalVersion(rival: RivalName, name: string): string {
  const lock = JSON.parse(readFileSync(join(ROOT, 'bench/rivals', rival, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly version: string }>>;
  };
  return lock.packages[`node_modules/${name}`]?.version ?? 'unknown';
}
