import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Files that replace modules or functions, or measure their process. Each has a process of its own. */
const ALONE = [
  'test/security/resources.test.ts',
  'test/unit/capture/hostile.test.ts',
  'test/unit/crypto/hmac-sha256.test.ts',
  'test/unit/follow/memory.test.ts',
  'test/unit/net/abort.test.ts',
  'test/unit/net/dial.test.ts',
  'test/unit/net/lookup.test.ts',
  'test/unit/net/nameless-sockets.test.ts',
  'test/unit/protocol/framing-memory.test.ts',
];
const testTimeout = 60_000;

export default defineConfig({
  test: {
    // Many tests wait for sockets and processes: with one worker for each core, cores are idle.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    globalSetup: ['test/support/built-cli.ts'],
    projects: [
      // Most time of a small file went into loading the sources once more: here the files of a worker share them.
      {
        test: {
          name: 'unit',
          testTimeout,
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ALONE,
        },
      },
      { test: { name: 'alone', testTimeout, include: ALONE } },
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
