/**
 * `npm run bench` runs every bench, `npm run bench -- receive mac` the ones named.
 *
 *     --rounds N        measured rounds with each set of processes (5)
 *     --generations N   sets of processes (3)
 *     --fast            without the rival; nothing is kept then
 *     --only TEXT       only the cases whose name has TEXT in it; the other ones that were kept stay
 *     --against DIR     another checkout of this project, measured beside this one; nothing is kept then
 *
 * @module
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { writeGoals } from './support/goals.ts';
import type { BenchOptions } from './support/options.ts';
import { keep, type Report } from './support/report.ts';
import { installRival } from './support/rivals.ts';

type Bench = { readonly run: (options: BenchOptions) => Promise<Report> };

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  mac: () => import('./mac.ts'),
  receive: () => import('./receive.ts'),
  send: () => import('./send.ts'),
  handshake: () => import('./handshake.ts'),
  memory: () => import('./memory.ts'),
  startup: () => import('./startup.ts'),
  follow: () => import('./follow.ts'),
  crawl: () => import('./crawl.ts'),
  hostile: () => import('./hostile.ts'),
  page: () => import('./page.ts'),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    generations: { type: 'string', default: '3' },
    fast: { type: 'boolean', default: false },
    only: { type: 'string' },
    against: { type: 'string' },
  },
});
const options: BenchOptions = {
  rounds: Number(values.rounds),
  generations: Number(values.generations),
  fast: values.fast,
  only: values.only,
  against: values.against && resolve(values.against),
};
if (!options.fast) await installRival('connector');
for (const name of positionals.length > 0 ? positionals : Object.keys(BENCHES)) {
  const load = BENCHES[name];
  if (load === undefined) throw new RangeError(`no bench ${name}; there are ${Object.keys(BENCHES).join(', ')}`);
  const { run } = await load();
  const report = await run(options);
  if (options.fast || options.against !== undefined) keep(report, 'nothing');
  else {
    keep(report, options.only === undefined ? 'all' : 'cases');
    writeGoals();
  }
}
