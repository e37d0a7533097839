import { type CommandDef, defineCommand } from 'citty';
import { readCrawlFile } from '../../crawl/file.ts';
import { CrawlResult } from '../../crawl/result.ts';
import type { CliContext } from '../context.ts';
import { checkExports, exportArgs, writeExports } from '../crawl-exports.ts';
import { crawlMistake, printCrawl } from '../crawl-text.ts';
import { EXIT } from '../exit-codes.ts';

const args = {
  file: { type: 'positional', required: true, description: 'File of a crawl', valueHint: 'FILE' },
  ...exportArgs,
} as const;

/** crawl export FILE: convert a crawl to other files. */
export const crawlExport: CommandDef<typeof args> = defineCommand({
  meta: { name: 'crawl export', description: 'Convert a crawl to other files; without such an option, print its summary' },
  args,
  async run({ args: given, data }) {
    const context = data as CliContext;
    const { out, signal } = context;
    checkExports(given, { 'the crawl': given.file });
    const result = crawlMistake(() => CrawlResult.of(readCrawlFile(given.file)));
    if ((await writeExports(given, result, context)) === 0) printCrawl(result, out);
    if (signal.aborted) context.exitCode = EXIT.INTERRUPTED;
  },
});
