/**
 * exporter: its HTTP server.
 * @module
 */
import type { IncomingMessage } from 'node:http';
import type { FollowOptions } from '../follow/index.ts';
import { isAddressOr } from '../http/rules.ts';
import { type HttpAnswer, HttpServer, Refusal } from '../http/server.ts';
import { assertInteger } from '../protocol/bytes.ts';
import { addCrawlMetrics } from './crawl-metrics.ts';
import { FollowMetrics } from './follow-metrics.ts';
import { ExporterMetrics } from './metrics.ts';
import { PAGE } from './page.ts';
import { Prober, type ProberOptions } from './prober.ts';
import { TIMEOUT_HEADER } from './request.ts';

/** Options of an exporter. */
export interface ExporterOptions extends ProberOptions {
  /** Address to listen on. Default 127.0.0.1, because everyone who can reach the exporter can make it dial. */
  readonly host?: string | undefined;
  /** TCP port; 0 takes a free one. Default 11627. */
  readonly port?: number | undefined;
  /**
   * Host names accepted in requests, besides `host`, any IP address and localhost. A request with another Host header
   * is refused.
   */
  readonly names?: readonly string[] | undefined;
  /** Options of `follow`, for ledgers in /metrics. Default: none. */
  readonly follow?: FollowOptions | undefined;
  /** File of a crawl to include in /metrics; it need not exist yet. Default: none. */
  readonly crawlFile?: string | undefined;
}

/** Next to stellar-core's 11625 and 11626, and not assigned. */
const EXPORTER_PORT = 11_627;

/**
 * Starts an exporter.
 * @throws {OverlayError} OVERLAY_LISTEN_FAILED when the address cannot be used
 * @throws {TypeError | RangeError} when an option is wrong
 */
export async function startExporter(options: ExporterOptions): Promise<Exporter> {
  const { host = '127.0.0.1', port = EXPORTER_PORT, names = [] } = options;
  assertInteger(port, 0, 65535, 'port');
  const metrics = new ExporterMetrics(() => prober.inFlight);
  const prober = new Prober(options, (outcome) => metrics.count(outcome));
  const server = await HttpServer.listen({
    host,
    port,
    isHost: isAddressOr([host, ...names]),
    // A link on another page could otherwise make the exporter dial.
    isLinkable: (url) => !readUrl(url).pathname.startsWith('/probe'),
    answer: (request, signal) => route(request, signal, prober, metrics),
  });
  try {
    if (options.crawlFile !== undefined) addCrawlMetrics(options.crawlFile, metrics.registry);
    const following = options.follow && new FollowMetrics(options.follow, metrics.registry);
    return new Exporter(server, prober.peerID, following);
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** A running exporter. */
export class Exporter implements AsyncDisposable {
  /** Address and port listened on. */
  readonly host: string;
  readonly port: number;
  /** Our own identity in every probe, `G…`. */
  readonly peerID: string;
  readonly #server: HttpServer;
  readonly #following: FollowMetrics | undefined;

  /** @internal */
  constructor(server: HttpServer, peerID: string, following: FollowMetrics | undefined) {
    this.host = server.host;
    this.port = server.port;
    this.peerID = peerID;
    this.#server = server;
    this.#following = following;
  }

  /** Stops listening, ends the probes in flight and closes every connection. @returns when all sockets are closed */
  async close(): Promise<void> {
    await Promise.all([this.#server.close(), this.#following?.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function route(
  { url = '', headers }: IncomingMessage,
  signal: AbortSignal,
  prober: Prober,
  metrics: ExporterMetrics,
): Promise<HttpAnswer> {
  const { pathname, searchParams } = readUrl(url);
  const page = PAGES[pathname];
  if (page !== undefined) return page;
  if (pathname === '/probe') return prober.run(searchParams, [headers[TIMEOUT_HEADER]].flat()[0], signal);
  if (pathname === '/metrics') return { type: metrics.contentType, text: await metrics.text() };
  throw new Refusal(404, 'This path does not exist; / lists the paths.');
}

/** The static paths. */
const PAGES: Readonly<Record<string, HttpAnswer | undefined>> = Object.assign(Object.create(null), {
  '/': { type: 'text/html; charset=utf-8', text: PAGE },
  '/-/healthy': { type: 'text/plain; charset=utf-8', text: 'healthy\n' },
});

function readUrl(text: string): URL {
  try {
    return new URL(text, 'http://exporter');
  } catch {
    throw new Refusal(400, 'The address of the request is malformed.');
  }
}
