/**
 * exporter: the HTTP side.
 * @module
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { assertInteger } from '../protocol/bytes.ts';
import { OverlayError } from '../protocol/errors.ts';
import { ExporterMetrics } from './metrics.ts';
import { PAGE } from './page.ts';
import { type Answer, Prober, type ProberOptions } from './prober.ts';
import { Refusal, TIMEOUT_HEADER } from './request.ts';

/** Options of an exporter. */
export interface ExporterOptions extends ProberOptions {
  /** Address to listen on. Default 127.0.0.1: who reaches the exporter makes it dial. */
  readonly host?: string | undefined;
  /** TCP port; 0 takes a free one. Default 11627. */
  readonly port?: number | undefined;
}

/** Next to stellar-core's 11625 and 11626, and assigned to nobody. */
const EXPORTER_PORT = 11_627;
/** HTTP connections at once: Prometheus keeps one open for each target it scrapes here. */
const MAX_HTTP_CONNECTIONS = 1_024;
/** Time for a request to come in, in milliseconds. */
const REQUEST_TIMEOUT_MS = 10_000;
const TEXT = 'text/plain; charset=utf-8';

/**
 * Starts an exporter.
 * @throws {OverlayError} OVERLAY_LISTEN_FAILED when the address cannot be used
 * @throws {TypeError | RangeError} when an option is wrong
 */
export async function startExporter(options: ExporterOptions): Promise<Exporter> {
  const { host = '127.0.0.1', port = EXPORTER_PORT } = options;
  assertInteger(port, 0, 65535, 'port');
  const metrics = new ExporterMetrics(() => prober.inFlight);
  const prober = new Prober(options, (outcome) => metrics.count(outcome));
  const server = createServer({
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: REQUEST_TIMEOUT_MS / 2,
  });
  server.maxConnections = MAX_HTTP_CONNECTIONS;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const message = `Cannot listen on ${host}:${port}: ${(cause as Error).message}.`;
    throw new OverlayError('OVERLAY_LISTEN_FAILED', { stage: 'tcp', cause, message });
  }
  return new Exporter(server, prober, metrics, options.printable);
}

/** A running exporter. */
export class Exporter implements AsyncDisposable {
  /** Address and port listened on. */
  readonly host: string;
  readonly port: number;
  /** Our own identity in every probe, `G…`. */
  readonly peerID: string;
  readonly #server: Server;
  readonly #prober: Prober;
  readonly #metrics: ExporterMetrics;
  readonly #printable: (text: string) => string;
  /** Requests being answered, with what ends them. */
  readonly #requests = new Map<Promise<void>, AbortController>();
  #closing = false;

  /** @internal */
  constructor(server: Server, prober: Prober, metrics: ExporterMetrics, printable: (text: string) => string) {
    const address = server.address() as { readonly address: string; readonly port: number };
    this.host = address.address;
    this.port = address.port;
    this.peerID = prober.peerID;
    this.#server = server;
    this.#prober = prober;
    this.#metrics = metrics;
    this.#printable = printable;
    // An accept that fails, for want of file descriptors for example, costs that connection and nothing else.
    server.on('error', () => {});
    server.on('request', (request, response) => {
      const leave = new AbortController();
      const answered = this.#answer(request, response, leave).finally(() => this.#requests.delete(answered));
      this.#requests.set(answered, leave);
    });
  }

  /** Stops listening, ends the probes in flight and closes every connection. @returns when all sockets are closed */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const leave of this.#requests.values()) leave.abort(new Error('stopping'));
    await Promise.all(this.#requests.keys());
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Answers one request. Never rejects. @returns when the answer is out, or nobody wants it any more */
  async #answer(request: IncomingMessage, response: ServerResponse, leave: AbortController): Promise<void> {
    const over = new Promise<void>((resolve) => response.once('close', resolve));
    // Whoever has left needs no probe; after an answer nothing is left to end.
    response.once('close', () => leave.abort(new Error('the scraper has left')));
    response.on('error', () => {});
    let status = 200;
    let headers: Readonly<Record<string, string>> = {};
    let answer: Answer;
    try {
      answer = await this.#route(request, leave.signal);
    } catch (error) {
      const refusal = asRefusal(error, leave.signal);
      ({ status, headers } = refusal);
      answer = { type: TEXT, text: `${this.#printable(refusal.message)}\n` };
    }
    const body = Buffer.from(answer.text);
    const common = { 'Content-Type': answer.type, 'Content-Length': body.length, 'X-Content-Type-Options': 'nosniff' };
    response.writeHead(status, { ...common, ...headers, ...(this.#closing && { Connection: 'close' }) });
    response.end(request.method === 'HEAD' ? undefined : body);
    await over;
  }

  async #route({ url = '', method = '', headers }: IncomingMessage, signal: AbortSignal): Promise<Answer> {
    const { pathname, searchParams } = readUrl(url);
    const page = PAGES[pathname];
    if (page === undefined && pathname !== '/metrics' && pathname !== '/probe')
      throw new Refusal(404, 'There is nothing here; / says what there is.');
    if (method !== 'GET' && method !== 'HEAD') throw new Refusal(405, 'Only GET and HEAD are answered.', { Allow: 'GET, HEAD' });
    if (page !== undefined) return page;
    if (pathname === '/probe') return this.#prober.run(searchParams, [headers[TIMEOUT_HEADER]].flat()[0], signal);
    const { registry } = this.#metrics;
    return { type: registry.contentType, text: await registry.metrics() };
  }
}

/** What does not change. */
const PAGES: Readonly<Record<string, Answer | undefined>> = Object.assign(Object.create(null), {
  '/': { type: 'text/html; charset=utf-8', text: PAGE },
  '/-/healthy': { type: TEXT, text: 'healthy\n' },
});

function readUrl(text: string): URL {
  try {
    return new URL(text, 'http://exporter');
  } catch {
    throw new Refusal(400, 'The address of the request is malformed.');
  }
}

function asRefusal(error: unknown, signal: AbortSignal): Pick<Refusal, 'headers' | 'message'> & { readonly status: number } {
  if (error instanceof Refusal) return error;
  if (signal.aborted) return new Refusal(503, 'The exporter is being stopped.');
  return { status: 500, headers: {}, message: `This is a bug: ${error instanceof Error ? error.message : String(error)}` };
}
