/**
 * Removes the declarations that no entry point of the package reaches: nobody can import them, and they are a fifth of all.
 * @module
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = join(import.meta.dirname, '..');
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const reached = new Set(Object.values(exports).flatMap(({ types }) => (types ? [resolve(root, types)] : [])));
// A set gives what is added while it is walked.
for (const file of reached)
  for (const [, path] of readFileSync(file, 'utf8').matchAll(/\b(?:from |import\()["'](\.[^"']+)\.[jt]s["']/g))
    reached.add(resolve(file, '..', `${path}.d.ts`));
const dist = join(root, 'dist');
for (const name of readdirSync(dist, { recursive: true }))
  if (name.endsWith('.d.ts') && !reached.has(join(dist, name))) rmSync(join(dist, name));
