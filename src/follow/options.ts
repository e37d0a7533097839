/**
 * Options and status of `follow`.
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

/** Options of `follow`, with all options of a connection. */
export interface FollowOptions
  extends Omit<NodeOptions, 'scpStateLedgerSeq' | 'serves'>,
    Pick<ConnectOptions, 'family' | 'lookup'> {
  /** Addresses of peers: `HOST`, `HOST:PORT` or `[IPv6]:PORT`. None of them is trusted. */
  readonly peers: readonly string[];
  /** The nodes that you trust: `{ threshold, validators, innerSets }`. */
  readonly quorumSet: SCPQuorumSet;
  /**
   * The first ledger. Peers remember about twelve; older ones are reported as a gap. Default: the earliest that they
   * remember and that is at most a minute and a half old.
   */
  readonly from?: number | undefined;
  /** Number of peers at once, 1 to 64. Default: all of the list, at most eight. */
  readonly connections?: number | undefined;
  /** Is called at once with each event that is not a ledger. An exception from it ends the stream. */
  readonly onEvent?: ((event: FollowEvent) => void) | undefined;
  /** How to connect. Default: `connect`. For tests, and other transports. */
  readonly connect?: ((options: ConnectOptions) => Promise<Connection>) | undefined;
}

/** What `submit` also does with the peers. */
export interface Companion {
  connected(peer: PoolPeer): void;
  message(peer: PoolPeer, message: ReceivedMessage): void;
  ended(address: string, error: OverlayErrorJson | LedgerErrorJson | undefined, peer: PoolPeer | undefined): void;
}

/** The status of a follower. */
export interface FollowStatus {
  /** The last ledger that was yielded. */
  readonly ledgerSeq: number | undefined;
  /** When it closed, Unix seconds. */
  readonly closeTime: number | undefined;
  /** Peers connected. */
  readonly peers: number;
  /** Nodes of the quorum set that have closed neither that ledger nor the one before, `G…`. A node one ledger late is not missing. */
  readonly missing: readonly string[];
  /** Whether the next ledger is on time. */
  readonly met: boolean;
}
