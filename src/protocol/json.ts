/**
 * JSON: whether a text is JSON, and values that JSON does not have. Bytes become hex, 64-bit integers become digits.
 * @module
 */
import { toHex } from './bytes.ts';

/** A value in JSON form: bytes as lower-case hex, bigints as digits, an object with `toJSON` as the result of that. */
export function plainJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if ('toJSON' in value && typeof value.toJSON === 'function') return plainJson(value.toJSON());
  return Array.isArray(value) ? value.map(plainJson) : fieldsOf(value);
}

/**
 * Makes an object usable with JSON.stringify, whatever it contains, by a `toJSON` that is not enumerable. A spread does not
 * copy it.
 * @returns the same object
 */
export function withJson<T extends object>(value: T): T {
  return Object.defineProperty(value, 'toJSON', { value: toJSON });
}

function toJSON(this: object): object {
  return fieldsOf(this);
}

function fieldsOf(value: object): object {
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plainJson(inner)]));
}

/** Whether a text is one JSON value. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
