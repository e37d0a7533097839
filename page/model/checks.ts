/**
 * Every check a record goes through, in the order in which it does: those that held, the one that did not, and those
 * nobody came to.
 * @module
 */
import type { OverlayErrorCode } from '../../src/protocol/error-table.ts';
import type { OverlayError } from '../../src/protocol/errors.ts';
import { CERT_CHECKS, COMPATIBILITY_CHECKS, IDENTITY_CHECKS } from '../../src/protocol/handshake/hello.ts';
import type { HandshakeStep } from '../../src/protocol/handshake/steps.ts';

/** A check of a record. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'failed' | 'skipped';
  readonly detail: string | undefined;
}

/** What happened when a record came. */
interface Received {
  readonly type: string;
  /** Whether a HELLO had been accepted before, so that sequence and MAC count. */
  readonly isMaced: boolean;
  readonly isFirstHello: boolean;
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
const MAC: Rule = { name: 'MAC good', codes: ['OVERLAY_UNEXPECTED_MAC', 'OVERLAY_ZERO_MAC_KEY'] };
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

/** The checks of a record and what became of them. */
export function checksOf({ type, isMaced, isFirstHello, steps, error }: Received): readonly Check[] {
  if (type === 'ERROR_MSG') return settle([LENGTH, XDR], [], error);
  const sealed = isMaced || !isFirstHello ? [SEQUENCE, MAC] : [];
  switch (type) {
    case 'HELLO':
      return settle([LENGTH, XDR, ...sealed, ...HELLO], steps, error);
    case 'AUTH':
      return settle([LENGTH, XDR, ...sealed, IN_ORDER, FLAGS], steps, error);
    default:
      return settle([LENGTH, XDR, ...sealed, { name: ALLOWED, codes: [] }], steps, error);
  }
}

function settle(all: readonly Rule[], steps: readonly HandshakeStep[], error: OverlayError | undefined): readonly Check[] {
  const code = error?.code;
  const told = code === 'OVERLAY_PEER_ERROR';
  const found = code === undefined || told ? -1 : all.findIndex(({ codes }) => codes.includes(code));
  // What no rule here names is about when a message may come.
  const failedAt = code === undefined || told ? all.length : found < 0 ? all.length - 1 : found;
  return all.map(({ name }, at) => {
    const step = steps.find((other) => other.step === 'check' && other.check === name);
    const detail = step?.step === 'check' ? step.detail : undefined;
    if (at < failedAt) return { name, state: 'ok', detail };
    if (at > failedAt) return { name, state: 'skipped', detail: undefined };
    return { name, state: 'failed', detail: detail ?? error?.message };
  });
}
