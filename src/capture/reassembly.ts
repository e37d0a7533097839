/**
 * Reassembles captured TCP segments to the bytes of each side, for many connections at once, in bounded memory.
 * @module
 */
import type { Segment } from './packet.ts';

/** One TCP connection from any source. The object is its identity. */
export interface Conversation {
  /** Its number, if the source has one. */
  readonly number?: number | undefined;
  /** `host:port` of both ends. */
  readonly ends: readonly [string, string];
  /** Which end dialled; undefined when that was not seen. */
  readonly dialler: End | undefined;
  /** Whether it is known to be Stellar's, so that its bytes need no check for this. */
  readonly isStellar?: boolean | undefined;
}

/** Index of an end of a conversation. */
export type End = 0 | 1;

/** An event of a conversation, in order for each of its ends. */
export type ConversationEvent = {
  readonly conversation: Conversation;
  /** Time of the packet with which it became known, in milliseconds since 1970. */
  readonly unixMs: number | undefined;
} & (
  | { readonly event: 'bytes'; readonly from: End; readonly bytes: Uint8Array }
  | {
      /** The number of bytes that are not in the capture: not captured, or cut off by its snapshot length. */
      readonly event: 'gap';
      readonly from: End;
      readonly length: number;
      readonly isCut: boolean;
    }
  | {
      /**
       * A RST, or a SYN in the middle of a connection that continues after it. A receiver accepts a RST only with the due
       * sequence number, and never such a SYN (RFC 5961 §3.2 and §4.2).
       */
      readonly event: 'reset';
      readonly flag: 'RST' | 'SYN';
      readonly from: End;
      readonly sequence: number;
      /** The sequence number that is due. */
      readonly due: number;
    }
  | { readonly event: 'end' }
);

/** Bytes and segments that wait after missing bytes before these count as a gap. */
const MAX_WAITING_BYTES = 0x100000;
const MAX_WAITING_SEGMENTS = 64;
/** Bytes that wait in all conversations together. */
const MAX_TOTAL_WAITING_BYTES = 0x4000000;
/** The largest number of conversations; the one without data for longest is removed first. */
const MAX_CONVERSATIONS = 10_000;

/** A segment's bytes, waiting for those before them. */
interface Piece {
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly missing: number;
}

/** The stream of one end. */
interface Direction {
  /** Sequence number of the next byte; undefined until something was seen. */
  next: number | undefined;
  /** Sequence number of the first byte, from SYN or from the first segment seen. */
  start: number | undefined;
  /** Sequence number of its FIN. */
  fin: number | undefined;
  /** In order of sequence, none of it at `next`. */
  waiting: Piece[];
  waitingBytes: number;
}

interface Tcp extends Conversation {
  dialler: End | undefined;
  readonly directions: readonly [Direction, Direction];
  ended: boolean;
  /** Whether a RST had the due sequence number, so that it was probably the end. */
  wasReset: boolean;
  /** A SYN that opens another connection, if data follows it. */
  opening: Segment | undefined;
}

/** The largest distance of a segment from the due sequence number, in bytes. */
const MAX_DISTANCE = 0x1000000;

/** Puts segments in order. Where segments repeat bytes, the first ones in order count. */
export class Reassembly {
  /**
   * By addresses; the one without data for longest comes first. An ended one stays until its addresses are used again, because
   * repeated segments may come late.
   */
  readonly #conversations = new Map<string, Tcp>();
  #waitingBytes = 0;

  /** The events that a segment completes. */
  push(segment: Segment): readonly ConversationEvent[] {
    const { source, destination, unixMs } = segment;
    const events: ConversationEvent[] = [];
    const isFirst = source <= destination;
    const key = isFirst ? `${source} ${destination}` : `${destination} ${source}`;
    let tcp = this.#conversations.get(key);
    this.#conversations.delete(key);
    const opening = tcp?.opening;
    if (tcp !== undefined && isNewConnection(tcp, segment) && !isBelieved(tcp, segment)) {
      // Subtle: a copy, so that a few bytes do not hold the whole chunk of the file they are a view of.
      tcp.opening = { ...segment, data: segment.data.slice() };
      this.#conversations.set(key, tcp);
      return events;
    }
    if (tcp !== undefined && (isNewConnection(tcp, segment) || isOpenedBy(tcp, segment))) {
      this.#end(tcp, unixMs, events);
      tcp = undefined;
    }
    const isNew = tcp === undefined;
    tcp ??= newConversation(isFirst ? [source, destination] : [destination, source]);
    this.#conversations.set(key, tcp);
    if (isNew && opening !== undefined) this.#take(tcp, opening, events);
    if (!tcp.ended) this.#take(tcp, segment, events);
    if (this.#conversations.size > MAX_CONVERSATIONS) this.#endOldest(unixMs, events);
    return events;
  }

  /** Call this at the end: waiting data follows a gap. */
  end(): readonly ConversationEvent[] {
    const events: ConversationEvent[] = [];
    for (const tcp of this.#conversations.values()) this.#end(tcp, undefined, events);
    this.#conversations.clear();
    return events;
  }

  #take(tcp: Tcp, segment: Segment, events: ConversationEvent[]): void {
    const { source, syn, ack, fin, rst, data, missing, unixMs } = segment;
    const from: End = tcp.ends[0] === source ? 0 : 1;
    const direction = tcp.directions[from];
    if (syn) tcp.dialler ??= ack ? other(from) : from;
    const sequence = firstByte(segment);
    if (tcp.opening !== undefined && data.length > 0) {
      const { opening } = tcp;
      const by: End = tcp.ends[0] === opening.source ? 0 : 1;
      const due = tcp.directions[by].next ?? 0;
      events.push({ event: 'reset', flag: 'SYN', conversation: tcp, unixMs, from: by, sequence: opening.sequence, due });
      tcp.opening = undefined;
    }
    if (rst) {
      this.#reset(tcp, from, sequence, unixMs, events);
      return;
    }
    const length = data.length + missing;
    if (syn || fin || length > 0) direction.next ??= direction.start ??= sequence;
    if (length > 0) this.#insert(direction, { sequence, data, missing });
    if (fin) direction.fin = (sequence + length) >>> 0;
    this.#drain(tcp, from, unixMs, events);
    while (isTooMuch(direction) || (this.#waitingBytes > MAX_TOTAL_WAITING_BYTES && direction.waiting.length > 0))
      this.#skipHole(tcp, from, unixMs, events);
    const isDone = tcp.directions.every(({ fin, next }) => fin !== undefined && fin === next);
    if (isDone) this.#end(tcp, unixMs, events);
  }

  /**
   * Subtle: the capture does not show whether the receiver accepted a RST, so later data is still read. The data of a RST is
   * not part of the stream (RFC 9293 §3.5.3).
   */
  #reset(tcp: Tcp, from: End, sequence: number, unixMs: number | undefined, events: ConversationEvent[]): void {
    const due = dueOf(tcp.directions[from], sequence);
    if (sequence === due)
      for (const end of [0, 1] as const) while (tcp.directions[end].waiting.length > 0) this.#skipHole(tcp, end, unixMs, events);
    if (sequence === due) tcp.wasReset = true;
    events.push({ event: 'reset', flag: 'RST', conversation: tcp, unixMs, from, sequence, due });
  }

  #insert(direction: Direction, { sequence, data, missing }: Piece): void {
    const { waiting, next } = direction;
    // Subtle: what waits is copied, so that a few bytes do not hold the whole chunk of the file they are a view of.
    const waits = distance(next as number, sequence) > 0;
    const piece = { sequence, data: waits ? data.slice() : data, missing };
    let at = waiting.length;
    while (at > 0 && distance((waiting[at - 1] as Piece).sequence, piece.sequence) < 0) at--;
    waiting.splice(at, 0, piece);
    this.#count(direction, piece.data.length);
  }

  /** Passes on everything up to the next missing byte. */
  #drain(tcp: Tcp, from: End, unixMs: number | undefined, events: ConversationEvent[]): void {
    const direction = tcp.directions[from];
    for (let piece = direction.waiting[0]; piece !== undefined; piece = direction.waiting[0]) {
      const next = direction.next as number;
      const behind = distance(piece.sequence, next);
      if (behind < 0) break;
      direction.waiting.shift();
      this.#count(direction, -piece.data.length);
      const bytes = piece.data.subarray(Math.min(behind, piece.data.length));
      if (bytes.length > 0) events.push({ event: 'bytes', conversation: tcp, unixMs, from, bytes });
      const length = piece.data.length + piece.missing - Math.max(behind, piece.data.length);
      if (length > 0) events.push({ event: 'gap', conversation: tcp, unixMs, from, length, isCut: true });
      direction.next = (next + Math.max(0, piece.data.length + piece.missing - behind)) >>> 0;
    }
  }

  /** The bytes before the first waiting ones will not come: makes a gap. */
  #skipHole(tcp: Tcp, from: End, unixMs: number | undefined, events: ConversationEvent[]): void {
    const direction = tcp.directions[from];
    const first = direction.waiting[0] as Piece;
    const length = distance(direction.next as number, first.sequence);
    events.push({ event: 'gap', conversation: tcp, unixMs, from, length, isCut: false });
    direction.next = first.sequence;
    this.#drain(tcp, from, unixMs, events);
  }

  #end(tcp: Tcp, unixMs: number | undefined, events: ConversationEvent[]): void {
    if (tcp.ended) return;
    tcp.ended = true;
    for (const from of [0, 1] as const) {
      const direction = tcp.directions[from];
      while (direction.waiting.length > 0) this.#skipHole(tcp, from, unixMs, events);
      const { next, fin } = direction;
      const length = next === undefined || fin === undefined ? 0 : distance(next, fin);
      if (length > 0) events.push({ event: 'gap', conversation: tcp, unixMs, from, length, isCut: false });
    }
    events.push({ event: 'end', conversation: tcp, unixMs });
  }

  #endOldest(unixMs: number | undefined, events: ConversationEvent[]): void {
    for (const [key, tcp] of this.#conversations) {
      this.#conversations.delete(key);
      this.#end(tcp, unixMs, events);
      return;
    }
  }

  #count(direction: Direction, bytes: number): void {
    direction.waitingBytes += bytes;
    this.#waitingBytes += bytes;
  }
}

function newConversation(ends: readonly [string, string]): Tcp {
  const direction = (): Direction => ({ next: undefined, start: undefined, fin: undefined, waiting: [], waitingBytes: 0 });
  return { ends, dialler: undefined, directions: [direction(), direction()], ended: false, wasReset: false, opening: undefined };
}

/** Whether a SYN opens another connection between the same addresses, and is neither a repeat nor late. */
function isNewConnection(tcp: Tcp, segment: Segment): boolean {
  if (!segment.syn) return false;
  const { start } = tcp.directions[tcp.ends[0] === segment.source ? 0 : 1];
  return start === undefined ? tcp.ended && !segment.ack : start !== firstByte(segment);
}

/**
 * Whether a SYN really opens another connection: the old one has ended, or the SYN is answered. Anyone can forge a SYN, and the
 * receiver then continues the old connection.
 */
function isBelieved({ ended, wasReset, directions, opening }: Tcp, { ack, source }: Segment): boolean {
  const isOver = ended || wasReset || directions.some(({ fin }) => fin !== undefined);
  return isOver || (ack && opening !== undefined && opening.source !== source);
}

/** Whether a segment continues after a SYN, and not the connection before it. */
function isOpenedBy({ opening, directions, ends }: Tcp, { source, sequence }: Segment): boolean {
  if (opening === undefined || opening.source !== source) return false;
  const { next } = directions[ends[0] === source ? 0 : 1];
  const isNear = (due: number | undefined): boolean => due !== undefined && Math.abs(distance(due, sequence)) < MAX_DISTANCE;
  return isNear(firstByte(opening)) && !isNear(next);
}

/** SYN takes a number before the first byte. */
function firstByte({ sequence, syn }: Segment): number {
  return (sequence + (syn ? 1 : 0)) >>> 0;
}

function isTooMuch({ waiting, waitingBytes }: Direction): boolean {
  return waiting.length > MAX_WAITING_SEGMENTS || (waiting.length > 0 && waitingBytes > MAX_WAITING_BYTES);
}

function other(end: End): End {
  return end === 0 ? 1 : 0;
}

/** The sequence number after everything seen from an end. FIN has a number too; some systems count it in a RST and some do not. */
function dueOf({ next, fin, waiting }: Direction, sequence: number): number {
  const last = waiting.at(-1);
  const due = last === undefined ? next : (last.sequence + last.data.length + last.missing) >>> 0;
  if (due === undefined) return sequence;
  const behindFin = (due + 1) >>> 0;
  return due === fin && sequence === behindFin ? behindFin : due;
}

/** The distance from one sequence number to another, across the wrap at 2^32. */
function distance(from: number, to: number): number {
  return (to - from) | 0;
}
