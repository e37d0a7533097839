/** The long form: `npm run fuzz -- [frames] [seed]`, by default 10 million frames. */
import { fuzz } from './fuzz.ts';

const frames = Number(process.argv[2] ?? 10_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 0x100000000);
console.log(`seed ${seed}, ${frames} frames`);
const report = fuzz(seed, frames, (done) => {
  if (done % 1_000_000 < 100_000)
    console.log(`${done} frames, heap ${Math.round(process.memoryUsage().heapUsed / 0x100000)} MiB`);
});
console.log(report);
