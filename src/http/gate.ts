/**
 * A socket that gives the HTTP parser one request at a time.
 *
 * Node parses whatever came in one read, 1,500 requests of a hostile sender for example, before anybody can object. Here what
 * comes behind a request is thrown away, and the socket ends with the answer, as HTTP allows.
 * @module
 */
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';

/** A socket of the HTTP server. */
export type Socket = IncomingMessage['socket'];

const LF = 0x0a;
const CR = 0x0d;

/** Stands before a socket. */
export class Gate extends Duplex {
  readonly #socket: Socket;
  readonly #lingerMs: number;
  /** Whether a request has passed that is not answered. */
  #isClosed = false;
  /** Whether something came behind a request: nothing more is read. */
  #hasMore = false;
  /** Bytes of the head that has begun: 0 between requests; the last of them, and the one before the last. */
  #headBytes = 0;
  #last = 0;
  #beforeLast = 0;

  /** @param lingerMs how long what still comes is thrown away when everything has been said, so that it can be read */
  constructor(socket: Socket, lingerMs: number) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#lingerMs = lingerMs;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.once('end', () => this.push(null));
    socket.once('close', () => this.destroy());
    socket.on('error', () => this.destroy());
  }

  /** Whether the socket has to end with the answer. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** The request that has passed is answered: the next may come. */
  open(): void {
    this.#isClosed = false;
  }

  /** Ends it when everything has been written; Node asks for it by this name. */
  destroySoon(): void {
    this.end(() => {
      const late = setTimeout(() => this.destroy(), this.#lingerMs);
      this.once('close', () => clearTimeout(late));
      this.#socket.once('end', () => this.destroy());
      this.#isClosed = true;
      this.#socket.resume();
    });
  }

  override _read(): void {
    if (!this.#hasMore) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, (error) => done(error ?? null));
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #take(chunk: Buffer): void {
    if (this.writableFinished) return;
    let at = 0;
    // Empty lines before a request mean nothing.
    if (this.#headBytes === 0) while (at < chunk.length && (chunk[at] === CR || chunk[at] === LF)) at++;
    if (at === chunk.length) return;
    const end = this.#isClosed ? at : this.#endOfHead(chunk, at);
    if (end > at && !this.push(chunk.subarray(at, end))) this.#socket.pause();
    if (end === chunk.length) return;
    this.#hasMore = true;
    this.#socket.pause();
  }

  /** Where the head ends that has begun: behind an empty line; else the end of the chunk. */
  #endOfHead(chunk: Buffer, start: number): number {
    for (let at = start; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      const isEnd = byte === LF && (this.#last === LF || (this.#last === CR && this.#beforeLast === LF));
      this.#beforeLast = this.#last;
      this.#last = byte;
      this.#headBytes++;
      if (!isEnd) continue;
      this.#headBytes = this.#last = this.#beforeLast = 0;
      this.#isClosed = true;
      return at + 1;
    }
    return chunk.length;
  }
}
