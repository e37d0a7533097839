/**
 * A campaign as JUnit XML, for continuous integration: a test suite for each target, a test case for the handshake and one
 * for each rule.
 * @module
 */
import type { TargetTally } from './tally.ts';

/** One test case; without a fault and not skipped it has passed. */
interface Case {
  readonly name: string;
  readonly seconds: number;
  readonly failure?: { readonly type: string; readonly message: string; readonly text: string } | undefined;
  readonly skipped?: string | undefined;
}

/**
 * The XML document. What peers have said stands in it as text only.
 * @param unixSeconds when the campaign began
 */
export function junitXml(tallies: readonly TargetTally[], unixSeconds: number): string {
  const timestamp = new Date(unixSeconds * 1000).toISOString().slice(0, 19);
  const suites = tallies.map((tally) => suite(tally, timestamp));
  const cases = tallies.flatMap(casesOf);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="stellar-handshake probe" ${counts(cases)}>`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}

function suite(tally: TargetTally, timestamp: string): string {
  const cases = casesOf(tally);
  const { remote } = tally;
  const properties = remote && { peerID: remote.peerID, versionStr: remote.versionStr, networkID: remote.networkID };
  return [
    `  <testsuite name="${attribute(tally.target)}" timestamp="${timestamp}" ${counts(cases)}>`,
    ...(properties === undefined
      ? []
      : [
          '    <properties>',
          ...Object.entries(properties).map(
            ([name, value]) => `      <property name="${attribute(name)}" value="${attribute(value)}"/>`,
          ),
          '    </properties>',
        ]),
    ...cases.map((one) => testCase(tally.target, one)),
    '  </testsuite>',
  ].join('\n');
}

function casesOf(tally: TargetTally): Case[] {
  const { probes, lost, firstError } = tally;
  const skipped = probes === 0 ? 'interrupted before the first probe was over' : undefined;
  const handshake: Case = {
    name: 'handshake',
    seconds: tally.elapsedMs / 1000,
    skipped,
    failure: firstError && {
      type: firstError.code,
      message: `${outOf(lost, probes)}${firstError.message}`,
      text: `${firstError.advice}\n${firstError.cause} (${firstError.code}, in ${firstError.stage})`,
    },
  };
  const rules = tally.rules.map(({ rule, kept, broken, detail }): Case => {
    if (broken > 0)
      return { name: rule, seconds: 0, failure: { type: rule, message: `${outOf(broken, probes)}${detail}`, text: detail } };
    return { name: rule, seconds: 0, skipped: kept > 0 ? undefined : (skipped ?? detail) };
  });
  return [handshake, ...rules];
}

/** How many, when there was more than one. */
function outOf(number: number, probes: number): string {
  return probes > 1 ? `${number} of ${probes} probes: ` : '';
}

function counts(cases: readonly Case[]): string {
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const skipped = cases.filter((one) => one.skipped !== undefined).length;
  const seconds = cases.reduce((sum, one) => sum + one.seconds, 0);
  return `tests="${cases.length}" failures="${failures}" errors="0" skipped="${skipped}" time="${seconds.toFixed(3)}"`;
}

function testCase(target: string, { name, seconds, failure, skipped }: Case): string {
  const start = `    <testcase classname="${attribute(target)}" name="${attribute(name)}" time="${seconds.toFixed(3)}"`;
  if (skipped !== undefined) return `${start}>\n      <skipped message="${attribute(skipped)}"/>\n    </testcase>`;
  if (failure === undefined) return `${start}/>`;
  const { type, message, text } = failure;
  return [
    `${start}>`,
    `      <failure type="${attribute(type)}" message="${attribute(message)}">${xmlText(text)}</failure>`,
    '    </testcase>',
  ].join('\n');
}

/** Text between quotes, in one line. */
function attribute(text: string): string {
  return xmlText(text.replace(/\s+/g, ' '));
}

/** Text with no character that XML forbids, none that is invisible, and nothing that is markup. */
function xmlText(text: string): string {
  const visible = text.replace(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffe\uffff]/gu, '');
  return visible.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
