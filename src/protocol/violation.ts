/**
 * ProtocolViolation: what every layer of the protocol throws, and the ERROR_MSG that goes with it.
 * @module
 */
import { ERROR_TABLE, type ErrorCodeName, type OverlayErrorCode } from './error-table.ts';

/** An ERROR_MSG, as it is told to a peer or was told by one. */
export interface PeerError {
  /** Name of the code; `UNKNOWN` for a number the reference does not define. */
  readonly code: ErrorCodeName | 'UNKNOWN';
  /** The text, every character outside printable ASCII shown as `*`. Unauthenticated: never trust it. */
  readonly message: string;
}

/** What only some violations know. */
export interface ViolationDetails {
  /** The peer's ERROR_MSG. */
  readonly peerError?: PeerError | undefined;
  /** What this side tells the peer, when it differs from the table. */
  readonly told?: PeerError | undefined;
  /** What stellar-core would log, when it differs from the table. */
  readonly dropReason?: string | undefined;
}

/**
 * A rule of the protocol that a peer broke, thrown where it is noticed. It never leaves a connection: the peer turns it
 * into an OverlayError, which also knows the stage and the remote.
 */
export class ProtocolViolation extends Error {
  override readonly name: string = 'ProtocolViolation';
  readonly code: OverlayErrorCode;
  /** What only some violations know. */
  readonly details: ViolationDetails;

  constructor(code: OverlayErrorCode, message: string = ERROR_TABLE[code].summary, details: ViolationDetails = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}
