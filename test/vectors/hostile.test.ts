import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/protocol/bytes.ts';
import { Bench, type HostileJson, type Sent, type SideName, vectors } from '../support/vectors.ts';

/** A frame whole, or one byte at a time. */
const FEEDS: readonly (readonly [string, (frame: Uint8Array) => readonly Uint8Array[]])[] = [
  ['whole', (frame) => [frame]],
  ['byte by byte', (frame) => Array.from(frame, (byte) => Uint8Array.of(byte))],
];

describe.each(FEEDS)('hostile records, %s,', (_name, chunksOf) => {
  describe('to an acceptor that speaks overlay 40 to 41', () => {
    it.each(vectors.hostile)('$name', (entry) => attack('B', entry, entry.expectReply ?? []));
  });

  describe('to an initiator', () => {
    it.each(vectors.hostileAsInitiator)('$name', (entry) => attack('A', entry, entry.expectReplyAfterHello ?? []));
  });

  function attack(
    side: SideName,
    { sendFramesHex, expectError, stellarCoreDropReason }: HostileJson,
    replies: readonly string[],
  ): void {
    const bench = new Bench(side, side === 'B' ? { overlayVersion: 41, overlayMinVersion: 40 } : {});
    bench.sent();
    const sent: Sent[] = [];
    for (const frame of sendFramesHex) {
      const events = bench.feed(...chunksOf(fromHex(frame)));
      const closed = events.findIndex(({ type }) => type === 'closed');
      expect(closed === -1 || closed === events.length - 1).toBe(true);
      sent.push(...bench.sent());
    }
    const expected = replies.filter((reply) => !reply.startsWith('(')); // PEERS is optional
    expect(sent.map(({ type }) => type)).toEqual(expectError ? [...expected, 'ERROR_MSG'] : expected);
    if (expectError) expect(sent.at(-1)?.frameHex).toBe(expectError.frameHex);
    expect(bench.peer.error?.dropReason ?? null).toBe(stellarCoreDropReason);
    expect(bench.peer.error?.told?.message ?? null).toBe(expectError?.text ?? null);
  }
});
