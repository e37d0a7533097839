/**
 * Makes the list of cases in docs/conformance.md from the registry of the audit. The text above and below it stays.
 * A test keeps the two equal; run `npm run docs` after a change.
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { type AuditCase, CASES, GROUPS } from '../src/audit/index.ts';

/** Where the document is. */
export const CONFORMANCE_DOC: URL = new URL('../docs/conformance.md', import.meta.url);

const BEGIN = '<!-- cases: made by scripts/conformance-doc.ts -->\n';
const END = '<!-- end of cases -->';

/** The document with the list from the registry. */
export function conformanceDocument(text: string): string {
  const [before, rest] = text.split(BEGIN);
  const after = rest?.slice(rest.indexOf(END));
  if (before === undefined || after === undefined)
    throw new Error('docs/conformance.md has lost the marks around its list of cases');
  return `${before}${BEGIN}${caseList()}${after}`;
}

/** Cases of the same name for both roles are one entry. */
function caseList(): string {
  const names = new Map<string, AuditCase[]>();
  for (const one of CASES) {
    const name = `${one.group} ${nameOf(one)}`;
    names.set(name, [...(names.get(name) ?? []), one]);
  }
  const count = (role: AuditCase['role']): number => CASES.filter((one) => one.role === role).length;
  const sections = GROUPS.map((group) =>
    section(
      group,
      [...names.values()].filter(([first]) => first?.group === group),
    ),
  );
  return `
${count('REMOTE_CALLED_US')} cases for a target that accepts (acceptor), ${count('WE_CALLED_REMOTE')} for one that dials (initiator).

${sections.join('\n')}
`;
}

function section(group: string, cases: readonly (readonly AuditCase[])[]): string {
  return `### ${group}\n\n${cases.map(entry).join('\n')}`;
}

function entry(cases: readonly AuditCase[]): string {
  const [one] = cases as readonly [AuditCase];
  const { title, why, source, severity, steps, expect, threat, hostile, slow } = one;
  const roles = cases.map(({ id }) => id.slice(0, id.indexOf('.'))).join(', ');
  const needs = [hostile && 'only with `--hostile`', slow && 'only with `--slow`'].filter(
    (text) => text !== undefined && text !== false,
  );
  const facts = [roles, severity, ...(threat === undefined ? [] : [`**${threat}**`]), ...needs, `section ${source}`];
  return `#### ${nameOf(one)}

${sentence(title)} (${facts.join(', ')}) ${why}

* done: ${escaped(steps.map(({ text }) => text).join('; '))}
* expected: ${escaped(expect.text)}
`;
}

function nameOf({ id }: AuditCase): string {
  return id.slice(id.indexOf('.') + 1);
}

function sentence(title: string): string {
  return `${title.charAt(0).toUpperCase()}${title.slice(1)}.`;
}

function escaped(text: string): string {
  return text.replace(/[<>|*_]/g, (character) => `\\${character}`);
}

if (process.argv[1] === import.meta.filename)
  writeFileSync(CONFORMANCE_DOC, conformanceDocument(readFileSync(CONFORMANCE_DOC, 'utf8')));
