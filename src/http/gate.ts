/**
 * A socket that passes one request at a time to the HTTP parser.
 *
 * Node parses everything that came in one read, for example 1,500 requests of a hostile client, before a handler can react.
 * Here the bytes after a request are discarded, and the socket ends with the answer, as HTTP allows.
 * @module
 */
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';

/** A socket of the HTTP server. */
export type Socket = IncomingMessage['socket'];

const LF = 0x0a;
const CR = 0x0d;

/** Sits between a socket and the HTTP server. */
export class Gate extends Duplex {
  readonly #socket: Socket;
  readonly #lingerMs: number;
  /** Whether a request has been passed on and is not answered yet. */
  #isClosed = false;
  /** Whether bytes came after a request: then nothing more is read. */
  #hasMore = false;
  /** Bytes of the current request head, 0 between requests; its last byte, and the byte before that. */
  #headBytes = 0;
  #last = 0;
  #beforeLast = 0;

  /** @param lingerMs how long input is discarded after the last answer, so that the client can read the answer */
  constructor(socket: Socket, lingerMs: number) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#lingerMs = lingerMs;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.once('end', () => this.push(null));
    socket.once('close', () => this.destroy());
    socket.on('error', () => this.destroy());
  }

  /** Whether the socket must end with the answer. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** The current request is answered: the next may come. */
  open(): void {
    this.#isClosed = false;
  }

  /** Closes the socket when everything has been written. Node calls it by this name. */
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
    // Empty lines before a request are ignored.
    if (this.#headBytes === 0) while (at < chunk.length && (chunk[at] === CR || chunk[at] === LF)) at++;
    if (at === chunk.length) return;
    const end = this.#isClosed ? at : this.#endOfHead(chunk, at);
    if (end > at && !this.push(chunk.subarray(at, end))) this.#socket.pause();
    if (end === chunk.length) return;
    this.#hasMore = true;
    this.#socket.pause();
  }

  /** The index where the current head ends: after an empty line, else the end of the chunk. */
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
