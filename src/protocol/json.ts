/**
 * What JSON cannot say, said all the same: bytes as hex, 64-bit integers as digits.
 * @module
 */
import { toHex } from './bytes.ts';

/** A value as JSON has it: bytes as lower-case hex, bigints as digits, an object with a `toJSON` as that says. */
export function plainJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if ('toJSON' in value && typeof value.toJSON === 'function') return plainJson(value.toJSON());
  return Array.isArray(value) ? value.map(plainJson) : fieldsOf(value);
}

/**
 * Lets JSON.stringify take an object, whatever is in it, by a `toJSON` that is not enumerated. It is not copied by a spread.
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
