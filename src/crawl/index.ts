/**
 * The whole network: which nodes exist, which can be reached and why others cannot, which validate, and which name which.
 * @module stellar-handshake/crawl
 */

export type { Target } from '../net/target.ts';
export type { ProbeTimings } from '../probe/probe.ts';
export type { ClockSkew, RemoteJson } from '../report/json.ts';
export { Crawl, type CrawlProgress, crawl } from './crawl.ts';
export { type Compared, type CrawlChange, diffCrawls } from './diff.ts';
export type { CrawlEnd, CrawlEvent, CrawlSettings, CrawlStart, NodeLine, QuorumSetLine } from './events.ts';
export { CrawlFile, readCrawlFile } from './file.ts';
export { CRAWL_FILE_ERROR_TABLE, CrawlFileError, type CrawlFileErrorCode, type CrawlFileErrorJson } from './file-error.ts';
export { graphml } from './graphml.ts';
export { type QuorumHealth, quorumHealth } from './health.ts';
export type { CrawlOptions } from './options.ts';
export { crawlPageHtml } from './page.ts';
export { quorumJson } from './quorum-json.ts';
export { CrawlResult } from './result.ts';
export { stellarbeatJson } from './stellarbeat.ts';
export type { CrawlCounts, ValidatorLine, ValidatorState } from './validator-line.ts';
