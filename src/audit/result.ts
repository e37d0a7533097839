/**
 * The result of a case.
 * @module
 */
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import type { AuditCase, Group, Severity } from './case.ts';
import type { Judgement, Threat, Verdict } from './judgement.ts';
import type { TranscriptEntry } from './transcript.ts';

/** One line of `--json`. */
export interface CaseResult {
  readonly id: string;
  readonly title: string;
  readonly verdict: Verdict;
  readonly severity: Severity;
  readonly role: PeerRole;
  /** The peerID of the target from its HELLO, `G…`. */
  readonly peerID?: string;
  readonly group: Group;
  readonly why: string;
  readonly source: string;
  /** The steps, one line each. */
  readonly steps: readonly string[];
  readonly expected: string;
  readonly came: string;
  /** The name of the worst kind of failure. */
  readonly threat?: Threat;
  readonly durationMs: number;
  /** The sent and received bytes, unless the target has passed. */
  readonly transcript?: readonly TranscriptEntry[];
}

/** Makes the result of a case. A crash of the target is a failure in every case. */
export function caseResult(
  one: AuditCase,
  { verdict, came, threat: shown }: Judgement,
  facts: {
    readonly durationMs: number;
    readonly transcript?: readonly TranscriptEntry[];
    readonly threat?: Threat;
    readonly peerID?: string | undefined;
  },
): CaseResult {
  const { id, title, severity, role, group, why, source, steps, expect } = one;
  const worst = facts.threat ?? shown;
  const threat = verdict === 'fail' ? (worst ?? one.threat) : undefined;
  return {
    ...{ id, title, verdict, severity: worst === undefined ? severity : 'critical', role },
    ...(facts.peerID !== undefined && { peerID: facts.peerID }),
    ...{ group, why, source },
    steps: steps.map(({ text }) => text),
    ...{ expected: expect.text, came },
    ...(threat !== undefined && { threat }),
    durationMs: Math.round(facts.durationMs),
    ...(verdict !== 'pass' && facts.transcript !== undefined && { transcript: facts.transcript }),
  };
}

/** The number of each verdict. */
export function countVerdicts(results: readonly CaseResult[]): Readonly<Record<Verdict, number>> {
  const counts = { pass: 0, differs: 0, fail: 0, 'not-applicable': 0, undecided: 0 };
  for (const { verdict } of results) counts[verdict]++;
  return counts;
}
