/** The memory that a kept record keeps in use. */
import { describe, expect, it } from 'vitest';
import { encodeRecord, RecordDecoder } from '../../../src/protocol/wire/framing.ts';

/** Bodies of a number of records of this size, read from chunks of 64 KiB. */
function read(size: number, count: number): readonly Uint8Array[] {
  const stream = new Uint8Array(count * (size + 4));
  for (let i = 0; i < count; i++) stream.set(encodeRecord(new Uint8Array(size).fill(i)), i * (size + 4));
  const decoder = new RecordDecoder();
  const bodies: Uint8Array[] = [];
  for (let at = 0; at < stream.length; at += 65_536) {
    decoder.push(stream.slice(at, at + 65_536));
    for (let body = decoder.next(1 << 24); body !== undefined; body = decoder.next(1 << 24)) bodies.push(body);
  }
  return bodies;
}

describe('a record kept in memory', () => {
  it.each([1, 8, 52, 220, 4_092, 4_093, 8_192, 20_000, 32_764, 65_532, 200_000])(
    'keeps few other bytes in memory if it has %i bytes',
    (size) => {
      const bodies = read(size, 40);
      expect(bodies.map((body) => body[0])).toEqual(Array.from({ length: 40 }, (_, i) => i));
      for (const body of bodies) expect(body.buffer.byteLength).toBeLessThanOrEqual(Math.max(8_192, 2 * (size + 4)));
    },
  );

  it('is a view of the read bytes if the read was small', () => {
    const chunk = encodeRecord(new Uint8Array(100).fill(7));
    const decoder = new RecordDecoder();
    decoder.push(chunk);
    expect(decoder.next(1_000)?.buffer).toBe(chunk.buffer);
  });

  it('is not changed by later records', () => {
    const bodies = read(220, 1_000);
    expect(bodies.length).toBe(1_000);
    expect(bodies.every((body, i) => body.every((byte) => byte === i % 256))).toBe(true);
  });
});
