/**
 * The progress of many probes or cases, as a bar on a terminal.
 * @module
 */
import { formatSeconds, stderr } from './output.ts';

/** A progress display. */
export interface Progress {
  /** One more is done. */
  done(failed: boolean): void;
  /** Prints on the same terminal, above the bar. */
  above(print: () => void): void;
  /** Removes the bar. */
  stop(): void;
}

const NONE: Progress = { done: () => {}, above: (print) => print(), stop: () => {} };

/**
 * A bar on stderr if that is a terminal; otherwise nothing is shown and nothing is loaded.
 * @param total the number of items
 * @param what the items, in the plural
 */
export async function openProgress(total: number, what = 'probes'): Promise<Progress> {
  const stream = stderr();
  if (stream.isTTY !== true || process.env.TERM === 'dumb') return NONE;
  const { SingleBar, Presets } = await import('cli-progress');
  // Subtle: line wrapping and the cursor are not changed, so the terminal needs no repair if the process is killed.
  const bar = new SingleBar(
    { stream, format: `{bar} {value}/{total} ${what}{failed}{left}`, barsize: 24, linewrap: true, clearOnComplete: true },
    Presets.shades_classic,
  );
  const startMs = performance.now();
  let done = 0;
  let failed = 0;
  const payload = (): object => ({
    failed: failed === 0 ? '' : `, ${failed} failed`,
    left:
      done === 0 || done === total
        ? ''
        : `, about ${formatSeconds((((performance.now() - startMs) / done) * (total - done)) / 1000).slice(1)} left`,
  });
  const start = (): void => bar.start(total, done, payload());
  start();
  return {
    done(hasFailed) {
      done++;
      if (hasFailed) failed++;
      bar.update(done, payload());
    },
    above(print) {
      if (process.stdout.isTTY !== true) return print();
      // Subtle: stop() moves the cursor to where start() was called, so nothing may be printed in between.
      bar.stop();
      print();
      start();
    },
    stop: () => bar.stop(),
  };
}
