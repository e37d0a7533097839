/**
 * JUnit XML, as continuous integration reads it: nothing that the schema of Jenkins' xUnit plugin (junit-10.xsd), the
 * strictest there is, does not have. What peers have said stands in it as text only.
 * @module
 */

import { printable } from '../protocol/printable.ts';

/** One test case; without a failure and not skipped it has passed. */
export interface JUnitCase {
  readonly name: string;
  readonly seconds: number;
  readonly failure?: { readonly type: string; readonly message: string; readonly lines: readonly string[] } | undefined;
  /** Why it was not tried. */
  readonly skipped?: string | undefined;
}

/** Test cases that belong together. */
export interface JUnitSuite {
  /** With `_` for each dot also the class name of its cases: readers take dots for packages. */
  readonly name: string;
  readonly properties?: Readonly<Record<string, string>> | undefined;
  readonly cases: readonly JUnitCase[];
}

/**
 * The document.
 * @param name of the whole
 * @param unixSeconds when it began
 */
export function junitDocument(name: string, suites: readonly JUnitSuite[], unixSeconds: number): string {
  const timestamp = new Date(unixSeconds * 1000).toISOString().slice(0, 19);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${attribute(name)}" ${counts(suites.flatMap(({ cases }) => cases))}>`,
    ...suites.map((one) => suite(one, timestamp)),
    '</testsuites>',
    '',
  ].join('\n');
}

function suite({ name, properties = {}, cases }: JUnitSuite, timestamp: string): string {
  const lines = Object.entries(properties).map(
    ([property, value]) => `      <property name="${attribute(property)}" value="${attribute(value)}"/>`,
  );
  return [
    `  <testsuite name="${attribute(name)}" timestamp="${timestamp}" ${counts(cases)} skipped="${skippedOf(cases)}">`,
    ...(lines.length === 0 ? [] : ['    <properties>', ...lines, '    </properties>']),
    ...cases.map((one) => testCase(name, one)),
    '  </testsuite>',
  ].join('\n');
}

function counts(cases: readonly JUnitCase[]): string {
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const seconds = cases.reduce((sum, one) => sum + one.seconds, 0);
  return `tests="${cases.length}" failures="${failures}" errors="0" time="${seconds.toFixed(3)}"`;
}

/** How many were not tried. The schema knows it of a suite, not of the whole. */
function skippedOf(cases: readonly JUnitCase[]): number {
  return cases.filter(({ skipped }) => skipped !== undefined).length;
}

function testCase(suiteName: string, { name, seconds, failure, skipped }: JUnitCase): string {
  const className = suiteName.replaceAll('.', '_');
  const start = `    <testcase classname="${attribute(className)}" name="${attribute(name)}" time="${seconds.toFixed(3)}"`;
  if (skipped !== undefined) return `${start}>\n      <skipped message="${attribute(skipped)}"/>\n    </testcase>`;
  if (failure === undefined) return `${start}/>`;
  const { type, message, lines } = failure;
  return [
    `${start}>`,
    `      <failure type="${attribute(type)}" message="${attribute(message)}">${lines.map(xmlText).join('\n')}</failure>`,
    '    </testcase>',
  ].join('\n');
}

/** Text between quotes, in one line. */
function attribute(text: string): string {
  return xmlText(text.replace(/\s+/g, ' '));
}

/** One line of text with no character that XML forbids, none that is invisible, and nothing that is markup. */
export function xmlText(text: string): string {
  const visible = printable(text).replace(/[\ufffe\uffff]/g, '·');
  return visible.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
