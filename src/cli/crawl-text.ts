/**
 * Results of a crawl as text for people.
 * @module
 */
import { seedAddress } from '../crawl/address-book.ts';
import type { Crawl } from '../crawl/crawl.ts';
import type { NodeLine } from '../crawl/events.ts';
import { CrawlFileError } from '../crawl/file-error.ts';
import { quorumHealth } from '../crawl/health.ts';
import type { CrawlResult } from '../crawl/result.ts';
import type { ValidatorLine, ValidatorState } from '../crawl/validator-line.ts';
import { EXIT, EXIT_CODE } from './exit-codes.ts';
import { UsageError } from './options.ts';
import { type Output, OutputLost } from './output.ts';

/** The largest number of versions and keys listed; the file has all. */
const MAX_LISTED = 12;
/** The rate in the progress line is the mean of this many seconds. */
const RATE_SECONDS = 5;

/** Turns an error of a crawl's file into an error of the command line. */
export function crawlMistake<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CrawlFileError)) throw error;
    const { message, advice, isWriting } = error;
    throw isWriting ? new OutputLost(`${message}. ${advice}`) : new UsageError(message, advice);
  }
}

/** The line that shows the progress of a crawl. */
export function progressText(running: Crawl): () => string {
  const past: { readonly atMs: number; readonly done: number }[] = [];
  return () => {
    const { known, done, open, attempts, outcomes } = running.progress;
    const atMs = performance.now();
    past.push({ atMs, done });
    while (past.length > 2 && atMs - (past[0]?.atMs ?? 0) > RATE_SECONDS * 1_000) past.shift();
    const [first = { atMs, done }] = past;
    const rate = atMs > first.atMs ? ((done - first.done) * 1_000) / (atMs - first.atMs) : 0;
    const common = Object.entries(outcomes)
      .sort(([, a], [, b]) => b - a)
      .slice(0, 4)
      .map(([outcome, count]) => `${outcome} ${count}`);
    return [`known ${known}, done ${done}, open ${open}, dialling ${attempts}, ${rate.toFixed(0)}/s`, ...common].join(' | ');
  };
}

/** The summary: outcomes with one line of advice each, versions, validators. */
export function printCrawl(result: CrawlResult, out: Output): void {
  const { start, end, nodes } = result;
  const dim = (text: string): string => out.style('dim', text);
  const counts = countBy(nodes.values(), ({ outcome }) => outcome);
  const ok = counts.get('ok') ?? 0;
  const mark = end?.finished ? out.style('green', '✓') : out.style('yellow', '!');
  const state = end?.finished
    ? `crawled in ${end.seconds} s`
    : `crawled in part${end ? `, ${end.counts.left} addresses remain` : ''}`;
  out.line(
    `${mark} ${out.style('bold', String(start?.network ?? ''))}: ${nodes.size} addresses ${state}; ${ok} of them accept us`,
  );
  out.line('');
  const width = Math.max(...[...counts.keys()].map(({ length }) => length), 8);
  out.line(dim(`  ${'outcome'.padEnd(width)}  nodes`));
  for (const [outcome, count] of counts) {
    const advice = adviceOf(outcome, nodes.values());
    out.line(`  ${outcome.padEnd(width)}  ${String(count).padStart(5)}`);
    if (advice !== '') out.line(dim(`    ${advice}`));
  }
  const versions = countBy(
    [...nodes.values()].filter(({ remote }) => remote !== undefined),
    ({ remote }) => remote?.versionStr ?? '',
  );
  if (versions.size > 0) {
    out.line('');
    out.line(dim('  version'));
    for (const [version, count] of [...versions].slice(0, MAX_LISTED)) out.line(`  ${String(count).padStart(5)}  ${version}`);
    if (versions.size > MAX_LISTED) out.line(dim(`         and ${versions.size - MAX_LISTED} more`));
  }
  printValidators(result, out);
}

const STATES: readonly ValidatorState[] = ['validating', 'delayed', 'disagrees', 'missing'];

function printValidators(result: CrawlResult, out: Output): void {
  const { validators, start, end } = result;
  if (start?.options.validators === false || validators.size === 0) return;
  const dim = (text: string): string => out.style('dim', text);
  const weighed = [...validators.values()].filter((line) => line.weighed);
  const own = start?.options.quorumSet;
  out.line('');
  out.line(
    dim(
      `  validators${end?.ledgerSeq ? ` at ledger ${end.ledgerSeq}` : ''}, weighed by ${own ? '--quorum-set' : 'the quorum sets of reached nodes'}`,
    ),
  );
  for (const state of STATES) {
    const lines = weighed.filter((line) => line.state === state);
    const listed = state === 'validating' ? [] : lines.slice(0, MAX_LISTED);
    out.line(`  ${state.padEnd(10)}  ${String(lines.length).padStart(5)}`);
    for (const line of listed) out.line(dim(`    ${describe(line)}`));
  }
  out.line(
    `  ${'not weighed'.padEnd(11)} ${String(validators.size - weighed.length).padStart(5)}  ${dim('no weighed quorum set names them; anyone can make keys')}`,
  );
  out.line(`  ${'quorum sets'.padEnd(11)} ${String(result.weighedQuorumSets().size).padStart(5)}`);
  if (own === undefined) return;
  const { met, missing, blockedBy, nodes } = quorumHealth(own, result.validating());
  out.line('');
  const mark = met ? out.style('green', '✓') : out.style('red', '✗');
  out.line(
    `${mark} your quorum set is ${met ? 'met' : 'not met'}: ${nodes.length - missing.length} of its ${nodes.length} nodes validate`,
  );
  for (const peerID of missing.slice(0, MAX_LISTED)) out.line(`  missing  ${peerID}`);
  if (met) {
    out.line(`  it would stop if ${blockedBy.length} more of them failed, for example these:`);
    for (const peerID of blockedBy.slice(0, MAX_LISTED)) out.line(dim(`    ${peerID}`));
  }
}

function describe({ peerID, ledgerSeq, state }: ValidatorLine): string {
  return ledgerSeq === undefined ? peerID : `${peerID} ${state === 'delayed' ? 'is at' : 'about'} ledger ${ledgerSeq}`;
}

/** The exit code of a finished crawl. It is success whatever the outcomes of nodes are, unless no seed answered. */
export function exitCodeOf({ start, nodes }: CrawlResult): number {
  const all = [...nodes.values()];
  const lines = (start?.seeds ?? []).flatMap((seed) => {
    const own = nodes.get(seedAddress(seed));
    return [...(own ? [own] : []), ...all.filter((line) => line.seed === seed)];
  });
  const hasAnswered = lines.some(({ outcome, peers }) => outcome === 'ok' || peers !== undefined);
  const code = lines.find((line) => line.error !== undefined)?.error?.code;
  if (hasAnswered || code === undefined) return EXIT.OK;
  // A later version, whose file is resumed, may know more codes.
  return Object.hasOwn(EXIT_CODE, code) ? EXIT_CODE[code] : EXIT.NO_ANSWER;
}

/** The advice for an outcome. */
export function adviceOf(outcome: string, nodes: Iterable<NodeLine>): string {
  if (outcome === 'not-allowed')
    return 'Named by other nodes but not dialled: private, special or out of range; --allow CIDR allows further addresses.';
  if (outcome === 'not-dialled') return 'Left out because of --max-nodes; --resume with a higher number dials them.';
  for (const line of nodes) if (line.outcome === outcome && line.error !== undefined) return line.error.advice;
  return '';
}

/** The number of items of each kind, the largest first. */
export function countBy<T>(items: Iterable<T>, of: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(of(item), (counts.get(of(item)) ?? 0) + 1);
  return new Map([...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)));
}
