/**
 * Stores the code that V8 has compiled from the files of the built command line. Compiling them takes a fifth of a probe's CPU
 * time. Node 20 has no such cache. The cache of newer versions contains only functions that a file calls while it is loaded. Its
 * folder is below the temporary folder, where another user may have created it first, and V8 trusts the contents of a cache.
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

/** `require` of the built file; undefined when the program runs from its sources. */
declare const require: NodeJS.Require | undefined;

/** Age at which a file of the cache is deleted, in milliseconds. It may be of a version that is no longer installed. */
const KEPT_MS = 30 * 24 * 3600 * 1000;

/** The wrapper that Node puts around a CommonJS module. */
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
    // The name contains the whole path, because stack traces take the path from the cache.
    const script = compile(filename, join(kept, `${encodeURIComponent(filename)}-${process.version}-${process.arch}`));
    script.runInThisContext().call(module.exports, module.exports, module.require.bind(module), module, filename, folder);
  };
}

/**
 * The folder of the cache, if only we can write to it. The first run only creates it, and the second run fills it. A container
 * that runs once therefore writes no cache.
 */
function cacheFolder(): string | undefined {
  const { XDG_CACHE_HOME = '', HOME = '' } = process.env;
  const home = isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : HOME;
  if (!isAbsolute(home)) return undefined;
  const folder = join(home, home === HOME ? '.cache' : '', 'stellar-handshake');
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (stat?.isDirectory() && isOurs(stat)) return folder;
  // With sudo, HOME may be the home of another user: no folder is created there.
  if (stat === undefined) attempt(() => isOurs(statSync(home)) && mkdirSync(folder, { recursive: true, mode: 0o700 }));
  return undefined;
}

/** Whether only we can write to it; false on Windows, which does not report this. */
function isOurs({ uid, mode }: Stats): boolean {
  return uid === process.geteuid?.() && (mode & 0o022) === 0;
}

function compile(filename: string, cache: string): Script {
  // The parts are joined as bytes: V8 would copy a joined string again, and this copy would start the garbage collector.
  const source = Buffer.concat([HEAD, readFileSync(filename), TAIL]).toString('latin1');
  const options = { filename, columnOffset: -HEAD.length };
  const cachedData = attempt(() => readOurs(cache));
  if (cachedData === undefined) return attempt(() => compileAndKeep(source, options, cache)) ?? new Script(source, options);
  const script = new Script(source, { ...options, cachedData });
  // The cache is from another build of this Node, or V8 had other flags. The next run writes it again.
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

/**
 * Compiles every function, so that the cache does not depend on the functions that this run calls. Other processes never see an
 * incomplete file.
 */
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

/** The result of an action, or undefined when it throws: a failure of the cache is not an error of the program. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
