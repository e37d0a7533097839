/**
 * Builds the command line: readable files in dist/cli, one chunk a verb, with source maps. The small libraries it uses
 * are inside, and their licences beside it; the XDR-JSON converter stays a package, since most runs never load it.
 * @module
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** `probe` is what most runs are: it and all it imports are one file. */
const PROGRAM = /\/src\/cli\/(main|commands\/probe)\.ts/;

export default defineConfig({
  root: path('.'),
  logLevel: 'warn',
  publicDir: false,
  ssr: { noExternal: true, external: ['@stellar/stellar-xdr-json', 'sodium-native'] },
  build: {
    ssr: true,
    target: 'node20.19',
    outDir: path('dist/cli'),
    emptyOutDir: true,
    minify: false,
    sourcemap: true,
    modulePreload: false,
    license: { fileName: 'LICENSES.md' },
    rollupOptions: {
      input: { main: path('src/cli/bin.ts') },
      output: {
        // Node 20 loads CommonJS in half the time: for an ES module it resolves each import asynchronously, and makes a
        // facade of each of its own modules with everything in it, what is loaded late included (node:crypto's WebCrypto).
        format: 'cjs',
        entryFileNames: '[name].cjs',
        chunkFileNames: '[name].cjs',
        codeSplitting: { groups: [{ name: 'program', test: PROGRAM }] },
      },
    },
  },
});
