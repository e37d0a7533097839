import { isIP } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromHex, toHex, utf8Decode, utf8Encode } from '../../src/protocol/bytes.ts';
import { formatIP, parseIP } from '../../src/protocol/wire/ip.ts';
import { bytes, character } from './arbitraries.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

it('utf8Encode gives the same bytes as TextEncoder, also for lone surrogates', () => {
  const units = fc.array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd7f0, max: 0xe010 })), {
    maxLength: 40,
  });
  const text = fc.oneof(
    fc.string({ unit: character }),
    units.map((codes) => String.fromCharCode(...codes)),
  );
  fc.assert(
    fc.property(text, (value) => {
      expect(toHex(utf8Encode(value))).toBe(toHex(encoder.encode(value)));
    }),
  );
});

it('utf8Decode gives the same text as TextDecoder', () => {
  fc.assert(
    fc.property(fc.string({ unit: character }), (value) => {
      expect(utf8Decode(encoder.encode(value))).toBe(decoder.decode(encoder.encode(value)));
    }),
  );
});

it('utf8Decode accepts the same text as TextDecoder, and gives U+FFFD for each byte that is not text', () => {
  const near = fc.oneof(
    fc.nat(255),
    fc.integer({ min: 0x7f, max: 0xc2 }),
    fc.integer({ min: 0xc0, max: 0xff }),
    fc.constantFrom(0xe0, 0xed, 0xf0, 0xf4),
  );
  const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  fc.assert(
    fc.property(
      fc.array(near, { maxLength: 12 }).map((list) => Uint8Array.from(list)),
      (input) => {
        let expected: string | undefined;
        try {
          expected = fatal.decode(input);
        } catch {}
        const text = utf8Decode(input);
        if (expected !== undefined) expect(text).toBe(expected);
        else expect(text).toContain('\ufffd');
        // A sequence that is not valid text counts once in TextDecoder and per byte here. Valid text is the same in both.
        expect(text.replaceAll('\ufffd', '')).toBe(decoder.decode(input).replaceAll('\ufffd', ''));
      },
    ),
    { numRuns: 5000 },
  );
});

it('toHex and fromHex reproduce the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (value) => {
      expect(toHex(value)).toBe(Buffer.from(value).toString('hex'));
      expect(fromHex(toHex(value).toUpperCase())).toEqual(value);
    }),
  );
});

it('formatIP writes an address that node:net accepts and parseIP reads back', () => {
  const sparse = bytes(16).map((value) => value.map((byte) => (byte < 170 ? 0 : byte)));
  fc.assert(
    fc.property(fc.oneof(bytes(4), bytes(16), sparse), (value) => {
      const text = formatIP(value);
      expect(isIP(text)).toBe(value.length === 4 ? 4 : 6);
      expect(parseIP(text)).toEqual(value);
      // No other spelling of this address is shorter than ours.
      if (value.length === 16) expect(new URL(`http://[${text}]`).hostname).toBe(`[${text}]`);
    }),
    { numRuns: 500 },
  );
});

it('parseIP accepts text exactly when node:net accepts it', () => {
  const part = fc.oneof(
    fc.constantFrom('', '0', '1', 'ffff', '00', '01', '255', '256', '1.2.3.4', '::', '12345', 'g', 'FF', '-1', ' '),
    fc.nat(0xffff).map((value) => value.toString(16)),
    fc.nat(300).map(String),
  );
  const joined = (separator: string, maxLength: number) => fc.array(part, { maxLength }).map((parts) => parts.join(separator));
  const groups = fc.array(
    fc.nat(0xffff).map((value) => value.toString(16)),
    { minLength: 6, maxLength: 8 },
  );
  const text = fc.oneof(
    joined('.', 5),
    joined(':', 9),
    groups.map((list) => list.join(':')),
    fc.tuple(groups, fc.nat(8), fc.nat(8)).map(([list, from, count]) => {
      const rest = list.slice();
      rest.splice(from, count, '');
      return rest.join(':');
    }),
    fc.ipV6(),
    fc.ipV4(),
    fc.string(),
  );
  fc.assert(
    // A zone, as in fe80::1%eth0, is no part of an address on the wire.
    fc.property(
      text.filter((value) => !value.includes('%')),
      (value) => {
        let taken: number;
        try {
          taken = parseIP(value).length === 4 ? 4 : 6;
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          taken = 0;
        }
        expect(`${value} ${taken}`).toBe(`${value} ${isIP(value)}`);
      },
    ),
    { numRuns: 5000 },
  );
});
