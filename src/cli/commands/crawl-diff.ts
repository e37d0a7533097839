import { type CommandDef, defineCommand } from 'citty';
import { type Compared, type CrawlChange, diffCrawls } from '../../crawl/diff.ts';
import { readCrawlFile } from '../../crawl/file.ts';
import { CrawlResult } from '../../crawl/result.ts';
import type { CliContext } from '../context.ts';
import { countBy, crawlMistake } from '../crawl-text.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonArg } from '../options.ts';
import type { Output } from '../output.ts';

const args = {
  old: { type: 'positional', required: true, description: 'File of an earlier crawl', valueHint: 'OLD' },
  new: { type: 'positional', required: true, description: 'File of a later crawl', valueHint: 'NEW' },
  'fail-on-change': { type: 'boolean', description: 'Exit with 7 when anything has changed' },
  ...jsonArg,
} as const;

/** crawl diff OLD NEW: which nodes are new, gone or changed? */
export const crawlDiff: CommandDef<typeof args> = defineCommand({
  meta: {
    name: 'crawl diff',
    description: 'Compare two crawls: new nodes, removed nodes, and changes of outcome, key or version',
  },
  args,
  async run({ args: given, data }) {
    const context = data as CliContext;
    const { out, signal } = context;
    const [before, after] = [given.old, given.new].map((file) => crawlMistake(() => CrawlResult.of(readCrawlFile(file)))) as [
      CrawlResult,
      CrawlResult,
    ];
    const changes = crawlMistake(() => diffCrawls(before, after));
    for (const change of changes) {
      if (given.json) out.json(change);
      else printChange(change, out);
      await out.drained(signal);
    }
    if (!given.json) printSum(changes, out);
    context.exitCode = given['fail-on-change'] === true && changes.length > 0 ? EXIT.SOME_FAILED : EXIT.OK;
  },
});

const MARKS = { came: ['green', '+'], went: ['red', '-'], changed: ['yellow', '~'] } as const;

function printChange({ type, address, from, to }: CrawlChange, out: Output): void {
  const [style, mark] = MARKS[type];
  const text = type === 'changed' ? changesOf(from, to) : Object.values(type === 'came' ? to : from).join('  ');
  out.line(`${out.style(style, mark)} ${out.style('bold', address)}  ${text}`);
}

function changesOf(from: Compared, to: Compared): string {
  return (Object.keys({ ...from, ...to }) as (keyof Compared)[])
    .map((name) => `${name}: ${from[name] ?? 'unknown'} → ${to[name] ?? 'unknown'}`)
    .join('  ');
}

function printSum(changes: readonly CrawlChange[], out: Output): void {
  const counts = countBy(changes, ({ type }) => type);
  const text = (['came', 'went', 'changed'] as const).map((type) => `${counts.get(type) ?? 0} ${type}`).join(', ');
  out.line(out.style('dim', text));
}
