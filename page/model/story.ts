/**
 * A picture with everything computed from it.
 * @module
 */

import type { Picture, PictureTimings, Side } from '../../src/explain/picture.ts';
import type { PeerError } from '../../src/protocol/violation.ts';
import { type Check, MAC_CHECK } from './checks.ts';
import { otherSide, recordsOf, type WireRecord } from './record.ts';
import { isRefusal, type Reception, replay, type View } from './replay.ts';
import { helloOf } from './witness.ts';

/** The results for a picture. */
export interface Story {
  readonly picture: Picture;
  readonly records: readonly WireRecord[];
  readonly views: Readonly<Record<Side, View>>;
  /** The problems, the most useful first. */
  readonly problems: readonly Problem[];
  /** Whether both sides have completed the handshake. They are authenticated if its MACs are verified too. */
  readonly complete: boolean;
  /** How many MACs were verified, here or on arrival of the record, and how many could not be. */
  readonly macs: { readonly verified: number; readonly unverified: number };
  /** The `G…` of each side that sent a HELLO. */
  readonly peerIDs: Readonly<Partial<Record<Side, string>>>;
  readonly phases: readonly Phase[];
}

/** A problem. */
export interface Problem {
  /** The side that noticed it. */
  readonly by: 'A' | 'B' | 'capture';
  /** The event that it is about. */
  readonly index: number | undefined;
  readonly sentence: string;
  /** The check that failed, and what it found. */
  readonly check: Check | undefined;
  readonly advice: string;
  readonly told: PeerError | null | undefined;
  readonly code: string;
}

/** A part of the time. */
export interface Phase {
  readonly name: 'DNS' | 'TCP' | 'connect' | 'HELLO' | 'AUTH';
  readonly ms: number;
}

/** Computes the story of a picture. */
export function understand(picture: Picture): Story {
  const records = recordsOf(picture);
  const views = { A: replay(picture, 'A'), B: replay(picture, 'B') };
  const peerIDs = Object.fromEntries(
    (['A', 'B'] as const).flatMap((side) => {
      const hello = helloOf(picture, side);
      return hello === undefined ? [] : [[side, hello.peerID]];
    }),
  );
  const complete = views.A.authenticatedAt !== undefined && views.B.authenticatedAt !== undefined;
  return {
    ...{ picture, records, views, peerIDs, complete, macs: macsOf(views) },
    problems: problemsOf(picture, views, records),
    phases: phasesOf(picture, records),
  };
}

/** The note about MACs that nobody verified; undefined when there are none. */
export function unverifiedMacs({ macs: { verified, unverified } }: Story): string | undefined {
  if (unverified === 0) return undefined;
  return verified === 0 ? 'MACs not verified: no keys' : `${unverified} of ${verified + unverified} MACs not verified: no keys`;
}

/** The receiver's result for a record. */
export function receptionOf({ views }: Story, { index, to }: WireRecord): Reception | undefined {
  return views[to].receptions.get(index);
}

function macsOf(views: Story['views']): Story['macs'] {
  const states = [views.A, views.B].flatMap(({ receptions }) =>
    [...receptions.values()].flatMap(({ checks }) => checks.filter(({ name }) => name === MAC_CHECK).map(({ state }) => state)),
  );
  return {
    verified: states.filter((state) => state === 'ok' || state === 'failed').length,
    unverified: states.filter((state) => state === 'unverified').length,
  };
}

/** Problems of the run come first, then refusals, then received errors. One event gives one problem. */
function problemsOf(picture: Picture, views: Story['views'], records: readonly WireRecord[]): readonly Problem[] {
  const { error, own = 'A' } = picture;
  const refusals = (['A', 'B'] as const)
    .filter((side) => isRefusal(views[side].end?.error))
    .sort((a, b) => (views[a].end?.index ?? 0) - (views[b].end?.index ?? 0));
  const problems = refusals
    .filter((side) => error === undefined || side !== own)
    .map((side) => refusalOf(views[side], views[otherSide(side)], records));
  if (error !== undefined) {
    const { message, advice, told, code } = error;
    const seen = views[own].end;
    const [other] = problems;
    // When the peer refuses, its ERROR_MSG or its close follows from that refusal.
    const about = refusals.includes(own)
      ? { index: seen?.index, check: failedOf(views[own]) }
      : { index: other?.index, check: other?.check };
    return [{ by: own, sentence: message, advice, told: isRefusal(seen?.error) ? told : undefined, code, ...about }];
  }
  if (problems.length > 0) return problems;
  for (const side of ['A', 'B'] as const) {
    const { end } = views[side];
    const said = end?.error.peerError;
    if (end === undefined || said === undefined) continue;
    const sentence = `${otherSide(side)} ends the connection and says why: “${said.message}” (${said.code}).`;
    const { advice, code } = end.error;
    return [{ by: side, index: end.index, sentence, check: undefined, advice, told: undefined, code }];
  }
  return picture.events.flatMap((event, index) =>
    event.kind === 'note' && event.isFault
      ? [
          {
            by: 'capture',
            index,
            sentence: event.text,
            check: undefined,
            advice: 'Look at the records around it.',
            told: undefined,
            code: '',
          },
        ]
      : [],
  );
}

/** One side refused; the ERROR_MSG to the other side has the better advice. */
function refusalOf({ side, end, witness, receptions }: View, other: View, records: readonly WireRecord[]): Problem {
  const { index, error } = end as NonNullable<View['end']>;
  const type = records.find((record) => record.index === index)?.type ?? 'bytes';
  const check = receptions.get(index)?.checks.find(({ state }) => state === 'failed');
  // A side that continues has not refused the record, even if the protocol requires it.
  const goesOn = records.some(({ from, type, index: at }) => from === side && type !== 'ERROR_MSG' && at > index);
  const who = witness.assumed || goesOn ? 'A node that follows the protocol refuses' : `${side} refuses`;
  const what = `the ${type} of ${otherSide(side)}`;
  const said = other.end?.error.peerError;
  const sentence = `${who} ${what}${said === undefined ? '' : ` and says “${said.message}” (${said.code})`}: ${error.message}`;
  const advice = (said && other.end?.error.advice) ?? error.advice;
  return { by: side, index, sentence, check, advice, told: said === undefined ? error.told : undefined, code: error.code };
}

function failedOf({ end, receptions }: View): Check | undefined {
  return receptions.get(end?.index ?? -1)?.checks.find(({ state }) => state === 'failed');
}

/** The times as measured, or computed from the events. */
function phasesOf({ timings, own }: Picture, records: readonly WireRecord[]): readonly Phase[] {
  if (timings !== undefined) return measured(timings);
  const first = records.find(({ from }) => from === 'A');
  const hello = records.find(({ from, type }) => from === 'B' && type === 'HELLO');
  const auth = records.find(({ from, type }) => from === 'B' && type === 'AUTH');
  return [
    ...(first && first.ms > 0 && own !== 'B' ? [{ name: 'connect', ms: first.ms } as const] : []),
    ...(first && hello ? [{ name: 'HELLO', ms: hello.ms - first.ms } as const] : []),
    ...(hello && auth ? [{ name: 'AUTH', ms: auth.ms - hello.ms } as const] : []),
  ];
}

function measured({ dnsMs = 0, tcpMs = 0, helloMs = 0, authMs = 0 }: PictureTimings): readonly Phase[] {
  const phases: readonly Phase[] = [
    { name: 'DNS', ms: dnsMs },
    { name: 'TCP', ms: tcpMs },
    { name: 'HELLO', ms: helloMs },
    { name: 'AUTH', ms: authMs },
  ];
  return phases.filter(({ ms }) => ms > 0);
}
