/**
 * Writes the man page and the completions of the command line, from the definitions that `--help` shows.
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { type CliDocs, cliDocs } from './support/cli-docs.ts';

const FILES: Readonly<Record<keyof CliDocs, string>> = {
  man: 'man/stellar-handshake.1.gz',
  bash: 'completions/stellar-handshake.bash',
  zsh: 'completions/_stellar-handshake',
  fish: 'completions/stellar-handshake.fish',
};

const docs = await cliDocs();
for (const [kind, path] of Object.entries(FILES)) {
  const target = new URL(`../dist/${path}`, import.meta.url);
  mkdirSync(new URL('.', target), { recursive: true });
  const text = docs[kind as keyof CliDocs];
  writeFileSync(target, path.endsWith('.gz') ? gzipSync(text, { level: 9 }) : text);
}
