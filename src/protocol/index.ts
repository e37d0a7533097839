/**
 * The protocol without I/O: no socket, no clock, no randomness, no Node. For other transports, other runtimes, tools and tests.
 * @module stellar-handshake/protocol
 */

export { authCertPayload, certExpiration, makeAuthCert, verifyAuthCert } from './auth/auth-cert.ts';
export type { CryptoProvider, EcdhKey, MacKey, SigningKey } from './auth/crypto.ts';
export {
  deriveMacKeys,
  deriveSharedKey,
  macKeyInput,
  type PeerRole,
  type Sides,
  sendingKeyName,
  sharedKeyInput,
  sides,
} from './auth/key-schedule.ts';
export { PeerAuth } from './auth/peer-auth.ts';
export { scpSignaturePayload, verifySCPEnvelope } from './auth/scp-envelope.ts';
export type { ChannelEvent, ChannelOptions, ServedRequest } from './channel/channel.ts';
export { type FloodCapacity, type FloodType, isFloodType, type Settle } from './channel/flow-control.ts';
export { MacReceiver, MacSender } from './channel/mac.ts';
export type { Now } from './clock.ts';
export {
  ERROR_CODES,
  ERROR_TABLE,
  type ErrorCodeName,
  type ErrorInfo,
  type OverlayErrorCode,
  type Stage,
} from './error-table.ts';
export { OverlayError, type OverlayErrorJson, type OverlayErrorOptions } from './errors.ts';
export type { HandshakeOptions } from './handshake/handshake.ts';
export type { HelloPolicy, RemotePeer } from './handshake/hello.ts';
export type { HandshakeStep, OnStep } from './handshake/steps.ts';
export { makeNetwork, type Network, type NetworkName, networkName, networks } from './networks.ts';
export { Peer, type PeerEvent, type PeerOptions } from './peer.ts';
export {
  isQuorumSetSane,
  isQuorumSlice,
  isVBlocking,
  type NodeSet,
  normalizeQuorumSet,
  parseQuorumSet,
  quorumSetHash,
  quorumSetNodes,
  quorumSetProblem,
  quorumSetXdr,
} from './scp/quorum-set.ts';
export { compareBallots, isStatementSane, statementQuorumSetHash } from './scp/statement.ts';
export {
  type LedgerCloseValueSignature,
  readStellarValue,
  type StellarValue,
  type StellarValueExt,
  stellarValue,
  stellarValueSignaturePayload,
  verifyStellarValue,
} from './scp/stellar-value.ts';
export { decodePublicKey, decodeSecretSeed, encodePublicKey, encodeSecretSeed } from './strkey.ts';
export { type PeerError, ProtocolViolation, type ViolationDetails } from './violation.ts';
export {
  type ApplicationMessage,
  type AsItCame,
  type CheckedType,
  checkAuthenticatedMessage,
  messageXdr,
  type ReceivedMessage,
  readMessage,
  type SendableMessage,
  writeRecord,
} from './wire/authenticated-message.ts';
export { encodeRecord, RecordDecoder } from './wire/framing.ts';
export {
  type AuthCert,
  type Hello,
  MESSAGE_TYPES,
  type MessageFields,
  type MessageType,
  messageFields,
  messageTypeName,
  type PeerAddress,
  type SCPBallot,
  type SCPEnvelope,
  type SCPPledges,
  type SCPQuorumSet,
  type SCPStatement,
  type StellarMessage,
  scpStatement,
  stellarMessage,
  type TimeSlicedSurveyCollecting,
  type TimeSlicedSurveyRequest,
  type TimeSlicedSurveyResponse,
  type UnknownMessage,
} from './wire/messages.ts';
export { scpQuorumSet } from './wire/quorum-set.ts';
export type { Codec, Shape } from './xdr/codec.ts';
export { XdrError, XdrReader } from './xdr/reader.ts';
export { XdrWriter } from './xdr/writer.ts';
