/**
 * Builds the page: one HTML file that refers to no other file. Its policy allows only its own script.
 * @module
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  root: path('.'),
  configFile: false,
  logLevel: 'warn',
  build: {
    outDir: path('../dist/explain'),
    emptyOutDir: false,
    target: 'es2022',
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    rollupOptions: { input: path('page.html') },
  },
  plugins: [selfContained()],
});

/** Puts script and style into the HTML and writes the policy with their hashes. */
export function selfContained(): Plugin {
  return {
    name: 'self-contained',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const take = (suffix: string): string => {
        const found = Object.values(bundle).find(({ fileName }) => fileName.endsWith(suffix));
        if (found === undefined) throw new Error(`the build has no ${suffix}`);
        delete bundle[found.fileName];
        return (found.type === 'chunk' ? found.code : String(found.source)).trim();
      };
      // Subtle: neither may contain a text that ends its element.
      const script = take('.js').replace(/<(?=\/script|!--)/gi, '\\x3c');
      const style = take('.css');
      const html = bundle['page.html'];
      if (html?.type !== 'asset') throw new Error('the build has no page.html');
      const policy = `default-src 'none'; script-src '${hashOf(script)}'; style-src '${hashOf(style)}'; img-src data:; base-uri 'none'; form-action 'none'`;
      html.source = String(html.source)
        .replace(/<script type="module"[^>]*><\/script>\s*/, '')
        .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${style}</style>`)
        .replace('POLICY', () => policy)
        .replace('</body>', () => `<script type="module">${script}</script>\n</body>`);
      // Compressed for the package: a third of the size.
      this.emitFile({ type: 'asset', fileName: 'page.html.br', source: brotliCompressSync(html.source) });
    },
  };
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
