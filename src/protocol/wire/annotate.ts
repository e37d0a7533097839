/**
 * Assigns every byte of a record to its field, for users who read bytes. The main path does not use it.
 * @module
 */
import { toHex } from '../bytes.ts';
import { MAC_BYTES, MESSAGE_OFFSET } from '../constants.ts';
import type { Codec } from '../xdr/codec.ts';
import { XdrReader } from '../xdr/reader.ts';
import { messageTypeName, stellarMessage } from './messages.ts';

/** A field of a record. */
export interface AnnotatedField {
  /** Path in the structure, `cert.sig.length` for example. */
  readonly path: string;
  /** First byte, counted from the start of the record body; on the wire it is 4 higher. */
  readonly offset: number;
  /** Number of bytes, padding included. */
  readonly length: number;
  /** Its XDR type. */
  readonly type: string;
  /** Its value as text, bytes as hex. */
  readonly value: string;
}

/**
 * The fields of a record body, in order and without gaps.
 * @throws {XdrError} when it is not a well-formed AuthenticatedMessage
 */
export function annotateRecord(body: Uint8Array): readonly AnnotatedField[] {
  return [...annotatedFields(body)];
}

/**
 * Yields the same fields one by one, for records with too many fields to hold at once. @throws {XdrError} where it is not
 * well-formed
 */
export function* annotatedFields(body: Uint8Array): Generator<AnnotatedField> {
  const reader = new XdrReader(body, 0, body.length);
  const end = body.length - MAC_BYTES;
  const field = (path: string, length: number, type: string, value: string): AnnotatedField => {
    return { path, offset: reader.offset - length, length, type, value };
  };
  if (reader.uint32() !== 0) reader.fail('unknown union discriminant', 4);
  yield field('v', 4, 'union version', '0');
  yield field('sequence', 8, 'uint64', String(reader.uint64()));
  if (messageTypeName(new XdrReader(body, MESSAGE_OFFSET).int32()) !== undefined) {
    const message = new XdrReader(body, MESSAGE_OFFSET, end);
    yield* fieldsOf(stellarMessage as Codec<unknown>, message);
    message.expectEnd();
    reader.skip(message.offset - MESSAGE_OFFSET);
  } else {
    yield field('type', 4, 'enum', `${reader.uint32()} (unknown)`);
    yield field('payload', end - reader.offset, 'xdr', toHex(reader.opaque(end - reader.offset)));
  }
  yield field('mac', MAC_BYTES, 'HmacSha256Mac', toHex(reader.opaque(MAC_BYTES)));
  reader.expectEnd();
}

/** Work that remains. */
type Step =
  | { readonly codec: Codec<unknown>; readonly path: string }
  /** The elements of an array from `next` on. */
  | { readonly element: Codec<unknown>; readonly path: string; readonly next: number; readonly count: number }
  /** The end of a recursive type. */
  | 'up';

/** Longest path that is shown in full. Of a longer path, only the last part is shown. */
const MAX_PATH = 120;

/** Subtle: uses its own stack. With nested generators, the cost of each field would grow with its depth. */
function* fieldsOf(codec: Codec<unknown>, reader: XdrReader): Generator<AnnotatedField> {
  const steps: Step[] = [{ codec, path: '' }];
  const field = (path: string, type: string, read: () => unknown): AnnotatedField => {
    const offset = reader.offset;
    const value = read();
    return { path, offset, length: reader.offset - offset, type, value: show(value) };
  };
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    if (step === 'up') {
      reader.depth--;
      continue;
    }
    const { path } = step;
    if ('element' in step) {
      const { element, next, count } = step;
      if (next === count) continue;
      steps.push({ ...step, next: next + 1 }, { codec: element, path: `${path}[${next}]` });
      continue;
    }
    const { codec } = step;
    const { shape } = codec;
    const inside = (name: string): string => (path === '' ? name : `${path}.${name}`);
    switch (shape.kind) {
      case 'leaf':
        yield field(path, shape.type, () => codec.read(reader));
        break;
      case 'struct':
        for (const [name, inner] of shape.fields.toReversed()) steps.push({ codec: inner, path: inside(name) });
        break;
      case 'union': {
        const number = new XdrReader(reader.bytes, reader.offset).int32();
        const found = shape.cases.get(number) ?? reader.fail('unknown union discriminant');
        yield field(inside('type'), 'enum', () => `${reader.int32()} (${found[0]})`);
        steps.push({ codec: found[1], path });
        break;
      }
      case 'array': {
        let count = 0;
        yield field(inside('length'), 'uint32', () => {
          count = reader.length(shape.max);
          return count;
        });
        steps.push({ element: shape.element, path, next: 0, count });
        break;
      }
      case 'optional': {
        const present = new XdrReader(reader.bytes, reader.offset).uint32() === 1;
        yield field(inside('present'), 'bool', () => reader.uint32());
        if (present) steps.push({ codec: shape.element, path });
        break;
      }
      case 'recursive': {
        if (reader.depth === shape.maxDepth) reader.fail(`nested deeper than ${shape.maxDepth} levels`);
        reader.depth++;
        const told = path.length > MAX_PATH ? `…${path.slice(path.lastIndexOf('.') + 1)}` : path;
        steps.push('up', { codec: shape.codec(), path: told });
        break;
      }
    }
  }
}

function show(value: unknown): string {
  return value instanceof Uint8Array ? toHex(value) : String(value);
}
