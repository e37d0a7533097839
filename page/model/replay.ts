/**
 * Runs the connection again as one side: gives the records to the code in `protocol/`, which reports its checks.
 * @module
 */

import type { Picture, Side } from '../../src/explain/picture.ts';
import type { Now } from '../../src/protocol/clock.ts';
import type { OverlayErrorCode } from '../../src/protocol/error-table.ts';
import type { OverlayError } from '../../src/protocol/errors.ts';
import type { HandshakeStep } from '../../src/protocol/handshake/steps.ts';
import { Peer } from '../../src/protocol/peer.ts';
import { type Check, checksOf } from './checks.ts';
import { readWire, recordsOf } from './record.ts';
import { helloOf, type Witness, witnessOf } from './witness.ts';

/** The result of one side for the received records. */
export interface View {
  readonly side: Side;
  readonly witness: Witness;
  /** By number of the event. */
  readonly receptions: ReadonlyMap<number, Reception>;
  /** Why this side ends the connection, and the event that made it. */
  readonly end: { readonly index: number; readonly error: OverlayError } | undefined;
  /** Whether it still waits for the rest of a record. */
  readonly waits: boolean;
  /** Event at which it had authenticated the other side. */
  readonly authenticatedAt: number | undefined;
}

/** What happened on receipt of one record. */
export interface Reception {
  readonly checks: readonly Check[];
  readonly error: OverlayError | undefined;
}

/** A record that is changed on the way. */
export interface Change {
  readonly index: number;
  readonly wire: Uint8Array;
}

/** Codes that do not result from this side's check of a record. */
const NO_JUDGEMENT: readonly OverlayErrorCode[] = ['OVERLAY_PEER_ERROR'];

/**
 * Runs the picture as one side.
 * @param witness from an earlier run of the same picture and side, if there was one: it has computed its keys
 */
export function replay(picture: Picture, side: Side, change?: Change, witness: Witness = witnessOf(picture, side)): View {
  const steps: HandshakeStep[] = [];
  const peer = new Peer({
    ...witness.hello,
    role: side === 'A' ? 'WE_CALLED_REMOTE' : 'REMOTE_CALLED_US',
    crypto: witness.crypto,
    peerAuth: witness.peerAuth,
    expectedPeerID: side === picture.own ? picture.expectedPeerID : undefined,
    scpStateLedgerSeq: null,
    onStep: (step) => void steps.push(step),
  });
  const receptions = new Map<number, Reception>();
  let authenticatedAt: number | undefined;
  const momentOf = clockOf(picture);
  peer.start(momentOf(0));
  for (const { index, from, ms, wire: recorded, mac } of recordsOf(picture)) {
    if (from === side) continue;
    const wire = change?.index === index ? change.wire : recorded;
    const isMaced = peer.stage !== 'hello';
    const isFirstHello = peer.remote === undefined;
    steps.length = 0;
    const now = momentOf(ms);
    peer.push(wire.slice());
    for (let event = peer.next(now); event !== undefined; event = peer.next(now)) {
      if (event.type === 'message') peer.release(event.message);
      if (event.type === 'authenticated') authenticatedAt = index;
    }
    peer.takeOutput(now);
    const { error } = peer;
    const isRead = error !== undefined || !peer.midRecord;
    const { type } = readWire(wire);
    const isMacVerified = witness.computesMacs || mac === 'good' || mac === 'bad';
    const checks = isRead ? checksOf({ type, isMaced, isFirstHello, isMacVerified, steps, error }) : [];
    receptions.set(index, { checks, error });
    if (error !== undefined) return { side, witness, receptions, end: { index, error }, waits: false, authenticatedAt };
  }
  return { side, witness, receptions, end: undefined, waits: peer.midRecord, authenticatedAt };
}

/** Whether a side refused its input, rather than receiving an error. */
export function isRefusal(error: OverlayError | undefined): error is OverlayError {
  return error !== undefined && !NO_JUDGEMENT.includes(error.code);
}

/** The time of events. Without a date in the picture the certs give one at which they were good. */
function clockOf(picture: Picture): (ms: number) => Now {
  const start = picture.startUnixMs;
  if (start !== undefined) return (ms) => ({ unixSeconds: (start + ms) / 1000, monotonicMs: ms });
  const dates = (['A', 'B'] as const).map((side) => Number(helloOf(picture, side)?.cert.expiration ?? 0xffffffff));
  const unixSeconds = Math.min(...dates) - 60;
  return (ms) => ({ unixSeconds, monotonicMs: ms });
}
