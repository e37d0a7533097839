/**
 * Results as JUnit XML: a suite for each group, a test case for each case.
 * @module
 */
import { type JUnitCase, junitDocument } from '../report/junit.ts';
import { GROUPS } from './case.ts';
import type { CaseResult } from './result.ts';
import { transcriptLines } from './transcript-text.ts';

/**
 * The XML document.
 * @param target the audited node
 * @param unixSeconds start of the audit
 * @param isStrict whether `differs` counts as failed
 */
export function auditJUnitXml(target: string, results: readonly CaseResult[], unixSeconds: number, isStrict = false): string {
  const suites = GROUPS.map((group) => ({
    name: `${target} ${group}`,
    cases: results.filter((result) => result.group === group).map((result) => testCase(result, isStrict)),
  }));
  const played = suites.filter(({ cases }) => cases.length > 0);
  return junitDocument('stellar-handshake audit', played, unixSeconds);
}

function testCase(result: CaseResult, isStrict: boolean): JUnitCase {
  const { id, title, verdict, severity, peerID, threat, expected, came, durationMs, transcript = [] } = result;
  const base = { name: `${id}: ${title}`, seconds: durationMs / 1000 };
  if (verdict === 'not-applicable' || verdict === 'undecided') return { ...base, skipped: `${verdict}: ${came}` };
  if (verdict === 'pass' || (verdict === 'differs' && !isStrict)) return base;
  const lines = [`peerID: ${peerID}`, `expected: ${expected}`, `came: ${came}`, '', ...transcriptLines(transcript)];
  return { ...base, failure: { type: threat ?? (verdict === 'differs' ? 'differs' : severity), message: came, lines } };
}
