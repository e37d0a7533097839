/**
 * Builds the page of a crawl: one HTML file without any reference to another, whose policy lets nothing but its own script run.
 * @module
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { selfContained } from '../vite.config.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  root: path('.'),
  configFile: false,
  logLevel: 'warn',
  build: {
    outDir: path('../../dist/crawl'),
    emptyOutDir: false,
    target: 'es2022',
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    rollupOptions: { input: path('page.html') },
  },
  plugins: [selfContained()],
});
