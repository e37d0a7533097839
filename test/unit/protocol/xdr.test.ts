import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import {
  assertBytes,
  assertInteger,
  concatBytes,
  equalBytes,
  fromHex,
  isAllZero,
  toHex,
  utf8Decode,
} from '../../../src/protocol/bytes.ts';
import { makeNetwork, networkName, networks } from '../../../src/protocol/networks.ts';
import { decodePublicKey, encodePublicKey, encodeSecretSeed } from '../../../src/protocol/strkey.ts';
import { annotateRecord } from '../../../src/protocol/wire/annotate.ts';
import { checkAuthenticatedMessage } from '../../../src/protocol/wire/authenticated-message.ts';
import { RecordDecoder } from '../../../src/protocol/wire/framing.ts';
import {
  array,
  type Codec,
  enumeration,
  nodeID,
  opaque,
  optional,
  remainder,
  string,
  struct,
  uint32,
  union,
  varOpaque,
} from '../../../src/protocol/xdr/codec.ts';
import { XdrError, XdrReader } from '../../../src/protocol/xdr/reader.ts';
import { XdrWriter } from '../../../src/protocol/xdr/writer.ts';
import { bodyOf, Counterpart, pubnet1 } from '../../support/vectors.ts';

/** Why reading and checking refuse these bytes; both must give the same reason. */
function refusal(codec: Codec<unknown>, hex: string): string {
  const reasons = (['read', 'check'] as const).map((method) => {
    try {
      codec[method](new XdrReader(fromHex(hex)));
      return 'accepted';
    } catch (error) {
      if (!(error instanceof XdrError)) throw error;
      return error.message.replace(/^A record is not a well-formed message: (.*)\.$/, '$1');
    }
  });
  // Where the input ends is noticed earlier by a check, which steps over fields together.
  const [read, check] = reasons.map((reason) => reason.replace(/(ends early) at byte \d+$/, '$1'));
  expect(check).toBe(read);
  return reasons[0] as string;
}

describe('reading XDR', () => {
  it('refuses an optional flag other than 0 or 1', () => {
    expect(refusal(optional(uint32), '00000002')).toBe('an optional flag other than 0 or 1 at byte 0');
    expect(refusal(optional(uint32), '00000001')).toBe('the input ends early at byte 4');
    expect(optional(uint32).read(new XdrReader(fromHex('00000000')))).toBeNull();
    expect(optional(uint32).read(new XdrReader(fromHex('0000000100000007')))).toBe(7);
  });

  it.each([
    ['00000001aa000001', 3],
    ['00000001aa010000', 3],
    ['00000002aaaa0100', 2],
    ['00000003aaaaaa80', 1],
  ])('refuses non-zero padding: %s', (hex, padding) => {
    expect(refusal(varOpaque(), hex)).toBe(`non-zero padding at byte ${8 - padding}`);
    expect(refusal(string(9), hex)).toBe(`non-zero padding at byte ${8 - padding}`);
  });

  it('refuses missing padding as an early end', () => {
    expect(refusal(varOpaque(), '00000001aa')).toBe('the input ends early at byte 4');
  });

  it('refuses a count or length of 2^32 - 1 without allocation', () => {
    for (const codec of [varOpaque(), array(opaque(32)), array(nodeID), array(uint32)]) {
      expect(refusal(codec as Codec<unknown>, `ffffffff${'00'.repeat(40)}`)).toMatch(/^the input ends early/);
    }
    expect(refusal(varOpaque(4), 'ffffffff')).toBe('length 4294967295 above the maximum of 4 at byte 0');
    expect(refusal(array(uint32, 3) as Codec<unknown>, '00000004')).toBe('length 4 above the maximum of 3 at byte 0');
  });

  it('refuses an unknown enum value, discriminant or key type with its position', () => {
    expect(refusal(enumeration({ ONE: 1 }), '00000002')).toBe('unknown enum value at byte 0');
    const cases = union<{ type: 'X'; n: number }>({ X: [1, struct({ n: uint32 })] });
    expect(refusal(cases as Codec<unknown>, 'ffffffff00000000')).toBe('unknown union discriminant at byte 0');
    expect(refusal(nodeID, `00000001${'00'.repeat(32)}`)).toBe('unknown key type at byte 0');
  });

  it('requires at least four bytes in a payload that is not decoded', () => {
    expect(refusal(remainder, '')).toBe('the input ends early at byte 0');
    expect(refusal(remainder, '00000000')).toBe('accepted');
  });

  it('returns views of the input, and does not change it', () => {
    const input = fromHex('00000004aabbccdd');
    const read = varOpaque().read(new XdrReader(input));
    expect(read.buffer).toBe(input.buffer);
    expect(toHex(input)).toBe('00000004aabbccdd');
  });

  it('refuses bytes that are left over, with their number', () => {
    const reader = new XdrReader(new Uint8Array(8));
    reader.uint32();
    expect(() => reader.expectEnd()).toThrow('4 bytes left over at byte 4');
  });
});

describe('writing XDR', () => {
  it('begins with a new buffer after take(), and does not change the taken bytes', () => {
    const writer = new XdrWriter();
    for (let i = 0; i < 1000; i++) writer.uint32(i);
    const taken = writer.take();
    expect([taken.length, writer.length]).toEqual([4000, 0]);
    writer.uint32(0xffffffff);
    expect(new DataView(taken.buffer, taken.byteOffset).getUint32(0)).toBe(0);
    expect(toHex(writer.take())).toBe('ffffffff');
  });

  it('leaves zeros in reserved and truncated bytes', () => {
    const writer = new XdrWriter();
    writer.opaque(new Uint8Array(40).fill(0xff));
    writer.truncate(8);
    writer.opaque(Uint8Array.of(1));
    writer.reserve(4);
    expect(toHex(writer.take())).toBe('ffffffffffffffff0100000000000000');
  });

  it('limits a string by its bytes, not its characters', () => {
    const write = (text: unknown) => string(4).write(new XdrWriter(), text as string);
    expect(() => write('äää')).toThrow(RangeError);
    expect(() => write('ää')).not.toThrow();
    expect(() => write(5)).toThrow(new TypeError('expected a string'));
  });

  it('passes on a thrown value that is no Error', () => {
    const failing: Codec<number> = {
      ...uint32,
      write() {
        throw 'no error';
      },
    };
    expect(() => struct<{ n: number }>({ n: failing }).write(new XdrWriter(), { n: 1 })).toThrow('no error');
  });
});

describe('an AuthenticatedMessage', () => {
  it.each([
    ['a length that is no multiple of 4', new Uint8Array(50), 'length not a multiple of 4'],
    ['too few bytes for a type', new Uint8Array(44), 'the input ends early'],
    ['too few bytes for a MAC', new Uint8Array(4), 'the input ends early'],
    ['a union version of 1', new Uint8Array(52).fill(1, 3, 4), 'unknown union discriminant at byte 0'],
  ])('is refused with %s', (_name, body, reason) => {
    expect(() => checkAuthenticatedMessage(body, true)).toThrow(reason);
  });
});

describe('the decoder of records', () => {
  it('allocates little for a length that is only announced', () => {
    const decoder = new RecordDecoder();
    decoder.push(fromHex('81000000'));
    expect(decoder.next(0x1000000)).toBeUndefined();
    expect(decoder.pending).toBe(4);
  });

  it('returns a record inside one chunk as a view of the chunk', () => {
    const decoder = new RecordDecoder();
    const chunk = fromHex('80000004aabbccdd');
    decoder.push(chunk);
    expect(decoder.next(9)?.buffer).toBe(chunk.buffer);
  });
});

describe('an annotated record', () => {
  const record = pubnet1.transcript.find(({ message }) => message === 'HELLO');
  const body = bodyOf(record?.frameHex ?? '');

  it('has every field of a HELLO with its position', () => {
    const fields = annotateRecord(body);
    expect(fields.map(({ path }) => path)).toEqual([
      'v',
      'sequence',
      'type',
      'ledgerVersion',
      'overlayVersion',
      'overlayMinVersion',
      'networkID',
      'versionStr',
      'listeningPort',
      'peerID',
      'cert.pubkey',
      'cert.expiration',
      'cert.sig',
      'nonce',
      'mac',
    ]);
    const field = (name: string) => fields.find(({ path }) => path === name);
    expect(field('overlayVersion')).toEqual({ path: 'overlayVersion', offset: 20, length: 4, type: 'uint32', value: '42' });
    expect(field('networkID')).toMatchObject({ offset: 28, length: 32, value: pubnet1.networkIdHex });
    expect(field('peerID')?.value).toBe(pubnet1.A.publicKeyStrKey);
    expect(field('type')?.value).toBe('13 (HELLO)');
  });

  it('has the number and the payload of an unknown type', () => {
    const frame = new Counterpart(pubnet1, 'A').plain(fromHex('0000006301020304'));
    const fields = annotateRecord(frame.subarray(4));
    expect(fields.map(({ path, value }) => [path, value]).slice(2, 4)).toEqual([
      ['type', '99 (unknown)'],
      ['payload', '01020304'],
    ]);
  });

  it('is refused when the record is malformed', () => {
    expect(() => annotateRecord(concatBytes(body, new Uint8Array(4)))).toThrow(XdrError);
    const statement = concatBytes(fromHex(`0000000b00000000${'00'.repeat(40)}00000009`));
    expect(() => annotateRecord(new Counterpart(pubnet1, 'A').plain(statement).subarray(4))).toThrow(
      'unknown union discriminant at byte',
    );
  });
});

describe('a StrKey text', () => {
  const text = encodePublicKey(new Uint8Array(32).fill(1));

  it.each([
    ['not a string', 5, 'not a string'],
    ['too short', text.slice(1), '55 characters instead of 56'],
    ['lower case', text.toLowerCase(), 'a character outside the base32 alphabet'],
    ['not ASCII', `é${text.slice(1)}`, 'a character outside the base32 alphabet'],
    ['a seed', encodeSecretSeed(new Uint8Array(32)), 'another kind of key'],
    ['mistyped', `${text.slice(0, 55)}${text[55] === 'A' ? 'B' : 'A'}`, 'the checksum does not match'],
    ['mistyped early', `${text.slice(0, 30)}${text[30] === 'A' ? 'B' : 'A'}${text.slice(31)}`, 'the checksum does not match'],
  ])('is refused with the reason: %s', (_name, value, reason) => {
    expect(() => decodePublicKey(value as string)).toThrow(TypeError);
    expect(() => decodePublicKey(value as string)).toThrow(reason);
  });

  it('is made of 32 bytes only', () => {
    expect(() => encodePublicKey(new Uint8Array(31))).toThrow(new RangeError('public key must be 32 bytes, got 31'));
    expect(() => encodeSecretSeed(new Uint8Array(33))).toThrow(new RangeError('seed must be 32 bytes, got 33'));
  });
});

describe('makeNetwork() and networkName()', () => {
  it('recognise the well-known networks by passphrase and by ID', () => {
    expect(makeNetwork(networks.testnet.passphrase, nodeCrypto)).toBe(networks.testnet);
    const own = makeNetwork('My Network ; 2026', nodeCrypto);
    expect(own).toEqual({
      passphrase: 'My Network ; 2026',
      networkID: toHex(nodeCrypto.sha256(new TextEncoder().encode('My Network ; 2026'))),
    });
    expect([networkName(own.networkID), networkName(networks.futurenet.networkID)]).toEqual([undefined, 'futurenet']);
  });
});

describe('the byte functions', () => {
  it('compare all bytes', () => {
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 2))).toBe(false);
    expect([isAllZero(new Uint8Array(9)), isAllZero(Uint8Array.of(0, 1, 0))]).toEqual([true, false]);
  });

  it('refuse hex that is not an even number of digits', () => {
    for (const hex of ['0', 'zz', '0x', ' 00 '])
      expect(() => fromHex(hex)).toThrow(new TypeError('expected an even number of hex digits'));
  });

  it('keep a byte order mark in text', () => {
    expect(utf8Decode(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41))).toBe('\ufeffA');
  });

  it('name arguments of the wrong type, length or size', () => {
    expect(() => assertBytes('x' as never, 3, 'nonce')).toThrow(new TypeError('nonce must be a Uint8Array of 3 bytes'));
    expect(() => assertBytes(new Uint8Array(2), 3, 'nonce')).toThrow(new RangeError('nonce must be 3 bytes, got 2'));
    for (const value of [-1, 6, 0.5, Number.NaN, '3' as never]) expect(() => assertInteger(value, 0, 5, 'n')).toThrow(RangeError);
    expect(assertInteger(5, 0, 5, 'n')).toBe(5);
  });
});
