/**
 * One real handshake with a node and its result: who answered, or why it failed and what to do about it. The result is the same
 * object that the verb `probe` prints.
 * @module stellar-handshake/probe
 */

export type { Target } from '../net/target.ts';
export { formatTarget, parseTarget } from '../net/target.ts';
export type { OverlayRange } from '../protocol/handshake/overlay-range.ts';
export type { ClockSkew, RemoteJson } from '../report/json.ts';
export { type CampaignOptions, campaign, type Probed } from './campaign.ts';
export { diagnose, diagnoseSilence, isSilentRefusal } from './diagnose.ts';
export type { Evidence } from './evidence.ts';
export { type Finding, Knowledge } from './knowledge.ts';
export type { ProbeHooks, ProbeOptions } from './options.ts';
export { type ProbeResult, type ProbeTimings, probe } from './probe.ts';
export { secondLook } from './second-look.ts';
