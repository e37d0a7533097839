/**
 * Decodes the bytes of conversations to records: the sender, the message, and whether the MAC is good if the key is known.
 * Messages can be read without a key; a key only shows whether they are genuine.
 * @module
 */
import { nodeCrypto } from '../crypto/node.ts';
import type { MacKey } from '../protocol/auth/crypto.ts';
import { DEFAULT_PORT, MAC_BYTES, SEQUENCE_OFFSET } from '../protocol/constants.ts';
import { type CheckedType, messageXdr, readMessage } from '../protocol/wire/authenticated-message.ts';
import type { Hello } from '../protocol/wire/messages.ts';
import { XdrReader } from '../protocol/xdr/reader.ts';
import { KeyLog, KeyTrials, type MacKeys } from './keylog.ts';
import type { Conversation, ConversationEvent, End } from './reassembly.ts';
import { RecordStream, type StreamItem } from './record-stream.ts';

/** Side of a connection: A dialled, B accepted. */
export type Side = 'A' | 'B';

/** The state of a MAC. HELLO and ERROR_MSG have none; without its key a MAC cannot be verified. */
export type MacVerdict = 'good' | 'bad' | 'none' | 'unknown';

/** A result, in the order of the capture. */
export type Decoded = DecodedConnection | DecodedRecord | DecodedProblem;

/** A connection that uses the overlay's protocol. It comes before its records. */
export interface DecodedConnection {
  readonly kind: 'connection';
  readonly connection: number;
  readonly unixMs: number | undefined;
  /** `host:port` of A and of B. */
  readonly a: string;
  readonly b: string;
  /** Whether the dialling side is a guess from the ports, because the capture has neither its SYN nor its HELLO. */
  readonly isGuess: boolean;
}

/** A record. */
export interface DecodedRecord {
  readonly kind: 'record';
  readonly connection: number;
  /** The sender; undefined when the input does not say. */
  readonly from: Side | undefined;
  /** When it was complete, in milliseconds since 1970; undefined when the input does not say. */
  readonly unixMs: number | undefined;
  readonly type: CheckedType;
  /** Discriminant of the message, signed. */
  readonly typeNumber: number;
  /** Undefined for a message without its record. */
  readonly sequence: bigint | undefined;
  readonly mac: MacVerdict;
  /** The record body; undefined for a message without its record. A view, as `xdr` is: it lasts until the next bytes. */
  readonly body: Uint8Array | undefined;
  /** The StellarMessage, its 4-byte type included. */
  readonly xdr: Uint8Array;
}

/** A fault of a sender, or a gap of the capture. */
export interface DecodedProblem {
  readonly kind: 'problem';
  readonly connection: number;
  readonly from: Side | undefined;
  readonly unixMs: number | undefined;
  /**
   * `length`: a record length that is not allowed. `xdr`: a record that is not a well-formed message. `sequence`: a sequence
   * number other than the next. `gap`: bytes that are not in the capture. `skipped`: bytes that are not records. `end`: the
   * connection or the capture ends inside a record. `reset`: a RST or SYN after which the connection continues.
   */
  readonly problem: 'length' | 'xdr' | 'sequence' | 'gap' | 'skipped' | 'end' | 'reset';
  /** Whether it is a fault of the sender; false if the capture is incomplete. */
  readonly isFault: boolean;
  readonly message: string;
  /** Body of a record that is not well-formed. */
  readonly body?: Uint8Array;
}

/** The state of one end. */
interface Sender {
  readonly stream: RecordStream;
  /** Of its HELLO. */
  nonce: Uint8Array | undefined;
  /** The next sequence number; undefined when any may come. */
  sequence: bigint | undefined;
  /** Whether all its bytes were captured, so that bytes which are not a record are its fault. */
  isWhole: boolean;
}

interface State {
  readonly conversation: Conversation;
  readonly senders: readonly [Sender, Sender];
  /** Undefined until it is recognised as Stellar's. */
  number: number | undefined;
  dialler: End | undefined;
  keys: { readonly A: MacKey; readonly B: MacKey } | undefined;
  /** Records on which every key was tried. */
  tried: number;
  /** The end that sent a RST which may have ended the connection; undefined again when more data has come. */
  reset: End | undefined;
}

/** Records of a connection on which every key is tried when its HELLOs were not captured, and how long they may be. */
const MAX_TRIED = 4;
const MAX_TRIED_BYTES = 0x10000;
/** Bytes of incomplete records held for all conversations together. */
const MAX_PENDING_BYTES = 0x10000000;

/** Decodes many conversations at once. */
export class Decoder {
  readonly #keys: KeyLog;
  readonly #trials: KeyTrials;
  readonly #states = new Map<Conversation, State>();
  #connections = 0;
  #others = 0;
  #pendingBytes = 0;

  /** @param keys without keys, MACs are not verified */
  constructor(keys: KeyLog = new KeyLog()) {
    this.#keys = keys;
    this.#trials = new KeyTrials(keys);
  }

  /** Records on which not every key was tried, because there were too many records and keys. */
  get untried(): number {
    return this.#trials.untried;
  }

  /** The number of conversations with bytes that are not Stellar's; complete after `end`. */
  get others(): number {
    return this.#others;
  }

  /** The items that an event completes. Read all of them before the next call. */
  *push(event: ConversationEvent): Generator<Decoded> {
    const { conversation, unixMs } = event;
    let state = this.#states.get(conversation);
    if (event.event === 'end') {
      this.#states.delete(conversation);
      if (state !== undefined) yield* this.#end(state, unixMs);
      return;
    }
    if (event.event === 'reset') {
      if (state !== undefined) yield* this.#reset(state, event);
      return;
    }
    if (state === undefined) {
      state = newState(conversation);
      this.#states.set(conversation, state);
    }
    state.dialler ??= conversation.dialler;
    if (conversation.isStellar && state.number === undefined) yield* this.#recognise(state, unixMs);
    if (state.reset !== undefined && state.number !== undefined) {
      const message = `More data follows a RST of ${sideOf(state, state.reset)}: it is decoded.`;
      yield problem(state, state.reset, unixMs, 'reset', false, message);
    }
    state.reset = undefined;
    const before = pendingBytes(state);
    if (event.event === 'gap') {
      if (state.number === undefined && isRecognised(state)) yield* this.#recognise(state, unixMs);
      yield* this.#gap(state, event.from, unixMs, `${event.length} bytes are missing: ${GAP[event.isCut ? 'cut' : 'lost']}`);
    } else {
      this.#trials.read(event.bytes.length);
      for (const item of state.senders[event.from].stream.push(event.bytes)) yield* this.#item(state, event.from, item, unixMs);
    }
    this.#pendingBytes += pendingBytes(state) - before;
    if (this.#pendingBytes > MAX_PENDING_BYTES) {
      this.#pendingBytes -= state.senders[event.from].stream.pending;
      yield* this.#gap(state, event.from, unixMs, 'A record is skipped: too many are incomplete at once');
    }
  }

  /** Call this at the end of the input: gives the remaining items of every conversation. */
  *end(): Generator<Decoded> {
    for (const state of this.#states.values()) yield* this.#end(state, undefined);
    this.#states.clear();
  }

  *#item(state: State, from: End, item: StreamItem, unixMs: number | undefined): Generator<Decoded> {
    const isNew = state.number === undefined;
    if (isNew) yield* this.#recognise(state, unixMs, from, item);
    switch (item.item) {
      case 'record':
        if (item.skipped > 0) yield* skipped(state, from, unixMs, item.skipped);
        yield* this.#record(state, from, item.type, item.body, unixMs);
        break;
      case 'corrupt':
        state.senders[from].sequence = undefined;
        yield { ...problem(state, from, unixMs, 'xdr', true, item.message), body: item.body };
        break;
      case 'length':
        yield problem(state, from, unixMs, 'length', true, item.message);
        state.senders[from].sequence = undefined;
    }
    if (isNew) yield* this.#begin(state, unixMs);
  }

  /** The conversation is Stellar's: gives it a number, and its ends their sides. */
  *#recognise(state: State, unixMs: number | undefined, from?: End, item?: StreamItem): Generator<Decoded> {
    const { conversation } = state;
    this.#connections = conversation.number ?? this.#connections + 1;
    state.number = this.#connections;
    if (item?.item === 'record' && from !== undefined) {
      if (item.type === 'HELLO') state.dialler ??= from;
      else this.#tryKeys(state, from, item.body);
    }
    const isGuess = state.dialler === undefined;
    const dialler = state.dialler ?? guessDialler(conversation.ends);
    state.dialler = dialler;
    const [a, b] = [conversation.ends[dialler], conversation.ends[other(dialler)]];
    yield { kind: 'connection', connection: state.number, unixMs, a, b, isGuess };
    if (conversation.isStellar) yield* this.#begin(state, unixMs);
  }

  /** If the beginning was captured, the first bytes of each end count as a record. */
  *#begin(state: State, unixMs: number | undefined): Generator<Decoded> {
    if (state.conversation.dialler === undefined) return;
    for (const from of [0, 1] as const) {
      for (const item of state.senders[from].stream.begin()) yield* this.#item(state, from, item, unixMs);
    }
  }

  *#record(state: State, from: End, type: CheckedType, body: Uint8Array, unixMs: number | undefined): Generator<Decoded> {
    const sender = state.senders[from];
    const reader = new XdrReader(body, SEQUENCE_OFFSET);
    const sequence = reader.uint64();
    const typeNumber = reader.int32();
    // Like the receiver: these two have no sequence and no MAC, and are not counted.
    const isPlain = type === 'ERROR_MSG' || (type === 'HELLO' && sender.nonce === undefined);
    if (isPlain && type === 'HELLO') {
      sender.nonce = (readMessage(body) as unknown as Hello).nonce.slice();
      sender.sequence = 0n;
      sender.stream.setAuthenticated(false);
      this.#findKeys(state);
    }
    if (type === 'AUTH') sender.stream.setAuthenticated(true);
    const mac = isPlain ? 'none' : this.#verify(state, from, body);
    if (!isPlain) {
      if (sender.sequence !== undefined && sequence !== sender.sequence) {
        const message = `The next message has sequence ${sequence} where ${sender.sequence} is due.`;
        yield problem(state, from, unixMs, 'sequence', true, message);
      }
      sender.sequence = BigInt.asUintN(64, sequence + 1n);
    }
    const side = sideOf(state, from);
    yield {
      kind: 'record',
      ...{ connection: state.number as number, from: side, unixMs, type, typeNumber, sequence, mac, body },
      xdr: messageXdr(body),
    };
  }

  *#gap(state: State, from: End, unixMs: number | undefined, message: string): Generator<Decoded> {
    const sender = state.senders[from];
    const inside = sender.stream.pending > 0 ? '; this makes a record incomplete' : '';
    sender.stream.lose();
    sender.sequence = undefined;
    sender.isWhole = false;
    if (state.number !== undefined) yield problem(state, from, unixMs, 'gap', false, `${message}${inside}.`);
  }

  /** Probably the end of the connection, so the remaining items are given. If more data follows, it is decoded. */
  *#reset(state: State, event: Extract<ConversationEvent, { event: 'reset' }>): Generator<Decoded> {
    const { flag, from, sequence, due, unixMs } = event;
    if (state.number === undefined && isRecognised(state)) yield* this.#recognise(state, unixMs);
    if (flag === 'RST' && sequence === due) {
      if (state.number !== undefined && state.reset === undefined) yield* this.#rest(state, unixMs);
      state.reset ??= from;
    } else if (state.number !== undefined) {
      const message = `A ${flag} of ${sideOf(state, from)} with sequence ${sequence} where ${due} is due is ignored.`;
      yield problem(state, from, unixMs, 'reset', false, message);
    }
  }

  *#end(state: State, unixMs: number | undefined): Generator<Decoded> {
    this.#pendingBytes -= pendingBytes(state);
    if (state.number === undefined && isRecognised(state)) yield* this.#recognise(state, unixMs);
    if (state.number === undefined) {
      if (state.senders.some(({ stream }) => stream.pending + stream.skipped > 0)) this.#others++;
    } else if (state.reset === undefined) yield* this.#rest(state, unixMs);
  }

  /** The bytes of both ends that do not make a record. */
  *#rest(state: State, unixMs: number | undefined): Generator<Decoded> {
    for (const from of [0, 1] as const) {
      const { stream } = state.senders[from];
      if (stream.skipped > 0) yield* skipped(state, from, unixMs, stream.skipped);
      if (stream.pending > 0)
        yield problem(state, from, unixMs, 'end', false, `The stream ends after ${stream.pending} bytes of a record.`);
    }
  }

  #verify(state: State, from: End, body: Uint8Array): MacVerdict {
    if (state.keys === undefined) this.#tryKeys(state, from, body);
    if (state.keys === undefined) return 'unknown';
    return isGenuine(state.keys[sideOf(state, from)], body) ? 'good' : 'bad';
  }

  /** The keys of this connection, by the nonces of its HELLOs. */
  #findKeys(state: State): void {
    const [a, b] = state.dialler === 1 ? [state.senders[1], state.senders[0]] : state.senders;
    if (a.nonce === undefined || b.nonce === undefined) return;
    const keys = this.#keys.find(a.nonce, b.nonce);
    if (keys !== undefined) state.keys = macKeys(keys);
  }

  /** The keys of a connection without both HELLOs: those with which the MAC of a record is good. */
  #tryKeys(state: State, from: End, body: Uint8Array): void {
    const hasNonces = state.senders.every(({ nonce }) => nonce !== undefined);
    if (hasNonces || body.length > MAX_TRIED_BYTES || state.tried++ >= MAX_TRIED) return;
    const found = this.#trials.find(body, state.dialler === undefined ? ['A', 'B'] : [sideOf(state, from)]);
    if (found === undefined) return;
    state.keys = macKeys(found.keys);
    state.dialler ??= found.side === 'A' ? from : other(from);
  }
}

const GAP = { cut: 'the capture has cut them off (snapshot length)', lost: 'they are not in the capture' } as const;

function newState(conversation: Conversation): State {
  const sender = (): Sender => ({ stream: new RecordStream(), nonce: undefined, sequence: undefined, isWhole: true });
  const { dialler } = conversation;
  return { conversation, senders: [sender(), sender()], number: undefined, dialler, keys: undefined, tried: 0, reset: undefined };
}

function isRecognised({ senders: [first, second] }: State): boolean {
  return first.stream.isRecognised || second.stream.isRecognised;
}

function pendingBytes({ senders: [first, second] }: State): number {
  return first.stream.pending + second.stream.pending;
}

function macKeys({ K_AB, K_BA }: MacKeys): { readonly A: MacKey; readonly B: MacKey } {
  return { A: nodeCrypto.macKey(K_AB), B: nodeCrypto.macKey(K_BA) };
}

function isGenuine(key: MacKey, body: Uint8Array): boolean {
  return key.verify(body, SEQUENCE_OFFSET, body.length - MAC_BYTES);
}

/** Bytes that are not records are the sender's fault, unless the capture is incomplete or begins in the middle. */
function* skipped(state: State, from: End, unixMs: number | undefined, length: number): Generator<Decoded> {
  const isFault = state.senders[from].isWhole && state.conversation.dialler !== undefined;
  const why = isFault ? 'they are not records' : 'the beginning of the next record must be found first';
  yield problem(state, from, unixMs, 'skipped', isFault, `${length} bytes are skipped: ${why}.`);
}

function problem(
  state: State,
  from: End,
  unixMs: number | undefined,
  name: DecodedProblem['problem'],
  isFault: boolean,
  message: string,
): DecodedProblem {
  const side = sideOf(state, from);
  return { kind: 'problem', connection: state.number as number, from: side, unixMs, problem: name, isFault, message };
}

function sideOf({ dialler }: State, from: End): Side {
  return from === dialler ? 'A' : 'B';
}

function other(end: End): End {
  return end === 0 ? 1 : 0;
}

/** The end with the default port was dialled, or else the one with the smaller port, because dialling ends get high ports. */
function guessDialler(ends: readonly [string, string]): End {
  const [first, second] = ends.map((end) => Number(end.slice(end.lastIndexOf(':') + 1))) as [number, number];
  if (first === DEFAULT_PORT || second === DEFAULT_PORT) return first === DEFAULT_PORT ? 1 : 0;
  return first < second ? 1 : 0;
}
