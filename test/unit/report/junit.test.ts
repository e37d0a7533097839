/** Every reader accepts the JUnit XML: junit-10.xsd of Jenkins' xUnit plugin is the strictest. */
import { describe, expect, it } from 'vitest';
import { auditJUnitXml } from '../../../src/audit/junit.ts';
import type { CaseResult } from '../../../src/audit/result.ts';
import { junitDocument } from '../../../src/report/junit.ts';
import { xmlElements } from '../../support/xml.ts';

/** The rules of junit-10.xsd for each element: required attributes, other allowed attributes, and allowed parents. */
const SCHEMA: Readonly<Record<string, { must: readonly string[]; may: readonly string[] }>> = {
  testsuites: { must: [], may: ['name', 'time', 'tests', 'failures', 'errors'] },
  testsuite: {
    must: ['name', 'tests', 'failures', 'errors'],
    may: ['time', 'skipped', 'timestamp', 'hostname', 'id', 'package'],
  },
  properties: { must: [], may: [] },
  property: { must: ['name', 'value'], may: [] },
  testcase: { must: ['name'], may: ['time', 'classname', 'group'] },
  failure: { must: [], may: ['type', 'message'] },
  skipped: { must: [], may: ['type', 'message'] },
};
/** The pattern of `time` there. */
const TIME = /^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?$/;

function expectValid(xml: string): void {
  for (const { name, attributes } of xmlElements(xml)) {
    const rule = SCHEMA[name];
    expect(rule, name).toBeDefined();
    const names = Object.keys(attributes);
    expect(names).toEqual(expect.arrayContaining([...(rule?.must ?? [])]));
    expect([...(rule?.must ?? []), ...(rule?.may ?? [])]).toEqual(expect.arrayContaining(names));
    if (attributes.time !== undefined) expect(attributes.time).toMatch(TIME);
  }
}

const cases = [
  { name: 'passed', seconds: 12_345.678 },
  { name: 'skipped', seconds: 0, skipped: 'interrupted' },
  { name: 'failed', seconds: 0.25, failure: { type: 'T', message: '<"&\'>\0', lines: ['a', ']]>'] } },
];

describe('the JUnit XML', () => {
  it('is valid for the schema of Jenkins’ xUnit plugin', () => {
    expectValid(
      junitDocument(
        'all',
        [
          { name: 'one', properties: { peerID: 'G' }, cases },
          { name: 'none', cases: [] },
        ],
        1.7e9,
      ),
    );
  });

  it('is valid for an audit as well', () => {
    const base = { id: 'a', title: 't', group: 'conduct', severity: 'high', expected: 'e', came: 'c', durationMs: 1 };
    const results = (['pass', 'fail', 'differs', 'undecided', 'not-applicable'] as const).map((verdict) => ({
      ...base,
      verdict,
    }));
    expectValid(auditJUnitXml('127.0.0.1:1', results as unknown as readonly CaseResult[], 1.7e9, true));
  });

  it('counts skipped cases in each suite', () => {
    const elements = xmlElements(junitDocument('all', [{ name: 'one', cases }], 1.7e9));
    expect(elements[0]?.attributes).toEqual({ name: 'all', tests: '3', failures: '1', errors: '0', time: '12345.928' });
    expect(elements[1]?.attributes).toMatchObject({ tests: '3', failures: '1', errors: '0', skipped: '1' });
  });

  it('has a class name and a time in each case', () => {
    const elements = xmlElements(junitDocument('all', [{ name: 'one', cases }], 1.7e9));
    const shown = elements.filter(({ name }) => name === 'testcase');
    expect(shown).toHaveLength(cases.length);
    for (const { attributes } of shown) {
      expect(attributes.classname).toBe('one');
      expect(attributes.time).toMatch(/^\d+\.\d{3}$/);
    }
  });
});
