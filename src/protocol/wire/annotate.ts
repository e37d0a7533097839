/**
 * Every byte of a record with the field it belongs to: for people who read bytes. The main path does not come here.
 * @module
 */
import { toHex } from '../bytes.ts';
import { MAC_BYTES, MESSAGE_OFFSET } from '../constants.ts';
import type { Codec } from '../xdr/codec.ts';
import { XdrReader } from '../xdr/reader.ts';
import { messageTypeName, stellarMessage } from './messages.ts';

/** A field of a record. */
export interface AnnotatedField {
  /** Where in the structure, `cert.sig.length` for example. */
  readonly path: string;
  /** First byte, counted from the start of the record body; 4 less than on the wire. */
  readonly offset: number;
  /** Bytes it takes, padding included. */
  readonly length: number;
  /** Its XDR type. */
  readonly type: string;
  /** Its value as text, bytes as hex. */
  readonly value: string;
}

/**
 * The fields of a record body, in order, without gap.
 * @throws {XdrError} when it is not a well-formed AuthenticatedMessage
 */
export function annotateRecord(body: Uint8Array): readonly AnnotatedField[] {
  const reader = new XdrReader(body, 0, body.length);
  const end = body.length - MAC_BYTES;
  const fields: AnnotatedField[] = [];
  const add = (path: string, length: number, type: string, value: string): void => {
    fields.push({ path, offset: reader.offset - length, length, type, value });
  };
  if (reader.uint32() !== 0) reader.fail('unknown union discriminant', 4);
  add('v', 4, 'union version', '0');
  add('sequence', 8, 'uint64', String(reader.uint64()));
  if (messageTypeName(new XdrReader(body, MESSAGE_OFFSET).int32()) !== undefined) {
    const message = new XdrReader(body, MESSAGE_OFFSET, end);
    walk(stellarMessage as Codec<unknown>, '', message, fields);
    message.expectEnd();
    reader.skip(message.offset - MESSAGE_OFFSET);
  } else {
    add('type', 4, 'enum', `${reader.uint32()} (unknown)`);
    add('payload', end - reader.offset, 'xdr', toHex(reader.opaque(end - reader.offset)));
  }
  add('mac', MAC_BYTES, 'HmacSha256Mac', toHex(reader.opaque(MAC_BYTES)));
  reader.expectEnd();
  return fields;
}

function walk(codec: Codec<unknown>, path: string, reader: XdrReader, fields: AnnotatedField[]): void {
  const { shape } = codec;
  const leaf = (name: string, type: string, read: () => unknown): void => {
    const offset = reader.offset;
    const value = read();
    fields.push({ path: name, offset, length: reader.offset - offset, type, value: show(value) });
  };
  const inside = (name: string): string => (path === '' ? name : `${path}.${name}`);
  switch (shape.kind) {
    case 'leaf':
      leaf(path, shape.type, () => codec.read(reader));
      break;
    case 'struct':
      for (const [name, field] of shape.fields) walk(field, inside(name), reader, fields);
      break;
    case 'union': {
      const number = new XdrReader(reader.bytes, reader.offset).int32();
      const found = shape.cases.get(number) ?? reader.fail('unknown union discriminant');
      leaf(inside('type'), 'enum', () => `${reader.int32()} (${found[0]})`);
      walk(found[1], path, reader, fields);
      break;
    }
    case 'array': {
      let count = 0;
      leaf(inside('length'), 'uint32', () => {
        count = reader.length(shape.max);
        return count;
      });
      for (let i = 0; i < count; i++) walk(shape.element, `${path}[${i}]`, reader, fields);
      break;
    }
    case 'optional': {
      const present = new XdrReader(reader.bytes, reader.offset).uint32() === 1;
      leaf(inside('present'), 'bool', () => reader.uint32());
      if (present) walk(shape.element, path, reader, fields);
      break;
    }
    case 'recursive':
      if (reader.depth === shape.maxDepth) reader.fail(`nested deeper than ${shape.maxDepth} levels`);
      reader.depth++;
      walk(shape.codec(), path, reader, fields);
      reader.depth--;
      break;
  }
}

function show(value: unknown): string {
  return value instanceof Uint8Array ? toHex(value) : String(value);
}
