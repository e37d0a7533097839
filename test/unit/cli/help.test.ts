import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Severity } from '../../../src/audit/case.ts';
import type { Verdict } from '../../../src/audit/judgement.ts';
import type { CaseResult } from '../../../src/audit/result.ts';
import { verdictSentence } from '../../../src/cli/audit-text.ts';
import { EXIT_MEANING, VERB_HELP } from '../../../src/cli/examples.ts';
import { EXIT } from '../../../src/cli/exit-codes.ts';
import { type Described, verbHelp } from '../../../src/cli/help.ts';
import { refuseUnknownOptions } from '../../../src/cli/options.ts';
import { loadVerb, SUBVERBS, VERBS } from '../../../src/cli/verbs.ts';
import { callCli, type Finished, runCli } from '../../support/cli.ts';

const verbs = Object.keys({ ...VERBS, ...SUBVERBS });
const tooLong = (text: string): readonly string[] => text.split('\n').filter((line) => [...line].length > 80);
const describedVerb = async (verb: string): Promise<Described> => (await loadVerb(verb)) as unknown as Described;

describe.each(verbs)('%s --help', (verb) => {
  it('fits into 80 columns and has every option, examples and exit codes', async () => {
    const described = await describedVerb(verb);
    const text = verbHelp(verb, described);
    expect(tooLong(text)).toEqual([]);
    for (const [name, { type }] of Object.entries(described.args ?? {}))
      if (type !== 'positional') expect(text).toContain(`--${name}`);
    expect(text).toMatch(/^Usage: stellar-handshake /);
    expect(text).toMatch(/\nExamples:\n {2}stellar-handshake /);
    expect(text).toMatch(/\nExit codes:\n {2}0 {5}\w/);
    expect(text).toContain('  2     wrong usage');
  });

  it('has examples with existing options only', async () => {
    for (const [line] of VERB_HELP[verb]?.examples ?? []) {
      const words = line.split(' < ')[0]?.split(' ') ?? [];
      const subverb = words.slice(0, 2).join(' ');
      const named = Object.hasOwn(SUBVERBS, subverb)
        ? subverb
        : Object.hasOwn(VERBS, words[0] ?? '')
          ? (words[0] as string)
          : 'probe';
      expect(named.startsWith(verb.split(' ')[0] as string)).toBe(true);
      const rest = line.startsWith(named) ? words.slice(named.split(' ').length) : words;
      const { args = {} } = await describedVerb(named);
      expect(() => refuseUnknownOptions(args, rest)).not.toThrow();
    }
  });
});

describe('help', () => {
  it('exists for every verb, and names the meaning of every exit code', () => {
    expect(Object.keys(VERB_HELP).toSorted()).toEqual(verbs.toSorted());
    const meant = new Set([
      ...Object.keys(EXIT_MEANING).map(Number),
      ...Object.values(VERB_HELP).flatMap(({ exits }) => exits.map((exit) => (typeof exit === 'number' ? exit : exit[0]))),
    ]);
    expect([...meant].toSorted((a, b) => a - b)).toEqual([...new Set<number>(Object.values(EXIT))].toSorted((a, b) => a - b));
  });

  it('fits into 80 columns for the whole program', async () => {
    const { code, stdout } = await callCli(['--help']);
    expect(code).toBe(0);
    expect(tooLong(stdout)).toEqual([]);
    for (const verb of verbs) expect(stdout).toContain(`stellar-handshake ${verb}`);
  });

  it.each([
    ['probe', ['probe', '127.0.0.1', '--nope']],
    ['probe', ['127.0.0.1', '--nope']],
    ['watch', ['watch']],
    ['crawl diff', ['crawl', 'diff', 'one']],
    ['keygen', ['keygen']],
    ['audit', ['audit', '--severity', 'mild', '127.0.0.1']],
  ])('of %s is named in a usage error: %o', async (verb, args) => {
    const { code, stderr } = await callCli(args);
    expect(code).toBe(2);
    expect(stderr).toContain(`stellar-handshake ${verb} --help`);
  });
});

describe('the text of explain', () => {
  it('fits into 80 columns', async () => {
    const { code, stdout } = await callCli(['explain']);
    expect(code).toBe(0);
    expect(tooLong(stdout)).toEqual([]);
    expect(stdout).toMatch(/^ {3}shared key +[0-9a-f]{64}$/m);
  });
});

describe('colours', () => {
  const names = ['FORCE_COLOR', 'NO_COLOR'];
  beforeEach(() => names.forEach((name) => void vi.stubEnv(name, undefined)));
  afterEach(() => void vi.unstubAllEnvs());

  it.each<[Record<string, string>, boolean]>([
    [{ FORCE_COLOR: '1' }, true],
    [{ FORCE_COLOR: '' }, true],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, true],
    [{ FORCE_COLOR: '0' }, false],
    [{ FORCE_COLOR: 'false' }, false],
    [{ NO_COLOR: '1' }, false],
    [{}, false],
  ])('are printed in a pipe with %o: %s', async (env, shown) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const { stdout } = await callCli(['explain']);
    expect(stdout.includes('\u001b[')).toBe(shown);
  });

  it('are printed by a process into a pipe with FORCE_COLOR only', async () => {
    const coloured = await runCli(['explain'], { FORCE_COLOR: '1' });
    const plain = await runCli(['explain']);
    expect([coloured, plain].map(({ stdout }: Finished) => stdout.includes('\u001b['))).toEqual([true, false]);
  });
});

describe('the result sentence of an audit', () => {
  const result = (verdict: Verdict, severity: Severity = 'low', id: string = verdict): CaseResult =>
    ({ id, verdict, severity }) as CaseResult;

  it('names the number of cases and the worst failure', () => {
    const [pass, differs, fail, undecided] = [
      result('pass'),
      result('differs'),
      result('fail', 'high', 'mac-is-checked'),
      result('undecided'),
    ];
    expect(verdictSentence([pass, pass], false, true)).toBe(
      '✓ The target behaves as stellar-core does in the cases with a verdict: 2 cases pass, none fails.',
    );
    expect(verdictSentence([pass, differs, undecided], false, true)).toBe(
      '✓ The target behaves as stellar-core does in the cases with a verdict: 1 case passes, none fails. 1 differs from stellar-core without harm: see the reasons above. 1 is undecided.',
    );
    expect(verdictSentence([pass, differs, fail, result('fail', 'low')], false, true)).toBe(
      '✗ The target does not behave as stellar-core does: 2 cases fail; the worst is mac-is-checked (high). 1 differs from stellar-core without harm: see the reasons above.',
    );
    expect(verdictSentence([pass, differs], true, false)).toBe(
      '✗ The target does not behave as stellar-core does: 1 case fails; the worst is differs (low). The audit was interrupted: not all cases were played.',
    );
    expect(verdictSentence([result('not-applicable')], false, true)).toBe('? No case gave a verdict.');
  });
});
