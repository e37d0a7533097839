/**
 * Options of an audit, and the values computed from them.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../net/clock.ts';
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import { assertInteger, toHex } from '../protocol/bytes.ts';
import { DEFAULT_PORT, LEDGER_VERSION, OVERLAY_MIN_VERSION, OVERLAY_VERSION } from '../protocol/constants.ts';
import type { Network } from '../protocol/networks.ts';
import type { AuditCase } from './case.ts';
import type { Stage } from './play.ts';
import { CASES, type Selection, selectCases } from './registry.ts';
import { type TargetFacts, TIMING, type Timing } from './scene.ts';

/** Options of both audits. */
export interface AuditOptions extends Selection {
  /** The network of the target. */
  readonly network: Network;
  /** The cases to choose from. Default: all there are. */
  readonly cases?: readonly AuditCase[] | undefined;
  /** Decides all randomness: the same seed repeats a run. Default: a new random seed. */
  readonly seed?: string | undefined;
  /** How long things may take. */
  readonly timing?: Partial<Timing> | undefined;
  /** Time to wait for a target that has crashed or does not dial, in milliseconds. */
  readonly patienceMs?: number | undefined;
  /** Versions, text and port our honest HELLOs name. Default: what `connect` says. */
  readonly overlayVersion?: number | undefined;
  readonly overlayMinVersion?: number | undefined;
  readonly ledgerVersion?: number | undefined;
  readonly versionStr?: string | undefined;
  readonly listeningPort?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the facts about the target, before the first case. */
  readonly onFacts?: ((facts: TargetFacts) => void) | undefined;
}

/** A fresh value for `AuditOptions.seed`. */
export function freshSeed(): string {
  return toHex(randomBytes(8));
}

/** The selected cases. @throws {RangeError} when there are none */
export function casesFor(role: PeerRole, options: AuditOptions): readonly AuditCase[] {
  const cases = selectCases(options.cases ?? CASES, role, options);
  if (cases.length === 0) throw new RangeError('no case is left after the selection');
  return cases;
}

/** What all cases share, without the way to the target. @throws {RangeError} naming the option that is wrong */
export function makeStage(options: AuditOptions): Omit<Stage, 'reach'> {
  const { network, clock = systemClock, seed = freshSeed(), signal } = options;
  return {
    ...{ network, clock, seed, signal },
    timing: { ...TIMING, ...options.timing },
    hello: {
      overlayVersion: assertInteger(options.overlayVersion ?? OVERLAY_VERSION, 0, 0xffffffff, 'overlayVersion'),
      overlayMinVersion: assertInteger(options.overlayMinVersion ?? OVERLAY_MIN_VERSION, 0, 0xffffffff, 'overlayMinVersion'),
      ledgerVersion: assertInteger(options.ledgerVersion ?? LEDGER_VERSION, 0, 0xffffffff, 'ledgerVersion'),
      versionStr: options.versionStr ?? 'stellar-handshake audit',
      listeningPort: assertInteger(options.listeningPort ?? DEFAULT_PORT, 1, 65535, 'listeningPort'),
    },
  };
}
