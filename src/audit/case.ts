/**
 * A case is one small value. To add a case, add a value to a list in `cases/`.
 * @module
 */
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import type { Expectation } from './expect.ts';
import type { Threat } from './judgement.ts';
import type { Step } from './steps.ts';

/** How bad it is for a target to fail a case. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const;
/** How bad it is for a target to fail a case: `critical` is worst. */
export type Severity = (typeof SEVERITIES)[number];

/** Part of the protocol a case is about. */
export const GROUPS = ['conduct', 'framing', 'structure', 'hello', 'certificate', 'auth', 'channel', 'flow', 'timing'] as const;
/** Part of the protocol a case is about. */
export type Group = (typeof GROUPS)[number];

/** One case. The target is judged; we play the other side. */
export interface AuditCase {
  /** For example `acceptor.zero-length-record`: stable, and accepted by `--only`. */
  readonly id: string;
  /** The action against the target, in a few words. */
  readonly title: string;
  /** Why it matters. */
  readonly why: string;
  /** Section of protocol.md with the correct behaviour. */
  readonly source: string;
  /** Role of the target: it accepts (`REMOTE_CALLED_US`) or it dials (`WE_CALLED_REMOTE`). */
  readonly role: PeerRole;
  readonly group: Group;
  readonly severity: Severity;
  /** The steps, in order. */
  readonly steps: readonly Step[];
  /** The required behaviour of the target. */
  readonly expect: Expectation;
  readonly threat?: Threat;
  /**
   * Whether it could harm a node in production, by its memory or slots: played only with `--hostile`.
   */
  readonly hostile?: boolean;
  /** Whether it takes a minute or more: played only with `--slow`. */
  readonly slow?: boolean;
  /** Time limit of the whole case, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
}

/** A case without the parts that its role decides. */
export type CaseSpec = Omit<AuditCase, 'role' | 'id'> & {
  /** The id without its role. */
  readonly name: string;
};

/** Cases for a target that accepts. */
export function forAcceptor(...specs: readonly CaseSpec[]): readonly AuditCase[] {
  return specs.map((spec) => named('REMOTE_CALLED_US', spec));
}

/** Cases for a target that dials. */
export function forInitiator(...specs: readonly CaseSpec[]): readonly AuditCase[] {
  return specs.map((spec) => named('WE_CALLED_REMOTE', spec));
}

/** Cases for both roles: steps and expectations get the role when they are played. */
export function forBoth(...specs: readonly CaseSpec[]): readonly AuditCase[] {
  return [...forAcceptor(...specs), ...forInitiator(...specs)];
}

/** The name of a role in an id. */
export function roleName(role: PeerRole): 'acceptor' | 'initiator' {
  return role === 'REMOTE_CALLED_US' ? 'acceptor' : 'initiator';
}

function named(role: PeerRole, { name, ...rest }: CaseSpec): AuditCase {
  return { id: `${roleName(role)}.${name}`, role, ...rest };
}
