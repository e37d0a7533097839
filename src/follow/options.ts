/**
 * What `follow` takes and tells of itself.
 * @module
 */
import type { Connection } from '../net/connection.ts';
import type { ConnectOptions, NodeOptions } from '../net/options.ts';
import type { OverlayErrorJson } from '../protocol/errors.ts';
import type { ReceivedMessage } from '../protocol/wire/authenticated-message.ts';
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';
import type { FollowEvent } from './ledger.ts';
import type { LedgerErrorJson } from './ledger-error.ts';
import type { PoolPeer } from './peer-pool.ts';

/** What `follow` takes. Everything a connection can be told is among it. */
export interface FollowOptions
  extends Omit<NodeOptions, 'scpStateLedgerSeq' | 'serves'>,
    Pick<ConnectOptions, 'family' | 'lookup'> {
  /** Whom to ask: `HOST`, `HOST:PORT` or `[IPv6]:PORT`. None of them is trusted. */
  readonly peers: readonly string[];
  /** Whom to trust: `{ threshold, validators, innerSets }`. */
  readonly quorumSet: SCPQuorumSet;
  /**
   * The first ledger. Peers remember about twelve; what they don't is told as a gap. When left out, the earliest they
   * remember that is not older than a minute and a half.
   */
  readonly from?: number | undefined;
  /** Peers at once, 1 to 64. Default: all of them, eight at most. */
  readonly connections?: number | undefined;
  /** Is told whatever is not a ledger, at once. What it throws ends the stream. */
  readonly onEvent?: ((event: FollowEvent) => void) | undefined;
  /** How to connect. Default: `connect`. For tests, and other transports. */
  readonly connect?: ((options: ConnectOptions) => Promise<Connection>) | undefined;
}

/** What somebody who follows ledgers wants to do with his peers besides. */
export interface Companion {
  connected(peer: PoolPeer): void;
  message(peer: PoolPeer, message: ReceivedMessage): void;
  ended(address: string, error: OverlayErrorJson | LedgerErrorJson | undefined, peer: PoolPeer | undefined): void;
}

/** How following goes. */
export interface FollowStatus {
  /** The last ledger that was given out. */
  readonly ledgerSeq: number | undefined;
  /** When it closed, Unix seconds. */
  readonly closeTime: number | undefined;
  /** Peers connected. */
  readonly peers: number;
  /** Nodes of the quorum set that have closed neither that ledger nor the one before, `G…`: who is a little late is not missing. */
  readonly missing: readonly string[];
  /** Whether the next ledger is not overdue. */
  readonly met: boolean;
}
