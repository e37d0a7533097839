/**
 * From a capture to a picture of one of its connections.
 * @module
 */

import { CaptureDecoder, type CaptureSource } from '../capture/capture.ts';
import type { Decoded, DecodedConnection } from '../capture/decode.ts';
import type { KeyLog, MacKeys } from '../capture/keylog.ts';
import { CaptureFileError } from '../capture/pcap.ts';
import type { MacCounts } from '../capture/text.ts';
import { toHex } from '../protocol/bytes.ts';
import type { Network } from '../protocol/networks.ts';
import { encodeRecord } from '../protocol/wire/framing.ts';
import type { Picture, PictureEvent } from './picture.ts';
import { MAX_SHOWN_BYTES } from './record-cutter.ts';

/** What to take from a capture. */
export interface CapturePictureOptions {
  /** Name of the file, as it is shown. */
  readonly name: string;
  /** Number of the connection, from 1. Default: the first. */
  readonly connection?: number | undefined;
  /** MAC keys to verify the records with. */
  readonly keys: KeyLog;
  /** Whether the picture contains those keys. */
  readonly showSecrets: boolean;
  readonly network?: Network | undefined;
}

/** A picture, and the number of connections in the capture. */
export interface CapturePicture {
  readonly picture: Picture;
  readonly connection: number;
  readonly connections: number;
  /** MAC results of this connection, including records left out of the picture. */
  readonly macs: MacCounts;
  /** Other faults of the senders, without bad MACs. */
  readonly faults: readonly string[];
}

const MAX_EVENTS = 500;
/** Number of faults that are listed beside the picture. */
const MAX_FAULTS = 3;

/**
 * Reads a capture of any kind `decode` knows.
 * @throws {CaptureFileError} when the capture is damaged, has an unknown format, or does not contain the connection
 */
export async function capturePicture(
  input: AsyncIterable<Uint8Array>,
  { name, connection, keys, showSecrets, network }: CapturePictureOptions,
): Promise<CapturePicture> {
  const decoder = new CaptureDecoder(keys);
  const collector = new Collector(connection);
  for await (const chunk of input) for (const item of decoder.push(chunk)) collector.take(item);
  for (const item of decoder.end()) collector.take(item);
  const { found, connections, events, omitted, startUnixMs, nonces } = collector;
  if (found === undefined) {
    const why = connection === undefined ? 'it has no connection of Stellar’s overlay' : `it has no connection ${connection}`;
    throw new CaptureFileError(`${why}${connections > 0 ? `; there ${connections === 1 ? 'is' : 'are'} ${connections}` : ''}`);
  }
  const macKeys = showSecrets && nonces.A && nonces.B ? keys.find(nonces.A, nonces.B) : undefined;
  const picture: Picture = {
    version: 1,
    source: 'capture',
    target: name,
    ...(network && { network }),
    ...(startUnixMs !== undefined && { startUnixMs }),
    addresses: { ...(found.a !== '' && { A: found.a }), ...(found.b !== '' && { B: found.b }) },
    events,
    omitted,
    secrets: macKeys === undefined ? {} : { macKeys: hexKeys(macKeys) },
    running: false,
  };
  return { picture, connection: found.connection, connections, macs: collector.macs, faults: collector.faults };
}

/** Collects what belongs to one connection. */
class Collector {
  readonly events: PictureEvent[] = [];
  readonly nonces: { A?: Uint8Array; B?: Uint8Array } = {};
  readonly macs = { good: 0, bad: 0, unknown: 0 } satisfies MacCounts;
  readonly faults: string[] = [];
  omitted = 0;
  connections = 0;
  found: DecodedConnection | undefined;
  startUnixMs: number | undefined;
  readonly #wanted: number | undefined;
  #bytes = 0;

  constructor(wanted: number | undefined) {
    this.#wanted = wanted;
  }

  take(item: Decoded | CaptureSource): void {
    if (item.kind === 'source') {
      if (item.form === undefined) return;
      throw new CaptureFileError(
        'bytes without addresses do not show which side sent them: use a pcap file or a recording for a page',
      );
    }
    if (item.kind === 'connection') {
      this.connections++;
      if (this.found === undefined && (this.#wanted ?? item.connection) === item.connection) this.found = item;
      return;
    }
    if (item.connection !== this.found?.connection) return;
    this.startUnixMs ??= item.unixMs;
    const ms = item.unixMs === undefined ? 0 : Math.round((item.unixMs - (this.startUnixMs ?? 0)) * 1000) / 1000;
    const { from } = item;
    const { body } = item;
    if (item.kind === 'record' && item.mac !== 'none') this.macs[item.mac]++;
    if (item.kind === 'problem' && item.isFault && this.faults.length < MAX_FAULTS) this.faults.push(item.message);
    if (body !== undefined && from !== undefined) {
      if (item.kind === 'record' && item.type === 'HELLO') this.nonces[from] ??= body.slice(-64, -32);
      const mac = item.kind === 'record' ? item.mac : 'unknown';
      this.#keep({ kind: 'record', from, ms, hex: toHex(encodeRecord(body)), mac });
    }
    if (item.kind === 'problem')
      this.#keep({ kind: 'note', ...(from && { from }), ms, text: item.message, isFault: item.isFault });
  }

  #keep(event: PictureEvent): void {
    const size = event.kind === 'record' ? event.hex.length / 2 : 0;
    if (this.events.length >= MAX_EVENTS || this.#bytes + size > MAX_SHOWN_BYTES) this.omitted++;
    else {
      this.#bytes += size;
      this.events.push(event);
    }
  }
}

function hexKeys({ K_AB, K_BA }: MacKeys): { readonly K_AB: string; readonly K_BA: string } {
  return { K_AB: toHex(K_AB), K_BA: toHex(K_BA) };
}
