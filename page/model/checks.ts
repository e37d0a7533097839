/**
 * Every check of a record, in order: those that passed, the one that failed, and those not reached.
 * @module
 */
import type { OverlayErrorCode } from '../../src/protocol/error-table.ts';
import type { OverlayError } from '../../src/protocol/errors.ts';
import { CERT_CHECKS, COMPATIBILITY_CHECKS, IDENTITY_CHECKS } from '../../src/protocol/handshake/hello.ts';
import type { HandshakeStep } from '../../src/protocol/handshake/steps.ts';

/** The result of a check; `unverified`: it needs a key that is not known. */
export type CheckState = 'ok' | 'failed' | 'skipped' | 'unverified';

/** A check of a record. */
export interface Check {
  readonly name: string;
  readonly state: CheckState;
  readonly detail: string | undefined;
}

/** What happened when a record came. */
interface Received {
  readonly type: string;
  /** Whether a HELLO had been accepted before, so that sequence and MAC count. */
  readonly isMaced: boolean;
  readonly isFirstHello: boolean;
  /** Whether its MAC was computed here, or judged when the record came. */
  readonly isMacVerified: boolean;
  readonly steps: readonly HandshakeStep[];
  readonly error: OverlayError | undefined;
}

interface Rule {
  readonly name: string;
  readonly codes: readonly OverlayErrorCode[];
}

const LENGTH: Rule = { name: 'record length allowed', codes: ['OVERLAY_RECORD_LENGTH'] };
const XDR: Rule = { name: 'well-formed XDR', codes: ['OVERLAY_CORRUPT_XDR'] };
const SEQUENCE: Rule = { name: 'sequence is the next', codes: ['OVERLAY_UNEXPECTED_SEQUENCE'] };
/** Name of the check of a record’s MAC. */
export const MAC_CHECK = 'MAC good';
const MAC: Rule = { name: MAC_CHECK, codes: ['OVERLAY_UNEXPECTED_MAC', 'OVERLAY_ZERO_MAC_KEY'] };
const FIRST: Rule = { name: 'first HELLO', codes: ['OVERLAY_UNEXPECTED_HELLO'] };
const IN_ORDER: Rule = { name: 'after HELLO, and once', codes: ['OVERLAY_OUT_OF_ORDER_AUTH'] };
const FLAGS: Rule = { name: 'flags 200', codes: ['OVERLAY_FLOW_CONTROL_BYTES_DISABLED'] };
const ALLOWED = 'allowed here';
const rules = (checks: typeof CERT_CHECKS): readonly Rule[] => checks.map(({ check, code }) => ({ name: check, codes: [code] }));
const HELLO: readonly Rule[] = [
  FIRST,
  ...rules(CERT_CHECKS),
  ...rules(IDENTITY_CHECKS),
  { name: 'X25519 key not of small order', codes: ['OVERLAY_BAD_ECDH_KEY'] },
  ...rules(COMPATIBILITY_CHECKS),
];

/** The checks of a record with their results. */
export function checksOf(received: Received): readonly Check[] {
  const { type, isMaced, isFirstHello } = received;
  const settle = (rules: readonly Rule[]): readonly Check[] => settled(rules, received);
  if (type === 'ERROR_MSG') return settle([LENGTH, XDR]);
  const sealed = isMaced || !isFirstHello ? [SEQUENCE, MAC] : [];
  switch (type) {
    case 'HELLO':
      return settle([LENGTH, XDR, ...sealed, ...HELLO]);
    case 'AUTH':
      return settle([LENGTH, XDR, ...sealed, IN_ORDER, FLAGS]);
    default:
      return settle([LENGTH, XDR, ...sealed, { name: ALLOWED, codes: [] }]);
  }
}

function settled(all: readonly Rule[], { steps, error, isMacVerified }: Received): readonly Check[] {
  const code = error?.code;
  const told = code === 'OVERLAY_PEER_ERROR';
  const found = code === undefined || told ? -1 : all.findIndex(({ codes }) => codes.includes(code));
  // A rule that is not in this table says when a message may come.
  const failedAt = code === undefined || told ? all.length : found < 0 ? all.length - 1 : found;
  return all.map((rule, at) => {
    const { name } = rule;
    const step = steps.find((other) => other.step === 'check' && other.check === name);
    const detail = step?.step === 'check' ? step.detail : undefined;
    if (at < failedAt && rule === MAC && !isMacVerified) return { name, state: 'unverified', detail: 'not verified: no keys' };
    if (at < failedAt) return { name, state: 'ok', detail };
    if (at > failedAt) return { name, state: 'skipped', detail: undefined };
    return { name, state: 'failed', detail: detail ?? error?.message };
  });
}
