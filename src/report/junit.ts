/**
 * JUnit XML for continuous integration. It uses only what the schema of Jenkins' xUnit plugin (junit-10.xsd) allows, which is
 * the strictest schema. What peers sent appears in it as text only.
 * @module
 */

import { printable } from '../protocol/printable.ts';

/** One test case. It passed when it has no failure and was not skipped. */
export interface JUnitCase {
  readonly name: string;
  readonly seconds: number;
  readonly failure?: { readonly type: string; readonly message: string; readonly lines: readonly string[] } | undefined;
  /** Why it was skipped. */
  readonly skipped?: string | undefined;
}

/** A group of test cases. */
export interface JUnitSuite {
  /** With `_` in place of each dot it is also the class name of its cases: readers treat dots as package separators. */
  readonly name: string;
  readonly properties?: Readonly<Record<string, string>> | undefined;
  readonly cases: readonly JUnitCase[];
}

/**
 * The document.
 * @param name name of the whole document
 * @param unixSeconds time of the start
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

/** Number of skipped cases. The schema has this attribute for a suite, not for the whole document. */
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

/** Text for an attribute value, on one line. */
function attribute(text: string): string {
  return xmlText(text.replace(/\s+/g, ' '));
}

/** One line of text without characters that XML forbids, without invisible characters and without markup. */
export function xmlText(text: string): string {
  const visible = printable(text).replace(/[\ufffe\uffff]/g, '·');
  return visible.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
