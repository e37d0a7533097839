/**
 * Results of probes as text for people.
 * @module
 */

import { describeAttempt } from '../net/dial-error.ts';
import { parseTarget } from '../net/target.ts';
import type { TimedResult } from '../probe/first-message.ts';
import type { Verdict } from '../probe/policy.ts';
import type { TargetTally } from '../probe/tally.ts';
import type { OverlayErrorJson } from '../protocol/errors.ts';
import type { ClockSkew } from '../report/json.ts';
import { formatMs, formatSeconds, type Output, printable } from './output.ts';

/** Prints a single result in full. */
export function printResult(result: TimedResult, verdicts: readonly Verdict[], out: Output): void {
  const { target, address, attempts = [], remote, peers, timings, clockSkew, error, warnings = [] } = result;
  const dim = (text: string): string => out.style('dim', text);
  const row = (label: string, text: string): void => out.line(`  ${dim(label.padEnd(12))}${text}`);
  if (error) printFailure(target, error, out);
  else out.line(`${out.style('green', '✓')} ${out.style('bold', target)} answers and accepts us`);
  if (isOfName(result)) row('address', address ?? '');
  for (const attempt of attempts)
    if (attempt.outcome !== 'connected' && !error?.message.includes(attempt.address))
      row('tried', `${attempt.address} ${describeAttempt(attempt)}`);
  if (remote) {
    row('peer', `${remote.peerID}  ${printable(remote.versionStr)}`);
    row('network', remote.network ?? remote.networkID);
    row('versions', `overlay ${remote.overlayMinVersion} to ${remote.overlayVersion}, ledger protocol ${remote.ledgerVersion}`);
    row('listens', `port ${remote.listeningPort}`);
    row('certificate', `until ${remote.certExpiration}`);
  }
  if (clockSkew)
    row('its clock', `between ${formatSeconds(clockSkew.minSeconds)} and ${formatSeconds(clockSkew.maxSeconds)} of ours`);
  if (peers) row('it names', formatPeers(peers));
  if (timings) row('time', formatTimings(timings, dim));
  for (const warning of warnings) out.line(`  ${out.style('yellow', '!')} ${warning}`);
  for (const verdict of remote ? verdicts : []) printVerdict(verdict, out);
}

/** Whether the target is a name, so that the address is not in it already. */
function isOfName({ target, address }: TimedResult): boolean {
  return address !== undefined && address !== parseTarget(target).host;
}

/** Prints the cause and the advice in the first two lines. */
export function printFailure(target: string, error: OverlayErrorJson, out: Output): void {
  const text = withoutTarget(error.message, target);
  const colon = text === error.message ? ':' : '';
  out.line(`${out.style('red', '✗')} ${out.style('bold', target)}${colon} ${printable(text)}`);
  out.line(`  ${error.advice}`);
  out.line(out.style('dim', `  ${error.cause} (${error.code}, in ${error.stage})`));
}

/** Prints many results: a line each, and below it every fault that was not yet printed for this target. */
export class ResultLines {
  readonly #out: Output;
  readonly #targetWidth: number;
  readonly #rounds: number;
  /** The faults that were already printed. */
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
    const where = isOfName(result) ? dim(`${result.address}  `) : '';
    const text = error
      ? printable(withoutTarget(error.message, target))
      : timings
        ? `${where}${formatTimings(timings, dim)}`
        : '';
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

/** A column of the table. */
interface Column {
  readonly title: string;
  readonly cell: (tally: TargetTally) => string;
  /** Aligned to the right, for numbers. */
  readonly isRight?: boolean;
  /** Left out when there is not enough room, the highest number first; a column without a number always stays. */
  readonly leftOut?: number;
}

const NOTHING = '–';

const ABOUT_THE_PEER: readonly Column[] = [
  { title: 'target', cell: ({ target }) => target },
  { title: 'result', cell: outcome },
  { title: 'peer', cell: ({ remote }) => (remote ? shortKey(remote.peerID) : NOTHING), leftOut: 1 },
  { title: 'version', cell: ({ remote }) => (remote ? cut(printable(remote.versionStr), 24) : NOTHING), leftOut: 3 },
  {
    title: 'overlay',
    cell: ({ remote }) => (remote ? `${remote.overlayMinVersion}–${remote.overlayVersion}` : NOTHING),
    leftOut: 2,
  },
  { title: 'clock (s)', cell: ({ clockSkew }) => (clockSkew ? formatBounds(clockSkew) : NOTHING), leftOut: 4 },
];
const ABOUT_ONE_ROUND: readonly Column[] = [{ title: 'time', cell: ({ times }) => formatTime(times?.maxMs), isRight: true }];
const ABOUT_ROUNDS: readonly Column[] = [
  { title: 'p50', cell: ({ times }) => formatTime(times?.p50Ms), isRight: true },
  { title: 'max', cell: ({ times }) => formatTime(times?.maxMs), isRight: true },
  { title: 'lost', cell: ({ lost, probes }) => `${lost}/${probes}`, isRight: true },
];

/**
 * Prints a row for each target, and a last line with the totals.
 * @param room characters a line may have; columns are left out until the lines fit, or until no further column may be left out
 */
export function printTable(tallies: readonly TargetTally[], rounds: number, out: Output, room = Number.POSITIVE_INFINITY): void {
  const columns = [...ABOUT_THE_PEER, ...(rounds > 1 ? ABOUT_ROUNDS : ABOUT_ONE_ROUND)].map((column) => {
    const cells = tallies.map(column.cell);
    return { ...column, cells, width: Math.max(...[column.title, ...cells].map(({ length }) => length)) };
  });
  // Each column has two characters before it, and the mark has one.
  const total = (): number => columns.reduce((sum, { width }) => sum + width + 2, 1);
  while (total() > room) {
    const least = Math.max(...columns.map(({ leftOut = 0 }) => leftOut));
    if (least === 0) break;
    columns.splice(
      columns.findIndex(({ leftOut }) => leftOut === least),
      1,
    );
  }
  const line = (text: (column: (typeof columns)[number]) => string): string =>
    columns
      .map((column) => `  ${column.isRight ? text(column).padStart(column.width) : text(column).padEnd(column.width)}`)
      .join('')
      .trimEnd();
  out.line('');
  out.line(out.style('dim', ` ${line(({ title }) => title)}`));
  for (const [at, tally] of tallies.entries()) {
    const mark = isFine(tally) ? out.style('green', '✓') : out.style('red', '✗');
    out.line(`${mark}${line(({ cells }) => cells[at] ?? '')}`);
  }
  out.line('');
  out.line(summary(tallies));
}

function formatTime(ms: number | undefined): string {
  return ms === undefined ? NOTHING : formatMs(ms);
}

/** ok, or the last fault; a failed handshake comes first. */
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
  const { dnsMs, tcpMs, helloMs, authMs, totalMs, firstMessageMs, pingMs, failedAfterMs } = timings;
  const list = (times: Readonly<Record<string, number | undefined>>): string[] =>
    Object.entries(times).flatMap(([name, ms]) => (ms === undefined ? [] : [`${name} ${formatMs(ms)}`]));
  const phases = list({ dns: dnsMs, tcp: tcpMs, hello: helloMs, auth: authMs }).join(', ');
  const total = formatMs(totalMs ?? failedAfterMs ?? 0);
  const text = totalMs === undefined ? `failed after ${total}` : total;
  return [
    phases === '' ? text : `${text} ${dim(`(${phases})`)}`,
    ...list({ 'first message': firstMessageMs, ping: pingMs }),
  ].join(', ');
}

/** Many messages begin with the target. */
function withoutTarget(message: string, target: string): string {
  return message.startsWith(`${target} `) ? message.slice(target.length + 1) : message;
}

/** The number of addresses shown. */
const SHOWN_PEERS = 3;

function formatPeers(peers: readonly string[]): string {
  const shown = peers.slice(0, SHOWN_PEERS).join(', ');
  if (peers.length <= SHOWN_PEERS) return shown === '' ? 'no other node' : shown;
  return `${peers.length} nodes: ${shown}, …`;
}

/** Both bounds of the skew in seconds. */
function formatBounds({ minSeconds, maxSeconds }: ClockSkew): string {
  const signed = (seconds: number): string => (seconds > 0 ? `+${seconds}` : String(seconds));
  return `${signed(minSeconds)}…${signed(maxSeconds)}`;
}

/** The beginning and end of a key: enough to distinguish nodes, not to identify one. */
function shortKey(peerID: string): string {
  return `${peerID.slice(0, 5)}…${peerID.slice(-4)}`;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
