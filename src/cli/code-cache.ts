/**
 * Keeps the code that V8 has compiled from the files of the built command line: compiling them would be a fifth of a probe's
 * CPU time. Node 20 has no cache of its own. That of newer ones lacks every function that a file does not call while it is
 * loaded, and its folder is in the temporary folder, where another user may have made it first: V8 trusts what a cache contains.
 * @module
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { Script, type ScriptOptions } from 'node:vm';

/** `require` of the built file. Where the sources themselves run, there is none. */
declare const require: NodeJS.Require | undefined;

/** Age at which a file of the cache is deleted, in milliseconds. It may be of a version that is no longer installed. */
const KEPT_MS = 30 * 24 * 3600 * 1000;

/** What Node puts around a CommonJS module. */
const HEAD = Buffer.from('(function (exports, require, module, __filename, __dirname) { ');
const TAIL = Buffer.from('\n})');

/**
 * Uses the cache for every file in a folder, and fills it.
 * @param folder where the files are ASCII, do not import(), and have names that contain a hash of their content
 */
export function useCodeCache(folder: string): void {
  const { NODE_COMPILE_CACHE, NODE_DISABLE_COMPILE_CACHE } = process.env;
  // The user may prefer Node's cache. Coverage and source maps need functions that were compiled in this process.
  if (NODE_COMPILE_CACHE || NODE_DISABLE_COMPILE_CACHE || process.sourceMapsEnabled || typeof require === 'undefined') return;
  const kept = attempt(cacheFolder);
  if (kept === undefined) return;
  const load = require.extensions['.js'];
  require.extensions['.cjs'] = (module, filename) => {
    if (dirname(filename) !== folder) return load?.(module, filename);
    // With the whole path, which stack traces take from the cache.
    const script = compile(filename, join(kept, `${encodeURIComponent(filename)}-${process.version}-${process.arch}`));
    script.runInThisContext().call(module.exports, module.exports, module.require.bind(module), module, filename, folder);
  };
}

/** The folder of the cache, if only we can write to it. The first run makes it; a container with one run fills none. */
function cacheFolder(): string | undefined {
  const { XDG_CACHE_HOME = '', HOME = '' } = process.env;
  const home = isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : HOME;
  if (!isAbsolute(home)) return undefined;
  const folder = join(home, home === HOME ? '.cache' : '', 'stellar-handshake');
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (stat?.isDirectory() && isOurs(stat)) return folder;
  // Not in the home of another user, which is ours with sudo.
  if (stat === undefined) attempt(() => isOurs(statSync(home)) && mkdirSync(folder, { recursive: true, mode: 0o700 }));
  return undefined;
}

/** Whether only we can write it. Windows does not tell. */
function isOurs({ uid, mode }: Stats): boolean {
  return uid === process.geteuid?.() && (mode & 0o022) === 0;
}

function compile(filename: string, cache: string): Script {
  // As bytes: a joined text would be copied once more by V8, which collects garbage for its sake.
  const source = Buffer.concat([HEAD, readFileSync(filename), TAIL]).toString('latin1');
  const options = { filename, columnOffset: -HEAD.length };
  const cachedData = attempt(() => readOurs(cache));
  if (cachedData === undefined) return attempt(() => compileAndKeep(source, options, cache)) ?? new Script(source, options);
  const script = new Script(source, { ...options, cachedData });
  // Another build of this Node made it, or other flags of V8 did. The next run makes it anew.
  if (script.cachedDataRejected) attempt(() => unlinkSync(cache));
  return script;
}

function readOurs(path: string): Buffer | undefined {
  const fd = openSync(path, 'r');
  try {
    const stat = fstatSync(fd);
    return stat.isFile() && isOurs(stat) ? readFileSync(fd) : undefined;
  } finally {
    closeSync(fd);
  }
}

/** Compiles every function, so that the cache does not depend on what this run uses. Nobody sees a file that is half written. */
function compileAndKeep(source: string, options: ScriptOptions, cache: string): Script {
  const unfinished = `${cache}.${process.pid}`;
  const fd = openSync(unfinished, 'wx', 0o600);
  try {
    const v8 = process.getBuiltinModule('node:v8');
    v8.setFlagsFromString('--no-lazy');
    const script = new Script(source, options);
    v8.setFlagsFromString('--lazy');
    writeFileSync(fd, script.createCachedData());
    fsyncSync(fd);
    renameSync(unfinished, cache);
    removeOld(dirname(cache));
    return script;
  } catch (error) {
    unlinkSync(unfinished);
    throw error;
  } finally {
    closeSync(fd);
  }
}

function removeOld(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() && stat.mtimeMs < Date.now() - KEPT_MS) attempt(() => unlinkSync(path));
  }
}

/** Nothing about a cache is an error. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
