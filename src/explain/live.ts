/**
 * Serves the page while the handshake happens: to a browser on this machine, with events as they occur.
 * @module
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { beginStream, type HttpAnswer, HttpServer, type HttpStream, Refusal } from '../http/server.ts';
import { pageHtml } from './page.ts';
import type { Picture } from './picture.ts';

/** Time limits, in milliseconds. */
export interface LiveLimits {
  /** Until a page connects for the first time. */
  readonly waitMs: number;
  /** Without a page, before it counts as closed; a reload is faster. */
  readonly goneMs: number;
  /** In total. */
  readonly totalMs: number;
}

const LIMITS: LiveLimits = { waitMs: 300_000, goneMs: 3_000, totalMs: 3_600_000 };
const HOST = '127.0.0.1';
/** Maximum number of open pages. */
const MAX_READERS = 8;

/**
 * Starts the server. It listens on loopback only. It answers only requests that have the token in the address, name this host,
 * and come from no other page.
 * @throws {OverlayError} OVERLAY_LISTEN_FAILED when it cannot listen
 */
export async function serveLive(limits: LiveLimits = LIMITS): Promise<LivePage> {
  const server: HttpServer = await HttpServer.listen({
    host: HOST,
    port: 0,
    isHost: (host) => host === `${HOST}:${server.port}`,
    // A file of ours leads the browser here; nobody else knows the address.
    isLinkable: () => true,
    answer: (request) => page.answer(request),
  });
  const page = new LivePage(server, limits);
  return page;
}

/** A served page. */
export class LivePage implements AsyncDisposable {
  /** Its address, token included. */
  readonly url: string;
  /** Resolves with true when a page has connected for the first time; with false when none has in time. */
  readonly opened: Promise<boolean>;
  /** Resolves when the page was closed, when none has connected, or when the time is over. */
  readonly gone: Promise<void>;
  readonly #server: HttpServer;
  readonly #limits: LiveLimits;
  readonly #path: string;
  readonly #readers = new Set<ServerResponse>();
  readonly #resolveOpened: (isOpen: boolean) => void;
  readonly #resolveGone: () => void;
  readonly #total: NodeJS.Timeout;
  #idle: NodeJS.Timeout;
  #picture: Picture | undefined;

  /** @internal */
  constructor(server: HttpServer, limits: LiveLimits) {
    this.#server = server;
    this.#limits = limits;
    this.#path = `/${randomBytes(24).toString('base64url')}/`;
    this.url = `http://${HOST}:${server.port}${this.#path}`;
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
    await this.#server.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal */
  async answer({ url = '', method }: IncomingMessage): Promise<HttpAnswer | HttpStream> {
    if (method !== 'GET') throw new Refusal(405, 'Only GET is answered.', { Allow: 'GET' });
    if (equalText(url, this.#path)) return { type: 'text/html; charset=utf-8', text: await pageHtml({ live: 'events' }) };
    if (!equalText(url, `${this.#path}events`)) throw new Refusal(404, 'There is nothing here.');
    if (this.#readers.size >= MAX_READERS) throw new Refusal(503, 'Too many pages are open.');
    return (response) => this.#read(response);
  }

  #read(response: ServerResponse): void {
    beginStream(response, 'text/event-stream');
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

/** A slow reader gets the latest picture later, as a whole, so that nothing accumulates. */
function writePicture(reader: ServerResponse, picture: Picture): void {
  if (reader.writableNeedDrain && picture.running) return;
  reader.write(`event: picture\ndata: ${JSON.stringify(picture)}\n\n`);
}

/** In constant time, because the token is part of the text. */
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
