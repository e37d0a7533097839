/**
 * The bytes of conversations to decoded records: who sent it, what it is, and whether its MAC is good where the key is known.
 * Nothing is needed to read the messages; a key only tells whether they are genuine.
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

/** What is known of a MAC: HELLO and ERROR_MSG have none, and without its key a MAC cannot be judged. */
export type MacVerdict = 'good' | 'bad' | 'none' | 'unknown';

/** Something that was found, in the order of the capture. */
export type Decoded = DecodedConnection | DecodedRecord | DecodedProblem;

/** A connection that speaks the overlay's protocol: told before anything of it. */
export interface DecodedConnection {
  readonly kind: 'connection';
  readonly connection: number;
  readonly unixMs: number | undefined;
  /** `host:port` of A and of B. */
  readonly a: string;
  readonly b: string;
  /** Whether who dialled is a guess from the ports: the capture has neither SYN nor HELLO of it. */
  readonly isGuess: boolean;
}

/** A record. */
export interface DecodedRecord {
  readonly kind: 'record';
  readonly connection: number;
  /** Who sent it; undefined when the input does not say. */
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

/** Something that is not as it should be. */
export interface DecodedProblem {
  readonly kind: 'problem';
  readonly connection: number;
  readonly from: Side | undefined;
  readonly unixMs: number | undefined;
  /**
   * `length`: a record length that is not allowed. `xdr`: a record that is no well-formed message. `sequence`: another
   * number than the next. `gap`: bytes that are not in the capture. `skipped`: bytes that are no records. `end`: the
   * connection or the capture ends inside a record. `reset`: a RST, or a SYN, that was not the end.
   */
  readonly problem: 'length' | 'xdr' | 'sequence' | 'gap' | 'skipped' | 'end' | 'reset';
  /** Whether the sender did wrong; false for what the capture lacks. */
  readonly isFault: boolean;
  readonly message: string;
  /** Body of a record that is not well-formed. */
  readonly body?: Uint8Array;
}

/** What is known of one end. */
interface Sender {
  readonly stream: RecordStream;
  /** Of its HELLO. */
  nonce: Uint8Array | undefined;
  /** The next sequence number; undefined when any may come. */
  sequence: bigint | undefined;
  /** Whether its bytes are all there, so that what is no record is its fault. */
  isWhole: boolean;
}

interface State {
  readonly conversation: Conversation;
  readonly senders: readonly [Sender, Sender];
  /** Undefined as long as it may be anything but Stellar's. */
  number: number | undefined;
  dialler: End | undefined;
  keys: { readonly A: MacKey; readonly B: MacKey } | undefined;
  /** Records on which every key was tried. */
  tried: number;
  /** Who has sent a RST that may have been the end; undefined again when more has come. */
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

  /** @param keys none: MACs are not judged */
  constructor(keys: KeyLog = new KeyLog()) {
    this.#keys = keys;
    this.#trials = new KeyTrials(keys);
  }

  /** Records on which not every key has been tried: there were too many of both. */
  get untried(): number {
    return this.#trials.untried;
  }

  /** Conversations so far that are not Stellar's but had bytes; complete after `end`. */
  get others(): number {
    return this.#others;
  }

  /** What an event of a conversation completes. Take all of it before the next call. */
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
      const message = `More comes after a RST of ${sideOf(state, state.reset)}: it is read.`;
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
      yield* this.#gap(state, event.from, unixMs, 'A record is passed over: too many are incomplete at once');
    }
  }

  /** The input is at its end: what is left of every conversation. */
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

  /** It is Stellar's: it gets a number, and its ends get their sides. */
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

  /** Where the beginning was seen, whatever each end began with is taken for a record. */
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
    // As the receiver has it: neither sequence nor MAC of these two is looked at, or counted.
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
    const inside = sender.stream.pending > 0 ? '; a record is incomplete for it' : '';
    sender.stream.lose();
    sender.sequence = undefined;
    sender.isWhole = false;
    if (state.number !== undefined) yield problem(state, from, unixMs, 'gap', false, `${message}${inside}.`);
  }

  /** Most likely the end, so that what is left is told; if it was not, what follows is read on. */
  *#reset(state: State, event: Extract<ConversationEvent, { event: 'reset' }>): Generator<Decoded> {
    const { flag, from, sequence, due, unixMs } = event;
    if (state.number === undefined && isRecognised(state)) yield* this.#recognise(state, unixMs);
    if (flag === 'RST' && sequence === due) {
      if (state.number !== undefined && state.reset === undefined) yield* this.#rest(state, unixMs);
      state.reset ??= from;
    } else if (state.number !== undefined) {
      const message = `A ${flag} of ${sideOf(state, from)} with sequence ${sequence} where ${due} is due is not believed.`;
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

  /** What the ends have sent that makes no record. */
  *#rest(state: State, unixMs: number | undefined): Generator<Decoded> {
    for (const from of [0, 1] as const) {
      const { stream } = state.senders[from];
      if (stream.skipped > 0) yield* skipped(state, from, unixMs, stream.skipped);
      if (stream.pending > 0)
        yield problem(state, from, unixMs, 'end', false, `The end comes ${stream.pending} bytes into a record.`);
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

  /** The keys of a connection whose HELLOs have not both been seen: those a record's MAC is good with. */
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

/** Bytes that are no records are the sender's fault, unless the capture lacks some or began midway. */
function* skipped(state: State, from: End, unixMs: number | undefined, length: number): Generator<Decoded> {
  const isFault = state.senders[from].isWhole && state.conversation.dialler !== undefined;
  const why = isFault ? 'they are no records' : 'where the next record begins has to be found first';
  yield problem(state, from, unixMs, 'skipped', isFault, `${length} bytes are passed over: ${why}.`);
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

/** The one with the default port was dialled, else the one with the smaller port: callers get high ones. */
function guessDialler(ends: readonly [string, string]): End {
  const [first, second] = ends.map((end) => Number(end.slice(end.lastIndexOf(':') + 1))) as [number, number];
  if (first === DEFAULT_PORT || second === DEFAULT_PORT) return first === DEFAULT_PORT ? 1 : 0;
  return first < second ? 1 : 0;
}
