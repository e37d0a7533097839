import fc from 'fast-check';
import { expect, it } from 'vitest';
import { concatBytes, toHex } from '../../src/protocol/bytes.ts';
import { encodeRecord, RecordDecoder } from '../../src/protocol/wire/framing.ts';
import { split } from '../support/vectors.ts';

const MAX = 5000;
const bodies = fc.array(
  fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.uint8Array({ minLength: 1, maxLength: MAX })),
  {
    maxLength: 12,
  },
);

it('the decoder gives the same records for any split of the stream and any value of bit 31', () => {
  fc.assert(
    fc.property(bodies, fc.array(fc.nat(), { maxLength: 60 }), fc.infiniteStream(fc.boolean()), (list, cuts, bits) => {
      const frames = list.map((body) => {
        const frame = encodeRecord(body);
        if (bits.next().value) frame[0] = (frame[0] as number) & 0x7f;
        return frame;
      });
      const bytes = concatBytes(...frames);
      const chunks =
        bytes.length === 0
          ? []
          : split(
              bytes,
              cuts.map((cut) => cut % bytes.length),
            );
      expect(decode(chunks)).toEqual({ bodies: list.map(toHex), pending: 0, progress: 2 * list.length });
    }),
  );
});

it('the decoder gives records in order when several chunks are pushed before the first record is read', () => {
  fc.assert(
    fc.property(bodies, fc.array(fc.nat(), { maxLength: 10 }), (list, cuts) => {
      const bytes = concatBytes(...list.map(encodeRecord));
      const decoder = new RecordDecoder();
      for (const chunk of split(
        bytes,
        cuts.map((cut) => cut % (bytes.length + 1)),
      ))
        decoder.push(chunk);
      expect(decoder.pending).toBe(bytes.length);
      expect(drain(decoder)).toEqual(list.map(toHex));
    }),
  );
});

it('the decoder reports an incomplete record as pending bytes', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.nat(),
      fc.array(fc.nat(), { maxLength: 5 }),
      (body, end, cuts) => {
        const frame = encodeRecord(body);
        const part = frame.slice(0, end % frame.length);
        const result = decode(split(part, cuts));
        expect(result).toEqual({ bodies: [], pending: part.length, progress: part.length >= 4 ? 1 : 0 });
      },
    ),
  );
});

it('the decoder refuses a length above the limit as soon as the header is complete', () => {
  fc.assert(
    fc.property(fc.integer({ min: MAX + 1, max: 0x7fffffff }), fc.array(fc.integer({ min: 1, max: 3 })), (length, cuts) => {
      const header = Uint8Array.of(0x80 | (length >>> 24), length >>> 16, length >>> 8, length);
      const decoder = new RecordDecoder();
      const chunks = split(header, cuts);
      for (const chunk of chunks.slice(0, -1)) {
        decoder.push(chunk);
        expect(decoder.next(MAX)).toBeUndefined();
      }
      decoder.push(chunks.at(-1) as Uint8Array);
      expect(() => decoder.next(MAX)).toThrow(`A record header announces ${length} bytes, but only 1 to ${MAX} are allowed.`);
    }),
  );
});

function drain(decoder: RecordDecoder): string[] {
  const out: string[] = [];
  for (let body = decoder.next(MAX); body !== undefined; body = decoder.next(MAX)) out.push(toHex(body));
  return out;
}

function decode(chunks: readonly Uint8Array[]) {
  const decoder = new RecordDecoder();
  const out = chunks.flatMap((chunk) => {
    decoder.push(chunk);
    return drain(decoder);
  });
  return { bodies: out, pending: decoder.pending, progress: decoder.progress };
}
