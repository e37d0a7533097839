/**
 * Results as one self-contained page: no script, nothing loaded from anywhere, readable without colours and by a screen reader.
 * @module
 */
import { toHex } from '../protocol/bytes.ts';
import { xmlText } from '../report/junit.ts';
import { GROUPS } from './case.ts';
import type { Verdict } from './judgement.ts';
import { type CaseResult, countVerdicts } from './result.ts';
import type { TargetFacts } from './scene.ts';
import { transcriptLines } from './transcript-text.ts';

/** The facts of the page about the whole audit. */
export interface HtmlReport {
  readonly target: string;
  readonly role: 'acceptor' | 'initiator';
  /** The line with the summary. */
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
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --raised: #fff; --sunken: #f3f1eb; --ink: #1f1e1b; --quiet: #67635b; --line: #e2ded4; --link: #2d5a9b;
  --pass: #2a6b46; --fail: #b0271d; --fail-paper: #fdf2ef; --other: #7d5a10;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #17181a; --raised: #1f2023; --sunken: #121315; --ink: #e9e6df; --quiet: #a39e94; --line: #303136; --link: #8fb6ef;
    --pass: #84c79f; --fail: #ff9186; --fail-paper: #2b1c1b; --other: #d9b660;
  }
}
* { box-sizing: border-box; }
body { font: 16px/1.55 "Inter", ui-sans-serif, system-ui, -apple-system, "Segoe UI", sans-serif; margin: 0; background: var(--paper); color: var(--ink); }
main { max-width: 68rem; margin: 0 auto; padding: 3rem 1.25rem 5rem; }
h1 { font-size: 2.1rem; line-height: 1.15; letter-spacing: -.02em; margin: 0 0 .75rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; letter-spacing: -.01em; margin: 3rem 0 .75rem; }
a { color: var(--link); text-underline-offset: .2em; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.summary { max-width: 60ch; margin: 0 0 1.5rem; padding: .9rem 1.1rem; background: var(--sunken); border-left: 3px solid var(--pass); overflow-wrap: anywhere; }
.summary.fail { background: var(--fail-paper); border-color: var(--fail); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { border-bottom: 1px solid var(--line); padding: .45rem .75rem .45rem 0; text-align: left; vertical-align: top; }
thead th { color: var(--quiet); font-size: .8rem; font-weight: 500; white-space: nowrap; }
th[scope="row"] { font-weight: 500; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; }
td.none { color: var(--quiet); }
td.severity { color: var(--quiet); font-size: .85rem; }
.verdict { font-size: .85rem; font-weight: 600; white-space: nowrap; width: 9rem; }
.pass .verdict, td.number.pass { color: var(--pass); } .fail .verdict, td.number.fail { color: var(--fail); font-weight: 600; }
.differs .verdict, .undecided .verdict, td.number.differs, td.number.undecided { color: var(--other); }
.not-applicable .verdict { color: var(--quiet); }
.threat { color: var(--fail); font-size: .85rem; font-weight: 600; }
summary { cursor: pointer; overflow-wrap: anywhere; }
summary code { color: var(--quiet); margin-left: .5em; }
details[open] { padding-bottom: .5rem; }
code, pre { font: .8rem/1.5 ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace; }
pre { overflow-x: auto; background: var(--raised); border: 1px solid var(--line); border-radius: 4px; padding: .75rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; margin: .5rem 0; font-size: .9rem; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
@media (max-width: 40rem) {
  main { padding-top: 1.75rem; }
  .cases thead, .cases td.severity { display: none; }
  .cases tr, .cases td { display: block; }
  .cases td { border: 0; padding: .1rem 0; } .cases tr { border-bottom: 1px solid var(--line); padding: .5rem 0; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .4rem; }
}
`;

/** The page. Text from the target is in it only as text. */
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
<p class="summary${results.some(({ verdict }) => verdict === 'fail') ? ' fail' : ''}">${xmlText(summary)}</p>
<dl>
<dt>played</dt><dd><time datetime="${date}">${date}</time></dd>
${factRows(facts)}
</dl>
${worthALook(results)}<h2 id="overview">Overview</h2>
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
    const cells = verdicts.map((verdict) => {
      const count = counts[verdict];
      return `<td class="number ${count === 0 ? 'none' : verdict}">${count}</td>`;
    });
    return `<tr><th scope="row"><a href="#${group}">${group}</a></th>${cells.join('')}</tr>`;
  });
  const heads = verdicts.map((verdict) => `<th scope="col" class="number">${MARK[verdict]}</th>`).join('');
  return `<div class="scroll" tabindex="0" role="region" aria-label="Verdicts by group"><table>
<caption>Verdicts by group</caption>
<thead><tr><th scope="col">group</th>${heads}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table></div>`;
}

/** The cases that did not pass, the worst first, so that a reader need not search for them. */
function worthALook(results: readonly CaseResult[]): string {
  const cases = (['fail', 'differs', 'undecided'] as const).flatMap((verdict) =>
    results.filter((result) => result.verdict === verdict),
  );
  if (cases.length === 0) return '';
  const rows = cases.map(
    ({ id, title, verdict, came, threat }) => `<tr class="${verdict}">
<td class="verdict">${MARK[verdict]}</td>
<td><a href="#${xmlText(id)}">${xmlText(title)}</a>${threatText(threat)}<br><small>${xmlText(came)}</small></td>
</tr>`,
  );
  return `<h2 id="look">Worth a look</h2>
<table class="cases">
<caption>Cases that did not pass</caption>
<thead><tr><th scope="col">verdict</th><th scope="col">case, and what came</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
`;
}

function threatText(threat: CaseResult['threat']): string {
  return threat === undefined ? '' : ` <span class="threat">${threat}</span>`;
}

function groupSection(group: string, results: readonly CaseResult[]): string {
  const rows = results.filter((result) => result.group === group).map(row);
  return `<h2 id="${group}">${group}</h2>
<table class="cases">
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
      : [`<pre tabindex="0" aria-label="transcript of ${xmlText(id)}">${lines.map(xmlText).join('\n')}</pre>`]),
  ].join('\n');
  return `<tr id="${xmlText(id)}" class="${verdict}">
<td class="verdict">${MARK[verdict]}</td>
<td><details${verdict === 'fail' ? ' open' : ''}><summary>${xmlText(title)} <code>${xmlText(id)}</code>${threatText(threat)}</summary>
${details}
</details></td>
<td class="severity">${severity}</td>
</tr>`;
}
