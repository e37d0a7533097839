/**
 * What probes found, as text for people.
 * @module
 */
import type { OverlayErrorJson } from '../protocol/errors.ts';
import type { ClockSkew } from '../tools/json.ts';
import type { TimedResult } from '../tools/probe/first-message.ts';
import type { Verdict } from '../tools/probe/policy.ts';
import type { TargetTally } from '../tools/probe/tally.ts';
import { formatMs, formatSeconds, type Output, printable } from './output.ts';

/** The only result there is: everything it tells. */
export function printResult(result: TimedResult, verdicts: readonly Verdict[], out: Output): void {
  const { target, remote, timings, clockSkew, error, warnings = [] } = result;
  const dim = (text: string): string => out.style('dim', text);
  const row = (label: string, text: string): void => out.line(`  ${dim(label.padEnd(12))}${text}`);
  if (error) printFailure(target, error, out);
  else out.line(`${out.style('green', '✓')} ${out.style('bold', target)} answers and takes us in`);
  if (remote) {
    row('peer', `${remote.peerID}  ${printable(remote.versionStr)}`);
    row('network', remote.network ?? remote.networkID);
    row('speaks', `overlay ${remote.overlayMinVersion} to ${remote.overlayVersion}, ledger protocol ${remote.ledgerVersion}`);
    row('listens', `port ${remote.listeningPort}`);
    row('certificate', `until ${remote.certExpiration}`);
  }
  if (clockSkew)
    row('its clock', `between ${formatSeconds(clockSkew.minSeconds)} and ${formatSeconds(clockSkew.maxSeconds)} of ours`);
  if (timings) row('time', formatTimings(timings, dim));
  for (const warning of warnings) out.line(`  ${out.style('yellow', '!')} ${warning}`);
  for (const verdict of remote ? verdicts : []) printVerdict(verdict, out);
}

/** The cause and what to do, in the first two lines. */
export function printFailure(target: string, error: OverlayErrorJson, out: Output): void {
  out.line(`${out.style('red', '✗')} ${out.style('bold', target)}: ${printable(error.message)}`);
  out.line(`  ${error.advice}`);
  out.line(out.style('dim', `  ${error.cause} (${error.code}, in ${error.stage})`));
}

/** Prints results of which there are many: a line each, and below it what is wrong and has not been said of this target. */
export class ResultLines {
  readonly #out: Output;
  readonly #targetWidth: number;
  readonly #rounds: number;
  /** What was said below a line. */
  readonly #said = new Set<string>();

  constructor(out: Output, targets: readonly string[], rounds: number) {
    this.#out = out;
    this.#targetWidth = Math.max(...targets.map(({ length }) => length));
    this.#rounds = rounds;
  }

  print(result: TimedResult, verdicts: readonly Verdict[], round: number): void {
    const { target, timings, error, warnings = [] } = result;
    const out = this.#out;
    const dim = (text: string): string => out.style('dim', text);
    const mark = error ? out.style('red', '✗') : out.style('green', '✓');
    const turn = this.#rounds > 1 ? dim(`${String(round).padStart(String(this.#rounds).length)}/${this.#rounds} `) : '';
    // Many messages begin with the target themselves.
    const text = error ? printable(error.message.replace(`${target} `, '')) : timings ? formatTimings(timings, dim) : '';
    out.line(`${mark} ${turn}${out.style('bold', target.padEnd(this.#targetWidth))}  ${text}`);
    if (error && this.#isNew(target, error.code)) {
      out.line(`  ${error.advice}`);
      out.line(dim(`  ${error.cause} (${error.code}, in ${error.stage})`));
    }
    for (const warning of warnings)
      if (this.#isNew(target, warning.replace(/\d+/g, ''))) out.line(`  ${out.style('yellow', '!')} ${warning}`);
    for (const verdict of verdicts) if (verdict.ok === false) printVerdict(verdict, out);
  }

  #isNew(target: string, what: string): boolean {
    const key = `${target} ${what}`;
    if (this.#said.has(key)) return false;
    this.#said.add(key);
    return true;
  }
}

/** The targets side by side, and a last line that adds them up. */
export function printTable(tallies: readonly TargetTally[], rounds: number, out: Output): void {
  const repeated = rounds > 1;
  const header = [
    '',
    'target',
    'result',
    'peer',
    'version',
    'overlay',
    'clock (s)',
    ...(repeated ? ['p50', 'max', 'lost'] : ['time']),
  ];
  const rows = tallies.map((tally) => row(tally, repeated));
  const widths = header.map((title, at) => Math.max(title.length, ...rows.map((cells) => cells[at]?.length ?? 0)));
  const pad = (cells: readonly string[]): string[] =>
    cells.map((cell, at) =>
      /^(?:p50|max|time|lost)$/.test(header[at] ?? '') ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
    );
  out.line('');
  out.line(out.style('dim', pad(header).join('  ').trimEnd()));
  for (const [at, tally] of tallies.entries()) {
    const [mark = '', ...cells] = pad(rows[at] ?? []);
    out.line(`${out.style(isFine(tally) ? 'green' : 'red', mark)}  ${cells.join('  ')}`.trimEnd());
  }
  out.line('');
  out.line(summary(tallies));
}

function row(tally: TargetTally, repeated: boolean): string[] {
  const { target, remote, clockSkew, times, probes, lost } = tally;
  const time = (ms: number | undefined): string => (ms === undefined ? '–' : formatMs(ms));
  return [
    isFine(tally) ? '✓' : '✗',
    target,
    outcome(tally),
    remote ? shortKey(remote.peerID) : '–',
    remote ? cut(printable(remote.versionStr), 24) : '–',
    remote ? `${remote.overlayMinVersion}–${remote.overlayVersion}` : '–',
    clockSkew ? formatBounds(clockSkew) : '–',
    time(times?.p50Ms),
    ...(repeated ? [time(times?.maxMs), `${lost}/${probes}`] : []),
  ];
}

/** ok, or what was wrong last, the handshake first. */
function outcome({ probes, lastError, rules }: TargetTally): string {
  if (probes === 0) return 'not probed';
  if (lastError) return lastError.cause;
  const broken = rules.filter((rule) => rule.broken > 0).map(({ rule }) => rule);
  return broken.length === 0 ? 'ok' : `breaks ${broken.join(', ')}`;
}

function isFine({ probes, lost, rules }: TargetTally): boolean {
  return probes > 0 && lost === 0 && rules.every(({ broken }) => broken === 0);
}

function summary(tallies: readonly TargetTally[]): string {
  const sum = (of: (tally: TargetTally) => number): number => tallies.reduce((total, tally) => total + of(tally), 0);
  const [probes, lost] = [sum((tally) => tally.probes), sum((tally) => tally.lost)];
  const broken = sum(({ rules }) => rules.filter((rule) => rule.broken > 0).length);
  const parts = [count(tallies.length, 'target'), count(probes, 'probe'), `${lost} failed`];
  if (broken > 0) parts.push(`${count(broken, 'rule')} broken`);
  return parts.join(', ');
}

function printVerdict({ rule, ok, detail }: Verdict, out: Output): void {
  const mark = ok === null ? out.style('yellow', '?') : ok ? out.style('green', '✓') : out.style('red', '✗');
  out.line(`  ${mark} ${rule}: ${detail}`);
}

function formatTimings(timings: NonNullable<TimedResult['timings']>, dim: (text: string) => string): string {
  const { dnsMs, tcpMs, helloMs, authMs, totalMs, firstMessageMs, pingMs } = timings;
  const phases = `dns ${formatMs(dnsMs)}, tcp ${formatMs(tcpMs)}, hello ${formatMs(helloMs)}, auth ${formatMs(authMs)}`;
  const first = firstMessageMs === undefined ? '' : `, first message ${formatMs(firstMessageMs)}`;
  return `${formatMs(totalMs)} ${dim(`(${phases})`)}${first}${pingMs === undefined ? '' : `, ping ${formatMs(pingMs)}`}`;
}

/** Both bounds of the skew in seconds. */
function formatBounds({ minSeconds, maxSeconds }: ClockSkew): string {
  const signed = (seconds: number): string => (seconds > 0 ? `+${seconds}` : String(seconds));
  return `${signed(minSeconds)}…${signed(maxSeconds)}`;
}

/** Beginning and end of a key: enough to tell nodes apart, not to trust one. */
function shortKey(peerID: string): string {
  return `${peerID.slice(0, 5)}…${peerID.slice(-4)}`;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
