import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cliDocs } from '../../../scripts/support/cli-docs.ts';
import { VERBS } from '../../../src/cli/verbs.ts';
import { callCli } from '../../support/cli.ts';
import { has } from '../../support/programs.ts';

const folder = mkdtempSync(join(tmpdir(), 'cli-docs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const docs = await cliDocs();
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const bash = file('bash', docs.bash);

/** What bash offers for each line; the last word of a line is the one to complete. */
function completed(...lines: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const asks = lines.map((line) => {
    const words = line.map((word) => `'${word}'`).join(' ');
    return `COMP_WORDS=(${words}); COMP_CWORD=${line.length - 1}; COMPREPLY=(); _stellar_handshake; echo "\${COMPREPLY[@]}"`;
  });
  const { stdout, stderr } = spawnSync('bash', ['-c', [`source ${bash}`, ...asks].join('\n')], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout
    .split('\n')
    .slice(0, lines.length)
    .map((line) => line.split(' ').filter(Boolean));
}

describe('the man page and the completions', () => {
  it('name every verb, and every option of its help', async () => {
    for (const verb of Object.keys(VERBS)) {
      const { stdout } = await callCli([verb, '--help']);
      const options = [...stdout.matchAll(/^ *(?:-\w, ?)?(--[a-z][a-z0-9-]+)/gm)].map(([, option]) => option as string);
      expect(options.length).toBeGreaterThan(0);
      expect(docs.man).toContain(`"${verb}`);
      const named = options.filter((option) => option !== '--help' && !options.includes(`--no-${option.slice(2)}`));
      const offered = completed(...named.map((option) => ['stellar-handshake', verb, option]));
      for (const [i, option] of named.entries()) {
        expect(docs.man).toContain(`\\fB${option.replaceAll('-', '\\-')}\\fR`);
        expect(offered[i]).toContain(option);
        expect(docs.zsh).toContain(`'*${option}[`);
        expect(docs.fish).toContain(` -l ${option.slice(2)} `);
      }
    }
  });

  it('complete verbs, options of the verb and names of networks in bash', () => {
    const lines = {
      pr: ['probe'],
      'keygen --jun': [],
      'probe --jun': ['--junit'],
      'core.example.org --jun': ['--junit'],
      'watch --network t': ['testnet'],
      'probe --count ': [],
    };
    const asked = Object.keys(lines).map((line) => ['stellar-handshake', ...line.split(' ')]);
    expect(completed(...asked)).toEqual(Object.values(lines));
  });

  it.skipIf(!has('zsh'))('have correct syntax in zsh (needs zsh)', () => {
    expect(spawnSync('zsh', ['-n', file('_stellar-handshake', docs.zsh)], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  it.skipIf(!has('fish'))('complete verbs and options in fish (needs fish)', () => {
    const path = file('a.fish', docs.fish);
    const completed = (line: string): string =>
      spawnSync('fish', ['-c', `source ${path}; complete -C 'stellar-handshake ${line}'`], { encoding: 'utf8' }).stdout;
    for (const verb of ['probe', 'audit']) expect(completed(`${verb} --jun`)).toContain('--junit');
    expect(completed('watch --jun')).toBe('');
    for (const verb of ['probe', 'watch', 'submit']) expect(completed(`${verb} --network test`)).toContain('testnet');
    expect(completed('ex')).toMatch(/^explain\t.*\nexporter\t/s);
  });

  it.skipIf(!has('mandoc'))('have no error in the man page (needs mandoc)', () => {
    const { stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'error', file('a.1', docs.man)], { encoding: 'utf8' });
    expect(stdout).toBe('');
  });
});
