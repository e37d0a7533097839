/** Captures of recorded connections, and their decoding. */

import { CaptureDecoder, type CaptureSource } from '../../src/capture/capture.ts';
import type { Decoded, DecodedProblem, DecodedRecord } from '../../src/capture/decode.ts';
import { KeyLog } from '../../src/capture/keylog.ts';
import { fromHex, toHex } from '../../src/protocol/bytes.ts';
import { type SegmentSpec, TcpTalk } from './pcap.ts';
import type { TranscriptJson } from './vectors.ts';

/** A record of a transcript by side. */
export interface FramedRecord {
  readonly from: 'A' | 'B';
  readonly type: string;
  readonly sequence: string;
  readonly frame: Uint8Array;
}

/** Records of a transcript: A dialled. */
export function framesOf({ initiator, records }: TranscriptJson): readonly FramedRecord[] {
  return records.map(({ from, type, sequence, frameHex }) => ({
    from: from === initiator ? 'A' : 'B',
    type,
    sequence,
    frame: fromHex(frameHex),
  }));
}

/** Segments of a whole connection, a record each. */
export function talkOf(transcript: TranscriptJson, talk: TcpTalk = new TcpTalk()): readonly SegmentSpec[] {
  return [...talk.open(), ...framesOf(transcript).map(({ from, frame }) => talk.send(from, frame)), ...talk.close()];
}

/** The key log line of a transcript; undefined when it has no keys. */
export function keyLineOf({ initiator, ours, core, derived }: TranscriptJson): string | undefined {
  if (core === null || derived === null) return undefined;
  const nonces = [ours.nonceHex, core.hello.nonceHex];
  if (initiator === 'core') nonces.reverse();
  return ['STELLAR_MAC_KEYS', ...nonces, derived.macKeyInitiatorToAcceptorHex, derived.macKeyAcceptorToInitiatorHex].join(' ');
}

/** A key log of these lines. */
export function keyLog(...lines: readonly (string | undefined)[]): KeyLog {
  const keys = new KeyLog();
  keys.add(lines.filter((line) => line !== undefined).join('\n'));
  return keys;
}

/** What a decoder found, in parts. */
export interface Found {
  readonly source: CaptureSource | undefined;
  readonly all: readonly Decoded[];
  readonly records: readonly DecodedRecord[];
  readonly problems: readonly DecodedProblem[];
  readonly decoder: CaptureDecoder;
}

/** Decodes a whole file given in chunks. Bytes of records are copied: they last only until the next chunk. */
export function decodeAll(chunks: Uint8Array | readonly Uint8Array[], keys?: KeyLog): Found {
  const decoder = new CaptureDecoder(keys);
  const items: (CaptureSource | Decoded)[] = [];
  const take = (found: Iterable<CaptureSource | Decoded>): void => {
    for (const item of found)
      items.push(item.kind === 'record' ? { ...item, xdr: item.xdr.slice(), body: item.body?.slice() } : item);
  };
  for (const chunk of chunks instanceof Uint8Array ? [chunks] : chunks) take(decoder.push(chunk));
  take(decoder.end());
  const all = items.filter((item) => item.kind !== 'source');
  return {
    source: items.find((item) => item.kind === 'source'),
    all,
    records: all.filter((item) => item.kind === 'record'),
    problems: all.filter((item) => item.kind === 'problem'),
    decoder,
  };
}

/** A record as one comparable line. */
export function recordLine({ from, type, sequence, mac, body }: DecodedRecord): string {
  return `${from} ${type} ${sequence} ${mac} ${toHex(body ?? new Uint8Array(0))}`;
}

/** The lines a transcript should give. */
export function linesOf(transcript: TranscriptJson, mac: 'good' | 'unknown'): readonly string[] {
  return framesOf(transcript).map(({ from, type, sequence, frame }) => {
    const verdict = type === 'HELLO' || type === 'ERROR_MSG' ? 'none' : mac;
    return `${from} ${type} ${sequence} ${verdict} ${toHex(frame.subarray(4))}`;
  });
}
