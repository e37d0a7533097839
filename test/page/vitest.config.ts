import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/page/**/*.page.ts'],
    // The pages first: the command line that is built for the tests has them beside it.
    globalSetup: ['test/page/support/build.ts', 'test/support/built-cli.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
