/**
 * What has changed from one crawl to another.
 * @module
 */
import type { NodeLine } from './events.ts';
import type { CrawlResult } from './result.ts';

/** What is compared of an address. */
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
  /** What differs, as it was; empty for an address that came. */
  readonly from: Compared;
  /** What differs, as it is; empty for an address that went. */
  readonly to: Compared;
}

/** Compares two crawls, address by address: first who came, then who went, then who changed. */
export function diffCrawls(before: CrawlResult, after: CrawlResult): readonly CrawlChange[] {
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
