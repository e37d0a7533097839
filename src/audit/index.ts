/**
 * The tests for conformance and hostile input as a library: give it a function that connects to your implementation, and it
 * yields verdicts. Run it in your own test suite.
 * @module stellar-handshake/audit
 */

export type { TcpAddress } from '../net/connection-info.ts';
export { acceptTcp, dialTcp, type TcpAcceptor } from '../testing/tcp.ts';
export { type AcceptorAuditOptions, auditAcceptor } from './acceptor.ts';
export type { AuditPeer, AuditPeerOptions, Finish, HonestHello, Received } from './audit-peer.ts';
export {
  type AuditCase,
  type CaseSpec,
  forAcceptor,
  forBoth,
  forInitiator,
  GROUPS,
  type Group,
  SEVERITIES,
  type Severity,
} from './case.ts';
export {
  all,
  drop,
  type EndOptions,
  type Expectation,
  ends,
  holds,
  onConnection,
  open,
  type Reached,
  refusal,
} from './expect.ts';
export { auditInitiator, type InitiatorAuditOptions } from './initiator.ts';
export type { Judgement, Threat, Verdict } from './judgement.ts';
export { MAC_VARIATIONS, type MacVariation } from './mac.ts';
export { type AuditOptions, freshSeed } from './options.ts';
export { CASES, type Selection, selectCases } from './registry.ts';
export { type CaseResult, countVerdicts } from './result.ts';
export { CannotPlay, type Scene, type TargetFacts, type Timing } from './scene.ts';
export {
  anotherConnection,
  atOnce,
  auth,
  authenticated,
  authenticatedWithoutGrant,
  byteByByte,
  connected,
  fin,
  greeted,
  header,
  hello,
  type Made,
  pause,
  pinged,
  raw,
  reaction,
  rst,
  type Seal,
  type Step,
  sends,
  sendsBody,
  step,
} from './steps.ts';
export type { Transcript, TranscriptEntry } from './transcript.ts';
