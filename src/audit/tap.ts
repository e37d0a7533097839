/**
 * Results as TAP 13 (testanything.org), the newest that Perl's `prove` knows, and what of it newer readers take alike.
 * @module
 */
import { printable, printableJson } from '../protocol/printable.ts';
import type { CaseResult } from './result.ts';

/** The first lines. @param count so many results will follow */
export function tapHeader(count: number): string {
  return `TAP version 13\n1..${count}`;
}

/**
 * One test point. What differs is harmless and passes, what could not be judged is skipped.
 * @param number from 1
 * @param isStrict whether what differs fails
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

/** A text in one line in which TAP sees neither a directive nor an escape. */
function oneLine(text: string): string {
  return printable(text.replace(/\s+/g, ' ')).replace(/[\\#]/g, (character) => `\\${character}`);
}
