/**
 * The outputs of an audit: text, JSON or TAP on stdout, files, a summary.
 * @module
 */
import type { ArgsDef } from 'citty';
import { auditHtml } from '../audit/html.ts';
import { auditJUnitXml } from '../audit/junit.ts';
import { type CaseResult, countVerdicts } from '../audit/result.ts';
import type { TargetFacts } from '../audit/scene.ts';
import { tapHeader, tapLine } from '../audit/tap.ts';
import { writeOutputFile } from '../report/output-file.ts';
import { printAuditTable, printCase, printFacts, printFailedCase, printNotApplicable, verdictSentence } from './audit-text.ts';
import type { CliContext } from './context.ts';
import { UsageError, writeMistake } from './options.ts';
import { printable } from './output.ts';
import { openProgress, type Progress } from './progress.ts';

/** Options of the report; every verb has `--json`. */
export const reportArgs = {
  tap: { type: 'boolean', description: 'Print TAP 13' },
  junit: { type: 'string', description: 'File for the results as JUnit XML', valueHint: 'FILE' },
  html: { type: 'string', description: 'File for the results as one HTML page', valueHint: 'FILE' },
  strict: { type: 'boolean', description: 'Cases that differ from stellar-core count as failed' },
} as const satisfies ArgsDef;

/** The subject of an audit. */
export interface AuditSubject {
  readonly target: string;
  readonly role: 'acceptor' | 'initiator';
  readonly count: number;
  readonly seed: string;
  /** The version of this package. */
  readonly version: string;
}

interface ReportGiven {
  readonly junit?: string | undefined;
  readonly html?: string | undefined;
  readonly json?: boolean | undefined;
  readonly tap?: boolean | undefined;
  readonly strict?: boolean | undefined;
}

/** Takes results one by one. */
export class AuditReport {
  readonly #subject: AuditSubject;
  readonly #given: ReportGiven;
  readonly #context: CliContext;
  readonly #progress: Progress;
  readonly #results: CaseResult[] = [];
  readonly #startMs = Date.now();
  #facts: TargetFacts | undefined;

  private constructor(subject: AuditSubject, given: ReportGiven, context: CliContext, progress: Progress) {
    this.#subject = subject;
    this.#given = given;
    this.#context = context;
    this.#progress = progress;
  }

  /** @throws {UsageError} when options contradict each other */
  static async open(subject: AuditSubject, given: ReportGiven, context: CliContext): Promise<AuditReport> {
    if (given.json && given.tap) throw new UsageError('--json and --tap both print to stdout: choose one');
    const report = new AuditReport(subject, given, context, await openProgress(subject.count, 'cases'));
    // Write the files before any case is played: an error shows at once, and a valid file exists however the process
    // ends.
    report.#write();
    return report;
  }

  get hasFailed(): boolean {
    const { strict } = this.#given;
    return this.#results.some(({ verdict }) => verdict === 'fail' || (strict && verdict === 'differs'));
  }

  /** Is called when the target is known. */
  meet(facts: TargetFacts): void {
    this.#facts = facts;
    const { json, tap } = this.#given;
    const { out, err } = this.#context;
    this.#progress.above(() => {
      if (tap) out.document(tapHeader(this.#subject.count));
      printFacts(this.#subject.target, facts, json || tap ? err : out);
    });
  }

  add(result: CaseResult): void {
    this.#results.push(result);
    this.#progress.done(result.verdict === 'fail');
    const { json, tap, strict } = this.#given;
    const { out } = this.#context;
    if (json) this.#progress.above(() => out.json(result));
    else if (tap) this.#progress.above(() => out.document(tapLine(result, this.#results.length, strict)));
    else if (result.verdict === 'fail') this.#progress.above(() => printFailedCase(result, out));
    // There are often many cases that are not applicable for one reason: they are printed at the end.
    else if (result.verdict === 'differs' || result.verdict === 'undecided') this.#progress.above(() => printCase(result, out));
  }

  /** Called after the last result: prints the summary. */
  async end(): Promise<void> {
    this.#progress.stop();
    this.#write();
    if (this.#facts === undefined) return;
    const { json, tap } = this.#given;
    const { out, err } = this.#context;
    if (tap && this.#results.length < this.#subject.count) out.line('Bail out! The audit was interrupted.');
    if (!json && !tap) {
      printNotApplicable(this.#results, out);
      printAuditTable(this.#results, out);
      out.line('');
    }
    const told = json || tap ? err : out;
    told.line(this.#summary(this.#facts));
    const isComplete = this.#results.length === this.#subject.count;
    const sentence = verdictSentence(this.#results, this.#given.strict === true, isComplete);
    told.line(told.style(this.hasFailed ? 'red' : 'green', sentence));
  }

  /** Writes the requested files. @throws {UsageError} names the option whose file cannot be written */
  #write(): void {
    const { junit, html, strict } = this.#given;
    const { target, role } = this.#subject;
    const unixSeconds = this.#startMs / 1000;
    const write = (option: string, file: string | undefined, text: () => string): void => {
      try {
        if (file !== undefined) writeOutputFile(file, text());
      } catch (error) {
        throw writeMistake(option, error);
      }
    };
    write('--junit', junit, () => auditJUnitXml(target, this.#results, unixSeconds, strict));
    const facts = this.#facts;
    const summary = facts === undefined ? 'It has not begun.' : this.#summary(facts);
    write('--html', html, () => auditHtml({ target, role, summary, facts, unixSeconds }, this.#results));
  }

  /** One line that can be pasted into an issue. */
  #summary({ hello }: TargetFacts): string {
    const { target, role, count, seed, version } = this.#subject;
    const counts = countVerdicts(this.#results);
    const verdicts = Object.entries(counts).filter(([, number]) => number > 0);
    const threats = [...new Set(this.#results.flatMap(({ threat }) => threat ?? []))];
    const played = this.#results.length === count ? `${count} cases` : `${this.#results.length} of ${count} cases`;
    return [
      `audit of ${target} as ${role} (${printable(hello.versionStr)}, overlay ${hello.overlayMinVersion} to ${hello.overlayVersion}): ${played}`,
      ...verdicts.map(([verdict, number]) => `${number} ${verdict}`),
      ...threats.map((threat) => threat.toUpperCase()),
      `by stellar-handshake ${version}, seed ${seed}`,
    ].join(', ');
  }
}
