/**
 * Figures, ratios, and the file in which they are saved.
 * @module
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './build.ts';
import { CONNECTOR } from './connector.ts';
import { rivalVersion } from './rivals.ts';

/** The result of a bench in one case. */
export interface Case {
  readonly name: string;
  /** Medians, by subject; the unit is that of the report. */
  readonly figures: Readonly<Record<string, number | string>>;
  /** Ratios of ours to the others. */
  readonly ratios: Readonly<Record<string, Ratio>>;
}

/** A ratio of two subjects: the median of all rounds, each compared with its neighbour, and the middle half of them. */
export interface Ratio {
  readonly median: number;
  readonly quartiles: readonly [number, number];
  /** Its goal: the maximum. */
  readonly goal?: number;
}

/** A file in results/. */
export interface Report {
  readonly name: string;
  readonly what: string;
  readonly unit: string;
  readonly cases: readonly Case[];
  readonly notes?: readonly string[];
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(at)] as number, sorted[Math.ceil(at)] as number];
  return low + (high - low) * (at - Math.floor(at));
}

/** Compares two series that were measured in turns. */
export function ratio(ours: readonly number[], other: readonly number[], goal?: number): Ratio {
  const ratios = ours.map((value, i) => value / (other[i] as number));
  const round = (value: number): number => Number(value.toFixed(3));
  return {
    median: round(median(ratios)),
    quartiles: [round(quantile(ratios, 0.25)), round(quantile(ratios, 0.75))],
    ...(goal !== undefined && { goal: round(goal) }),
  };
}

/** Prints a report and keeps it in results/: all of it, or its cases in place of those of the same names. */
export function keep(report: Report, save: 'all' | 'cases' | 'nothing'): void {
  console.log(`\n${report.name}: ${report.what} (${report.unit})`);
  for (const { name, figures, ratios } of report.cases) {
    const values = Object.entries(figures).map(
      ([subject, value]) => `${subject} ${typeof value === 'number' ? short(value) : value}`,
    );
    console.log(`  ${name}: ${values.join(', ')}`);
    for (const [of, { median: value, quartiles, goal }] of Object.entries(ratios)) {
      const verdict = goal === undefined ? '' : value <= goal ? `, goal ${goal} met` : `, goal ${goal} MISSED`;
      console.log(`    ${of}: ${value.toFixed(2)} (${quartiles.map((q) => q.toFixed(2)).join(' to ')})${verdict}`);
    }
  }
  for (const note of report.notes ?? []) console.log(`  ${note}`);
  if (save === 'nothing') return;
  const directory = join(ROOT, 'bench/results');
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${report.name}.json`);
  const measured = report.cases.map((one) => ({ ...one, measured: environment() }));
  const names = new Set(measured.map(({ name }) => name));
  const others = save === 'all' || !existsSync(file) ? [] : (JSON.parse(readFileSync(file, 'utf8')) as Kept).cases;
  const cases = [...others.filter(({ name }) => !names.has(name)), ...measured];
  writeFileSync(file, `${JSON.stringify({ ...report, cases } satisfies Kept, null, 2)}\n`);
}

/** A file in results/: each case with the day, the load and the versions of its run. */
export interface Kept extends Omit<Report, 'cases'> {
  readonly cases: readonly (Case & { readonly measured: ReturnType<typeof environment> })[];
}

/** At most four digits. */
function short(value: number): string {
  return value >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function environment(): Readonly<Record<'date' | 'node' | 'openssl' | 'package' | 'rival' | 'cpu' | 'load', string>> {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString(),
    node: process.version,
    openssl: process.versions.openssl,
    package: version(join(ROOT, 'package.json')),
    rival: `${CONNECTOR} ${rivalVersion('connector', CONNECTOR)}`,
    cpu: `${cpu?.model ?? 'unknown'}, ${cpus().length} cores`,
    load: (loadavg()[0] ?? 0).toFixed(2),
  };
}

function version(file: string): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
