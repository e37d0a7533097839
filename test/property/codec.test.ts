import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { toHex } from '../../src/protocol/bytes.ts';
import { annotateRecord } from '../../src/protocol/wire/annotate.ts';
import {
  checkAuthenticatedMessage,
  messageXdr,
  readMessage,
  receivedMessage,
  type SendableMessage,
  writeRecord,
} from '../../src/protocol/wire/authenticated-message.ts';
import { messageFields, stellarMessage } from '../../src/protocol/wire/messages.ts';
import type { Codec } from '../../src/protocol/xdr/codec.ts';
import { XdrError, XdrReader } from '../../src/protocol/xdr/reader.ts';
import { XdrWriter } from '../../src/protocol/xdr/writer.ts';
import { anyMessage, damage, damaged, encode, messageOf, TYPES } from './arbitraries.ts';

describe('the codec of every message', () => {
  it.each(TYPES)('%s: reads what it has written, and the check accepts it', (type) => {
    fc.assert(
      fc.property(messageOf(type), (message) => {
        const xdr = encode(message);
        expect(xdr.length % 4).toBe(0);
        expect(stellarMessage.read(new XdrReader(xdr))).toEqual(message);
        const reader = new XdrReader(xdr);
        stellarMessage.check(reader);
        reader.expectEnd();
      }),
    );
  });

  it.each(TYPES)('%s: writes received messages unchanged, decoded or not, and their JSON has the same fields', (type) => {
    fc.assert(
      fc.property(messageOf(type), (message) => {
        const writer = new XdrWriter();
        writeRecord(writer, message);
        const body = writer.take().subarray(4);
        expect(checkAuthenticatedMessage(body, false)).toBe(type);
        const received = receivedMessage(type, body, nodeCrypto);
        expect(toHex(received.xdr)).toBe(toHex(messageXdr(body)));
        const again = new XdrWriter();
        writeRecord(again, received as SendableMessage);
        expect(toHex(again.take().subarray(4))).toBe(toHex(body));
        // Bytes as hex and 64-bit integers as digits, as the JSON of a received message has them.
        const plain = (value: unknown) =>
          JSON.parse(
            JSON.stringify(value, (_key, field) =>
              typeof field === 'bigint' ? String(field) : field instanceof Uint8Array ? toHex(field) : field,
            ),
          );
        const comes = received.type === 'SCP_QUORUMSET' ? { qSetHash: nodeCrypto.sha256(received.xdr.subarray(4)) } : {};
        expect(plain(received)).toEqual(plain({ ...readMessage(body), ...comes, xdr: received.xdr }));
      }),
      { numRuns: 30 },
    );
  });

  it('accepts in check exactly what read accepts, for damaged messages', () => {
    fc.assert(
      fc.property(anyMessage(), fc.array(damage, { maxLength: 3 }), (message, how) => {
        const bytes = how.reduce((all, one) => (all.length === 0 ? all : damaged(all, one)), encode(message));
        expect(outcome(bytes, (reader) => stellarMessage.check(reader))).toBe(
          outcome(bytes, (reader) => stellarMessage.read(reader)),
        );
      }),
      { numRuns: 5000 },
    );
  });

  it('accepts in check exactly what read accepts, for arbitrary bytes', () => {
    const small = fc.oneof(fc.constant(0), fc.constant(1), fc.nat(255));
    fc.assert(
      fc.property(fc.constantFrom(...TYPES), fc.array(small, { maxLength: 200 }), (type, values) => {
        const bytes = Uint8Array.from(values);
        const codec = messageFields[type] as Codec<unknown>;
        expect(outcome(bytes, (reader) => codec.check(reader))).toBe(outcome(bytes, (reader) => codec.read(reader)));
      }),
      { numRuns: 3000 },
    );
  });

  it('writes accepted bytes unchanged, except for text that is not UTF-8', () => {
    fc.assert(
      fc.property(anyMessage(TYPES.filter((type) => type !== 'HELLO' && type !== 'ERROR_MSG')), damage, (message, how) => {
        const bytes = damaged(encode(message), how);
        const reader = new XdrReader(bytes);
        try {
          const read = stellarMessage.read(reader);
          reader.expectEnd();
          if (read.type !== 'HELLO' && read.type !== 'ERROR_MSG') expect(toHex(encode(read))).toBe(toHex(bytes));
        } catch (error) {
          if (!(error instanceof XdrError)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('annotates a record with fields that cover it without gap or overlap', () => {
    fc.assert(
      fc.property(anyMessage(), (message) => {
        const writer = new XdrWriter();
        writeRecord(writer, message);
        const body = writer.take().subarray(4);
        let end = 0;
        for (const { offset, length } of annotateRecord(body)) {
          expect(offset).toBe(end);
          end += length;
        }
        expect(end).toBe(body.length);
      }),
      { numRuns: 300 },
    );
  });
});

/** Where reading ended, or that it is not XDR of the type. Anything else it throws is a failure. */
function outcome(bytes: Uint8Array, read: (reader: XdrReader) => unknown): string {
  const reader = new XdrReader(bytes);
  try {
    read(reader);
    return `read ${reader.offset}`;
  } catch (error) {
    if (error instanceof XdrError) return 'refused';
    throw error;
  }
}
