/**
 * Peers that are slow, silent, or many (protocol.md sections 4.7 and 4.8).
 * @module
 */
import { type AuditCase, forAcceptor, forBoth } from '../case.ts';
import { all, holds, onConnection, open } from '../expect.ts';
import { CannotPlay, type Scene } from '../scene.ts';
import { authenticatedWithoutGrant, connected, greeted, header, raw, type Step, step } from '../steps.ts';

/** It closes by itself within some time and sends nothing before. */
function closesWithin(seconds: number, otherwise: 'fail' | 'undecided' = 'fail'): AuditCase['expect'] {
  const but = otherwise === 'fail' ? 'it does not' : 'it does not; neither does stellar-core while it has something to send';
  return holds(
    `it closes within ${seconds} s`,
    async ({ peer }) => ((await peer.untilEnded(1000 * seconds)) ? undefined : but),
    otherwise,
  );
}

const SLOTS = {
  why: 'Connections in the handshake occupy slots. A peer that could keep them would keep out all others.',
  source: '4.8',
  group: 'timing',
  severity: 'high',
  timeoutMs: 60_000,
} as const;

const unanswered: Step = step('we stop answering', ({ peer }) => {
  peer.answers = false;
});

/** Sends bytes in a loop at this interval in milliseconds, until the target has closed or the time is over. */
function drips(text: string, bytes: (scene: Scene) => Uint8Array, everyMs: number, forMs: number): Step {
  return step(text, async (scene) => {
    const { peer } = scene;
    const all = bytes(scene);
    peer.note('us', text, all);
    for (let at = 0; at < all.length && at * everyMs < forMs; at++) {
      peer.mock.sendRaw(all.subarray(at, at + 1));
      if (await peer.untilEnded(everyMs)) return;
    }
  });
}

/** Writes until the target has closed, reads no more, or has read the limit. @returns number of bytes that it has read */
async function pour({ peer }: Scene, bytes: number): Promise<number> {
  const chunk = new Uint8Array(0x10000);
  let taken = 0;
  while (taken < bytes && peer.ended === undefined) {
    if (!(await peer.push(chunk))) break;
    taken += chunk.length;
  }
  return taken;
}

const MEMORY_BYTES = 64 << 20;
const SOCKETS_HOLD_BYTES = 24 << 20;

/** Cases of the group `timing`. */
export const TIMING_CASES: readonly AuditCase[] = [
  ...forBoth(
    {
      ...SLOTS,
      name: 'silence',
      title: 'a connection on which we send nothing',
      steps: [connected],
      expect: closesWithin(20),
    },
    {
      ...SLOTS,
      name: 'silence-after-hello',
      title: 'HELLO, then nothing',
      steps: [greeted],
      expect: closesWithin(25),
    },
    {
      ...SLOTS,
      name: 'half-a-record',
      title: 'a header and half a body, then nothing',
      steps: [connected, header(0x80000034), raw('26 bytes of its body', new Uint8Array(26))],
      expect: closesWithin(25),
    },
    {
      ...SLOTS,
      name: 'dripping-hello',
      title: 'HELLO, one byte a second',
      why: 'Single bytes must not count as activity. Otherwise they could keep a slot for minutes.',
      steps: [connected, drips('HELLO, one byte a second', ({ peer }) => peer.mock.helloRecord(peer.honestHello), 1_000, 30_000)],
      expect: closesWithin(10),
    },
    {
      ...SLOTS,
      name: 'nothing-granted-nothing-answered',
      title: 'after AUTH we grant, answer and send nothing',
      why: 'A dead peer with an open connection occupies a slot. stellar-core drops it after 30 s, or later when it has something to send.',
      severity: 'medium',
      slow: true,
      timeoutMs: 180_000,
      steps: [authenticatedWithoutGrant, unanswered],
      expect: closesWithin(130, 'undecided'),
    },
    {
      ...SLOTS,
      name: 'nothing-granted',
      title: 'after AUTH we grant nothing, but answer pings',
      why: 'A peer that never grants can receive nothing. stellar-core drops it after a minute, or never on a busy network.',
      severity: 'low',
      slow: true,
      timeoutMs: 180_000,
      steps: [authenticatedWithoutGrant],
      expect: closesWithin(130, 'undecided'),
    },
    {
      name: 'pours-before-auth',
      title: 'a record of 2^31 - 1 bytes is announced before AUTH, and 64 MiB of it sent',
      why: 'The target must refuse the record after its header of four bytes, and must not store its body.',
      source: '1.2',
      group: 'timing',
      severity: 'critical',
      threat: 'unbounded buffering',
      hostile: true,
      timeoutMs: 60_000,
      steps: [connected, header(0xffffffff)],
      expect: holds('it closes, or reads no more than the buffers of sockets hold', async (scene) => {
        const taken = await pour(scene, MEMORY_BYTES);
        return taken < SOCKETS_HOLD_BYTES ? undefined : `it has read ${taken >> 20} MiB`;
      }),
    },
  ),
  ...forAcceptor({
    name: 'twenty-silent-connections',
    title: 'twenty connections that send nothing, then an honest one',
    why: 'A few idle connections must not keep out honest peers.',
    source: '4.7',
    group: 'timing',
    severity: 'high',
    hostile: true,
    timeoutMs: 60_000,
    steps: [
      step('nineteen further connections, and then the honest one', async (scene) => {
        for (let i = 0; i < 19; i++) await scene.open();
        await scene.peer.untilEnded(scene.timing.settleMs);
        if (scene.peers.some(({ ended }) => ended !== undefined))
          throw new CannotPlay('not-applicable', 'it accepts fewer than twenty connections in the handshake');
        await scene.open();
      }),
    ],
    expect: all(
      open(),
      onConnection(
        0,
        holds(
          'none of them has received anything',
          ({ peer }) => (peer.received.length === 0 ? undefined : peer.types.join(', ')),
          'differs',
        ),
      ),
    ),
  }),
];
