/**
 * HMAC-SHA256 by size: the ways Node offers, and src/crypto/hmac-sha256.ts, whose two limits this table justifies.
 * @module
 */
import { build } from './support/build.ts';
import { Child } from './support/child.ts';
import type { BenchOptions } from './support/options.ts';
import { type Case, median, type Report, ratio } from './support/report.ts';

/** Bytes under the MAC: sequence and message. 16 is the shortest there is, 76 a ping or a grant's neighbour, 228 and 332 SCP messages. */
const SIZES = [
  16, 44, 48, 76, 108, 112, 140, 172, 176, 204, 228, 240, 268, 332, 396, 524, 1036, 4108, 8192, 16_384, 32_768, 65_536, 262_144,
  1_048_576,
];

export async function run(options: BenchOptions): Promise<Report> {
  const out = build();
  const other = options.against === undefined ? undefined : build(options.against);
  const series = new Map<number, Record<string, number[]>>();
  for (let generation = 0; generation < options.generations; generation++) {
    const child = new Child(out, 'mac', []);
    const against = other === undefined ? undefined : new Child(other, 'mac', []);
    for (const size of SIZES) {
      const seen = series.get(size) ?? {};
      series.set(size, seen);
      for (let round = 0; round <= options.rounds; round++) {
        const micros = await child.ask<Record<string, number>>({ size });
        if (against) micros.against = (await against.ask<{ ours: number }>({ size, only: 'ours' })).ours;
        // The first one warms up.
        if (round > 0) for (const [name, value] of Object.entries(micros)) seen[name] = [...(seen[name] ?? []), value];
      }
    }
    await child.stop();
    await against?.stop();
  }
  const cases = [...series].map(([size, seen]): Case => {
    const { ours = [], ...others } = seen;
    return {
      name: `${size} bytes`,
      figures: Object.fromEntries(Object.entries(seen).map(([name, values]) => [name, median(values)])),
      ratios: Object.fromEntries(Object.entries(others).map(([name, values]) => [`ours / ${name}`, ratio(ours, values)])),
    };
  });
  return { name: 'mac', what: 'CPU to verify one MAC, by bytes under it', unit: 'µs per MAC', cases };
}
