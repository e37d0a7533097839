/**
 * Codecs as values: reader, writer, structure check and shape of a type from one definition (RFC 4506).
 * @module
 */
import { assertInteger, utf8Decode, utf8Encode } from '../bytes.ts';
import { encodePublicKey, publicKeyBytes } from '../strkey.ts';
import type { XdrReader } from './reader.ts';
import type { XdrWriter } from './writer.ts';

/** Structure of a codec, for tools that walk the bytes of a value field by field. */
export type Shape =
  | { readonly kind: 'struct'; readonly fields: readonly (readonly [name: string, codec: Codec<unknown>])[] }
  | { readonly kind: 'union'; readonly cases: ReadonlyMap<number, readonly [name: string, codec: Codec<unknown>]> }
  | { readonly kind: 'array'; readonly max: number; readonly element: Codec<unknown> }
  | { readonly kind: 'optional'; readonly element: Codec<unknown> }
  | {
      readonly kind: 'recursive';
      /** The type itself, looked up at use. */
      readonly codec: () => Codec<unknown>;
      readonly maxDepth: number;
    }
  | {
      readonly kind: 'leaf';
      readonly type: string;
      /** For an enum: its numbers by name. */
      readonly values?: Readonly<Record<string, number>>;
      /** For an enum: whether numbers without a name are accepted. */
      readonly isOpen?: boolean;
    };

/** One XDR type. */
export interface Codec<T> {
  /** Reads a value. Byte fields are views of the reader's input. @throws {XdrError} */
  read(reader: XdrReader): T;
  /** Skips over a value and makes all checks of `read`, without building anything. @throws {XdrError} */
  check(reader: XdrReader): void;
  /** Appends a value. @throws {TypeError | RangeError} when the value does not fit the type */
  write(writer: XdrWriter, value: T): void;
  /** Size in bytes, when every sequence of that many bytes is a valid value. Such fields are checked together. */
  readonly fixedBytes?: number;
  readonly shape: Shape;
}

const MAX_UINT32 = 0xffffffff;
const MAX_UINT64 = (1n << 64n) - 1n;

/** unsigned int. */
export const uint32: Codec<number> = leaf(
  'uint32',
  4,
  (reader) => reader.uint32(),
  (writer, value) => writer.uint32(assertInteger(value, 0, MAX_UINT32, 'uint32')),
);

/** int. */
export const int32: Codec<number> = leaf(
  'int32',
  4,
  (reader) => reader.int32(),
  (writer, value) => writer.uint32(assertInteger(value, -0x80000000, 0x7fffffff, 'int32')),
);

/** unsigned hyper. */
export const uint64: Codec<bigint> = leaf(
  'uint64',
  8,
  (reader) => reader.uint64(),
  (writer, value) => {
    if (typeof value !== 'bigint') throw new TypeError('uint64 must be a bigint');
    if (value < 0n || value > MAX_UINT64) throw new RangeError('uint64 must be from 0 to 2^64 - 1');
    writer.uint64(value);
  },
);

/** opaque[length]. */
export function opaque(length: number): Codec<Uint8Array> {
  const write = (writer: XdrWriter, value: Uint8Array): void => {
    if (!(value instanceof Uint8Array) || value.length !== length)
      throw new RangeError(`expected a Uint8Array of ${length} bytes`);
    writer.opaque(value);
  };
  return leaf(`opaque[${length}]`, length, (reader) => reader.opaque(length), write);
}

/** opaque<max>. */
export function varOpaque(max: number = MAX_UINT32): Codec<Uint8Array> {
  return {
    read: (reader) => reader.opaque(reader.length(max)),
    check: (reader) => void reader.skipOpaque(reader.length(max)),
    write(writer, value) {
      if (!(value instanceof Uint8Array) || value.length > max)
        throw new RangeError(`expected a Uint8Array of at most ${max} bytes`);
      writer.uint32(value.length);
      writer.opaque(value);
    },
    shape: { kind: 'leaf', type: max === MAX_UINT32 ? 'opaque<>' : `opaque<${max}>` },
  };
}

/** string<max>, counted in bytes. Bytes that are not UTF-8 are read as U+FFFD; the protocol does not check them. */
export function string(max: number): Codec<string> {
  const bytes = varOpaque(max);
  return {
    read: (reader) => utf8Decode(bytes.read(reader)),
    check: bytes.check,
    write(writer, value) {
      if (typeof value !== 'string') throw new TypeError('expected a string');
      bytes.write(writer, utf8Encode(value));
    },
    shape: { kind: 'leaf', type: `string<${max}>` },
  };
}

/**
 * The bytes up to the end of the input, for a type that this package does not decode. The length is a multiple of 4 and at
 * least 4.
 */
export const remainder: Codec<Uint8Array> = {
  read(reader) {
    const begin = reader.offset;
    remainder.check(reader);
    return reader.bytes.subarray(begin, reader.offset);
  },
  check(reader) {
    if (reader.remaining < 4) reader.fail('the input ends early');
    reader.skip(reader.remaining);
  },
  write(writer, value) {
    if (!(value instanceof Uint8Array) || value.length < 4 || value.length % 4 !== 0) {
      throw new RangeError('expected XDR: a Uint8Array whose length is a multiple of 4');
    }
    writer.opaque(value);
  },
  shape: { kind: 'leaf', type: 'xdr' },
};

/** enum, by name. Unknown numbers are refused. */
export function enumeration<N extends string>(values: Readonly<Record<N, number>>): Codec<N> {
  const names = new Map(Object.entries<number>(values).map(([name, value]) => [value, name as N]));
  const read = (reader: XdrReader): N => names.get(reader.int32()) ?? reader.fail('unknown enum value', 4);
  return {
    read,
    check: (reader) => void read(reader),
    write(writer, value) {
      if (!Object.hasOwn(values, value)) throw new TypeError(`expected one of ${Object.keys(values).join(', ')}`);
      writer.uint32(values[value]);
    },
    shape: { kind: 'leaf', type: 'enum', values },
  };
}

/** PublicKey, NodeID: key type 0 and 32 bytes; as text `G…`. */
export const nodeID: Codec<string> = {
  read(reader) {
    nodeIDType(reader);
    return encodePublicKey(reader.opaque(32));
  },
  check(reader) {
    nodeIDType(reader);
    reader.skip(32);
  },
  write(writer, value) {
    writer.uint32(0);
    writer.opaque(publicKeyBytes(value));
  },
  shape: { kind: 'leaf', type: 'NodeID' },
};

function nodeIDType(reader: XdrReader): void {
  if (reader.uint32() !== 0) reader.fail('unknown key type', 4);
}

/** T<max>. */
export function array<T>(element: Codec<T>, max: number = MAX_UINT32): Codec<readonly T[]> {
  const { fixedBytes } = element;
  return {
    read(reader) {
      const count = reader.length(max);
      const out: T[] = [];
      for (let i = 0; i < count; i++) out.push(element.read(reader));
      return out;
    },
    check(reader) {
      const count = reader.length(max);
      if (fixedBytes !== undefined) reader.skip(count * fixedBytes);
      else for (let i = 0; i < count; i++) element.check(reader);
    },
    write(writer, value) {
      if (!Array.isArray(value) || value.length > max) throw new RangeError(`expected an array of at most ${max}`);
      writer.uint32(value.length);
      for (const item of value) element.write(writer, item);
    },
    shape: { kind: 'array', max, element: element as Codec<unknown> },
  };
}

/** T*: null when absent. */
export function optional<T>(element: Codec<T>): Codec<T | null> {
  const present = (reader: XdrReader): boolean => {
    const flag = reader.uint32();
    if (flag > 1) reader.fail('an optional flag other than 0 or 1', 4);
    return flag === 1;
  };
  return {
    read: (reader) => (present(reader) ? element.read(reader) : null),
    check(reader) {
      if (present(reader)) element.check(reader);
    },
    write(writer, value) {
      writer.uint32(value === null ? 0 : 1);
      if (value !== null) element.write(writer, value);
    },
    shape: { kind: 'optional', element: element as Codec<unknown> },
  };
}

/** struct: its fields in the given order. */
export function struct<T extends object>(codecs: { readonly [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const fields = Object.entries(codecs) as [keyof T & string, Codec<unknown>][];
  const checks = checksOf(fields.map(([, codec]) => codec));
  return {
    read(reader) {
      const out: Record<string, unknown> = {};
      for (const [name, codec] of fields) out[name] = codec.read(reader);
      return out as T;
    },
    check(reader) {
      for (const check of checks) check(reader);
    },
    write(writer, value) {
      let at = 0;
      try {
        for (; at < fields.length; at++) {
          const [name, codec] = fields[at] as (typeof fields)[number];
          codec.write(writer, value[name]);
        }
      } catch (error) {
        if (error instanceof Error) error.message = `${fields[at]?.[0]}: ${error.message}`;
        throw error;
      }
    },
    shape: { kind: 'struct', fields },
  };
}

/** union on an enum: the field `type` has the name of the case, beside the fields of the case. */
export function union<T extends { readonly type: string }>(
  cases: {
    readonly [K in T['type']]: readonly [discriminant: number, Codec<Omit<Extract<T, { type: K }>, 'type'>>];
  },
): Codec<T> {
  const entries = Object.entries<readonly [number, Codec<object>]>(cases);
  const byName = new Map<string, readonly [number, Codec<object>]>(entries);
  const byNumber = new Map(entries.map(([name, [discriminant, codec]]) => [discriminant, [name, codec] as const]));
  const find = (reader: XdrReader) => byNumber.get(reader.int32()) ?? reader.fail('unknown union discriminant', 4);
  return {
    read(reader) {
      const [type, codec] = find(reader);
      return { type, ...codec.read(reader) } as unknown as T;
    },
    check: (reader) => find(reader)[1].check(reader),
    write(writer, value) {
      const found = byName.get(value.type);
      if (found === undefined) throw new TypeError(`type must be one of ${[...byName.keys()].join(', ')}`);
      const [discriminant, codec] = found;
      writer.uint32(discriminant);
      codec.write(writer, value);
    },
    shape: { kind: 'union', cases: byNumber as ReadonlyMap<number, readonly [string, Codec<unknown>]> },
  };
}

/** A recursive type, at most `maxDepth` levels deep. */
export function recursive<T>(codec: () => Codec<T>, maxDepth: number): Codec<T> {
  const nest = <R>(reader: XdrReader, inner: () => R): R => {
    if (reader.depth === maxDepth) reader.fail(`nested deeper than ${maxDepth} levels`);
    reader.depth++;
    const result = inner();
    reader.depth--;
    return result;
  };
  return {
    read: (reader) => nest(reader, () => codec().read(reader)),
    check: (reader) => nest(reader, () => codec().check(reader)),
    write(writer, value) {
      if (writer.depth === maxDepth) throw new RangeError(`nested deeper than ${maxDepth} levels`);
      writer.depth++;
      try {
        codec().write(writer, value);
      } finally {
        writer.depth--;
      }
    },
    shape: { kind: 'recursive', codec: codec as () => Codec<unknown>, maxDepth },
  };
}

function leaf<T>(type: string, fixedBytes: number, read: Codec<T>['read'], write: Codec<T>['write']): Codec<T> {
  return {
    read,
    check: (reader) => void reader.skip(fixedBytes),
    write,
    fixedBytes,
    shape: { kind: 'leaf', type },
  };
}

/** The checks of consecutive fields. Neighbours of fixed size are merged into one step. */
function checksOf(codecs: readonly Codec<unknown>[]): readonly ((reader: XdrReader) => void)[] {
  const checks: ((reader: XdrReader) => void)[] = [];
  let run = 0;
  const endRun = (): void => {
    const length = run;
    if (length > 0) checks.push((reader) => void reader.skip(length));
    run = 0;
  };
  for (const codec of codecs) {
    if (codec.fixedBytes !== undefined) run += codec.fixedBytes;
    else {
      endRun();
      checks.push((reader) => codec.check(reader));
    }
  }
  endRun();
  return checks;
}
