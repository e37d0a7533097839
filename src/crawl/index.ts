/**
 * The network as a whole: who is there, who can be reached, why not the others, who validates, and who names whom.
 * @module stellar-handshake/crawl
 */

export type { Target } from '../net/target.ts';
export type { ProbeTimings } from '../probe/probe.ts';
export type { ClockSkew, RemoteJson } from '../report/json.ts';
export { Crawl, type CrawlOptions, type CrawlProgress, crawl } from './crawl.ts';
export { type Compared, type CrawlChange, diffCrawls } from './diff.ts';
export type { CrawlEnd, CrawlEvent, CrawlSettings, CrawlStart, NodeLine, QuorumSetLine } from './events.ts';
export { CrawlFile, CrawlFileError, readCrawlFile } from './file.ts';
export { graphml } from './graphml.ts';
export { type QuorumHealth, quorumHealth } from './health.ts';
export { crawlPageHtml } from './page.ts';
export { quorumJson } from './quorum-json.ts';
export { CrawlResult } from './result.ts';
export { stellarbeatJson } from './stellarbeat.ts';
export type { CrawlCounts, ValidatorLine, ValidatorState } from './validator-line.ts';
