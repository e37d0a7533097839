import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cliDocs } from '../../../scripts/support/cli-docs.ts';
import { VERBS } from '../../../src/cli/verbs.ts';
import { runCli } from '../../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'cli-docs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const docs = await cliDocs();
const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

/** What bash offers for a line; the last word is the one to be completed. */
function completed(line: readonly string[]): readonly string[] {
  const path = file('bash', docs.bash);
  const words = line.map((word) => `'${word}'`).join(' ');
  const script = `source ${path}; COMP_WORDS=(${words}); COMP_CWORD=${line.length - 1}; _stellar_handshake; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\n').filter(Boolean);
}

describe('man page and completions', () => {
  it('name every verb, and every option that the help of the verb names', async () => {
    for (const verb of Object.keys(VERBS)) {
      const { stdout } = await runCli([verb, '--help']);
      const options = [...stdout.matchAll(/^ *(?:-\w, ?)?(--[a-z][a-z0-9-]+)/gm)].map(([, option]) => option as string);
      expect(options.length).toBeGreaterThan(0);
      expect(docs.man).toContain(`"${verb}`);
      for (const option of options.filter((option) => option !== '--help' && !options.includes(`--no-${option.slice(2)}`))) {
        expect(docs.man).toContain(`\\fB${option.replaceAll('-', '\\-')}\\fR`);
        expect(completed(['stellar-handshake', verb, option])).toContain(option);
        expect(docs.zsh).toContain(`'*${option}[`);
        expect(docs.fish).toContain(` -l ${option.slice(2)} `);
      }
    }
  });

  it('bash offers verbs first, options of the verb behind it, and names of networks', () => {
    expect(completed(['stellar-handshake', 'pr'])).toEqual(['probe']);
    expect(completed(['stellar-handshake', 'keygen', '--jun'])).toEqual([]);
    expect(completed(['stellar-handshake', 'probe', '--jun'])).toEqual(['--junit']);
    expect(completed(['stellar-handshake', 'core.example.org', '--jun'])).toEqual(['--junit']);
    expect(completed(['stellar-handshake', 'watch', '--network', 't'])).toEqual(['testnet']);
    expect(completed(['stellar-handshake', 'probe', '--count', ''])).toEqual([]);
  });

  it.skipIf(!has('zsh'))('zsh understands them (zsh)', () => {
    expect(spawnSync('zsh', ['-n', file('_stellar-handshake', docs.zsh)], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  it.skipIf(!has('fish'))('fish offers them (fish)', () => {
    const script = `source ${file('a.fish', docs.fish)}; complete -C 'stellar-handshake probe --jun'`;
    expect(spawnSync('fish', ['-c', script], { encoding: 'utf8' }).stdout).toContain('--junit');
  });

  it.skipIf(!has('mandoc'))('the man page has no mistake (mandoc)', () => {
    const { stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'error', file('a.1', docs.man)], { encoding: 'utf8' });
    expect(stdout).toBe('');
  });
});
