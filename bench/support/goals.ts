/**
 * The table of goals in bench/README.md, made from the results that are kept.
 * @module
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './build.ts';
import type { Kept } from './report.ts';

const README = join(ROOT, 'bench/README.md');
const RESULTS = join(ROOT, 'bench/results');
const [BEGIN, END] = ['<!-- goals: begin -->', '<!-- goals: end -->'] as const;

/** Every ratio that has a goal, of all benches, with the day and the load of its run. */
export function writeGoals(): void {
  const reports = readdirSync(RESULTS).map((name) => JSON.parse(readFileSync(join(RESULTS, name), 'utf8')) as Kept);
  const rows = reports.flatMap(({ name, cases }) =>
    cases.flatMap(({ name: what, ratios, measured: { date, load } }) =>
      Object.entries(ratios).flatMap(([of, { median, quartiles, goal }]) => {
        if (goal === undefined) return [];
        const [low, high] = quartiles.map((quartile) => quartile.toFixed(2));
        const middle = low === high ? '' : `${low} to ${high}`;
        const verdict = median <= goal ? 'met' : '**missed**';
        return `| ${name} | ${what} | ${of} | ${median.toFixed(2)} | ${middle} | ${goal} | ${verdict} | ${date.slice(0, 10)}, ${Math.round(Number(load))} |`;
      }),
    ),
  );
  const head = [
    '| bench | case | ratio | median | middle half | goal | result | day, load |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
  ];
  const readme = readFileSync(README, 'utf8');
  const [before = '', after = ''] = [readme.split(BEGIN)[0], readme.split(END)[1]];
  writeFileSync(README, `${before}${BEGIN}\n${[...head, ...rows].join('\n')}\n${END}${after}`);
}
