/**
 * Builds the command line for one run of the tests in a separate folder, as it is published. It starts much faster than from
 * TypeScript, and the tests run what users run.
 */
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, mergeConfig } from 'vite';
import type { TestProject } from 'vitest/node';
import config from '../../vite.cli.config.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Called once by vitest. @returns removes the folder again */
export async function setup(project: TestProject): Promise<() => void> {
  // Inside the checkout, so that packages are found; with the type of the package, which a folder of node_modules hides.
  const folder = join(ROOT, 'node_modules/.cache/stellar-handshake', String(process.pid));
  const dist = join(folder, 'dist');
  mkdirSync(dist, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  // The built pages stand beside the command line.
  for (const name of readdirSync(join(ROOT, 'dist'))) if (name !== 'cli') symlinkSync(join(ROOT, 'dist', name), join(dist, name));
  await build(mergeConfig(config, { configFile: false, build: { outDir: join(dist, 'cli') } }));
  // Tests write nothing into the home directory of the user.
  process.env.XDG_CACHE_HOME = folder;
  project.provide('cli', join(dist, 'cli/main.cjs'));
  return () => rmSync(folder, { recursive: true, force: true });
}
