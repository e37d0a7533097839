import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Many tests wait for sockets and processes: on two cores the default of one worker leaves one of them idle.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/interop/core.test.ts'],
          globalSetup: ['test/support/built-cli.ts'],
          testTimeout: 60_000,
        },
      },
      { test: { name: 'interop', include: ['test/interop/core.test.ts'], testTimeout: 60_000 } },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/**/index.ts'],
      reporter: ['text', 'lcovonly'],
      thresholds: Object.fromEntries(
        ['src/protocol/**', 'src/crypto/**', 'src/net/**'].map((layer) => [layer, { lines: 95, branches: 95 }]),
      ),
    },
  },
});
