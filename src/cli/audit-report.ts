/**
 * Where the results of an audit go: text, JSON or TAP to stdout, files, a summary.
 * @module
 */
import type { ArgsDef } from 'citty';
import { type CaseResult, countVerdicts } from '../tools/audit/result.ts';
import type { TargetFacts } from '../tools/audit/scene.ts';
import { tapHeader, tapLine } from '../tools/audit/tap.ts';
import { printAuditTable, printCase, printFacts, printFailedCase } from './audit-text.ts';
import type { CliContext } from './context.ts';
import { UsageError } from './options.ts';
import { printable } from './output.ts';
import { openProgress, type Progress } from './progress.ts';

/** Options of the report; `--json` is every verb's. */
export const reportArgs = {
  tap: { type: 'boolean', description: 'Print TAP 14' },
  strict: { type: 'boolean', description: 'What differs from the reference counts as failed' },
} as const satisfies ArgsDef;

/** What is audited. */
export interface AuditSubject {
  readonly target: string;
  readonly role: 'acceptor' | 'initiator';
  readonly count: number;
  readonly seed: string;
  /** Of this package. */
  readonly version: string;
}

interface ReportGiven {
  readonly json?: boolean | undefined;
  readonly tap?: boolean | undefined;
  readonly strict?: boolean | undefined;
}

/** Takes results as they come. */
export class AuditReport {
  readonly #subject: AuditSubject;
  readonly #given: ReportGiven;
  readonly #context: CliContext;
  readonly #progress: Progress;
  readonly #results: CaseResult[] = [];
  #facts: TargetFacts | undefined;

  private constructor(subject: AuditSubject, given: ReportGiven, context: CliContext, progress: Progress) {
    this.#subject = subject;
    this.#given = given;
    this.#context = context;
    this.#progress = progress;
  }

  /** @throws {UsageError} when options contradict each other */
  static async open(subject: AuditSubject, given: ReportGiven, context: CliContext): Promise<AuditReport> {
    if (given.json && given.tap) throw new UsageError('--json and --tap both want stdout: choose one');
    return new AuditReport(subject, given, context, await openProgress(subject.count, 'cases'));
  }

  get hasFailed(): boolean {
    const { strict } = this.#given;
    return this.#results.some(({ verdict }) => verdict === 'fail' || (strict && verdict === 'differs'));
  }

  /** The target is known now. */
  meet(facts: TargetFacts): void {
    this.#facts = facts;
    const { json, tap } = this.#given;
    const { out, err } = this.#context;
    this.#progress.above(() => {
      if (tap) out.line(tapHeader(this.#subject.count));
      printFacts(this.#subject.target, facts, json || tap ? err : out);
    });
  }

  add(result: CaseResult): void {
    this.#results.push(result);
    this.#progress.done(result.verdict === 'fail');
    const { json, tap, strict } = this.#given;
    const { out } = this.#context;
    if (json) this.#progress.above(() => out.line(JSON.stringify(result)));
    else if (tap) this.#progress.above(() => out.line(tapLine(result, this.#results.length, strict)));
    else if (result.verdict === 'fail') this.#progress.above(() => printFailedCase(result, out));
    else if (result.verdict !== 'pass') this.#progress.above(() => printCase(result, out));
  }

  /** Nothing more comes: prints what all of it comes to. */
  async end(): Promise<void> {
    this.#progress.stop();
    if (this.#facts === undefined) return;
    const { json, tap } = this.#given;
    const { out, err } = this.#context;
    if (!json && !tap) {
      printAuditTable(this.#results, out);
      out.line('');
    }
    (json || tap ? err : out).line(this.#summary(this.#facts));
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
      `stellar-handshake ${version}, seed ${seed}`,
    ].join(', ');
  }
}
