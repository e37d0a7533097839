/**
 * The result of a crawl: the last line about each address, key and hash.
 * @module
 */
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';
import type { CrawlEnd, CrawlEvent, CrawlStart, NodeLine } from './events.ts';
import type { ValidatorLine } from './validator-line.ts';

/** All results of a crawl. */
export class CrawlResult {
  /** The line that begins the last run; undefined before it is added. */
  start: CrawlStart | undefined;
  /** Undefined when the crawl was killed. */
  end: CrawlEnd | undefined;
  /** By address. */
  readonly nodes: Map<string, NodeLine> = new Map();
  /** By key, `G…`. */
  readonly validators: Map<string, ValidatorLine> = new Map();
  /** By hash, 64 hex digits. */
  readonly quorumSets: Map<string, SCPQuorumSet> = new Map();

  /** The result of all events. @param events the lines of a file, or the events of a crawl */
  static of(events: Iterable<CrawlEvent>): CrawlResult {
    const result = new CrawlResult();
    for (const event of events) result.add(event);
    return result;
  }

  /** Adds an event. */
  add(event: CrawlEvent): void {
    switch (event.type) {
      case 'crawl':
        this.start = event;
        this.end = undefined;
        break;
      case 'node':
        this.nodes.set(event.address, event);
        break;
      case 'validator':
        this.validators.set(event.peerID, event);
        break;
      case 'quorumSet':
        this.quorumSets.set(event.hash, event.quorumSet);
        break;
      case 'end':
        this.end = event;
    }
  }

  /** The quorum set of a key, if it is known. */
  quorumSetOf(peerID: string): SCPQuorumSet | undefined {
    const hash = this.validators.get(peerID)?.quorumSetHash;
    return hash === undefined ? undefined : this.quorumSets.get(hash);
  }

  /** The quorum sets of weighed validators, by hash. Those of other keys can be invented in any number. */
  weighedQuorumSets(): ReadonlyMap<string, SCPQuorumSet> {
    const weighed = new Set([...this.validators.values()].flatMap((line) => (line.weighed ? (line.quorumSetHash ?? []) : [])));
    return new Map([...this.quorumSets].filter(([hash]) => weighed.has(hash)));
  }

  /** Keys that validate. */
  validating(): ReadonlySet<string> {
    return new Set([...this.validators.values()].filter(({ validating }) => validating).map(({ peerID }) => peerID));
  }
}
