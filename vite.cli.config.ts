/**
 * Builds the command line: readable files in dist/cli, one chunk a verb, with source maps. The small libraries it uses
 * are inside, and their licences beside it; the XDR-JSON converter stays a package, since most runs never load it.
 * @module
 */
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** `probe` is what most runs are: it and all it imports are one file. */
const PROGRAM = /\/src\/cli\/(main|commands\/probe)\.ts/;

/** Escapes in place of all that is not ASCII: a text of one byte a character is read and compiled in less time. */
const ascii: Plugin = {
  name: 'ascii',
  generateBundle(_options, files) {
    for (const file of Object.values(files)) {
      if (file.type !== 'chunk') continue;
      file.code = file.code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
    }
  },
};

export default defineConfig({
  root: path('.'),
  logLevel: 'warn',
  publicDir: false,
  plugins: [ascii],
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
        // What V8 takes from the code cache cannot import().
        dynamicImportInCjs: false,
        // A file of the code cache is for one content of a file (src/cli/code-cache.ts).
        chunkFileNames: '[name]-[hash].cjs',
        // Comments are read in the sources; the maps say where. Without both, it is a third of the size.
        comments: false,
        // Simpler statements with the names and line breaks of the sources: 5 % less to install and to read.
        minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } },
        sourcemapExcludeSources: true,
        codeSplitting: { groups: [{ name: 'program', test: PROGRAM }] },
      },
    },
  },
});
