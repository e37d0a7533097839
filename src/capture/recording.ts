/**
 * Recordings: every byte of our own connections as lines of JSON, written at once.
 *
 *     {"format":"stellar-handshake recording","version":1,"started":"2026-01-01T00:00:00.000Z"}
 *     {"connection":1,"role":"WE_CALLED_REMOTE","local":"127.0.0.1:50000","remote":"127.0.0.1:11625"}
 *     {"connection":1,"ms":1.25,"direction":"sent","hex":"80000118…"}
 *
 * `ms` counts from `started`. The bytes are those of the TCP stream, one line for each read or write.
 * @module
 */
import type { ConnectionInfo, OnBytes } from '../net/connection-info.ts';
import { formatTarget } from '../net/target.ts';
import type { PeerRole } from '../protocol/auth/key-schedule.ts';
import { fromHex } from '../protocol/bytes.ts';

/** The contents of a line of a recording. */
export type RecordingEntry =
  | { readonly kind: 'started'; readonly unixMs: number }
  | {
      readonly kind: 'connection';
      readonly connection: number;
      readonly role: PeerRole;
      readonly local: string;
      readonly remote: string;
    }
  | {
      readonly kind: 'bytes';
      readonly connection: number;
      readonly ms: number;
      readonly direction: 'sent' | 'received';
      readonly bytes: Uint8Array;
    };

const FORMAT = 'stellar-handshake recording';

/** Makes the lines of a recording. */
export class RecordingWriter {
  readonly #write: (line: string) => void;
  readonly #monotonicMs: () => number;
  readonly #startMs: number;
  /** Numbers by connection; an ended connection is removed with its object. */
  readonly #numbers = new WeakMap<ConnectionInfo, number>();
  #connections = 0;

  /**
   * @param write gets each line, line feed included
   * @param unixMs now, in milliseconds since 1970
   * @param monotonicMs a clock that is never set
   */
  constructor(write: (line: string) => void, unixMs: number, monotonicMs: () => number) {
    this.#write = write;
    this.#monotonicMs = monotonicMs;
    this.#startMs = monotonicMs();
    this.#line({ format: FORMAT, version: 1, started: new Date(unixMs).toISOString() });
  }

  /** For the option of the same name. */
  readonly onBytes: OnBytes = (direction, bytes, info) => {
    let connection = this.#numbers.get(info);
    if (connection === undefined) {
      connection = ++this.#connections;
      this.#numbers.set(info, connection);
      const { role, localAddress, remoteAddress } = info;
      const [local, remote] = [localAddress, remoteAddress].map((address) => (address ? formatTarget(address) : ''));
      this.#line({ connection, role, local, remote });
    }
    const ms = Math.round((this.#monotonicMs() - this.#startMs) * 1000) / 1000;
    const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
    this.#line({ connection, ms, direction, hex });
  };

  #line(value: object): void {
    this.#write(`${JSON.stringify(value)}\n`);
  }
}

/** Whether this may be the beginning of a recording. */
export function looksLikeRecording(text: string): boolean {
  return text.trimStart().startsWith(`{"format":"${FORMAT}"`);
}

/**
 * The contents of a line; undefined for an empty line, and for a kind of line that a later version may add.
 * @throws {TypeError} when it is not a line of a recording
 */
export function readRecordingLine(line: string): RecordingEntry | undefined {
  if (line.trim() === '') return undefined;
  const value = parse(line);
  if ('format' in value) {
    const unixMs = Date.parse(String(value.started));
    if (value.format !== FORMAT) throw new TypeError('not a recording');
    if (value.version !== 1)
      throw new TypeError(`a recording of version ${String(value.version)}, which this program does not know`);
    if (Number.isNaN(unixMs)) throw new TypeError('a recording without the time of its start');
    return { kind: 'started', unixMs };
  }
  const { connection, role, local, remote, direction, ms, hex } = value;
  if (typeof connection !== 'number' || !Number.isSafeInteger(connection)) return undefined;
  if (role === 'WE_CALLED_REMOTE' || role === 'REMOTE_CALLED_US')
    return { kind: 'connection', connection, role, local: String(local), remote: String(remote) };
  if (direction !== 'sent' && direction !== 'received') return undefined;
  if (typeof ms !== 'number' || !Number.isFinite(ms) || typeof hex !== 'string')
    throw new TypeError('a line without time or bytes');
  return { kind: 'bytes', connection, ms, direction, bytes: fromHex(hex) };
}

function parse(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new TypeError('not JSON');
  }
  if (typeof value !== 'object' || value === null) throw new TypeError('not a JSON object');
  return value as Record<string, unknown>;
}
