/**
 * Results as one self-contained page: no script, nothing loaded from anywhere, readable without colours and by a screen reader.
 * @module
 */
import { toHex } from '../../protocol/bytes.ts';
import { xmlText } from '../junit.ts';
import { GROUPS } from './case.ts';
import { type CaseResult, countVerdicts, type Verdict } from './result.ts';
import type { TargetFacts } from './scene.ts';
import { transcriptLines } from './transcript-text.ts';

/** What the page says of the audit as a whole. */
export interface HtmlReport {
  readonly target: string;
  readonly role: 'acceptor' | 'initiator';
  /** The line that sums everything up. */
  readonly summary: string;
  readonly facts: TargetFacts | undefined;
  readonly unixSeconds: number;
}

const MARK: Readonly<Record<Verdict, string>> = {
  pass: '✓ pass',
  differs: '≈ differs',
  fail: '✗ fail',
  'not-applicable': '– not applicable',
  undecided: '? undecided',
};

const STYLE = `
:root { color-scheme: light dark; --line: #8886; --pass: #1a7f37; --fail: #c62828; --other: #8a6100; }
@media (prefers-color-scheme: dark) { :root { --pass: #4cc38a; --fail: #ff7b72; --other: #e3b341; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: 600; padding: .5rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .6rem; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.verdict { font-weight: 600; white-space: nowrap; }
.pass .verdict { color: var(--pass); } .fail .verdict { color: var(--fail); }
.differs .verdict, .undecided .verdict { color: var(--other); }
.threat { color: var(--fail); font-weight: 700; text-transform: uppercase; }
code, pre { font: .85rem/1.4 ui-monospace, monospace; }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .6rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
`;

/** The page. What the target has said stands in it as text only. */
export function auditHtml(report: HtmlReport, results: readonly CaseResult[]): string {
  const { target, role, summary, facts, unixSeconds } = report;
  const groups = GROUPS.filter((group) => results.some((result) => result.group === group));
  const date = new Date(unixSeconds * 1000).toISOString().replace(/\.\d+Z/, 'Z');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Audit of ${xmlText(target)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Audit of ${xmlText(target)} as ${role}</h1>
<p>${xmlText(summary)}</p>
<dl>
<dt>played</dt><dd><time datetime="${date}">${date}</time></dd>
${factRows(facts)}
</dl>
<h2 id="overview">Overview</h2>
${overview(groups, results)}
${groups.map((group) => groupSection(group, results)).join('\n')}
</main>
</body>
</html>
`;
}

function factRows(facts: TargetFacts | undefined): string {
  if (facts === undefined) return '';
  const { hello, closingMs, handshakeMs } = facts;
  const rows = {
    peerID: hello.peerID,
    version: hello.versionStr,
    overlay: `${hello.overlayMinVersion} to ${hello.overlayVersion}`,
    networkID: toHex(hello.networkID),
    handshake: `${handshakeMs.toFixed(1)} ms`,
    ...(closingMs !== undefined && { 'closes after': `${closingMs.toFixed(0)} ms` }),
  };
  return Object.entries(rows)
    .map(([name, value]) => `<dt>${name}</dt><dd>${xmlText(value)}</dd>`)
    .join('\n');
}

function overview(groups: readonly string[], results: readonly CaseResult[]): string {
  const verdicts = Object.keys(MARK) as Verdict[];
  const rows = groups.map((group) => {
    const counts = countVerdicts(results.filter((result) => result.group === group));
    const cells = verdicts.map((verdict) => `<td class="number">${counts[verdict]}</td>`).join('');
    return `<tr><th scope="row"><a href="#${group}">${group}</a></th>${cells}</tr>`;
  });
  const heads = verdicts.map((verdict) => `<th scope="col">${MARK[verdict]}</th>`).join('');
  return `<table>
<caption>Verdicts by group</caption>
<thead><tr><th scope="col">group</th>${heads}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`;
}

function groupSection(group: string, results: readonly CaseResult[]): string {
  const rows = results.filter((result) => result.group === group).map(row);
  return `<h2 id="${group}">${group}</h2>
<table>
<caption>Cases of ${group}</caption>
<thead><tr><th scope="col">verdict</th><th scope="col">case</th><th scope="col">severity</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`;
}

function row(result: CaseResult): string {
  const { id, title, verdict, severity, why, source, steps, expected, came, threat, transcript = [] } = result;
  const lines = [...transcriptLines(transcript)];
  const details = [
    `<p>${xmlText(why)} <small>(protocol.md section ${xmlText(source)})</small></p>`,
    `<dl><dt>done</dt><dd>${xmlText(steps.join('; '))}</dd><dt>expected</dt><dd>${xmlText(expected)}</dd><dt>came</dt><dd>${xmlText(came)}</dd></dl>`,
    ...(lines.length === 0
      ? []
      : [`<pre tabindex="0" aria-label="transcript of ${xmlText(id)}">${xmlText(lines.join('\n'))}</pre>`]),
  ].join('\n');
  return `<tr id="${xmlText(id)}" class="${verdict}">
<td class="verdict">${MARK[verdict]}</td>
<td><details${verdict === 'fail' ? ' open' : ''}><summary>${xmlText(title)} <code>${xmlText(id)}</code>${threat === undefined ? '' : ` <span class="threat">${threat}</span>`}</summary>
${details}
</details></td>
<td>${severity}</td>
</tr>`;
}
