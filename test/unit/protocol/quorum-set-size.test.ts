/** Quorum sets larger than any node accepts: they are well-formed and not refused, but never built as objects. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { concatBytes, toHex } from '../../../src/protocol/bytes.ts';
import { ENVELOPE_BYTES, MESSAGE_OFFSET } from '../../../src/protocol/constants.ts';
import {
  checkAuthenticatedMessage,
  type ReceivedMessage,
  receivedMessage,
  writeRecord,
} from '../../../src/protocol/wire/authenticated-message.ts';
import type { SCPQuorumSet } from '../../../src/protocol/wire/messages.ts';
import { scpQuorumSet } from '../../../src/protocol/wire/quorum-set.ts';
import { XdrReader } from '../../../src/protocol/xdr/reader.ts';
import { XdrWriter } from '../../../src/protocol/xdr/writer.ts';
import { describeMessage } from '../../../src/report/describe.ts';
import { messageOf } from '../../property/arbitraries.ts';

const number = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
/** XDR of a quorum set: threshold 1, a number of validators, and these inner sets. */
const set = (validators: number, ...innerSets: readonly Uint8Array[]): Uint8Array =>
  concatBytes(
    number(1),
    number(validators),
    ...Array.from({ length: validators }, (_, i) => concatBytes(number(0), number(i), new Uint8Array(28))),
    number(innerSets.length),
    ...innerSets,
  );
const chain = (levels: number): Uint8Array => (levels === 1 ? set(1) : set(0, chain(levels - 1)));
/** The record body of a SCP_QUORUMSET. */
const bodyOf = (quorumSet: Uint8Array): Uint8Array => {
  const body = new Uint8Array(ENVELOPE_BYTES + 4 + quorumSet.length);
  body.set(number(10), MESSAGE_OFFSET);
  body.set(quorumSet, MESSAGE_OFFSET + 4);
  return body;
};
const received = (quorumSet: Uint8Array): ReceivedMessage => {
  const body = bodyOf(quorumSet);
  return receivedMessage(checkAuthenticatedMessage(body, false), body, nodeCrypto);
};

describe('a received quorum set', () => {
  it.each([
    ['5 levels', chain(5)],
    ['1,000 validators', set(1000)],
    ['1,000 validators at all levels', set(400, set(300), set(300))],
    ['1,000 inner sets', set(0, ...Array.from({ length: 1000 }, () => set(1)))],
  ])('is decoded as in stellar-core if it has %s', (_name, xdr) => {
    const message = received(xdr);
    expect(message.type).toBe('SCP_QUORUMSET');
    const writer = new XdrWriter();
    scpQuorumSet.write(writer, (message as { readonly qSet: SCPQuorumSet }).qSet);
    expect(toHex(writer.take())).toBe(toHex(xdr));
  });

  it.each([
    ['6 levels', chain(6)],
    ['1,001 validators', set(1001)],
    ['1,001 validators at all levels', set(400, set(300), set(301))],
    ['5,000 inner sets', set(0, ...Array.from({ length: 5000 }, () => set(0)))],
  ])('is delivered as UNKNOWN, and can be sent to another peer, if it has %s', (_name, xdr) => {
    const message = received(xdr);
    expect(message.type).toBe('UNKNOWN');
    expect(toHex(message.xdr)).toBe(`0000000a${toHex(xdr)}`);
    expect(describeMessage(message, 0)).toBe(`${xdr.length + 4} bytes, SCP_QUORUMSET larger than any node takes`);
    const writer = new XdrWriter();
    const body = writeRecord(writer, message);
    expect(toHex(writer.take().subarray(body + MESSAGE_OFFSET, -32))).toBe(toHex(message.xdr));
    expect(() => scpQuorumSet.read(new XdrReader(xdr))).toThrow('a quorum set larger than any node takes at byte 0');
  });
});

it('15 MB of nested quorum sets are checked without building objects', () => {
  const deep = chain(744);
  const many = Math.floor(15_000_000 / deep.length);
  const wide = concatBytes(number(1), number(0), number(many), ...Array.from({ length: many }, () => deep));
  const message = received(wide);
  expect([message.type, message.xdr.length]).toEqual(['UNKNOWN', wide.length + 4]);
});

it('a large malformed quorum set is refused', () => {
  const big = set(2000);
  for (const damage of [
    (bytes: Uint8Array) => bytes.subarray(0, -4),
    (bytes: Uint8Array) => concatBytes(bytes, number(0)),
    (bytes: Uint8Array) => concatBytes(bytes.subarray(0, 8), number(1), bytes.subarray(12)),
    (bytes: Uint8Array) => concatBytes(bytes.subarray(0, -4), number(0xffffffff)),
  ])
    expect(() => received(damage(big))).toThrow('not a well-formed message');
  const unknown = { type: 'UNKNOWN', typeNumber: 10, xdr: concatBytes(number(10), big.subarray(0, -4)) } as const;
  expect(() => writeRecord(new XdrWriter(), unknown)).toThrow('not a well-formed message');
});

it('a quorum set written by the codec is accepted by check and read', () => {
  fc.assert(
    fc.property(messageOf('SCP_QUORUMSET'), ({ qSet }) => {
      const writer = new XdrWriter();
      scpQuorumSet.write(writer, qSet);
      const xdr = writer.take();
      const reader = new XdrReader(xdr);
      scpQuorumSet.check(reader);
      expect(reader.remaining).toBe(0);
      expect(scpQuorumSet.read(new XdrReader(xdr))).toEqual(qSet);
    }),
  );
});
