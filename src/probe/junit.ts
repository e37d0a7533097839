/**
 * A campaign as JUnit XML, for continuous integration: a test suite for each target, a test case for the handshake and one
 * for each rule.
 * @module
 */
import { type JUnitCase, type JUnitSuite, junitDocument } from '../report/junit.ts';
import type { TargetTally } from './tally.ts';

/**
 * The XML document.
 * @param unixSeconds start of the campaign
 */
export function junitXml(tallies: readonly TargetTally[], unixSeconds: number): string {
  return junitDocument('stellar-handshake probe', tallies.map(suite), unixSeconds);
}

function suite(tally: TargetTally): JUnitSuite {
  const { remote } = tally;
  const properties = remote && { peerID: remote.peerID, versionStr: remote.versionStr, networkID: remote.networkID };
  return { name: tally.target, properties, cases: casesOf(tally) };
}

function casesOf(tally: TargetTally): JUnitCase[] {
  const { probes, lost, firstError } = tally;
  const skipped = probes === 0 ? 'interrupted before the first probe ended' : undefined;
  const handshake: JUnitCase = {
    name: 'handshake',
    seconds: tally.elapsedMs / 1000,
    skipped,
    failure: firstError && {
      type: firstError.code,
      message: `${outOf(lost, probes)}${firstError.message}`,
      lines: [firstError.advice, `${firstError.cause} (${firstError.code}, in ${firstError.stage})`],
    },
  };
  const rules = tally.rules.map(({ rule, kept, broken, detail }): JUnitCase => {
    if (broken > 0)
      return { name: rule, seconds: 0, failure: { type: rule, message: `${outOf(broken, probes)}${detail}`, lines: [detail] } };
    return { name: rule, seconds: 0, skipped: kept > 0 ? undefined : (skipped ?? detail) };
  });
  return [handshake, ...rules];
}

/** The number of failures, when there was more than one probe. */
function outOf(number: number, probes: number): string {
  return probes > 1 ? `${number} of ${probes} probes: ` : '';
}
