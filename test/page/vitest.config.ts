import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/page/**/*.page.ts'],
    // The pages first: the command line that is built for the tests has them beside it.
    globalSetup: ['test/page/support/build.ts', 'test/support/built-cli.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Most time is waiting for processes and the browser.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    maxConcurrency: 3,
    // The files of a worker share the loaded sources.
    isolate: false,
  },
});
