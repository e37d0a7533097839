/**
 * Files that are made from a crawl, when it ends or later.
 * @module
 */
import type { ArgsDef } from 'citty';
import type { CrawlResult } from '../crawl/result.ts';
import { checkOutputFile, writeOutputFile } from '../report/output-file.ts';
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

/** Checks before a long crawl that the files can be written. @throws {UsageError} names the option */
export function checkExports(args: ExportArgs): void {
  for (const [name, file] of named(args)) {
    try {
      checkOutputFile(file);
    } catch (error) {
      throw new UsageError(`--${name}: ${(error as Error).message}`);
    }
  }
}

/** Writes the requested files. @returns their number @throws {UsageError} when one cannot be written */
export async function writeExports(args: ExportArgs, result: CrawlResult): Promise<number> {
  for (const [name, file] of named(args)) {
    const text = await MAKERS[name](result);
    try {
      writeOutputFile(file, text);
    } catch (error) {
      throw writeMistake(`--${name}`, error);
    }
  }
  return named(args).length;
}
