/**
 * The page while the handshake happens: served to one browser on this machine, its events as they come.
 * @module
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { OverlayError } from '../protocol/errors.ts';
import { pageHtml } from './page.ts';
import type { Picture } from './picture.ts';

/** How long everything may take, in milliseconds. */
export interface LiveLimits {
  /** Until a page comes for the first time. */
  readonly waitMs: number;
  /** Without a page, before it is taken for closed; a reload is quicker. */
  readonly goneMs: number;
  /** In all. */
  readonly totalMs: number;
}

const LIMITS: LiveLimits = { waitMs: 300_000, goneMs: 3_000, totalMs: 3_600_000 };
const HOST = '127.0.0.1';
/** Pages looking at once. */
const MAX_READERS = 8;
const MAX_HTTP_CONNECTIONS = 32;
const REQUEST_TIMEOUT_MS = 10_000;

const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const;

/**
 * Starts the server. It listens on loopback alone, and answers only who knows the token in the address, names this very
 * host and comes from no other page.
 * @throws {OverlayError} OVERLAY_LISTEN_FAILED when it cannot listen
 */
export async function serveLive(limits: LiveLimits = LIMITS): Promise<LivePage> {
  const server = createServer({ headersTimeout: REQUEST_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS });
  server.maxConnections = MAX_HTTP_CONNECTIONS;
  server.listen(0, HOST);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new OverlayError('OVERLAY_LISTEN_FAILED', { stage: 'tcp', cause });
  }
  return new LivePage(server, limits);
}

/** A page that is served. */
export class LivePage implements AsyncDisposable {
  /** Its address, with the token that it needs. */
  readonly url: string;
  /** Resolves when a page has come for the first time; false when none has in time. */
  readonly opened: Promise<boolean>;
  /** Resolves when the page has been closed, none has come, or the time is up. */
  readonly gone: Promise<void>;
  readonly #server: Server;
  readonly #limits: LiveLimits;
  readonly #origin: string;
  readonly #path: string;
  readonly #readers = new Set<ServerResponse>();
  readonly #resolveOpened: (isOpen: boolean) => void;
  readonly #resolveGone: () => void;
  readonly #total: NodeJS.Timeout;
  #idle: NodeJS.Timeout;
  #picture: Picture | undefined;

  /** @internal */
  constructor(server: Server, limits: LiveLimits) {
    const { port } = server.address() as { readonly port: number };
    this.#server = server;
    this.#limits = limits;
    this.#origin = `http://${HOST}:${port}`;
    this.#path = `/${randomBytes(24).toString('base64url')}/`;
    this.url = `${this.#origin}${this.#path}`;
    const opened = withResolver<boolean>();
    const gone = withResolver<void>();
    this.opened = opened.promise;
    this.gone = gone.promise;
    this.#resolveOpened = opened.resolve;
    this.#resolveGone = () => {
      opened.resolve(false);
      gone.resolve();
    };
    this.#idle = setTimeout(this.#resolveGone, limits.waitMs);
    this.#total = setTimeout(this.#resolveGone, limits.totalMs);
    server.on('error', () => {});
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  /** Shows another picture. */
  show(picture: Picture): void {
    this.#picture = picture;
    for (const reader of this.#readers) writePicture(reader, picture);
  }

  /** Stops serving. @returns when all sockets are closed */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    clearTimeout(this.#total);
    this.#resolveGone();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const reader of this.#readers) reader.end();
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    const { url = '', method } = request;
    if (!this.#isAllowed(request)) refuse(response, 403);
    else if (method !== 'GET') refuse(response, 405);
    else if (equalText(url, this.#path)) {
      const html = await pageHtml({ live: 'events' });
      response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/html; charset=utf-8' }).end(html);
    } else if (equalText(url, `${this.#path}events`)) this.#read(response);
    else refuse(response, 404);
  }

  /** Subtle: the host is compared so that no name of somebody else’s that leads here is taken for ours (DNS rebinding). */
  #isAllowed({ headers }: IncomingMessage): boolean {
    const { host, origin } = headers;
    const site = headers['sec-fetch-site'];
    return (
      `http://${host}` === this.#origin &&
      (origin === undefined || origin === this.#origin) &&
      (site === undefined || site === 'same-origin' || site === 'none' || headers['sec-fetch-mode'] === 'navigate')
    );
  }

  #read(response: ServerResponse): void {
    if (this.#readers.size >= MAX_READERS) {
      refuse(response, 503);
      return;
    }
    response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    this.#readers.add(response);
    clearTimeout(this.#idle);
    response.once('close', () => {
      this.#readers.delete(response);
      if (this.#readers.size > 0) return;
      clearTimeout(this.#idle);
      this.#idle = setTimeout(this.#resolveGone, this.#limits.goneMs);
    });
    if (this.#picture !== undefined) writePicture(response, this.#picture);
    this.#resolveOpened(true);
  }
}

/** A reader that does not read gets the next picture later, whole: nothing piles up. */
function writePicture(reader: ServerResponse, picture: Picture): void {
  if (reader.writableNeedDrain && picture.running) return;
  reader.write(`event: picture\ndata: ${JSON.stringify(picture)}\n\n`);
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { ...HEADERS, 'Content-Type': 'text/plain; charset=utf-8' }).end(`${status}\n`);
}

/** In constant time, as the token is part of it. */
function equalText(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

function withResolver<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((yes) => {
    resolve = yes;
  });
  return { promise, resolve };
}
