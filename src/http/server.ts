/**
 * The HTTP server of `exporter` and of the live page of `explain`. Its clients may be hostile, slow, or very many.
 * @module
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { OverlayError } from '../protocol/errors.ts';
import { printable } from '../protocol/printable.ts';
import { Gate, type Socket } from './gate.ts';
import { type HttpRules, whyNot } from './rules.ts';

/** A complete answer. */
export interface HttpAnswer {
  /** Default 200. */
  readonly status?: number;
  /** Content-Type. */
  readonly type: string;
  readonly text: string;
  readonly headers?: OutgoingHttpHeaders;
}

/** An answer that continues while the client stays connected. It gets a response to which nothing has been written. */
export type HttpStream = (response: ServerResponse) => void;

/** A refused request: a status, and a sentence for the client. */
export class Refusal extends Error {
  override readonly name: string = 'Refusal';
  readonly status: 400 | 403 | 404 | 405 | 503;
  readonly headers: OutgoingHttpHeaders;

  constructor(status: Refusal['status'], message: string, headers: OutgoingHttpHeaders = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** Options of a server. */
export interface HttpServerOptions extends HttpRules {
  /** Address and port to listen on; port 0 selects a free one. */
  readonly host: string;
  readonly port: number;
  /**
   * Answers GET and HEAD.
   * @param signal aborts when the client has left, and when the server closes
   * @throws {Refusal} for a request that is refused
   */
  readonly answer: (request: IncomingMessage, signal: AbortSignal) => Promise<HttpAnswer | HttpStream>;
  /** Default: `HTTP_LIMITS`. */
  readonly limits?: Partial<HttpLimits> | undefined;
}

/** Limits on what one client can hold, and for how long in milliseconds. */
export interface HttpLimits {
  /** Number of open sockets. A new one above it replaces the socket that has been idle longest. */
  readonly sockets: number;
  /** Number of requests on one socket. */
  readonly requests: number;
  /** Time for a request to arrive. */
  readonly requestMs: number;
  /** Time for a client to read an answer. */
  readonly unreadMs: number;
  /** Time that a socket may be idle. */
  readonly idleMs: number;
  /** Age of a socket from which its next answer is its last. */
  readonly ageMs: number;
  /** Time for answers to leave when the server closes, and for the client to read the last answer of a socket. */
  readonly closeMs: number;
}

const HTTP_LIMITS: HttpLimits = {
  sockets: 1_024,
  requests: 1_000,
  requestMs: 10_000,
  unreadMs: 10_000,
  idleMs: 30_000,
  ageMs: 600_000,
  closeMs: 250,
};

/** Headers of every answer. */
const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const;

/** State of a socket. */
interface Client {
  readonly sinceMs: number;
  /** Whether an answer is being made or continues. Such a socket is never closed to make room. */
  isServed: boolean;
  /** Whether nothing more is read from it. */
  isLast: boolean;
  requests: number;
}

/** A listening server. */
export class HttpServer implements AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly #server: Server;
  readonly #options: HttpServerOptions;
  readonly #limits: HttpLimits;
  /** Ordered by the last request, the latest last. */
  readonly #clients = new Map<Gate, Client>();
  /** Answers being made, with the controllers that end them. */
  readonly #answers = new Map<Promise<void>, AbortController>();
  #isClosing = false;

  private constructor(server: Server, options: HttpServerOptions, limits: HttpLimits) {
    const { address, port } = server.address() as { readonly address: string; readonly port: number };
    this.host = address;
    this.port = port;
    this.#server = server;
    this.#options = options;
    this.#limits = limits;
    // A failed accept, for want of file descriptors for example, affects that connection only.
    server.on('error', () => {});
    const [serve] = server.listeners('connection') as ((this: Server, socket: Duplex) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket) => serve?.call(server, this.#meet(socket)));
    server.on('request', (request, response) => this.#take(request, response));
  }

  /** @throws {OverlayError} OVERLAY_LISTEN_FAILED when the address cannot be used */
  static async listen(options: HttpServerOptions): Promise<HttpServer> {
    const { host, port } = options;
    const limits = { ...HTTP_LIMITS, ...options.limits };
    const { requestMs, idleMs } = limits;
    const server = createServer({
      headersTimeout: requestMs,
      requestTimeout: requestMs,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: requestMs / 10,
    });
    server.listen(port, host);
    try {
      await once(server, 'listening');
    } catch (cause) {
      const message = `Cannot listen on ${host}:${port}: ${(cause as Error).message}.`;
      throw new OverlayError('OVERLAY_LISTEN_FAILED', { stage: 'tcp', cause, message });
    }
    return new HttpServer(server, options, limits);
  }

  /**
   * Stops listening, ends the answers being made and closes every socket, also those whose client does not read. @returns when
   * all are closed
   */
  async close(): Promise<void> {
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const leave of this.#answers.values()) leave.abort(new Error('the server is being stopped'));
    const late = setTimeout(() => this.#server.closeAllConnections(), this.#limits.closeMs);
    await Promise.all(this.#answers.keys());
    clearTimeout(late);
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #meet(socket: Socket): Gate {
    const { sockets, idleMs, closeMs } = this.#limits;
    const gate = new Gate(socket, closeMs);
    const client = { sinceMs: performance.now(), isServed: false, isLast: false, requests: 0 };
    if (this.#clients.size >= sockets) this.#drop(this.#longestIdle() ?? gate);
    if (gate.destroyed) return gate;
    this.#clients.set(gate, client);
    gate.once('close', () => this.#clients.delete(gate));
    socket.setTimeout(idleMs, () => !client.isServed && this.#drop(gate));
    return gate;
  }

  #longestIdle(): Gate | undefined {
    for (const [gate, { isServed }] of this.#clients) if (!isServed) return gate;
    return undefined;
  }

  #drop(gate: Gate): void {
    this.#clients.delete(gate);
    gate.destroy();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const gate = request.socket as Duplex as Gate;
    const client = this.#clients.get(gate);
    if (client === undefined) return;
    client.requests++;
    const { requests, ageMs } = this.#limits;
    const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
    if (hasBody || client.requests >= requests || performance.now() - client.sinceMs > ageMs) client.isLast = true;
    this.#clients.delete(gate);
    this.#clients.set(gate, client);
    const leave = new AbortController();
    const answered = this.#answer(request, response, client, leave).finally(() => {
      this.#answers.delete(answered);
      if (client.isLast || gate.hasMore) gate.destroySoon();
      else gate.open();
    });
    this.#answers.set(answered, leave);
  }

  /** Never rejects. @returns when the answer is sent, or the client has left */
  async #answer(request: IncomingMessage, response: ServerResponse, client: Client, leave: AbortController): Promise<void> {
    const over = new Promise<void>((resolve) => response.once('close', resolve));
    // A client that has left needs no answer; afterwards there is nothing to end.
    response.once('close', () => leave.abort(new Error('the client has left')));
    response.on('error', () => {});
    client.isServed = true;
    const answer = await Promise.race([this.#make(request, leave.signal), over]);
    if (answer === undefined) return;
    if (typeof answer === 'function') {
      leave.signal.addEventListener('abort', () => response.end(), { once: true });
      answer(response);
      await over;
      return;
    }
    client.isServed = false;
    const gate = request.socket as Duplex as Gate;
    const body = Buffer.from(answer.text);
    response.writeHead(answer.status ?? 200, {
      ...HEADERS,
      'Content-Type': answer.type,
      'Content-Length': body.length,
      ...answer.headers,
      ...((this.#isClosing || client.isLast || gate.hasMore) && { Connection: 'close' }),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
    const unread = setTimeout(() => this.#drop(gate), this.#limits.unreadMs);
    await over;
    clearTimeout(unread);
  }

  async #make(request: IncomingMessage, signal: AbortSignal): Promise<HttpAnswer | HttpStream> {
    const { url = '', method, headers } = request;
    try {
      const why = whyNot(url, headers, this.#options);
      if (why !== undefined) throw new Refusal(403, why);
      if (method !== 'GET' && method !== 'HEAD')
        throw new Refusal(405, 'Only GET and HEAD are answered.', { Allow: 'GET, HEAD' });
      return await this.#options.answer(request, signal);
    } catch (error) {
      const refusal = error instanceof Refusal ? error : signal.aborted ? STOPPED : undefined;
      const text = refusal?.message ?? `This is a bug: ${error instanceof Error ? error.message : String(error)}`;
      const { status = 500, headers = {} } = refusal ?? {};
      return { status, type: 'text/plain; charset=utf-8', text: `${printable(text)}\n`, headers };
    }
  }
}

const STOPPED = new Refusal(503, 'The server is being stopped.');

/** Begins an answer that continues. @param type Content-Type */
export function beginStream(response: ServerResponse, type: string): void {
  response.writeHead(200, { ...HEADERS, 'Content-Type': type });
  response.flushHeaders();
}
