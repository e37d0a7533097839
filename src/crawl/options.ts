/**
 * What a crawl is asked for, and what is kept of that in its first line.
 * @module
 */
import type { NodeIdentity } from '../net/identity.ts';
import { type ConnectOptions, type NodeOptions, resolveOptions } from '../net/options.ts';
import type { Target } from '../net/target.ts';
import { assertInteger } from '../protocol/bytes.ts';
import { parseQuorumSet } from '../protocol/scp/quorum-set.ts';
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';
import type { CrawlEvent, CrawlSettings } from './events.ts';

/** What is crawled, and how. */
export interface CrawlOptions
  extends Pick<
      NodeOptions,
      'network' | 'identity' | 'versionStr' | 'overlayVersion' | 'overlayMinVersion' | 'ledgerVersion' | 'listeningPort' | 'clock'
    >,
    Pick<ConnectOptions, 'family' | 'lookup'> {
  /** Where it begins, `HOST[:PORT]`: what is named here may be dialled, whatever it is. */
  readonly seeds: readonly (string | Target)[];
  /** What else may be dialled, `10.0.0.0/8` for example. None: whatever is globally routable. */
  readonly allow?: readonly string[] | undefined;
  /** Connections open at the same moment at most, 1 to 10,000. Attempts that are not answered are not counted. Default 50. */
  readonly concurrency?: number | undefined;
  /** Connections begun in a second at most, 1 to 100,000. Default 250. */
  readonly rate?: number | undefined;
  /** Time for a whole handshake, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Addresses that are dialled at most; the others are told as `not-dialled`. */
  readonly maxNodes?: number | undefined;
  /** Whether validators and quorum sets are looked for. Default true. */
  readonly validators?: boolean | undefined;
  /** Whether a node that closes without a word is dialled again, some times, to find out why. Default true. */
  readonly secondLook?: boolean | undefined;
  /** Decides which validators are weighed. None: what the reached nodes use. */
  readonly quorumSet?: SCPQuorumSet | undefined;
  /** What an earlier, interrupted run has said: what is settled in it is not dialled again. */
  readonly resume?: Iterable<CrawlEvent> | undefined;
  /** Ends it within a second; everything that was found is said before. */
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

/** Without what is undefined. */
export function defined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
