/**
 * The page while the handshake happens: served to one browser on this machine, its events as they come.
 * @module
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { beginStream, type HttpAnswer, HttpServer, type HttpStream, Refusal } from '../http/server.ts';
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

/**
 * Starts the server. It listens on loopback alone, and answers only who knows the token in the address, names this very
 * host and comes from no other page.
 * @throws {OverlayError} OVERLAY_LISTEN_FAILED when it cannot listen
 */
export async function serveLive(limits: LiveLimits = LIMITS): Promise<LivePage> {
  const server: HttpServer = await HttpServer.listen({
    host: HOST,
    port: 0,
    isHost: (host) => host === `${HOST}:${server.port}`,
    // The browser is led here by a file of ours; nobody else knows the way.
    isLinkable: () => true,
    answer: (request) => page.answer(request),
  });
  const page = new LivePage(server, limits);
  return page;
}

/** A page that is served. */
export class LivePage implements AsyncDisposable {
  /** Its address, with the token that it needs. */
  readonly url: string;
  /** Resolves when a page has come for the first time; false when none has in time. */
  readonly opened: Promise<boolean>;
  /** Resolves when the page has been closed, none has come, or the time is up. */
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

/** A reader that does not read gets the next picture later, whole: nothing piles up. */
function writePicture(reader: ServerResponse, picture: Picture): void {
  if (reader.writableNeedDrain && picture.running) return;
  reader.write(`event: picture\ndata: ${JSON.stringify(picture)}\n\n`);
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
