/**
 * Flow control: grants, credit, and other limits (protocol.md section 5).
 * @module
 */
import { isFloodType } from '../../protocol/channel/flow-control.ts';
import type { MessageType, StellarMessage } from '../../protocol/wire/messages.ts';
import type { AuditPeer } from '../audit-peer.ts';
import { type AuditCase, type CaseSpec, forBoth } from '../case.ts';
import { all, drop, holds, open } from '../expect.ts';
import type { Scene } from '../scene.ts';
import { atOnce, authenticated, authenticatedWithoutGrant, pause, pinged, raw, type Step, sends } from '../steps.ts';

function hashes(count: number, { random }: Scene): readonly Uint8Array[] {
  const bytes = random(32 * count);
  return Array.from({ length: count }, (_, i) => bytes.subarray(32 * i, 32 * (i + 1)));
}

/** A number of FLOOD_ADVERTs in one write. */
function adverts(messages: number, hashesEach: number): Step {
  return raw(
    `${messages} FLOOD_ADVERT of ${hashesEach} random ${hashesEach === 1 ? 'hash' : 'hashes'} each, in one write`,
    (scene) => {
      const { mock } = scene.peer;
      const records = Array.from({ length: messages }, () =>
        mock.seal(mock.record({ type: 'FLOOD_ADVERT', txHashes: hashes(hashesEach, scene) })),
      );
      return Buffer.concat(records);
    },
  );
}

type Grant = Extract<StellarMessage, { type: 'SEND_MORE_EXTENDED' }>;

/** All received grants. */
function allGrants({ received }: AuditPeer): readonly Grant[] {
  return received.map(({ message }) => message).filter((message): message is Grant => message.type === 'SEND_MORE_EXTENDED');
}

/** The received grants after the first one. */
function grants(peer: AuditPeer): readonly Grant[] {
  return allGrants(peer).slice(1);
}

function sumOf(granted: readonly Grant[]): { readonly messages: number; readonly bytes: number } {
  return granted.reduce(
    ({ messages, bytes }, { numMessages, numBytes }) => ({ messages: messages + numMessages, bytes: bytes + numBytes }),
    { messages: 0, bytes: 0 },
  );
}

/** It drops a peer that sends this much at once, more than its first grant allows, unless it has granted the rest in time. */
function dropUnlessGranted(messages: number, bytes: number): CaseSpec['expect'] {
  const dropped = drop({ reached: 'AUTH', orOpen: true });
  const covers = (granted: ReturnType<typeof sumOf>): boolean => granted.messages >= messages && granted.bytes >= bytes;
  return {
    text: `${dropped.text}, or its further grants cover what was sent`,
    async judge(scene) {
      const { peer } = scene;
      const judgement = await dropped.judge(scene);
      if (judgement.verdict !== 'differs' || peer.ended !== undefined || peer.refusal !== undefined) return judgement;
      const granted = allGrants(peer);
      const sum = sumOf(granted);
      if (covers(sumOf(granted.slice(0, 1)))) return { ...judgement, came: 'it continues: its first grant covers it' };
      if (!covers(sum)) return judgement;
      return { verdict: 'pass', came: `it continues, and has granted ${sum.messages} messages and ${sum.bytes} bytes` };
    },
  };
}

/** Whether the target grants the used credit again: exactly that much. */
function givesBack(messages: number, bytes: number, exactly: string): CaseSpec['expect'] {
  return all(
    holds('the used credit is granted again, and no more', async ({ peer, timing }) => {
      await peer.until(() => grants(peer).length > 0, timing.reactMs);
      const sum = sumOf(grants(peer));
      if (sum.messages === 0 && sum.bytes === 0) return 'nothing is granted again';
      if (sum.messages > messages || sum.bytes > bytes)
        return `${sum.messages} messages and ${sum.bytes} bytes are granted where ${messages} and ${bytes} were used`;
      return undefined;
    }),
    holds(
      exactly,
      async ({ peer, timing, facts }) => {
        const pong = peer.ping();
        await peer.until(pong, facts?.answersPings === false ? timing.settleMs : timing.reactMs);
        const said = grants(peer)
          .map(({ numMessages, numBytes }) => `(${numMessages}, ${numBytes})`)
          .join(', ');
        return said === `(${messages}, ${bytes})` ? undefined : `it grants ${said}`;
      },
      'differs',
    ),
  );
}

const floods = ({ types }: AuditPeer): number => types.filter((type) => isFloodType(type as MessageType)).length;

const grantsAway = (numMessages: number, numBytes: number): Step =>
  sends(`SEND_MORE_EXTENDED of ${numMessages} messages, ${numBytes} bytes`, {
    type: 'SEND_MORE_EXTENDED',
    numMessages,
    numBytes,
  });

const asksForState: Step = sends('GET_SCP_STATE from ledger 0 on', { type: 'GET_SCP_STATE', ledgerSeq: 0 });

/** It sends at most this number of flood messages. */
function floodsAtMost(most: number): CaseSpec['expect'] {
  return all(
    open(),
    holds(`at most ${most} flood messages come`, ({ peer }) => {
      const count = floods(peer);
      return count <= most ? undefined : `${count} flood messages have come`;
    }),
  );
}

const OBEYS = {
  why: 'Credit protects a peer from floods: stellar-core drops a sender that exceeds it.',
  source: '5.2',
  group: 'flow',
  severity: 'high',
} as const;

/** Cases of the group `flow`. */
export const FLOW_CASES: readonly AuditCase[] = forBoth(
  {
    name: 'send-more',
    title: 'SEND_MORE, the old form of a grant',
    why: 'Flow control counts bytes since overlay version 35: a grant without bytes is not valid.',
    source: '5.4',
    group: 'flow',
    severity: 'medium',
    steps: [authenticated, sends('SEND_MORE of 100 messages', { type: 'SEND_MORE', numMessages: 100 })],
    expect: drop({ reached: 'AUTH' }),
  },
  {
    name: 'grant-of-no-bytes',
    title: 'SEND_MORE_EXTENDED of 5 messages and 0 bytes',
    why: 'A grant without bytes is invalid.',
    source: '5.4',
    group: 'flow',
    severity: 'medium',
    steps: [authenticated, grantsAway(5, 0)],
    expect: drop({ reached: 'AUTH' }),
  },
  {
    name: 'grant-of-no-messages',
    title: 'SEND_MORE_EXTENDED of 0 messages and 5 bytes',
    why: 'It is valid: nodes send such grants when the network raises the transaction size limit.',
    source: '5.4',
    group: 'flow',
    severity: 'high',
    steps: [authenticated, grantsAway(0, 5)],
    expect: open(),
  },
  {
    name: 'grants-add-up',
    title: 'three grants of 2^32 - 1 messages and bytes',
    why: 'Credits have 64 bits and accumulate. A 32-bit counter wraps around, or the target refuses an honest peer.',
    source: '5.4',
    group: 'flow',
    severity: 'medium',
    steps: [authenticated, ...Array.from({ length: 3 }, () => grantsAway(0xffffffff, 0xffffffff))],
    expect: open(),
  },
  {
    name: 'messages-beyond-credit',
    title: '300 flood messages where 200 were granted',
    why: 'The target must not keep messages that it has not granted, or a peer could fill its memory. A target that grants more in time, for example a node that is not in sync, passes.',
    source: '5.3',
    group: 'flow',
    severity: 'medium',
    threat: 'unbounded buffering',
    steps: [authenticated, adverts(300, 1)],
    expect: dropUnlessGranted(300, 12_000),
  },
  {
    name: 'bytes-beyond-credit',
    title: '20 flood messages of 32,008 bytes where 300,000 bytes were granted',
    why: 'The target must not keep bytes that it has not granted, as with messages. A target that grants more in time, for example a node that is not in sync, passes.',
    source: '5.3',
    group: 'flow',
    severity: 'medium',
    threat: 'unbounded buffering',
    steps: [authenticated, adverts(20, 1000)],
    expect: dropUnlessGranted(20, 640_160),
  },
  {
    name: 'messages-granted-again',
    title: '40 small flood messages',
    why: 'Credit must be granted again when messages have been processed. Otherwise the peer can send nothing, and drops us.',
    source: '5.3',
    group: 'flow',
    severity: 'high',
    steps: [authenticated, adverts(40, 1)],
    expect: givesBack(40, 1600, 'one SEND_MORE_EXTENDED of 40 messages and 1,600 bytes'),
  },
  {
    name: 'bytes-granted-again',
    title: '4 flood messages of 32,008 bytes',
    why: 'Large messages are granted again by their bytes, long before 40 messages have come.',
    source: '5.3',
    group: 'flow',
    severity: 'medium',
    steps: [authenticated, adverts(4, 1000)],
    expect: givesBack(4, 128_032, 'one SEND_MORE_EXTENDED of 4 messages and 128,032 bytes'),
  },
  {
    ...OBEYS,
    name: 'no-credit-no-flood',
    title: 'we grant nothing, and ask for the SCP state',
    steps: [authenticatedWithoutGrant, asksForState, pause(1_500)],
    expect: floodsAtMost(0),
  },
  {
    ...OBEYS,
    name: 'credit-for-one-message',
    title: 'we grant one message, and ask for the SCP state',
    steps: [authenticatedWithoutGrant, grantsAway(1, 1_000_000), asksForState, pause(1_500)],
    expect: floodsAtMost(1),
  },
  {
    ...OBEYS,
    name: 'credit-of-few-bytes',
    title: 'we grant five messages and ten bytes, and ask for the SCP state',
    steps: [authenticatedWithoutGrant, grantsAway(5, 10), asksForState, pause(1_500)],
    expect: floodsAtMost(0),
  },
  {
    name: 'advert-of-nothing',
    title: 'FLOOD_ADVERT and FLOOD_DEMAND of no hashes',
    why: 'They are well-formed and have no effect.',
    source: '6.1',
    group: 'flow',
    severity: 'low',
    steps: [
      authenticated,
      sends('FLOOD_ADVERT of nothing', { type: 'FLOOD_ADVERT', txHashes: [] }),
      sends('FLOOD_DEMAND of nothing', { type: 'FLOOD_DEMAND', txHashes: [] }),
    ],
    expect: open(),
  },
  {
    name: 'demand-of-the-unknown',
    title: 'FLOOD_DEMAND of an unknown transaction',
    why: 'There is nothing to answer, and the request is not a fault.',
    source: '6.1',
    group: 'flow',
    severity: 'medium',
    steps: [
      authenticated,
      sends('FLOOD_DEMAND of a random hash', (scene) => ({ type: 'FLOOD_DEMAND', txHashes: hashes(1, scene) })),
    ],
    expect: open(),
  },
  {
    name: 'scp-state-eleven-times',
    title: 'GET_SCP_STATE eleven times',
    why: 'In a minute stellar-core answers ten requests and ignores further ones; they are not a fault.',
    source: '6.3',
    group: 'flow',
    severity: 'low',
    steps: [authenticated, atOnce(...Array.from({ length: 11 }, () => asksForState))],
    expect: open(),
  },
  {
    name: 'grants-first',
    title: 'the first messages of the target after AUTH',
    why: 'Before the first grant, the peer of the target may send no flood message. The grant must come at once, before other messages.',
    source: '4.5, check 8',
    group: 'flow',
    severity: 'high',
    steps: [authenticated, pinged],
    expect: holds('SEND_MORE_EXTENDED with bytes is the first message after AUTH and PEERS', ({ peer }) => {
      const channel = peer.received
        .map(({ message }) => message)
        .filter(({ type }) => !['HELLO', 'AUTH', 'PEERS'].includes(type));
      const [first] = channel;
      const grant = channel.find((message) => message.type === 'SEND_MORE_EXTENDED');
      if (grant === undefined) return 'it grants nothing';
      if (grant.numBytes === 0 || grant.numMessages === 0)
        return `it grants ${grant.numMessages} messages and ${grant.numBytes} bytes`;
      return first === grant ? undefined : `${first?.type} comes before its first grant`;
    }),
  },
);
