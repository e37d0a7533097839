/**
 * The one error class, and the conversion of failures to it.
 * @module
 */
import { ERROR_TABLE, type ErrorInfo, type OverlayErrorCode, PEER_ERROR_TABLE, type Stage } from './error-table.ts';
import type { RemotePeer } from './handshake/hello.ts';
import type { PeerError, ViolationDetails } from './violation.ts';
import type { PeerAddress } from './wire/messages.ts';

/** Outcome of one address that was dialled. */
export interface DialAttempt {
  /** IPv4 or IPv6 address. */
  readonly address: string;
  /** A cause of docs/errors.md when it failed; `overtaken` when another address connected first. */
  readonly outcome:
    | 'connected'
    | 'overtaken'
    | 'aborted'
    | 'connect-timeout'
    | 'connection-refused'
    | 'connection-reset'
    | 'unreachable';
  /** The operating system's name of the error, EHOSTUNREACH for example. */
  readonly errno?: string;
  /** Duration, in milliseconds. */
  readonly ms: number;
}

/** What is known of a failure besides its code. */
export interface OverlayErrorOptions extends ViolationDetails {
  /** Stage in which it happened. */
  readonly stage: Stage;
  /** What happened in this case, when more is known than the table has. */
  readonly message?: string | undefined;
  /** What to do in this case, when more is known than the table has. */
  readonly advice?: string | undefined;
  /** The underlying error, of a socket for example. */
  readonly cause?: unknown;
  /** The peer, when its HELLO had been verified. */
  readonly remote?: RemotePeer | undefined;
  /** The addresses that the peer sent in PEERS. */
  readonly peers?: readonly PeerAddress[] | undefined;
  /** Outcome of each address, when none could be connected to. */
  readonly attempts?: readonly DialAttempt[] | undefined;
}

/** Form of an OverlayError in JSON output. */
export interface OverlayErrorJson {
  readonly code: OverlayErrorCode;
  readonly stage: Stage;
  readonly cause: string;
  readonly message: string;
  readonly advice: string;
  readonly peerError?: PeerError;
}

/**
 * Every failure of this package. Mistakes of the caller are TypeError or RangeError instead. The message describes what
 * happened. It never contains a secret.
 */
export class OverlayError extends Error {
  override readonly name: string = 'OverlayError';
  /** What failed; stable. */
  readonly code: OverlayErrorCode;
  /** Where it failed. */
  readonly stage: Stage;
  /** The peer's ERROR_MSG, when it sent one. */
  readonly peerError: PeerError | undefined;
  /** The peer, when its HELLO had been verified. */
  readonly remote: RemotePeer | undefined;
  /**
   * The addresses that the peer sent in PEERS before `connect` failed. A full node sends them so that newcomers find other
   * nodes.
   */
  readonly peers: readonly PeerAddress[] | undefined;
  /** Outcome of each address that was dialled, when none could be connected to. */
  readonly attempts: readonly DialAttempt[] | undefined;
  /** The ERROR_MSG that this side sends for it; null: the connection is dropped and nothing is sent. */
  readonly told: PeerError | null;
  /** What stellar-core writes to its log for the same event, if it logs it. */
  readonly dropReason: string | undefined;
  readonly #advice: string | undefined;

  constructor(code: OverlayErrorCode, options: OverlayErrorOptions) {
    const info: ErrorInfo = ERROR_TABLE[code];
    super(options.message ?? info.summary, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.stage = options.stage;
    this.peerError = options.peerError;
    this.remote = options.remote;
    this.peers = options.peers;
    this.attempts = options.attempts;
    this.told = options.told ?? (info.told ? { code: info.told[0], message: info.told[1] } : null);
    this.#advice = options.advice;
    this.dropReason = options.dropReason ?? info.dropReason;
  }

  /** The same, for an end that happens to every connection: its stack has only one line. @internal */
  static withoutStack(code: OverlayErrorCode, options: OverlayErrorOptions): OverlayError {
    // Only in V8. In other engines, or where it cannot be set, the stack has its normal length.
    const limit = Reflect.get(Error, 'stackTraceLimit');
    Reflect.set(Error, 'stackTraceLimit', 0);
    try {
      return new OverlayError(code, options);
    } finally {
      Reflect.set(Error, 'stackTraceLimit', limit);
    }
  }

  /** Short stable name of the cause. It is more specific than the code when the peer gave a reason. */
  get causeName(): string {
    return this.#meaning.cause;
  }

  /** What to do about it. */
  get advice(): string {
    return this.#advice ?? this.#meaning.advice;
  }

  /** The object that `--json` prints. */
  toJSON(): OverlayErrorJson {
    const { code, stage, message, advice, peerError } = this;
    return { code, stage, cause: this.causeName, message, advice, ...(peerError && { peerError }) };
  }

  /** The most specific row that applies: by the peer's text, by the stage, or by the code. */
  get #meaning(): Pick<ErrorInfo, 'cause' | 'advice'> {
    const { peerError, stage, code } = this;
    const info: ErrorInfo = ERROR_TABLE[code];
    return PEER_ERROR_TABLE.find(({ text }) => peerError?.message.startsWith(text)) ?? info.byStage?.[stage] ?? info;
  }
}
