/**
 * Results as TAP 13 (testanything.org), the newest version that Perl's `prove` reads, in a form that newer readers read in the same way.
 * @module
 */
import { printable, printableJson } from '../protocol/printable.ts';
import type { CaseResult } from './result.ts';

/** The first lines. @param count number of results that follow */
export function tapHeader(count: number): string {
  return `TAP version 13\n1..${count}`;
}

/**
 * One test point. `differs` is harmless and passes. A case without a verdict is skipped.
 * @param number from 1
 * @param isStrict whether `differs` fails
 */
export function tapLine(result: CaseResult, number: number, isStrict = false): string {
  const { id, title, verdict, severity, peerID, expected, came, threat, source } = result;
  const isOk = verdict !== 'fail' && !(isStrict && verdict === 'differs');
  const skip = verdict === 'not-applicable' || verdict === 'undecided' ? ` # SKIP ${verdict}: ${oneLine(came)}` : '';
  const point = `${isOk ? 'ok' : 'not ok'} ${number} - ${oneLine(`${id}: ${title}`)}${skip}`;
  if (verdict === 'pass' || skip !== '') return point;
  const facts = {
    verdict,
    severity,
    ...(peerID !== undefined && { peerID }),
    ...(threat !== undefined && { threat }),
    expected,
    came,
    source: `protocol.md section ${source}`,
  };
  const yaml = Object.entries(facts).map(([name, value]) => `  ${name}: ${printableJson(value)}`);
  return [point, '  ---', ...yaml, '  ...'].join('\n');
}

/** A text in one line without a directive or an escape of TAP. */
function oneLine(text: string): string {
  return printable(text.replace(/\s+/g, ' ')).replace(/[\\#]/g, (character) => `\\${character}`);
}
