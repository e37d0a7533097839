/**
 * Decodes any capture: pcap, pcapng, a recording, the bytes of a stream, or these as text. The beginning decides the format.
 * @module
 */
import { concatBytes } from '../protocol/bytes.ts';
import { type BytesForm, decodeBytes, recogniseBytes } from './bytes-form.ts';
import { type Decoded, Decoder } from './decode.ts';
import { readBytesText, type TextFormat, type TextReading } from './dump.ts';
import { KeyLog, KeyTrials } from './keylog.ts';
import { type NoSegment, segmentOf } from './packet.ts';
import { CaptureFileError, looksLikePcap, type Packet, PcapReader } from './pcap.ts';
import { type Conversation, Reassembly } from './reassembly.ts';
import { looksLikeRecording, type RecordingEntry, readRecordingLine } from './recording.ts';

/** The kind of the input; always the first item. */
export interface CaptureSource {
  readonly kind: 'source';
  /** `bytes` are the raw bytes of a stream; in text form they are `hex`, `hex dump` or `base64`. */
  readonly format: 'pcap' | 'pcapng' | 'recording' | 'bytes' | TextFormat;
  /** Only for bytes and text. */
  readonly form?: BytesForm;
}

/** The skipped parts of the input, with the reason. */
export interface PassedOver {
  /** TCP connections that are not Stellar's. */
  readonly otherConnections: number;
  /** The number of packets without TCP, by their kind. */
  readonly packets: Readonly<Record<NoSegment, number>>;
  /** Records on which not every key of the key log was tried, because there are too many records and keys. */
  readonly untried?: number;
  /** Bytes at the end that are not a whole packet, or characters that are not a whole line. */
  readonly incomplete: number;
}

/** Reads one format. */
interface Reader {
  push(chunk: Uint8Array): Generator<CaptureSource | Decoded>;
  end(): Generator<CaptureSource | Decoded>;
  readonly passedOver: PassedOver;
}

/** Longest text, longest stream of bytes, and longest line of a recording. */
const MAX_TEXT = 0x8000000;
/** The largest number of connections of a recording that are kept: a recording does not say when one has ended. */
const MAX_CONNECTIONS = 10_000;
/** The number of bytes that decides the kind of the input. */
const SNIFFED_BYTES = 64;

/** Decodes a capture from chunks of any size. */
export class CaptureDecoder {
  readonly #keys: KeyLog;
  #reader: Reader | undefined;
  #start: Uint8Array = new Uint8Array(0);

  /** @param keys without keys, MACs are not verified */
  constructor(keys: KeyLog = new KeyLog()) {
    this.#keys = keys;
  }

  /** Complete after `end`. */
  get passedOver(): PassedOver {
    return this.#reader?.passedOver ?? { otherConnections: 0, packets: {}, incomplete: 0 };
  }

  /**
   * The items that these bytes complete. Read all of them before the next call: the bytes of records are views that are valid
   * until then.
   * @throws {CaptureFileError} when the input is damaged or of no known format
   */
  *push(chunk: Uint8Array): Generator<CaptureSource | Decoded> {
    // Subtle: no Buffer from here on, whose `slice` does not copy.
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#reader !== undefined) {
      yield* this.#reader.push(bytes);
      return;
    }
    this.#start = concatBytes(this.#start, bytes);
    if (this.#start.length >= SNIFFED_BYTES) yield* this.#open();
  }

  /** Call this at the end of the input. @throws {CaptureFileError} as `push` does */
  *end(): Generator<CaptureSource | Decoded> {
    if (this.#reader === undefined) yield* this.#open();
    if (this.#reader !== undefined) yield* this.#reader.end();
  }

  *#open(): Generator<CaptureSource | Decoded> {
    const start = this.#start;
    const pcap = looksLikePcap(start);
    if (pcap !== undefined) {
      yield { kind: 'source', format: pcap };
      this.#reader = new PacketReader(this.#keys);
    } else if (looksLikeRecording(textOf(start))) {
      yield { kind: 'source', format: 'recording' };
      this.#reader = new RecordingReader(this.#keys);
    } else this.#reader = new BytesReader(this.#keys, isText(start));
    this.#start = new Uint8Array(0);
    yield* this.#reader.push(start);
  }
}

class PacketReader implements Reader {
  readonly #packets = new PcapReader();
  readonly #streams = new Reassembly();
  readonly #decoder: Decoder;
  readonly #passedOver: Record<NoSegment, number> = {};

  constructor(keys: KeyLog) {
    this.#decoder = new Decoder(keys);
  }

  get passedOver(): PassedOver {
    const { others, untried } = this.#decoder;
    return { otherConnections: others, packets: this.#passedOver, ...untriedOf(untried), incomplete: this.#packets.pending };
  }

  *push(chunk: Uint8Array): Generator<Decoded> {
    for (const packet of this.#packets.push(chunk)) yield* this.#packet(packet);
  }

  *end(): Generator<Decoded> {
    for (const event of this.#streams.end()) yield* this.#decoder.push(event);
    yield* this.#decoder.end();
  }

  *#packet(packet: Packet): Generator<Decoded> {
    const segment = segmentOf(packet);
    if (typeof segment === 'string') this.#passOver(segment);
    else for (const event of this.#streams.push(segment)) yield* this.#decoder.push(event);
  }

  #passOver(what: NoSegment): void {
    const isKnown = Object.hasOwn(this.#passedOver, what);
    const name = isKnown || Object.keys(this.#passedOver).length < MAX_NAMES ? what : 'something else';
    this.#passedOver[name] = (this.#passedOver[name] ?? 0) + 1;
  }
}

/** The largest number of kinds of skipped packets that are counted separately. */
const MAX_NAMES = 64;

class RecordingReader implements Reader {
  readonly #decoder: Decoder;
  /** By number; the one without data for longest comes first. */
  readonly #connections = new Map<number, Conversation>();
  #startMs = 0;
  /** The current incomplete line. */
  #parts: string[] = [];
  #partsLength = 0;
  #line = 0;
  #incomplete = 0;

  constructor(keys: KeyLog) {
    this.#decoder = new Decoder(keys);
  }

  get passedOver(): PassedOver {
    return { otherConnections: 0, packets: {}, ...untriedOf(this.#decoder.untried), incomplete: this.#incomplete };
  }

  *push(chunk: Uint8Array): Generator<Decoded> {
    const [first = '', ...more] = textOf(chunk).split('\n');
    this.#add(first);
    for (const part of more) {
      const line = this.#takeLine();
      this.#add(part);
      yield* this.#entry(this.#read(line));
    }
  }

  /** If the recording process was killed, the recording ends with an incomplete line. */
  *end(): Generator<Decoded> {
    const line = this.#takeLine();
    let entry: RecordingEntry | undefined;
    try {
      entry = readRecordingLine(line);
    } catch {
      this.#incomplete = line.length;
    }
    yield* this.#entry(entry);
    yield* this.#decoder.end();
  }

  #add(part: string): void {
    this.#parts.push(part);
    this.#partsLength += part.length;
    if (this.#partsLength > MAX_TEXT) throw new CaptureFileError(`damaged in line ${this.#line + 1}: it does not end`);
  }

  #takeLine(): string {
    const line = this.#parts.join('');
    this.#parts = [];
    this.#partsLength = 0;
    this.#line++;
    return line;
  }

  #read(line: string): RecordingEntry | undefined {
    try {
      return readRecordingLine(line);
    } catch (error) {
      throw new CaptureFileError(`damaged in line ${this.#line}: ${(error as Error).message}`);
    }
  }

  *#entry(entry: RecordingEntry | undefined): Generator<Decoded> {
    switch (entry?.kind) {
      case 'started':
        this.#startMs = entry.unixMs;
        break;
      case 'connection': {
        const { connection: number, role, local, remote } = entry;
        const dialler = role === 'WE_CALLED_REMOTE' ? 0 : 1;
        yield* this.#keep(number, { number, ends: [local, remote], dialler, isStellar: true });
        break;
      }
      case 'bytes': {
        const { connection: number, ms, direction, bytes } = entry;
        const conversation = this.#connections.get(number) ?? { number, ends: ['', ''], dialler: undefined };
        this.#connections.delete(number);
        yield* this.#keep(number, conversation);
        const from = direction === 'sent' ? 0 : 1;
        yield* this.#decoder.push({ event: 'bytes', conversation, from, bytes, unixMs: this.#startMs + ms });
        break;
      }
      default:
    }
  }

  *#keep(number: number, conversation: Conversation): Generator<Decoded> {
    this.#connections.set(number, conversation);
    if (this.#connections.size <= MAX_CONNECTIONS) return;
    for (const [oldest, silent] of this.#connections) {
      this.#connections.delete(oldest);
      yield* this.#decoder.push({ event: 'end', conversation: silent, unixMs: undefined });
      return;
    }
  }
}

/** Bytes of a stream, or their text form. They are decoded when they are complete. */
class BytesReader implements Reader {
  readonly #keys: KeyLog;
  readonly #isText: boolean;
  readonly #parts: Uint8Array[] = [];
  #length = 0;
  readonly #trials: KeyTrials;

  constructor(keys: KeyLog, isText: boolean) {
    this.#keys = keys;
    this.#isText = isText;
    this.#trials = new KeyTrials(keys);
  }

  get passedOver(): PassedOver {
    return { otherConnections: 0, packets: {}, ...untriedOf(this.#trials.untried), incomplete: 0 };
  }

  // biome-ignore lint/correctness/useYield: see above
  *push(chunk: Uint8Array): Generator<CaptureSource | Decoded> {
    this.#length += chunk.length;
    if (this.#length > MAX_TEXT) throw new CaptureFileError(`no capture file, and more than ${MAX_TEXT} bytes`);
    if (this.#isText && chunk.includes(0)) throw new CaptureFileError(NO_FORMAT);
    // Subtle: a copy, because the caller may use the chunk again.
    this.#parts.push(chunk.slice());
  }

  *end(): Generator<CaptureSource | Decoded> {
    const { format, bytes, form } = this.#read(concatBytes(...this.#parts.splice(0)));
    yield { kind: 'source', format, form };
    yield* decodeBytes(bytes, form, this.#keys, this.#trials);
  }

  #read(all: Uint8Array): Required<Pick<CaptureSource, 'format' | 'form'>> & { readonly bytes: Uint8Array } {
    if (!this.#isText) {
      const form = recogniseBytes(all, true);
      if (form === undefined) throw new CaptureFileError(NO_FORMAT);
      return { format: 'bytes', bytes: all, form };
    }
    const readings: TextReading[] = [];
    const formOf = ({ format, bytes }: TextReading, isStrict: boolean) => recogniseBytes(bytes, isStrict || format === 'base64');
    // If one form reads the input without fault, no other form is used.
    for (const reading of readingsOf(textOf(all))) {
      const form = formOf(reading, true);
      if (form !== undefined) return { ...reading, form };
      readings.push(reading);
    }
    for (const reading of readings) {
      const form = formOf(reading, false);
      if (form !== undefined) return { ...reading, form };
    }
    const names = readings.map(({ format }) => format).join(' or ');
    throw new CaptureFileError(`${names}, but these bytes are neither records nor a message of the overlay`);
  }
}

function* readingsOf(text: string): Generator<TextReading> {
  try {
    yield* readBytesText(text);
  } catch (error) {
    throw new CaptureFileError(`${NO_FORMAT}: ${(error as Error).message}`);
  }
}

/** Whether it has no control characters but white space; binary input soon contains a zero byte. */
function isText(start: Uint8Array): boolean {
  for (const byte of start) if (byte < 0x20 && (byte < 0x09 || byte > 0x0d)) return false;
  return true;
}

function untriedOf(untried: number): Pick<PassedOver, 'untried'> {
  return untried > 0 ? { untried } : {};
}

/** One character for each byte: all meaningful characters are ASCII. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

const NO_FORMAT = 'neither pcap, pcapng, a recording, bytes of records, nor these as hex, base64 or a hex dump';
