/**
 * Options of a crawl, and the settings in its first line.
 * @module
 */
import type { NodeIdentity } from '../net/identity.ts';
import { type ConnectOptions, type NodeOptions, resolveOptions } from '../net/options.ts';
import type { Target } from '../net/target.ts';
import { assertInteger } from '../protocol/bytes.ts';
import { parseQuorumSet } from '../protocol/scp/quorum-set.ts';
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';
import type { CrawlEvent, CrawlSettings } from './events.ts';

/** Options of a crawl. */
export interface CrawlOptions
  extends Pick<
      NodeOptions,
      'network' | 'identity' | 'versionStr' | 'overlayVersion' | 'overlayMinVersion' | 'ledgerVersion' | 'listeningPort' | 'clock'
    >,
    Pick<ConnectOptions, 'family' | 'lookup'> {
  /** The nodes where it begins, `HOST[:PORT]`. They may be dialled whatever their addresses are. */
  readonly seeds: readonly (string | Target)[];
  /** Ranges of addresses that may be dialled, `10.0.0.0/8` for example. Default: all globally routable addresses. */
  readonly allow?: readonly string[] | undefined;
  /** The largest number of open connections, 1 to 10,000. Attempts without an answer are not counted. Default 50. */
  readonly concurrency?: number | undefined;
  /** The largest number of new connections in a second, 1 to 100,000. Default 250. */
  readonly rate?: number | undefined;
  /** Time for a whole handshake, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** The largest number of addresses that are dialled, seeds included; the others are `not-dialled`. */
  readonly maxNodes?: number | undefined;
  /** Whether to look for validators and quorum sets. Default true. */
  readonly validators?: boolean | undefined;
  /** Whether to take a second look, with more connections, at a node that closes without a message. Default true. */
  readonly secondLook?: boolean | undefined;
  /** Decides which validators are weighed. Default: the quorum sets of the reached nodes. */
  readonly quorumSet?: SCPQuorumSet | undefined;
  /** The events of an earlier, interrupted run: addresses that have a result are not dialled again. */
  readonly resume?: Iterable<CrawlEvent> | undefined;
  /** Ends the crawl within a second, after all results so far. */
  readonly signal?: AbortSignal | undefined;
}

/** The options with their defaults. @throws {TypeError | RangeError} naming the option that is wrong */
export function settingsOf(options: CrawlOptions, identity: NodeIdentity): CrawlSettings {
  const { network, allow = [], concurrency = 50, rate = 250, timeoutMs = 10_000, maxNodes } = options;
  const { validators = true, secondLook = true } = options;
  const { versionStr, overlayVersion, overlayMinVersion, ledgerVersion, listeningPort } = options;
  const said = { versionStr, overlayVersion, overlayMinVersion, ledgerVersion, listeningPort };
  const { family = 0 } = options;
  if (family !== 0 && family !== 4 && family !== 6) throw new RangeError('family must be 0, 4 or 6');
  resolveOptions({ network, identity, handshakeTimeoutMs: timeoutMs, ...said });
  assertInteger(concurrency, 1, 10_000, 'concurrency');
  assertInteger(rate, 1, 100_000, 'rate');
  if (maxNodes !== undefined) assertInteger(maxNodes, 1, 10_000_000, 'maxNodes');
  const quorumSet = options.quorumSet && parseQuorumSet(options.quorumSet);
  return {
    allow,
    concurrency,
    rate,
    timeoutMs,
    validators,
    secondLook,
    ...defined({ family: family || undefined, maxNodes, quorumSet, ...said }),
  };
}

/** The object without undefined values. */
export function defined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const out: { [K in keyof T]?: T[K] } = {};
  for (const name in object) if (object[name] !== undefined) out[name] = object[name];
  return out as never;
}
