/**
 * All cases, and the selection of some.
 * @module
 */
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import { type AuditCase, GROUPS, SEVERITIES, type Severity } from './case.ts';
import { AUTH_CASES } from './cases/auth.ts';
import { CERTIFICATE_CASES } from './cases/certificate.ts';
import { CHANNEL_CASES } from './cases/channel.ts';
import { CONDUCT_CASES } from './cases/conduct.ts';
import { DIALLER_CASES } from './cases/dialler.ts';
import { FLOW_CASES } from './cases/flow.ts';
import { FRAMING_CASES } from './cases/framing.ts';
import { HELLO_CASES } from './cases/hello.ts';
import { STRUCTURE_CASES } from './cases/structure.ts';
import { TIMING_CASES } from './cases/timing.ts';
import { UNREAD_CASES } from './cases/unread.ts';

/** Every case, in the order of the phases of a connection. */
export const CASES: readonly AuditCase[] = [
  ...CONDUCT_CASES,
  ...FRAMING_CASES,
  ...STRUCTURE_CASES,
  ...HELLO_CASES,
  ...CERTIFICATE_CASES,
  ...AUTH_CASES,
  ...CHANNEL_CASES,
  ...FLOW_CASES,
  ...TIMING_CASES,
  ...DIALLER_CASES,
  ...UNREAD_CASES,
];

/** The selected cases. A name is an id, an id without its role, or a group. */
export interface Selection {
  /** Only these. */
  readonly only?: readonly string[] | undefined;
  /** Not these. */
  readonly skip?: readonly string[] | undefined;
  /** Only cases of at least this severity. */
  readonly severity?: Severity | undefined;
  /** Also cases that could harm a node in production. */
  readonly hostile?: boolean | undefined;
  /** Also cases that take a minute or more. */
  readonly slow?: boolean | undefined;
}

/**
 * The selected cases for a role, in their order. Hostile and slow cases need their option, also when `only` names them.
 * @throws {RangeError} when a name is neither a case nor a group
 */
export function selectCases(
  cases: readonly AuditCase[],
  role: PeerRole,
  { only, skip = [], severity = 'low', hostile = false, slow = false }: Selection,
): readonly AuditCase[] {
  const unknown = [...(only ?? []), ...skip].find(
    (name) => !GROUPS.some((group) => group === name) && !cases.some((one) => isNamed(one, name)),
  );
  if (unknown !== undefined) throw new RangeError(`there is no case or group ${JSON.stringify(unknown)}`);
  return cases.filter(
    (one) =>
      one.role === role &&
      (only === undefined || only.some((name) => isNamed(one, name))) &&
      !skip.some((name) => isNamed(one, name)) &&
      SEVERITIES.indexOf(one.severity) <= SEVERITIES.indexOf(severity) &&
      (hostile || one.hostile !== true) &&
      (slow || one.slow !== true),
  );
}

function isNamed({ id, group }: AuditCase, name: string): boolean {
  return name === id || name === group || name === id.slice(id.indexOf('.') + 1);
}
