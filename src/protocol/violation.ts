/**
 * ProtocolViolation: the exception of every protocol layer, with the ERROR_MSG that belongs to it.
 * @module
 */
import { ERROR_TABLE, type ErrorCodeName, type OverlayErrorCode } from './error-table.ts';

/** An ERROR_MSG, sent to a peer or received from one. */
export interface PeerError {
  /** Name of the code; `UNKNOWN` for a number that stellar-core does not define. */
  readonly code: ErrorCodeName | 'UNKNOWN';
  /** The text, with `*` in place of every character outside printable ASCII. It is not authenticated: never trust it. */
  readonly message: string;
}

/** Details that only some violations have. */
export interface ViolationDetails {
  /** The peer's ERROR_MSG. */
  readonly peerError?: PeerError | undefined;
  /** The ERROR_MSG that this side sends, when it differs from the table. */
  readonly told?: PeerError | undefined;
  /** stellar-core's log text, when it differs from the table. */
  readonly dropReason?: string | undefined;
}

/**
 * A peer broke a rule of the protocol. It is thrown where the fault is found and never leaves a connection: the Peer turns it
 * into an OverlayError, which also has the stage and the remote.
 */
export class ProtocolViolation extends Error {
  override readonly name: string = 'ProtocolViolation';
  readonly code: OverlayErrorCode;
  /** Details that only some violations have. */
  readonly details: ViolationDetails;

  constructor(code: OverlayErrorCode, message: string = ERROR_TABLE[code].summary, details: ViolationDetails = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}
