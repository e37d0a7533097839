/**
 * Builds the command line: readable ES modules in dist/cli, one chunk a verb, with source maps. The small libraries it uses
 * are inside, and their licences beside it; the XDR-JSON converter stays a package, since most runs never load it.
 * @module
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** The modules `probe` loads. A module more costs every start; a module less only one more file to open. */
const PROGRAM =
  /\/src\/(protocol|crypto|net|report|probe)\/|\/src\/cli\/(commands\/probe|main|context|exit-codes|live-line|options|output|probe-text|progress|targets)\.ts|\/citty\//;

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
        entryFileNames: '[name].js',
        chunkFileNames: '[name].js',
        // Node opens each file by itself: what `probe` needs is one file, and what only other verbs need is theirs.
        codeSplitting: { groups: [{ name: 'program', test: PROGRAM }] },
      },
    },
  },
});
