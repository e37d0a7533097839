/**
 * dial: from a host name to an open socket.
 * @module
 */
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import type { OverlayErrorCode, Stage } from '../protocol/error-table.ts';
import { OverlayError } from '../protocol/errors.ts';
import { offAbort, onAbort } from './abort.ts';
import type { Clock } from './clock.ts';
import type { Phase } from './connection-info.ts';

/** Where to, and within which limits. */
export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  /** Time for name resolution and TCP together, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onPhase?: ((phase: Phase, ms: number) => void) | undefined;
}

/**
 * Opens a TCP connection.
 * @returns the connected socket
 * @throws {OverlayError} with code and stage; nothing is left open then
 */
export async function dial({ host, port, clock, timeoutMs, signal, onPhase }: DialOptions): Promise<Socket> {
  const limits = new Limits(signal, (expire) => clock.setTimer(expire, timeoutMs));
  const start = clock.now().monotonicMs;
  try {
    const addresses = await limits.race('dns', resolveHost(host));
    const resolved = clock.now().monotonicMs;
    onPhase?.('dns', resolved - start);
    const socket = await openSocket(host, port, addresses, limits);
    onPhase?.('tcp', clock.now().monotonicMs - resolved);
    return socket;
  } finally {
    limits.release();
  }
}

/** Deadline and AbortSignal of the time before there is a session. */
class Limits {
  /** Rejects with what the limit means; never resolves. */
  readonly #reached: Promise<never>;
  readonly #release: () => void;

  constructor(signal: AbortSignal | undefined, setTimer: (expire: () => void) => { cancel(): void }) {
    let reject!: (reason: Limit) => void;
    this.#reached = new Promise((_resolve, no) => {
      reject = no;
    });
    this.#reached.catch(() => {});
    const giveUp = (): void => reject({ code: 'OVERLAY_ABORTED', cause: signal?.reason });
    const timer = setTimer(() => reject({ code: 'OVERLAY_CONNECT_TIMEOUT' }));
    onAbort(signal, giveUp);
    if (signal?.aborted) giveUp();
    this.#release = () => {
      timer.cancel();
      offAbort(signal, giveUp);
    };
  }

  /** The promise, unless a limit is reached first. */
  async race<T>(stage: Stage, promise: Promise<T>): Promise<T> {
    promise.catch(() => {});
    const limit = this.#reached.catch(({ code, cause }: Limit) => {
      throw new OverlayError(code, { stage, cause });
    });
    return Promise.race([limit, promise]);
  }

  release(): void {
    this.#release();
  }
}

interface Limit {
  readonly code: OverlayErrorCode;
  readonly cause?: unknown;
}

async function resolveHost(host: string): Promise<readonly LookupAddress[]> {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  try {
    return await lookup(host, { all: true });
  } catch (cause) {
    throw nameError(host, cause);
  }
}

/** What it means that a host name could not be resolved. */
export function nameError(host: string, cause: unknown): OverlayError {
  const message =
    (cause as NodeJS.ErrnoException | undefined)?.code === 'EAI_AGAIN'
      ? `The host name ${host} could not be looked up: no name server answered (EAI_AGAIN).`
      : `The host name ${host} has no address.`;
  return new OverlayError('OVERLAY_NAME_NOT_FOUND', { stage: 'dns', cause, message });
}

/** Tries the addresses as RFC 8305 says (Node's autoSelectFamily) and returns the connected socket. */
async function openSocket(host: string, port: number, addresses: readonly LookupAddress[], limits: Limits): Promise<Socket> {
  const socket = connect({
    host,
    port,
    noDelay: true,
    lookup: (_host, options, callback) => {
      const [first] = addresses;
      if (options.all) callback(null, [...addresses]);
      else callback(null, first?.address ?? '', first?.family);
    },
  });
  try {
    await limits.race(
      'tcp',
      new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', reject);
      }),
    );
    return socket;
  } catch (error) {
    socket.on('error', () => {});
    socket.destroy();
    throw error instanceof OverlayError ? error : tcpError(error as NodeJS.ErrnoException, host, port);
  }
}

/** What the operating system's reasons mean. */
const NO_WAY: Readonly<Record<string, string>> = {
  ENETUNREACH: 'this machine has no route there',
  EHOSTUNREACH: 'a router, or this machine, says that the host cannot be reached',
  EADDRNOTAVAIL: 'this machine has no address to dial it from',
  EINVAL: 'not an address to dial; a link-local one needs its zone, like fe80::1%eth0',
  EACCES: 'this machine forbids it',
  EPERM: 'this machine’s firewall forbids it',
  EMFILE: 'too many files are open in this process',
  ENFILE: 'too many files are open on this machine',
};

function tcpError(cause: NodeJS.ErrnoException, host: string, port: number): OverlayError {
  // With several addresses Node wraps their errors; the first that is not a refusal is worth more.
  const causes: readonly NodeJS.ErrnoException[] = cause instanceof AggregateError ? cause.errors : [cause];
  const codes = causes.map(({ code = 'unknown' }) => code);
  const where = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  if (codes.every((code) => code === 'ETIMEDOUT')) return failure('OVERLAY_CONNECT_TIMEOUT', `${where} did not answer.`);
  if (codes.includes('ECONNREFUSED'))
    return failure('OVERLAY_CONNECTION_REFUSED', `${where} refused the connection: nothing listens there.`);
  if (codes.includes('ECONNRESET')) return failure('OVERLAY_CONNECTION_RESET', `${where} reset the connection.`);
  const reasons = [...new Set(codes)].map((code) => (NO_WAY[code] === undefined ? code : `${NO_WAY[code]} (${code})`));
  return failure('OVERLAY_UNREACHABLE', `There is no way to ${where}: ${reasons.join('; ')}.`);

  function failure(code: OverlayErrorCode, message: string): OverlayError {
    return new OverlayError(code, { stage: 'tcp', message, cause });
  }
}
