/** The output of `audit --tap`, read by Perl's Test::Harness (prove) and by tap-parser. Node has no reader of TAP since version 20. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Parser, type Result } from 'tap-parser';
import { afterAll, describe, expect, it } from 'vitest';
import type { CaseResult } from '../../../src/audit/index.ts';
import { tapHeader, tapLine } from '../../../src/audit/tap.ts';
import { has } from '../../support/programs.ts';

const HARMLESS = 'a dash - a "quote" \'and\' another: [x] {y} ümlaut 漢 ~ | > % @ `';
const HOSTILE = 'x # TODO y # SKIP z \\# \\ \0\u001b[31m\u2028 \ud800\nnot ok 7 - no\n1..99\nBail out! # \n  ...';

const base = {
  id: 'acceptor.something',
  title: 'a title',
  group: 'framing',
  verdict: 'pass',
  severity: 'high',
  peerID: 'GABC',
  expected: HARMLESS,
  came: HARMLESS,
  source: '4.4, check 2',
  durationMs: 1,
} as unknown as CaseResult;

const results: readonly CaseResult[] = [
  base,
  { ...base, title: HOSTILE },
  { ...base, verdict: 'fail', title: HOSTILE, came: HOSTILE, expected: '---', threat: 'crash of the target' },
  { ...base, verdict: 'differs', came: '...', expected: '' },
  { ...base, verdict: 'not-applicable', came: HOSTILE },
  { ...base, verdict: 'undecided', came: '' },
  { ...base, verdict: 'fail', came: '- [] {} : yaml' },
];
const document = (list: readonly CaseResult[], isStrict = false): string =>
  `${[tapHeader(list.length), ...list.map((one, i) => tapLine(one, i + 1, isStrict))].join('\n')}\n`;

const OK = [true, true, false, true, true, true, false];
const SKIPPED = [false, false, false, false, true, true, false];

const folder = mkdtempSync(join(tmpdir(), 'tap-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Each test point as TAP::Parser reads it: number, whether it passed, whether it was skipped, as lines. */
const PERL = `use TAP::Parser; my $p = TAP::Parser->new({ source => $ARGV[0] });
while (my $r = $p->next) { printf "%d %d %d %s\\n", $r->number, $r->is_ok, $r->has_skip, $r->description if $r->is_test; print "unknown ", $r->as_string, "\\n" if $r->is_unknown; }
print "problems: ", join("; ", $p->parse_errors), "\\n";`;

describe('the TAP output', () => {
  it('is read correctly by tap-parser, with its diagnostics', () => {
    const parser = new Parser();
    const points: Result[] = [];
    const extra: string[] = [];
    parser.on('assert', (result: Result) => points.push(result));
    parser.on('extra', (line: string) => extra.push(line));
    parser.end(document(results));
    expect(parser.results?.failures.map(({ id }) => id)).toEqual([3, 7]);
    expect(parser.results).toMatchObject({ count: 7, pass: 5, fail: 2, skip: 2, todo: 0, bailout: false });
    expect(extra).toEqual([]);
    expect(points.map(({ ok }) => ok)).toEqual(OK);
    expect(points.map(({ skip }) => skip !== false)).toEqual(SKIPPED);
    expect(points.map(({ todo }) => todo)).toEqual(OK.map(() => false));
    expect(points[2]?.diag).toMatchObject({ verdict: 'fail', threat: 'crash of the target', expected: '---' });
    expect(points[3]?.diag).toMatchObject({ verdict: 'differs', came: '...', expected: '' });
    expect(points[6]?.diag).toMatchObject({ came: '- [] {} : yaml', expected: HARMLESS });
  });

  it.skipIf(!has('prove'))('is read correctly by prove', () => {
    const file = join(folder, 'all.tap');
    writeFileSync(file, document(results));
    const lines = execFileSync('perl', ['-e', PERL, file], { encoding: 'utf8' }).trimEnd().split('\n');
    expect(lines.at(-1)).toBe('problems:');
    const read = lines.slice(0, -1).map((line) => line.split(' ').slice(0, 3).join(' '));
    expect(read).toEqual(results.map((_, i) => `${i + 1} ${Number(OK[i])} ${Number(SKIPPED[i])}`));
    expect(lines[0]).toBe('1 1 0 - acceptor.something: a title');
  });

  it.skipIf(!has('prove'))('makes prove succeed when all cases pass, and fail when one case fails', () => {
    const prove = (name: string, list: readonly CaseResult[], isStrict = false): number => {
      writeFileSync(join(folder, name), document(list, isStrict));
      try {
        execFileSync('prove', ['-e', 'cat', join(folder, name)], { stdio: 'ignore' });
        return 0;
      } catch (error) {
        return (error as { status: number }).status;
      }
    };
    const passed = results.filter(({ verdict }) => verdict !== 'fail');
    expect(prove('passed.tap', passed)).toBe(0);
    expect(prove('strict.tap', passed, true)).not.toBe(0);
    expect(prove('failed.tap', results)).not.toBe(0);
  });
});
