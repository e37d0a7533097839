/**
 * The context of a case: the target, how to reach it, and the connections so far.
 * @module
 */
import type { Clock } from '../net/clock.ts';
import type { NodeIdentity } from '../net/identity.ts';
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import type { OverlayRange } from '../protocol/handshake/overlay-range.ts';
import type { Network } from '../protocol/networks.ts';
import type { Hello } from '../protocol/wire/messages.ts';
import type { AuditPeer, HonestHello } from './audit-peer.ts';

/** The facts about the target from an honest handshake. */
export interface TargetFacts {
  /** Its HELLO. */
  readonly hello: Hello;
  /** The overlay versions our honest HELLOs name: its own when it shares none with those asked for. */
  readonly overlayRange: OverlayRange;
  /** Whether it has a free slot for us. */
  readonly hasSlot: boolean;
  /** Whether it answers GET_SCP_QUORUMSET, with which we ask whether it is alive; undefined where it could not be asked. */
  readonly answersPings: boolean | undefined;
  /** Whether it sent PEERS. */
  readonly sendsPeers: boolean;
  /** How long it takes to close after an ERROR_MSG of its own, in milliseconds: 5,000 of the reference. */
  readonly closingMs?: number | undefined;
  /** How long the handshake took, in milliseconds. */
  readonly handshakeMs: number;
}

/** Time limits, in milliseconds. */
export interface Timing {
  /** An answer. The reference takes less than 10. Default 4,000. */
  readonly reactMs: number;
  /** From a drop until the connection is closed. The reference takes 5,040. Default 7,500. */
  readonly closeMs: number;
  /** After a record, before we conclude that it was not answered at once. Default 300. */
  readonly settleMs: number;
}

/** Time the reference needs, and what a loaded machine adds. */
export const TIMING: Timing = { reactMs: 4_000, closeMs: 7_500, settleMs: 300 };

/** Where a case is played. */
export interface Scene {
  /** Role of the target. */
  readonly role: PeerRole;
  readonly network: Network;
  /** The facts about the target; undefined during the first handshake. */
  readonly facts: TargetFacts | undefined;
  readonly clock: Clock;
  /** Random bytes, reproducible. */
  readonly random: (length: number) => Uint8Array;
  readonly hello: HonestHello;
  readonly timing: Timing;
  /** The connections of this case, in order. */
  readonly peers: readonly AuditPeer[];
  /** The last connection, which steps and expectations use. */
  readonly peer: AuditPeer;
  /** Opens another connection, with a new identity or the given one. */
  open(identity?: NodeIdentity): Promise<AuditPeer>;
}

/** The honest part of a case failed, so that no verdict is possible. */
export class CannotPlay extends Error {
  override readonly name: string = 'CannotPlay';
  readonly verdict: 'not-applicable' | 'undecided';

  constructor(verdict: 'not-applicable' | 'undecided', reason: string) {
    super(reason);
    this.verdict = verdict;
  }
}
