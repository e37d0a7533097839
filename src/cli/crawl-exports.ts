/**
 * Files that are made from a crawl, when it ends or later.
 * @module
 */
import { realpathSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { ArgsDef } from 'citty';
import type { CrawlResult } from '../crawl/result.ts';
import { checkOutputFile, writeOutputFile } from '../report/output-file.ts';
import type { CliContext } from './context.ts';
import { UsageError, writeMistake } from './options.ts';

/** The options for these files, of `crawl` and `crawl export`. */
export const exportArgs = {
  html: { type: 'string', description: 'File for one self-contained page: table, charts, graph, quorum sets', valueHint: 'FILE' },
  graphml: {
    type: 'string',
    description: 'File for the graph of which node names which, for Gephi or NetworkX',
    valueHint: 'FILE',
  },
  'quorum-json': {
    type: 'string',
    description: 'File with the quorum sets for stellar-core check-quorum-intersection',
    valueHint: 'FILE',
  },
  'nodes-json': { type: 'string', description: 'File with the nodes in stellarbeat’s form', valueHint: 'FILE' },
} as const satisfies ArgsDef;

type ExportName = keyof typeof exportArgs;
/** What citty makes of `exportArgs`. */
export type ExportArgs = { readonly [name in ExportName]?: string | undefined };

const MAKERS: Readonly<Record<ExportName, (result: CrawlResult) => Promise<string>>> = {
  html: async (result) => (await import('../crawl/page.ts')).crawlPageHtml(result),
  graphml: async (result) => (await import('../crawl/graphml.ts')).graphml(result),
  'quorum-json': async (result) => (await import('../crawl/quorum-json.ts')).quorumJson(result),
  'nodes-json': async (result) => (await import('../crawl/stellarbeat.ts')).stellarbeatJson(result),
};

function named(args: ExportArgs): readonly (readonly [name: ExportName, file: string])[] {
  return (Object.keys(exportArgs) as ExportName[]).flatMap((name) =>
    args[name] === undefined ? [] : [[name, args[name]] as const],
  );
}

/**
 * Checks before a long crawl that the files can be written, and that none of them is another one, or a file of a crawl.
 * @param crawlFiles files of crawls by the name of their option
 * @throws {UsageError} names the option
 */
export function checkExports(args: ExportArgs, crawlFiles: Readonly<Record<string, string | undefined>>): void {
  const places = new Map<string, string>();
  for (const [name, file] of Object.entries(crawlFiles)) if (file !== undefined) places.set(placeOf(file), name);
  for (const [name, file] of named(args)) {
    const option = `--${name}`;
    try {
      checkOutputFile(file);
    } catch (error) {
      throw new UsageError(`${option}: ${(error as Error).message}`);
    }
    const other = places.get(placeOf(file));
    if (other !== undefined) throw new UsageError(`${option} and ${other} name the same file, ${file}`);
    places.set(placeOf(file), option);
  }
}

/** One text for each file, however its path is spelled. */
function placeOf(file: string): string {
  for (const [folder, name] of [[file], [dirname(file), basename(file)]] as const) {
    try {
      return resolve(realpathSync(folder), name ?? '');
    } catch {
      // Not there. Whoever opens the file says so.
    }
  }
  return resolve(file);
}

/**
 * Writes the requested files, each as a whole. After a signal that comes during this work, no further file is written.
 * @returns the number of files that were requested
 * @throws {UsageError} when one cannot be written
 */
export async function writeExports(
  args: ExportArgs,
  result: CrawlResult,
  { err, signal }: Pick<CliContext, 'err' | 'signal'>,
): Promise<number> {
  // What an interrupted crawl has found is written.
  const wasInterrupted = signal.aborted;
  for (const [at, [name, file]] of named(args).entries()) {
    // A signal of the system is received only between two turns of the event loop.
    await new Promise((next) => setImmediate(next));
    if (signal.aborted && !wasInterrupted) {
      const rest = named(args).slice(at);
      err.line(`! interrupted: ${rest.map(([option]) => `--${option}`).join(', ')} not written; crawl export FILE writes it`);
      break;
    }
    const text = await MAKERS[name](result);
    try {
      writeOutputFile(file, text);
    } catch (error) {
      throw writeMistake(`--${name}`, error);
    }
  }
  return named(args).length;
}
