/**
 * Results of an audit, as text for people.
 * @module
 */
import { type AuditCase, GROUPS, roleName, SEVERITIES } from '../audit/case.ts';
import type { Verdict } from '../audit/judgement.ts';
import { type CaseResult, countVerdicts } from '../audit/result.ts';
import type { TargetFacts } from '../audit/scene.ts';
import { transcriptLines } from '../audit/transcript-text.ts';
import { adaptedRangeText, DEFAULT_OVERLAY_RANGE, sharesVersion } from '../protocol/handshake/overlay-range.ts';
import { type Output, printable } from './output.ts';

const MARK: Readonly<Record<Verdict, readonly [style: 'green' | 'yellow' | 'red' | 'dim', mark: string]>> = {
  pass: ['green', '✓'],
  differs: ['yellow', '≈'],
  fail: ['red', '✗'],
  'not-applicable': ['dim', '–'],
  undecided: ['yellow', '?'],
};

/** Prints the facts about the target. */
export function printFacts(
  target: string,
  { hello, overlayRange, hasSlot, answersPings, handshakeMs }: TargetFacts,
  out: Output,
): void {
  const versions = `overlay ${hello.overlayMinVersion} to ${hello.overlayVersion}, ledger protocol ${hello.ledgerVersion}`;
  out.line(`${out.style('bold', target)} is ${hello.peerID} (${printable(hello.versionStr)}, ${versions})`);
  const notes = [`an honest handshake takes ${handshakeMs.toFixed(1)} ms`];
  if (!hasSlot) notes.push('it has no free slot: cases that need one are not applicable');
  if (answersPings === false) notes.push('it does not answer pings');
  out.line(out.style('dim', `  ${notes.join('; ')}`));
  const adapted = sharesVersion(DEFAULT_OVERLAY_RANGE, hello) ? undefined : adaptedRangeText(overlayRange);
  if (adapted !== undefined) out.line(out.style('dim', `  ${adapted}`));
}

/** Prints one line, and below it the expected and the actual behaviour if the case did not pass. */
export function printCase(result: CaseResult, out: Output): void {
  const { id, title, verdict, severity, expected, came, threat } = result;
  const [style, mark] = MARK[verdict];
  const label =
    threat !== undefined ? out.style(['bold', 'red'], ` ${threat.toUpperCase()}`) : verdict === 'fail' ? ` ${severity}` : '';
  out.line(`${out.style(style, mark)} ${out.style('dim', id)}  ${title}${label}`);
  if (verdict === 'pass') return;
  if (verdict === 'fail' || verdict === 'differs') out.line(`    expected  ${expected}`);
  out.line(`    ${verdict === 'fail' || verdict === 'differs' ? 'came      ' : ''}${printable(came)}`);
  if (verdict === 'differs') printReason(result, out);
}

/** Prints the reason of a case and its section. */
function printReason({ id, why, source }: CaseResult, out: Output): void {
  out.line(`    why       ${why} (protocol.md section ${source}; docs/conformance.md#${id.replace(/^\w+\./, '')})`);
}

/** Prints a failure with its transcript. */
export function printFailedCase(result: CaseResult, out: Output): void {
  printCase(result, out);
  printReason(result, out);
  for (const line of transcriptLines(result.transcript ?? [])) out.line(out.style('dim', `    ${printable(line)}`));
}

/** Prints the cases that are not applicable, by reason. */
export function printNotApplicable(results: readonly CaseResult[], out: Output): void {
  const reasons = new Map<string, string[]>();
  for (const { id, verdict, came } of results)
    if (verdict === 'not-applicable') reasons.set(came, [...(reasons.get(came) ?? []), id]);
  for (const [reason, ids] of reasons) {
    const which = ids.length > 3 ? `${ids.length} cases` : ids.join(', ');
    out.line(`${out.style('dim', '–')} ${which} not applicable: ${printable(reason)}`);
  }
}

/**
 * The summary of all results in one sentence.
 * @param isStrict whether cases that differ count as failed
 * @param isComplete whether every case was played
 */
export function verdictSentence(results: readonly CaseResult[], isStrict: boolean, isComplete: boolean): string {
  const { pass, differs, fail, undecided } = countVerdicts(results);
  const rest = [
    differs > 0 && !isStrict && `${counted(differs, 'differs', 'differ')} from stellar-core without harm: see the reasons above.`,
    undecided > 0 && `${counted(undecided, 'is', 'are')} undecided.`,
    !isComplete && 'The audit was interrupted: not all cases were played.',
  ].filter((sentence) => sentence !== false);
  const failed = results.filter(({ verdict }) => verdict === 'fail' || (isStrict && verdict === 'differs'));
  const [worst] = failed.toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  const sentence =
    worst !== undefined
      ? `✗ The target does not behave as stellar-core does: ${counted(isStrict ? fail + differs : fail, 'case fails', 'cases fail')}; the worst is ${worst.id} (${worst.severity}).`
      : pass + differs === 0
        ? '? No case gave a verdict.'
        : `✓ The target behaves as stellar-core does in the cases with a verdict: ${counted(pass, 'case passes', 'cases pass')}, none fails.`;
  return [sentence, ...rest].join(' ');
}

function counted(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** Prints a table: for each group the number of each verdict. */
export function printAuditTable(results: readonly CaseResult[], out: Output): void {
  const groups = GROUPS.filter((group) => results.some((result) => result.group === group));
  const rows = groups.map((group) => ({ group, ...countVerdicts(results.filter((result) => result.group === group)) }));
  const columns = ['pass', 'differs', 'fail', 'not-applicable', 'undecided'] as const;
  const width = Math.max(...groups.map(({ length }) => length));
  out.line('');
  out.line(out.style('dim', `  ${''.padEnd(width)}  ${columns.join('  ')}`));
  for (const row of rows) {
    const cells = columns.map((column) => {
      const cell = (row[column] === 0 ? '·' : String(row[column])).padStart(column.length);
      return row[column] === 0 ? out.style('dim', cell) : out.style(MARK[column][0], cell);
    });
    out.line(`  ${row.group.padEnd(width)}  ${cells.join('  ')}`);
  }
}

/** The output of `--list`: the cases by role and group, each with its reason. */
export function printCaseList(cases: readonly AuditCase[], out: Output): void {
  for (const { id, title, severity, role, group, why, source, hostile, slow } of cases) {
    const needs = [hostile && '--hostile', slow && '--slow'].filter((flag) => flag).join(' ');
    out.line(`${out.style('bold', id)}  ${title}`);
    out.line(
      out.style(
        'dim',
        `    ${roleName(role)}, ${group}, ${severity}, protocol.md section ${source}${needs && `, needs ${needs}`}`,
      ),
    );
    out.line(`    ${why}`);
  }
}
