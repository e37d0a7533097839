/**
 * Input that a target might ignore: flood messages that it does not want, and records that it cannot store.
 * @module
 */
import { concatBytes } from '../../protocol/bytes.ts';
import { MESSAGE_TYPES } from '../../protocol/wire/messages.ts';
import { type AuditCase, type CaseSpec, forBoth } from '../case.ts';
import { holds, refusal } from '../expect.ts';
import { authenticated, connected, header, pinged, type Step, sends, step } from '../steps.ts';
import { xdr } from './structure.ts';

const zeros = new Uint8Array(32);
const nodeID = concatBytes(new Uint8Array(4), new Uint8Array(32).fill(3));

const FLOOD_MESSAGES: Readonly<Record<string, Uint8Array>> = {
  FLOOD_ADVERT: xdr(MESSAGE_TYPES.FLOOD_ADVERT, 1, zeros),
  FLOOD_DEMAND: xdr(MESSAGE_TYPES.FLOOD_DEMAND, 1, zeros),
  SCP_MESSAGE: concatBytes(xdr(MESSAGE_TYPES.SCP_MESSAGE), nodeID, xdr(0, 1, 2, 1, 0, 1, zeros), xdr(64, new Uint8Array(64))),
  TRANSACTION: xdr(MESSAGE_TYPES.TRANSACTION, 2, 0, new Uint8Array(32).fill(3), 100, 0, 1, 0, 0, 0, 0, 0),
};

function floodUnsealed([type, message]: readonly [string, Uint8Array]): CaseSpec {
  return {
    name: `${type.toLowerCase().replace('_', '-')}-mac-flipped`,
    title: `after AUTH, ${type} with a MAC with one bit flipped`,
    why: 'A message that will be ignored still counts. If its MAC is not checked, anyone on the path can advance the sequence.',
    source: '3.7',
    group: 'channel',
    severity: 'critical',
    threat: 'unauthenticated acceptance',
    steps: [authenticated, pinged, sends(`${type} with a MAC with one bit flipped`, message, { mac: 'flipped' })],
    expect: refusal('ERR_AUTH', 'unexpected MAC', { reached: 'AUTH' }),
  };
}

const FEED_MS = 12_000;
const FEED_EVERY_MS = 500;
const FEED_BYTES = 0x4000;

/** Sends parts of a body repeatedly, so that the connection is not idle, until the target closes or the time is over. */
const feeds: Step = step(`16 KiB of its body every half second, for ${FEED_MS / 1000} s`, async ({ peer }) => {
  const bytes = new Uint8Array(FEED_BYTES);
  for (let ms = 0; ms < FEED_MS && !(await peer.untilEnded(FEED_EVERY_MS)); ms += FEED_EVERY_MS) {
    peer.note('us', '16 KiB more');
    if (!(await peer.push(bytes))) return;
  }
});

function fed(name: string, title: string, before: Step, bits: number): CaseSpec {
  return {
    name,
    title,
    why: 'A length above the limit must be refused from the header. Otherwise any peer can make the target wait and store data.',
    source: '1.2',
    group: 'framing',
    severity: 'critical',
    threat: 'unbounded buffering',
    timeoutMs: 60_000,
    steps: [before, header(bits), feeds],
    expect: holds('it closes before the end', async ({ peer }) =>
      (await peer.untilEnded(1_000)) ? undefined : 'it reads everything',
    ),
  };
}

/** Cases of several groups. */
export const UNREAD_CASES: readonly AuditCase[] = forBoth(
  ...Object.entries(FLOOD_MESSAGES).map(floodUnsealed),
  fed(
    'feeds-oversized-record-before-auth',
    'a record of 1 MiB is announced before AUTH, and sent in small parts',
    connected,
    0x80100000,
  ),
  fed(
    'feeds-oversized-record-after-auth',
    'a record of 64 MiB is announced after AUTH, and sent in small parts',
    authenticated,
    0x84000000,
  ),
);
