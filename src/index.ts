/**
 * Stellar's overlay peer handshake and the authenticated channel it opens, in both roles.
 * @module stellar-handshake
 */

export type { ListenerEvent } from './net/arrival.ts';
export type { Clock, Timer } from './net/clock.ts';
export { connect } from './net/connect.ts';
export { Connection } from './net/connection.ts';
export type { ConnectionInfo, OnBytes, PeerIDRegistry, Phase, TcpAddress, Timings } from './net/connection-info.ts';
export { NodeIdentity } from './net/identity.ts';
export { Listener, type ListenOptions, listen } from './net/listen.ts';
export type { Family, Lookup } from './net/lookup.ts';
export { type ConnectOptions, type NodeOptions, networkFromPassphrase } from './net/options.ts';
export { verifySCPEnvelope } from './net/scp-envelope.ts';
export type { CryptoProvider, EcdhKey, MacKey, SigningKey } from './protocol/auth/crypto.ts';
export type { PeerRole } from './protocol/auth/key-schedule.ts';
export type { PeerAuth } from './protocol/auth/peer-auth.ts';
export type { ServedRequest } from './protocol/channel/channel.ts';
export type { Now } from './protocol/clock.ts';
export { ERROR_TABLE, type ErrorCodeName, type ErrorInfo, type OverlayErrorCode, type Stage } from './protocol/error-table.ts';
export { type DialAttempt, OverlayError, type OverlayErrorJson, type OverlayErrorOptions } from './protocol/errors.ts';
export type { RemotePeer } from './protocol/handshake/hello.ts';
export type { HandshakeStep, OnStep } from './protocol/handshake/steps.ts';
export { type Network, type NetworkName, networks } from './protocol/networks.ts';
export { decodePublicKey, decodeSecretSeed, encodePublicKey, encodeSecretSeed } from './protocol/strkey.ts';
export type { PeerError, ViolationDetails } from './protocol/violation.ts';
export type { ApplicationMessage, AsItCame, ReceivedMessage, SendableMessage } from './protocol/wire/authenticated-message.ts';
export type {
  AuthCert,
  MessageFields,
  MessageType,
  PeerAddress,
  SCPBallot,
  SCPEnvelope,
  SCPPledges,
  SCPQuorumSet,
  SCPStatement,
  StellarMessage,
  TimeSlicedSurveyCollecting,
  TimeSlicedSurveyRequest,
  TimeSlicedSurveyResponse,
  UnknownMessage,
} from './protocol/wire/messages.ts';
