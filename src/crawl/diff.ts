/**
 * Differences between two crawls.
 * @module
 */
import type { NodeLine } from './events.ts';
import { assertSameNetwork } from './file-error.ts';
import type { CrawlResult } from './result.ts';

/** The values of an address that are compared. */
export interface Compared {
  readonly outcome?: string;
  readonly peerID?: string;
  readonly versionStr?: string;
  readonly overlayVersion?: number;
}

/** One difference. */
export interface CrawlChange {
  readonly type: 'came' | 'went' | 'changed';
  readonly address: string;
  /** The old values that differ; empty for an address that came. */
  readonly from: Compared;
  /** The new values that differ; empty for an address that went. */
  readonly to: Compared;
}

/**
 * Compares two crawls by address. The result has the addresses that came, then those that went, then those that changed.
 * @throws {CrawlFileError} CRAWL_FILE_OTHER_NETWORK when they are crawls of different networks
 */
export function diffCrawls(before: CrawlResult, after: CrawlResult): readonly CrawlChange[] {
  const [old, new_] = [before.start, after.start];
  if (old !== undefined && new_ !== undefined) assertSameNetwork(old, new_);
  const came: CrawlChange[] = [];
  const went: CrawlChange[] = [];
  const changed: CrawlChange[] = [];
  for (const line of after.nodes.values()) {
    const old = before.nodes.get(line.address);
    if (old === undefined) came.push({ type: 'came', address: line.address, from: {}, to: compared(line) });
    else {
      const [from, to] = [compared(old), compared(line)];
      const names = (Object.keys({ ...from, ...to }) as (keyof Compared)[]).filter((name) => from[name] !== to[name]);
      if (names.length > 0)
        changed.push({ type: 'changed', address: line.address, from: only(from, names), to: only(to, names) });
    }
  }
  for (const line of before.nodes.values())
    if (!after.nodes.has(line.address)) went.push({ type: 'went', address: line.address, from: compared(line), to: {} });
  return [...came, ...went, ...changed];
}

function compared({ outcome, peerID, remote }: NodeLine): Compared {
  return {
    outcome,
    ...(peerID !== undefined && { peerID }),
    ...(remote && { versionStr: remote.versionStr, overlayVersion: remote.overlayVersion }),
  };
}

function only(of: Compared, names: readonly (keyof Compared)[]): Compared {
  return Object.fromEntries(names.filter((name) => of[name] !== undefined).map((name) => [name, of[name]]));
}
