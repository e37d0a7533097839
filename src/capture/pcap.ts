/**
 * Reads the packets of capture files, pcap and pcapng, one block at a time. This is our own code because no package is
 * suitable: `pcap-parser` (of 2013) and `pcap-stream` on it read only pcap, with an old stream library; `pcap-ng-parser` reads
 * only pcapng, has a dependency and no types; `pcap` is a native addon that captures.
 *
 * Sources: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
 * @module
 */
import { concatBytes } from '../protocol/bytes.ts';

/** A packet of a capture file. */
export interface Packet {
  /** When it was captured, in milliseconds since 1970; undefined where the file does not say. */
  readonly unixMs: number | undefined;
  /** LINKTYPE_ number of its interface. */
  readonly linkType: number;
  /** The captured bytes: a view. */
  readonly data: Uint8Array;
  /** The original length. */
  readonly originalLength: number;
}

/** A capture file that cannot be read further. */
export class CaptureFileError extends Error {
  override readonly name: string = 'CaptureFileError';
}

/** Longest packet or block accepted, in bytes. */
const MAX_BLOCK_BYTES = 0x1000000;

/** Largest number of interfaces in a section of pcapng. */
const MAX_INTERFACES = 4_096;

/** Whether bytes begin like pcap or pcapng. */
export function looksLikePcap(bytes: Uint8Array): 'pcap' | 'pcapng' | undefined {
  if (bytes.length < 4) return undefined;
  const magic = viewOf(bytes).getUint32(0);
  if (magic === SECTION_HEADER) return 'pcapng';
  return PCAP_MAGIC.has(magic) ? 'pcap' : undefined;
}

/** Cuts a capture file into packets, however it is split into chunks. */
export class PcapReader {
  /** The bytes not yet read. */
  #parts: Uint8Array[] = [];
  #pending = 0;
  /** Bytes the next block needs, as far as it is known. */
  #wanted = 0;
  /** Bytes read. */
  #position = 0;
  #format: PcapFormat | PcapngFormat | undefined;

  /** Bytes at the end that do not make a whole packet or block. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * The packets that are complete with these bytes; take all of them before the next call. They are views of the bytes.
   * @throws {CaptureFileError} when it is not such a file, or damaged
   */
  *push(chunk: Uint8Array): Generator<Packet> {
    this.#parts.push(chunk);
    this.#pending += chunk.length;
    if (this.#pending < this.#wanted) return;
    const bytes = this.#parts.length === 1 ? chunk : concatBytes(...this.#parts);
    let at = 0;
    try {
      for (;;) {
        const rest = bytes.subarray(at);
        this.#format ??= formatOf(rest);
        this.#wanted = this.#format?.blockLength(rest) ?? rest.length + 1;
        if (this.#wanted > rest.length) break;
        const packet = this.#format?.read(rest.subarray(0, this.#wanted));
        at += this.#wanted;
        if (packet !== undefined) yield packet;
      }
    } catch (error) {
      const why = error instanceof RangeError ? 'a block too short for its type' : (error as Error).message;
      throw new CaptureFileError(`damaged at byte ${this.#position + at}: ${why}`);
    }
    this.#position += at;
    this.#pending -= at;
    this.#parts = at === bytes.length ? [] : [bytes.slice(at)];
  }
}

/** Magic numbers of pcap as they are read big-endian: byte order, and ticks a second. */
const PCAP_MAGIC: ReadonlyMap<number, readonly [littleEndian: boolean, ticksPerMs: number]> = new Map([
  [0xa1b2c3d4, [false, 1e3]],
  [0xd4c3b2a1, [true, 1e3]],
  [0xa1b23c4d, [false, 1e6]],
  [0x4d3cb2a1, [true, 1e6]],
]);
const PCAP_HEADER_BYTES = 24;
const PCAP_RECORD_BYTES = 16;

function formatOf(bytes: Uint8Array): PcapFormat | PcapngFormat | undefined {
  if (bytes.length < 4) return undefined;
  const magic = viewOf(bytes).getUint32(0);
  if (magic === SECTION_HEADER) return new PcapngFormat();
  const pcap = PCAP_MAGIC.get(magic);
  if (pcap === undefined) throw new CaptureFileError('neither pcap nor pcapng');
  return new PcapFormat(...pcap);
}

/** One header, then packets. */
class PcapFormat {
  readonly #littleEndian: boolean;
  readonly #ticksPerMs: number;
  #linkType: number | undefined;

  constructor(littleEndian: boolean, ticksPerMs: number) {
    this.#littleEndian = littleEndian;
    this.#ticksPerMs = ticksPerMs;
  }

  blockLength(bytes: Uint8Array): number | undefined {
    if (this.#linkType === undefined) return PCAP_HEADER_BYTES;
    if (bytes.length < PCAP_RECORD_BYTES) return undefined;
    return PCAP_RECORD_BYTES + believable(viewOf(bytes).getUint32(8, this.#littleEndian));
  }

  read(block: Uint8Array): Packet | undefined {
    const view = viewOf(block);
    if (this.#linkType === undefined) {
      // The upper half is the length of the frame check sequence; the length in IP cuts it off.
      this.#linkType = view.getUint32(20, this.#littleEndian) & 0xffff;
      return undefined;
    }
    const unixMs = view.getUint32(0, this.#littleEndian) * 1000 + view.getUint32(4, this.#littleEndian) / this.#ticksPerMs;
    const originalLength = view.getUint32(12, this.#littleEndian);
    return { unixMs, linkType: this.#linkType, data: block.subarray(PCAP_RECORD_BYTES), originalLength };
  }
}

const SECTION_HEADER = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const INTERFACE_DESCRIPTION = 1;
const OBSOLETE_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const OPTION_IF_TSRESOL = 9;
const OPTION_IF_TSOFFSET = 14;

interface Interface {
  readonly linkType: number;
  readonly snapLength: number;
  readonly ticksPerMs: number;
  readonly offsetMs: number;
}

/** Sections of blocks; each section has its byte order and its interfaces. */
class PcapngFormat {
  #littleEndian = false;
  #interfaces: Interface[] = [];

  blockLength(bytes: Uint8Array): number | undefined {
    if (bytes.length < 12) return undefined;
    const view = viewOf(bytes);
    if (view.getUint32(0) === SECTION_HEADER) {
      this.#littleEndian = view.getUint32(8, true) === BYTE_ORDER_MAGIC;
      if (!this.#littleEndian && view.getUint32(8) !== BYTE_ORDER_MAGIC) throw new CaptureFileError('no byte order');
    }
    const length = believable(view.getUint32(4, this.#littleEndian));
    if (length < 12 || length % 4 !== 0) throw new CaptureFileError(`a block of ${length} bytes`);
    return length;
  }

  read(block: Uint8Array): Packet | undefined {
    const view = viewOf(block);
    const uint32 = (at: number): number => view.getUint32(at, this.#littleEndian);
    if (view.getUint32(0) === SECTION_HEADER) {
      this.#interfaces = [];
      return undefined;
    }
    const end = block.length - 4;
    switch (uint32(0)) {
      case INTERFACE_DESCRIPTION: {
        if (this.#interfaces.length >= MAX_INTERFACES) throw new CaptureFileError(`more than ${MAX_INTERFACES} interfaces`);
        const options = this.#options(view, 16, end);
        this.#interfaces.push({ linkType: view.getUint16(8, this.#littleEndian), snapLength: uint32(12), ...options });
        return undefined;
      }
      case SIMPLE_PACKET: {
        const { linkType, snapLength } = this.#interface(0);
        const length = Math.min(uint32(8), snapLength || Number.POSITIVE_INFINITY, end - 12);
        return { unixMs: undefined, linkType, data: block.subarray(12, 12 + length), originalLength: uint32(8) };
      }
      case ENHANCED_PACKET:
        return this.#packet(block, uint32(8), uint32);
      case OBSOLETE_PACKET:
        return this.#packet(block, view.getUint16(8, this.#littleEndian), uint32);
      default:
        return undefined;
    }
  }

  #packet(block: Uint8Array, interfaceID: number, uint32: (at: number) => number): Packet {
    const { linkType, ticksPerMs, offsetMs } = this.#interface(interfaceID);
    const unixMs = (uint32(12) * 2 ** 32 + uint32(16)) / ticksPerMs + offsetMs;
    const length = uint32(20);
    if (28 + length > block.length - 4) throw new CaptureFileError('a packet longer than its block');
    return { unixMs, linkType, data: block.subarray(28, 28 + length), originalLength: uint32(24) };
  }

  #interface(id: number): Interface {
    const found = this.#interfaces[id];
    if (found === undefined) throw new CaptureFileError(`a packet of interface ${id}, which is not described`);
    return found;
  }

  #options(view: DataView, start: number, end: number): Pick<Interface, 'ticksPerMs' | 'offsetMs'> {
    let ticksPerMs = 1e3;
    let offsetMs = 0;
    for (let at = start; at + 4 <= end; ) {
      const code = view.getUint16(at, this.#littleEndian);
      const length = view.getUint16(at + 2, this.#littleEndian);
      if (code === 0) break;
      if (at + 4 + length > end) throw new CaptureFileError('an option longer than its block');
      if (code === OPTION_IF_TSRESOL && length === 1) {
        const resolution = view.getUint8(at + 4);
        ticksPerMs = (resolution & 0x80 ? 2 ** (resolution & 0x7f) : 10 ** resolution) / 1000;
      } else if (code === OPTION_IF_TSOFFSET && length === 8)
        offsetMs = Number(view.getBigInt64(at + 4, this.#littleEndian)) * 1000;
      at += 4 + ((length + 3) & ~3);
    }
    return { ticksPerMs, offsetMs };
  }
}

function believable(length: number): number {
  if (length > MAX_BLOCK_BYTES) throw new CaptureFileError(`a length of ${length} bytes`);
  return length;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
